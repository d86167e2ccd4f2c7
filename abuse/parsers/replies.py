"""What the writer of an answer added: without the mail that he answers, and without his signature.

Works on lines, in one pass and time linear in the text. It rather keeps too much than too little: the text as it came
is stored beside it, but a person may look at the new text alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import re2

MAX_CHARACTERS = 100_000
MAX_LINES = 2_000
"""Of a text that are looked at; nobody writes longer answers."""

_WRAPPED_LINES = 6  # of the line that introduces a quoted mail
_ATTRIBUTION_LENGTH = 400
_HEADER_WINDOW = 10  # lines in which the fields of a quoted mail's header stand together
_SIGNATURE_LINES = 20

_WROTE = (
    r"(?:wrote|writes|a écrit|écrit|a ecrit|schrieb|geschrieben|escribi[óo]|escribe|ha scritto|scritto|escreveu|"
    r"schreef|skrev|skrifaði|kirjoitti|napisał(?:\(a\)|a)?|pisze|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?|napisao|"
    r"je napisao|írta|a scris|написала?|написав|пишет|пише|έγραψε|yazdı|şunu yazdı|đã viết|menulis|כתב(?:ה)?|كتب|"
    r"写道|寫道|さんは書きました|のメール|작성)"
)
_ADDRESS = r"<?[^\s<>@\"]{1,100}@[^\s<>@\"]{1,253}>?"
# "On Mon, 3 Mar 2025 at 10:02, …", "3 mars 2025 …", "pon., 3 mar 2025 …": what such a line begins with.
_STARTS = re2.compile(
    r"(?i)^(?:(?:on|at|le|am|el|il|in data|em|op|den|dnia|w dniu|på|pe|dne|dňa|στις|в|la|tarihinde|vào|pada)\s.*\d|"
    r"\d{1,4}[./ -]|\d{1,2}:\d{2}|\pL{2,12}\.?,? +\d{1,2}[., ]|\d{1,2}\. \pL)"
)
_ENDS_WITH_VERB = re2.compile(
    rf"(?i)(?:^|[\s>\"'»]){_WROTE}(?:\s+(?:le message suivant|the following|følgende|följande|lo siguiente|"
    r"o seguinte|quanto segue))?\s*[:：]?$"
)
_HOLDS_VERB = re2.compile(rf"(?i)(?:^|[\s>\"'»]){_WROTE}(?:[\s:：]|$)")
_ENDS_WITH_ADDRESS = re2.compile(rf"(?i){_ADDRESS}\)?\s*[:：]$")
_HOLDS_ADDRESS = re2.compile(_ADDRESS)
_HOLDS_DATE = re2.compile(
    r"\b\d{4}\b|\b\d{1,2}[:.]\d{2}\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}\.? \pL{3,}|\pL{3,} \d{1,2}\b"
)

_DIVIDER = re2.compile(
    r"(?i)^[\s*>]*-{2,}\s*(?:original(?: message| nachricht|meddelelse|meddelande| appointment)|origin[ae]le? bericht|"
    r"oorspronkelijk bericht|ursprüngliche nachricht|urspr\. nachricht|weitergeleitete nachricht|message d'origine|"
    r"message original|message transféré|mensaje original|mensaje reenviado|mensagem original|mensagem encaminhada|"
    r"messaggio originale|messaggio inoltrato|doorgestuurd bericht|ursprungligt meddelande|"
    r"oprindelig (?:meddelelse|besked)|"
    r"opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|"
    r"původní e-?mail|pôvodná správa|eredeti üzenet|mesaj original|исходное сообщение|пересылаемое сообщение|"
    r"оригінальне повідомлення|αρχικό μήνυμα|orijinal mesaj|元のメッセージ|原始邮件|原始郵件|원본 메시지|"
    r"forwarded message|reply message|quoted message)[\s:]*-*[\s*]*$"
)
_FORWARD = re2.compile(
    r"(?i)^[\s*]*-{2,}.*(?:forward|weitergeleit|transféré|reenviad|inoltrat|doorgestuurd|encaminh|пересыл)"
)
_ABOVE_WORDS = (
    r"(?:(?:reply|respond|write|type your (?:reply|response)) (?:above|before) this line|"
    r"(?:oberhalb|über) dieser (?:linie|zeile)|au-dessus de cette ligne|encima de esta línea|sopra questa riga|"
    r"acima desta linha|boven deze (?:lijn|regel)|powyżej tej linii)"
)
_ABOVE = re2.compile(rf"(?i){_ABOVE_WORDS}")
_LABELS = {
    "from": "from|von|de|da|van|od|från|fra|lähettäjä|от|от кого|від|kimden|gönderen|feladó|expéditeur|remitente|"
    "mittente|差出人|发件人|寄件者|보낸 사람|από",
    "date": "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|fecha|inviato|data|verzonden|skickat|sendt|"
    "dato|wysłano|wysłane|odesláno|odoslané|отправлено|дата|надіслано|lähetetty|päivämäärä|elküldve|dátum|tarih|"
    "送信日時|日付|发送时间|日期|寄件日期|보낸 날짜|날짜|στάλθηκε|ημερομηνία|trimis",
    "to": "to|an|à|a|para|per|do|aan|till|til|кому|komu|pro|vastaanottaja|kime|címzett|către|宛先|收件人|"
    "받는 사람|προς|"
    "cc|kopie|copie|reply-to|responder a|répondre à|antwort an",
    "subject": "subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|temat|předmět|predmet|тема|aihe|konu|"
    "tárgy|subiect|件名|主题|主旨|제목|θέμα|risposta",
}
_FIELD_END = r"[*_]*[ \t\x{a0}]?[:：]"
_FIELD = re2.compile(
    r"(?i)^[\s*_]*(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in _LABELS.items()) + rf"){_FIELD_END}"
)
# These three look at all lines at once, each line matches once at most: of most lines there is nothing to say.
# How the last line of what introduces a quoted mail ends.
_CLOSES = re2.compile(
    rf"(?im)(?:[:：>]|{_WROTE}|\b(?:mensaje|message suivant|following|følgende|följande|siguiente|seguinte|segue))"
    r"[ \t*_-]*$".encode()
)
_MAY_BE_FIELD = re2.compile(rf"(?im)^[ \t\f\r*_]*(?:{'|'.join(_LABELS.values())}){_FIELD_END}".encode())
_MAY_OPEN = re2.compile(rf"(?i)(?:--|_{{5}}|{_ABOVE_WORDS})[^\n]*".encode())
_BLANKS = " \t\n\f\r"  # what RE2 knows as \s
_QUOTE_MARKS = (">", "|", "&gt;")
_SIGNATURES = frozenset(("--", "—", "–", "__"))
_RULE = re2.compile(r"^\s*(?:_{5,}|-{5,}|\*{5,}|={5,}|[—–]{3,})\s*$")
_DEVICE = re2.compile(
    r"(?i)^[\s(<*_\[-]*(?:sent (?:from|via|with|by|using|on) .{1,90}|sent from$|"
    r"from my (?:iphone|ipad|mobile|android|phone).*|"
    r"get \[?outlook for .{1,90}|envoy[ée]e? (?:de|depuis|à partir|avec|via|par) .{1,90}|"
    r"(?:diese nachricht wurde )?von (?:meinem|meiner|mein) .{1,60} (?:gesendet|geschickt)\W*|"
    r"gesendet (?:von|mit|über|aus) .{1,90}|enviado (?:desde|do|de|con|a partir|através|pelo) .{1,90}|"
    r"inviato (?:da|dal|con|tramite) .{1,90}|verzonden (?:met|vanaf|via|vanuit|vanop) .{1,90}|"
    r"sendt (?:fra|med|via) .{1,90}|skickat (?:från|med) .{1,90}|wysłan[eyo] z .{1,90}|odesláno z .{1,90}|"
    r"отправлено (?:с|из) .{1,90}|надіслано з .{1,90}|lähetetty .{1,60}|.{0,20}iphone\s?から送信|发自我的.{1,60}|"
    r"從我的.{1,60}傳送|trimis de pe .{1,90}|.{1,40}'?(?:mdan|den|dan) gönderildi|나의 .{1,40}에서 보냄|"
    r"diese nachricht wurde .{1,80} gesendet\W*|someone from mobile)[\s)>*_\]]*$"
)


def new_text(body: str) -> str:
    """The part of an answer's text that its writer added; empty when everything in it is quoted.

    Left out are quoted mails, in whatever language they are introduced, single quoted lines between which he may have
    written, the signature, and what mobile programs add below. A mail that only forwards another is kept: that is what
    its writer wants to say.
    """
    kept = _without_quotes(_Text(body))
    return "\n".join(_trimmed(_without_signature(kept)))


def quotes_a_mail(body: str) -> bool:
    """Whether some line of the text opens a quoted mail, as in answers."""
    text = _Text(body)
    return any(text.attribution_size(index) or text.opens_whole_mail(index) for index in range(len(text.lines)))


def quoted_addresses(body: str) -> list[str]:
    """The lower-case addresses in what introduces the first quoted mail: those of its writer, and maybe others'."""
    text = _Text(body)
    for index in range(len(text.lines)):
        size = text.attribution_size(index)
        if not size and text.opens_whole_mail(index):
            size = _HEADER_WINDOW
        if size:
            heads = "\n".join(text.lines[index : index + size])
            return [match.group().strip("<>").lower() for match in _HOLDS_ADDRESS.finditer(heads)]
    return []


class _Text:
    """The lines of a text, and what each is; asked for once, since neighbours ask again and again.

    A line ends in no blank: one of blanks alone is empty.
    """

    def __init__(self, body: str) -> None:
        body = body[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
        self.lines = [line.rstrip() for line in body.split("\n", MAX_LINES)[:MAX_LINES]]

    @cached_property
    def quoted(self) -> list[bool]:
        return [line[:50].lstrip(_BLANKS).startswith(_QUOTE_MARKS) for line in self.lines]

    @cached_property
    def _data(self) -> bytes:
        return "\n".join(self.lines).encode("utf-8", "replace")

    def _lines_with(self, pattern: re2._Regexp) -> list[int]:
        """The lines, in order, in which something is found."""
        data = self._data
        found: list[int] = []
        line = counted = 0
        for match in pattern.finditer(data):
            end = match.end()
            line += data.count(b"\n", counted, end)
            counted = end
            if not found or found[-1] != line:
                found.append(line)
        return found

    @cached_property
    def closes(self) -> set[int]:
        """Lines that may end what introduces a quoted mail."""
        return set(self._lines_with(_CLOSES))

    @cached_property
    def introduces(self) -> set[int]:
        """Lines from which on, within the lines that an introduction may take, one of `closes` stands."""
        return {line - above for line in self.closes for above in range(_WRAPPED_LINES)}

    @cached_property
    def opens(self) -> set[int]:
        """Lines that may open a whole mail: others never do."""
        return self.fields.keys() | self._lines_with(_MAY_OPEN)

    @cached_property
    def fields(self) -> dict[int, str]:
        """Which field of a mail's header a line may be, for lines that may be one."""
        kinds = ((line, _field_kind(self.lines[line])) for line in self._lines_with(_MAY_BE_FIELD))
        return {line: kind for line, kind in kinds if kind is not None}

    @cached_property
    def next_text(self) -> list[int | None]:
        """For each line, and for the end, the first line from it on that is not blank."""
        found: list[int | None] = [None] * (len(self.lines) + 1)
        for index in range(len(self.lines) - 1, -1, -1):
            found[index] = index if self.lines[index] else found[index + 1]
        return found

    def opens_whole_mail(self, index: int) -> bool:
        """Whether all from this line on is another mail: below a divider, or from the header of a quoted mail on."""
        line = self.lines[index]
        if index not in self.opens or len(line) > 300 or not line:
            return False
        if _DIVIDER.search(line) or _ABOVE.search(line):
            return True
        if _is_underscores(line):
            following = self.next_text[index + 1]
            return following is not None and self._is_header(following)
        return self._is_header(index)

    def _is_header(self, index: int) -> bool:
        """Whether a line opens the header of a quoted mail: a field, with two of other kinds close below."""
        if index not in self.fields:
            return False
        kinds = {self.fields[line] for line in range(index, index + _HEADER_WINDOW) if line in self.fields}
        return len(kinds) >= 3 and "from" in kinds

    def attribution_size(self, index: int) -> int:
        """How many lines introduce a quoted mail here ("On … X wrote:"), 0 when they do not."""
        if index not in self.introduces:
            return 0
        line = self.lines[index].strip(" \t*_-")
        if not line or len(line) > _ATTRIBUTION_LENGTH:
            return 0
        closing = [size for size in range(1, _WRAPPED_LINES + 1) if index + size - 1 in self.closes]
        starts = _STARTS.search(line) is not None
        if not starts and _HOLDS_ADDRESS.search(line) is None:
            closing = [size for size in closing if size == 1]
        for size in closing:
            joined = " ".join(piece.strip(" \t*_-") for piece in self.lines[index : index + size])
            if len(joined) > _ATTRIBUTION_LENGTH:
                return 0
            if self._is_attribution(joined, starts, index + size):
                return size
        return 0

    def _is_attribution(self, text: str, starts: bool, below: int) -> bool:
        has_address = _HOLDS_ADDRESS.search(text) is not None
        has_date = _HOLDS_DATE.search(text) is not None
        if not has_address and not has_date:
            return False
        if _ENDS_WITH_VERB.search(text):
            return starts or has_address or text.endswith(":")
        if text.endswith((":", "：")):
            if has_address and has_date and _ENDS_WITH_ADDRESS.search(text):
                return True
            if _HOLDS_VERB.search(text) and (has_address or starts) and has_date:
                return True
        if starts and has_address and text.endswith(">"):
            following = self.next_text[below]
            if following is not None and not _ENDS_WITH_VERB.search(self.lines[following]):
                return self.quoted[following]
        return False


def _without_quotes(text: _Text) -> list[str]:
    lines = text.lines
    quoted = text.quoted
    marked = text.introduces | text.opens
    if not marked:
        return [line for line, is_quoted in zip(lines, quoted, strict=True) if not is_quoted]
    kept: list[str] = []
    has_words = False
    index = 0
    while index < len(lines):
        line = lines[index]
        if quoted[index]:
            index += 1
            continue
        if index not in marked:
            has_words = has_words or bool(line)
            kept.append(line)
            index += 1
            continue
        size = text.attribution_size(index)
        if size:
            following = text.next_text[index + size]
            if following is None or not quoted[following]:
                break  # an unmarked mail below: nothing tells where it would end
            index = following
            continue
        if text.opens_whole_mail(index):
            if has_words or not _FORWARD.search(line):
                break
            while index < len(lines) and lines[index]:  # a mail that only forwards: its header is no words
                index += 1
            continue
        has_words = has_words or bool(line)
        kept.append(line)
        index += 1
    return kept


def _field_kind(line: str) -> str | None:
    if ":" not in line[:60] and "：" not in line[:60]:
        return None
    match = _FIELD.search(line[:100])
    if match is None:
        return None
    return next(kind for kind in _LABELS if match.group(kind) is not None)


def _is_underscores(line: str) -> bool:
    line = line.strip(_BLANKS)
    return len(line) >= 5 and not line.strip("_")


def _without_signature(lines: list[str]) -> list[str]:
    """The lines above the first signature mark that has not too much below it to be one."""
    end = len(lines)
    below = 0
    for index in range(len(lines) - 1, 0, -1):
        line = lines[index]
        if line.strip(_BLANKS) in _SIGNATURES or _is_underscores(line):
            end = index
        below += bool(line)
        if below > _SIGNATURE_LINES:
            break
    if not any(lines[:end]):
        end = len(lines)
    while end and (not lines[end - 1] or _DEVICE.search(lines[end - 1]) or _RULE.search(lines[end - 1])):
        end -= 1
    return lines[:end]


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Without blank lines at both ends, and with at most two between paragraphs."""
    kept: list[str] = []
    blank = 0
    for line in lines:
        blank = 0 if line else blank + 1
        if blank <= 2 and (kept or line):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept
