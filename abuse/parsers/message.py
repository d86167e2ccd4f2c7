"""A mail as the format readers and the extraction see it: fields, readable texts, documents, files, messages inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz

import re2

from . import charset, dates, htmltext, mime
from .context import Limits
from .header import Headers
from .mime import Part
from .values import ParsedAttachment

# What a mail without any usable sender is filed under.
UNKNOWN_PROVIDER = "unknown@provider.com"

_UNREADABLE_TEXTS = frozenset(("text/calendar", "text/x-vcard", "text/vcard", "text/css", "text/javascript"))
_HTML_STUB = re2.compile(r"(?i)\bhtml\b")
_MESSAGE_ID = re2.compile(r"<([^<>\s]{1,500})>")
_LOCAL_MAILBOX = re2.compile(r"<([^<>\s@]{1,64})>")
_FILE_CONTROL = str.maketrans("", "", "".join(map(chr, range(32))) + "\x7f")


@dataclass(slots=True)
class TextPart:
    """One readable text. `hidden` holds the same content's HTML form, read only when the plain one lacks something."""

    place: str
    text: str
    hidden: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """The mail, decoded as far as every reader needs it; more is decoded on demand, within what `limits` leaves."""

    root: Part
    headers: Headers
    limits: Limits
    defects: list[str]
    texts: list[TextPart] = field(default_factory=list)
    inner: list[Part] = field(default_factory=list)  # messages inside, outermost first: the spam complained about …
    files: list[Part] = field(default_factory=list)  # leaves that are not part of the readable text
    text_left: int = 0
    forwarded: dict[str, str] = field(default_factory=dict, repr=False)  # texts of messages inside, by their path
    filename: str = ""  # of the file that was read, if that is known; the sender's word

    @property
    def subject(self) -> str:
        return self.headers.get("subject")

    @property
    def body(self) -> str:
        return "\n".join(text.text for text in self.texts)

    def say(self, sentence: str | None) -> None:
        """Note a defect, once."""
        if sentence and sentence not in self.defects:
            self.defects.append(sentence)

    def text_of(self, part: Part, at_most: int | None = None) -> str:
        """The text of a leaf, HTML as a person would read it, within the mail's text bound."""
        room = self.text_left if at_most is None else min(at_most, self.text_left)
        if room <= 0:
            if part.size:
                self.say(f"Only the first {self.limits.max_text_bytes} bytes of text are read.")
            return ""
        data, defect = part.content(room + 1)
        self.say(defect)
        if len(data) > room:
            # end at a line, so that neither a character nor a word is cut in two
            data = data[: (data.rfind(b"\n", 0, room) + 1) or room]
            self.say(f"Only the first {self.limits.max_text_bytes} bytes of text are read.")
        self.text_left -= len(data)
        text, defect = charset.decode(data, part.parameters.get("charset"))
        self.say(defect)
        if part.content_type == "text/html" or (part.content_type != "text/plain" and looks_like_html(text)):
            return htmltext.to_text(text)
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def forwarded_text(self, root: Part) -> str:
        """The main header fields and readable text of a message inside, for people to read."""
        known = self.forwarded.get(root.path)
        if known is not None:
            return known
        lines = [f"{name}: {root.headers.get(name.lower())}" for name in ("From", "To", "Date", "Subject")]
        texts: list[TextPart] = []
        self.collect(root, texts, [])
        words = "\n".join(lines) + "\n\n" + "\n".join(text.text for text in texts)
        self.forwarded[root.path] = words  # reading it again would count twice against the bound
        return words

    def collect(self, part: Part, texts: list[TextPart], files: list[Part]) -> None:
        """Sort the tree below `part`, messages inside left aside, into readable texts and files."""
        if part.is_message and part.children:
            if part.filename or part.disposition == "attachment":
                files.append(part)
        elif part.content_type == "multipart/alternative" and part.children:
            self._collect_alternative(part, texts, files)
        elif part.children:
            for child in part.children:
                self.collect(child, texts, files)
        elif self._is_readable(part):
            text = self.text_of(part)
            if text.strip():
                texts.append(TextPart(part.path, text))
        elif not part.content_type.startswith("multipart/"):
            files.append(part)

    def _collect_alternative(self, part: Part, texts: list[TextPart], files: list[Part]) -> None:
        markup: list[Part] = []
        plain: list[TextPart] = []
        for child in part.children:
            if child.content_type == "text/html" and self._is_readable(child):
                markup.append(child)
            elif child.content_type == "multipart/related" and any(p.content_type == "text/html" for p in child.walk()):
                for leaf in child.walk():
                    if not leaf.children:
                        (markup if leaf.content_type == "text/html" else files).append(leaf)
            else:
                self.collect(child, plain, files)
        words = "".join(text.text for text in plain).strip()
        is_stub = not words or (len(words) < 200 and _HTML_STUB.search(words) is not None)
        if is_stub and markup:
            plain = [TextPart(leaf.path, self.text_of(leaf)) for leaf in markup]
        elif plain:
            plain[0].hidden.extend(markup)
        texts.extend(plain)

    def _is_readable(self, part: Part) -> bool:
        if not part.content_type.startswith("text/") or part.content_type in _UNREADABLE_TEXTS:
            return False
        if part.content_type == "text/rfc822-headers":
            return False
        return part.disposition != "attachment" and (not part.filename or part.content_type == "text/html")


def looks_like_html(text: str) -> bool:
    head = text[:500].lstrip().lower()
    return head.startswith(("<!doctype html", "<html"))


def read(raw: bytes, limits: Limits, filename: str = "") -> Message:
    """Bytes of any quality to a `Message`. Never raises on content."""
    defects: list[str] = []
    root = mime.read(raw, limits, defects)
    message = Message(root, root.headers, limits, defects, text_left=limits.max_text_bytes, filename=filename)
    if any(not value.isascii() for _, value in root.headers.fields):
        message.say("The header has 8-bit bytes; RFC 5322 allows ASCII only.")
    message.collect(root, message.texts, message.files)
    message.inner = [part.children[0] for part in root.walk() if part.is_message and part.children]
    return message


def provider(headers: Headers) -> str:
    """The lower-case address of From, or the local mailbox that it names ("MAILER-DAEMON").

    Without one the address of Sender, Reply-To or Return-Path; else what From says as it stands ("<>").
    """
    found = headers.addresses("from", 1)
    if found:
        return found[0].lower()
    stated = headers.get("from")
    local = _LOCAL_MAILBOX.search(stated)
    if local:
        return str(local.group(1)).lower()
    for name in ("sender", "reply-to", "return-path"):
        found = headers.addresses(name, 1)
        if found:
            return found[0].lower()
    return stated.strip().lower()[:200] or UNKNOWN_PROVIDER


def recipients(headers: Headers) -> list[str]:
    """Every address of To and Cc, in order, each once."""
    return list(dict.fromkeys((*headers.addresses("to"), *headers.addresses("cc"))))


def date(headers: Headers, default: tzinfo) -> tuple[datetime | None, str | None]:
    """The Date field in UTC, and a sentence when it is missing, unreadable or states no zone."""
    value = headers.get("date")
    if not value:
        return None, "The mail has no Date."
    moment, has_zone = dates.parse(value, default)
    if moment is None:
        return None, f"The Date {value[:60]!r} cannot be read."
    return moment, None if has_zone else f"The Date states no zone; it is read as {default}."


def written(headers: Headers, default: tzinfo) -> tuple[datetime | None, tzinfo | None]:
    """When the mail was written, and in which zone its writer lives; None for what its Date field does not say."""
    value = headers.get("date")[:200]
    moment, has_zone = dates.parse(value, default) if value else (None, False)
    try:
        fields = parsedate_tz(value) if has_zone else None
    except (ValueError, TypeError, IndexError):  # dates of no form at all
        fields = None
    seconds = fields[9] if fields else None
    return moment, timezone(timedelta(seconds=seconds)) if seconds and abs(seconds) < 86_400 else None


def message_ids(value: str, limit: int = 100) -> list[str]:
    """The message identifiers of a Message-ID, In-Reply-To or References value, without brackets."""
    found = [match.group(1) for match, _ in zip(_MESSAGE_ID.finditer(value), range(limit), strict=False)]
    return found or [word for word in value.split()[:limit] if "@" in word]


def attachments(message: Message) -> list[ParsedAttachment]:
    """The files that came with the mail, the first ones within the bounds; the stored mail has them all."""
    kept: list[ParsedAttachment] = []
    limits = message.limits
    bytes_left = limits.max_attachment_bytes
    for part in message.files:
        name = part.filename.translate(_FILE_CONTROL)[:255]
        if len(kept) == limits.max_attachments:
            message.say(f"Only the first {limits.max_attachments} of {len(message.files)} attachments are kept.")
            break
        if part.size > bytes_left * 3 // 2:
            message.say(f"Attachment {name!r} of {part.size} bytes is too large to be kept.")
            continue
        content, defect = part.content()
        message.say(defect)
        if len(content) > bytes_left:
            message.say(f"Attachment {name!r} of {len(content)} bytes is too large to be kept.")
            continue
        bytes_left -= len(content)
        kept.append(ParsedAttachment(name or f"part-{part.path}", part.content_type, content))
    return kept
