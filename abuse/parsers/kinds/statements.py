"""Mails of law and of second thoughts: requests of authorities, counter notices, and reports that are taken back.

They name addresses and URLs as complaints do, and must not be taken for such. Told by the subject and by what is said
at the start of the text that the writer added; when in doubt a mail is the complaint that most mails here are.
"""

from __future__ import annotations

import re2

from .. import replies
from ..message import Message
from ..values import MailKind
from .verdict import Verdict

MAX_TEXT = 4_000
"""Characters at the start of a text in which such a mail says what it is."""

_TAKEN_BACK_SUBJECT = re2.compile(
    r"(?i)(?:^|[^\pL])(?:retraction|retracted|(?:notice|report|complaint|claim) (?:of )?withdraw(?:al|n)|"
    r"withdraw(?:al|n|ing)? of (?:our |the |my )?(?:\pL+ )?(?:notice|report|complaint|claim|request)|"
    r"(?:rescind|cancel)(?:s|led|ed|ing|ling|lation)? (?:of )?(?:our |the |my )?(?:\pL+ )?(?:notice|report|complaint|"
    r"claim)|(?:notice|report|complaint|claim) (?:rescinded|cancell?ed)|r[eé]tractation|"
    r"retrait (?:de )?(?:notre|la|du|de) (?:plainte|signalement|notification)|"
    r"r[uü]cknahme (?:der|unserer|einer) (?:meldung|beschwerde|anzeige)|widerruf (?:der|unserer) (?:meldung|"
    r"beschwerde)|"
    r"retirada de (?:la )?(?:denuncia|queja|notificaci[oó]n)|ritiro della segnalazione)(?:$|[^\pL])"
)
_REPORT = r"(?:\pL+ ){0,2}(?:notice|notification|report|complaint|claim|e-?mail|message|request|ticket)"
_OUR_REPORT = rf"(?:our|my|the|this|that) {_REPORT}"
_TAKEN_BACK_WORDS = (
    rf"(?:(?:disregard|ignore) (?:our|my|the (?:previous|earlier|above|last|recent|original)) {_REPORT}|"
    rf"(?:we|i) (?:hereby |would like to |wish to |want to |have |must )?(?:retract|withdraw|rescind|withdrew|"
    rf"withdrawn|"
    rf"retracted|cancel) {_OUR_REPORT}|"
    rf"{_OUR_REPORT} (?:of [^.\n]{{1,40}} )?(?:was|has been|were|is) (?:hereby )?(?:sent |submitted |filed |"
    rf"listed |made )?"
    r"(?:in error|by mistake|withdrawn|retracted|rescinded|erroneous|a false positive)|"
    r"nous retirons (?:notre|cette) (?:plainte|signalement|notification|demande)|"
    r"(?:wir|hiermit) (?:ziehen|nehmen) (?:wir )?(?:unsere|die|diese) (?:meldung|beschwerde|anzeige)[^\n]{0,100}zurück|"
    r"retiramos (?:nuestra|la|esta) (?:denuncia|queja|notificaci[oó]n)|"
    r"ritiriamo (?:la nostra|questa) segnalazione|wycofujemy (?:nasze|to) zg[lł]oszenie)"
)
_TAKEN_BACK = re2.compile(rf"(?i){_TAKEN_BACK_WORDS}")
# "If you have acted already, please disregard our notice" takes nothing back.
_CONDITION = re2.compile(
    r"(?i)(?:^|[^\pL])(?:if|in case|should you|unless|once|when|si|falls|wenn|sollten|als|se|je[zż]eli)(?:$|[^\pL])"
)

_COUNTER_SUBJECT = re2.compile(
    r"(?i)(?:^|[^\pL])counter[ -]?(?:notice|notification|claim)|contre[ -]notification|gegendarstellung"
)
_COUNTER_WORDS = "counter[ -]?(?:notice|notification)"
_COUNTER_NAME = re2.compile(rf"(?i){_COUNTER_WORDS}")
_COUNTER_CLAIM = re2.compile(
    r"(?i)(?:mistake or (?:a )?misidentification|(?:consent|submit) to the jurisdiction|"
    r"(?:removed|disabled|taken down)[^.\n]{0,60}(?:by|as a result of|due to|because of) (?:a )?(?:mistake|error)|"
    r"(?:was|is) a mistake)"
)
_OATH = re2.compile(r"(?i)(?:under penalty of perjury|good[ -]faith belief)")
_COMPLAINT_SUBJECT = re2.compile(r"(?i)(?:infring|takedown|take-down|dmca notice|copyright notice|unauthori[sz]ed use)")

_AUTHORITY = (
    r"(?:(?:criminal|police|judicial|federal|preliminary) (?:case|investigation|inquiry|matter|proceedings?)|"
    r"law enforcement (?:request|agency|officer|authority)|(?:detective|investigator|constable|prosecutor|magistrate|"
    r"special agent)|public prosecutor|district attorney|police (?:department|station|officer|service|force)|"
    r"cyber ?crime (?:unit|division|cell|police)|grand jury|ermittlungsverfahren|staatsanwaltschaft|kriminalpolizei|"
    r"landeskriminalamt|bundeskriminalamt|officier de police judiciaire|gendarmerie|procureur de la r[eé]publique|"
    r"juge d'instruction|polic[ií]a (?:judicial|nacional)|guardia civil|ministerio (?:fiscal|p[uú]blico)|fiscal[ií]a|"
    r"juzgado|procura della repubblica|polizia (?:postale|giudiziaria)|openbaar ministerie|officier van justitie|"
    r"prokuratura|komenda (?:miejska|powiatowa|g[lł][oó]wna))"
)
_AUTHORITY_WORDS = re2.compile(rf"(?i)(?:^|[^\pL]){_AUTHORITY}(?:$|[^\pL])")
_ORDER_SUBJECT = re2.compile(
    r"(?i)(?:^|[^\pL])(?:(?:data )?preservation (?:request|order|letter)|(?:request|order) (?:for|to) preserv\w+|"
    r"subpoena|search warrant|court order|production order|emergency (?:data )?disclosure(?: request)?|"
    r"(?:law enforcement|police|legal process) (?:data |information )?request|"
    r"(?:request|demand) for (?:subscriber|user|customer|account) (?:information|data|details|records)|"
    r"(?:subscriber|user|customer) (?:information|data) request|information order|removal order|"
    r"auskunftsersuchen|bestandsdatenabfrage|bestandsdatenauskunft|sicherungsersuchen|"
    r"r[eé]quisition(?: judiciaire)?|requerimiento (?:judicial|de informaci[oó]n|policial)|oficio judicial|"
    r"richiesta (?:di )?dati|decreto di (?:acquisizione|esibizione)|vordering|european (?:production|"
    r"preservation) order)"
    r"(?:$|[^\pL])"
)
_ASKS_FOR_DATA = re2.compile(
    r"(?i)(?:preserv\w+|provid\w+|disclos\w+|produc\w+|furnish|identif\w+|retain|hand over|mitteilen|sichern|"
    r"beauskunften|communiquer|conserver|fournir|facilitar|conservar|comunicare|conservare)[^.]{0,120}?"
    r"(?:subscriber|user|customer|account(?: holder)?|traffic|registration|billing|login|connection|bestands|nutzer|"
    r"kunden|abonn[eé]|titulaire|titular|abonado|intestatario|utente)[^.\n]{0,40}"
)
# A text without any of these states nothing. None of them goes over a line end, so that the text as it came will do:
# the new text is made of lines of it.
_MAY_STATE = re2.compile(rf"(?i)(?:{_AUTHORITY}|{_COUNTER_WORDS}|{_TAKEN_BACK_WORDS})".encode())


def of_statement(message: Message) -> Verdict | None:
    """A request of an authority, a counter notice or a retraction; None for everything else."""
    subject = message.subject[:300]
    body = message.body[: 4 * MAX_TEXT]
    said_by_subject = (_ORDER_SUBJECT, _AUTHORITY_WORDS, _COUNTER_SUBJECT, _TAKEN_BACK_SUBJECT)
    if _MAY_STATE.search(body.encode("utf-8", "replace")) is None and not any(
        pattern.search(subject) for pattern in said_by_subject
    ):
        return None
    text = replies.new_text(body)[:MAX_TEXT]
    return _legal_request(subject, text) or _counter_notice(subject, text) or _retraction(subject, text)


def _legal_request(subject: str, text: str) -> Verdict | None:
    order = _ORDER_SUBJECT.search(subject)
    authority = _AUTHORITY_WORDS.search(f"{subject}\n{text}")
    asks = _ASKS_FOR_DATA.search(text)
    if order is not None and (authority is not None or asks is not None):
        return MailKind.LEGAL_REQUEST, f"the subject names an order or a request for data ({_words(order.group())!r})"
    if authority is not None and asks is not None and _ORDER_SUBJECT.search(text):
        return MailKind.LEGAL_REQUEST, f"an authority ({_words(authority.group())!r}) asks for data"
    return None


def _counter_notice(subject: str, text: str) -> Verdict | None:
    if _COUNTER_SUBJECT.search(subject):
        return MailKind.COUNTER_NOTICE, f"the subject is that of a counter notice: {subject[:60]!r}"
    # notices of infringement explain counter notices too
    if _COMPLAINT_SUBJECT.search(subject) or not _COUNTER_NAME.search(text):
        return None
    if _COUNTER_CLAIM.search(text) and _OATH.search(text):
        return MailKind.COUNTER_NOTICE, "the text declares under oath that a removal was a mistake"
    return None


def _retraction(subject: str, text: str) -> Verdict | None:
    named = _TAKEN_BACK_SUBJECT.search(subject)
    if named:
        return MailKind.RETRACTION, f"the subject takes a report back ({_words(named.group())!r})"
    for match in _TAKEN_BACK.finditer(text):
        start = max(text.rfind(mark, 0, match.start()) for mark in (". ", "! ", "? ", "\n\n"))
        if not _CONDITION.search(text[max(start, 0) : match.start()]):
            return MailKind.RETRACTION, f"the text takes a report back ({_words(match.group())!r})"
    return None


def _words(found: str) -> str:
    return " ".join(found.split())[:60].strip(" ,;:-(")
