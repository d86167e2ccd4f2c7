"""A row of the outbox as the mail that goes out (RFC 5322), marked as written by a machine (RFC 3834)."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime

from abuse.models import OutgoingMessage

from .files import sent_type, shown_name

MAX_REFERENCES = 20
"""Message-IDs of a conversation that a mail names: the first and the newest."""

# Nothing that a server on the way would have to encode anew: that would break signatures (RFC 6376 section 5.3).
_POLICY = email.policy.SMTP.clone(cte_type="7bit")

# The library folds a field that is a little too long before its first word. Some readers show the blank that is left,
# and some filters take the line with nothing on it for the mark of a sender of spam.
_EMPTY_FIRST_LINE = re.compile(rb"(?m)^([!-9;-~]+:) ?\r\n[ \t]+")


@dataclass(frozen=True, slots=True)
class FileToSend:
    """A file with its bytes, read from the storage."""

    name: str
    content_type: str
    content: bytes


def as_mail(
    message: OutgoingMessage, thread: Sequence[str] = (), attachments: Sequence[FileToSend] = ()
) -> EmailMessage:
    """The row as a mail. `thread`: the Message-IDs of the conversation so far, oldest first; it answers the last."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = message.sender
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = message.message_id
    if thread:
        named = thread if len(thread) <= MAX_REFERENCES else (thread[0], *thread[1 - MAX_REFERENCES :])
        mail["In-Reply-To"] = named[-1]
        mail["References"] = " ".join(named)
    fields = {"Auto-Submitted": "auto-generated", **message.headers}
    if fields["Auto-Submitted"] != "no":
        # For programs that do not know RFC 3834. Not "All": that would keep Exchange from telling what it returns.
        fields |= {"X-Auto-Response-Suppress": "OOF, AutoReply", "Precedence": "bulk"}
    for name, value in fields.items():
        mail[name] = value
    mail.set_content(message.body)
    if message.body_html:
        mail.add_alternative(message.body_html, subtype="html")
    for file in attachments:
        main, sub = sent_type(file.content_type)
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=shown_name(file.name))
    return mail


def as_bytes(mail: EmailMessage, *, international: bool = False) -> bytes:
    """The mail as SMTP carries it: CRLF, seven bits; with UTF-8 in its header when that is `international`."""
    written = mail.as_bytes(policy=_POLICY.clone(utf8=True) if international else _POLICY)
    head, separator, body = written.partition(b"\r\n\r\n")
    return _EMPTY_FIRST_LINE.sub(rb"\1 ", head) + separator + body
