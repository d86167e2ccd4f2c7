"""The conversation of a ticket as one file: for a mail client, for paper, or for a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from enum import StrEnum

from django.utils import timezone

from abuse.models import Ticket
from abuse.services.email import Attachment, ConversationMail, EmailService
from abuse.services.email.addresses import is_address
from abuse.services.email.base import KeptFile
from abuse.services.storage import StorageService

from .editing import Refused
from .thread_pdf import Paragraph, as_pdf

MAX_MAILS = 2000
"""The newest mails of a conversation that are exported."""
MAX_TEXT = 200_000
"""Characters of one mail's text in PDF and HTML; .eml has all of it."""
MAX_FILES = 25 * 1024 * 1024
"""Bytes of attachments that go into an .eml; later ones are named only."""
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,126}/[a-z0-9][a-z0-9.+-]{0,126}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")


class Form(StrEnum):
    """What a conversation can become; the value is the ending of the file's name."""

    EML = "eml"
    PDF = "pdf"
    HTML = "html"


_CONTENT_TYPES = {Form.EML: "message/rfc822", Form.PDF: "application/pdf", Form.HTML: "text/html"}


def export_thread(
    ticket: Ticket, form: Form, *, category: str | None = None, now: datetime | None = None
) -> Attachment:
    """The conversation of a ticket, oldest mail first, as `ticket_<publicId>_emails_<UTC time>.<form>`.

    :param category: whom the mails are exchanged with (`Defendant`, …); None: all of them. What is to be sent to
        somebody must not show him what others wrote.
    :raises Refused: when there is no such mail.
    :raises StorageServiceException: when a file of it cannot be read, for an .eml.
    """
    mails = [mail for mail in EmailService.get_emails(ticket) if category is None or mail.category == category]
    if not mails:
        raise Refused(f"{ticket} has no mails{f' with category {category}' if category else ''}; nothing to export")
    mails = mails[-MAX_MAILS:]
    moment = (now or timezone.now()).astimezone(UTC)
    make = {Form.EML: _as_eml, Form.PDF: _as_pdf, Form.HTML: _as_html}[form]
    name = f"ticket_{ticket.public_id}_emails_{moment:%Y%m%dT%H%M%SZ}.{form}"
    return Attachment(name, _CONTENT_TYPES[form], make(ticket, mails, moment))


def thread_attachment(ticket: Ticket, *, category: str = "Defendant", form: Form = Form.PDF) -> Attachment:
    """The conversation with one side, to be attached to a mail to that side.

    :raises Refused: when there was none.
    """
    return export_thread(ticket, form, category=category)


def _title(ticket: Ticket) -> str:
    return f"Ticket {ticket.public_id}: conversation"


def _facts(mail: ConversationMail) -> list[tuple[str, str]]:
    files = ", ".join(_line(file.filename) for file in mail.attachments)
    facts = [
        ("From", _line(mail.sender)),
        ("To", _line(mail.recipient)),
        ("Date", f"{mail.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        ("Subject", _line(mail.subject)),
    ]
    return [*facts, ("Attachments", files)] if files else facts


def _shown(body: str) -> str:
    text = _text(body)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n[…]"


def _text(body: str) -> str:
    return body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _line(text: str) -> str:
    """A sender's text as one line without control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _as_pdf(ticket: Ticket, mails: Sequence[ConversationMail], moment: datetime) -> bytes:
    def paragraphs() -> Iterator[Paragraph]:
        yield Paragraph(_title(ticket), size=15)
        yield Paragraph(f"{len(mails)} mails, as of {moment:%Y-%m-%d %H:%M} UTC")
        for mail in mails:
            yield Paragraph("\n".join(f"{name}: {value}" for name, value in _facts(mail)), size=10, space_before=18)
            yield Paragraph(_shown(mail.body), space_before=8)

    return as_pdf(paragraphs(), title=_title(ticket))


def _as_html(ticket: Ticket, mails: Sequence[ConversationMail], moment: datetime) -> bytes:
    parts = [
        "<!DOCTYPE html>",
        '<html><head><meta charset="utf-8">',
        # Nothing in it can be loaded or run, whatever a sender wrote.
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{html.escape(_title(ticket))}</title>",
        "<style>body{font:15px/1.45 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
        "article{border-top:1px solid #999;margin-top:2em}dt{float:left;clear:left;width:7em;color:#555}"
        "dd{margin-left:7em}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}</style></head><body>",
        f"<h1>{html.escape(_title(ticket))}</h1>",
        f"<p>{len(mails)} mails, as of {moment:%Y-%m-%d %H:%M} UTC</p>",
    ]
    for mail in mails:
        facts = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(mail))
        parts.append(f"<article><dl>{facts}</dl><pre>{html.escape(_shown(mail.body))}</pre></article>")
    parts.append("</body></html>")
    return "\n".join(parts).encode()


def _as_eml(ticket: Ticket, mails: Sequence[ConversationMail], moment: datetime) -> bytes:
    """One mail with each mail of the conversation attached to it (message/rfc822, RFC 2046 section 5.2.1)."""
    whole = EmailMessage(policy=policy.SMTP)
    whole["Subject"] = _title(ticket)
    whole["Date"] = format_datetime(moment)
    whole["From"] = _address(mails[0].sender)
    overview = [f"{mail.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC  {_line(mail.subject)}" for mail in mails]
    whole.set_content("\n".join([_title(ticket), "", *overview, ""]), cte="base64")
    room = MAX_FILES
    for mail in mails:
        taken = [file for file in mail.attachments if (room := room - file.size) >= 0]
        whole.add_attachment(_as_message(mail, taken))
    return whole.as_bytes()


def _as_message(mail: ConversationMail, files: Sequence[KeptFile]) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _address(mail.sender)
    message["To"] = _address(mail.recipient)
    message["Date"] = format_datetime(mail.created)
    message["Subject"] = _line(mail.subject)
    left_out = [_line(file.filename) for file in mail.attachments if file not in files]
    note = f"\n[not exported for their size: {', '.join(left_out)}]\n" if left_out else ""
    message.set_content(_text(mail.body) + note, cte="base64")
    for file in files:
        known = file.content_type.lower()
        kind = known if _TYPE.fullmatch(known) and not known.startswith(("message/", "multipart/")) else ""
        main, _, sub = (kind or "application/octet-stream").partition("/")
        name = _line(file.filename.replace("/", "_").replace("\\", "_"))[:255] or "file"
        content = StorageService.read(file.key)
        parameters = {"charset": "utf-8"} if main == "text" and _is_utf8(content) else {}
        message.add_attachment(content, maintype=main, subtype=sub, filename=name, params=parameters)
    return message


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _address(text: str) -> str:
    """An address header; what is no address that a mail client can read becomes the name before one of no host."""
    line = _line(text)
    name, bracket, rest = line.rpartition("<")
    name, address = (name.strip(' "'), rest.removesuffix(">")) if bracket else ("", line)
    if address.isascii() and is_address(address):
        return formataddr((name, address), "utf-8")
    return formataddr((line[:200], "unknown@address.invalid"), "utf-8")
