"""Taking in what is handed in over the API: it becomes a mail like any other, and its sender gets a receipt."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage

from django.utils import timezone

from abuse.models import Submission, Ticket, User

from . import inbox, rates
from .editing import Refused

SOURCE = "api"
RECEIPT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a submission; `tickets` are public ids."""

    state: str
    reports: int
    tickets: Sequence[str]


def reporter_address(user: User) -> str:
    """The address under which the reports of a user are filed.

    :raises Refused: when his account has none.
    """
    address = user.email.strip().lower()
    if not address or any(character.isspace() for character in address):
        raise Refused("email: your account has no e-mail address; expected one, since it names the reporter")
    return address


def submit(sent: bytes, mail: bytes, *, actor: User) -> Submission:
    """Take in a mail for a user; `sent` is what he handed in, which the mail holds or is.

    The same bytes from the same user get the same receipt, also when two calls bring them at once.

    :raises Refused: when his account has no e-mail address.
    :raises StorageServiceException, InboxUnavailable: when nothing was taken in.
    """
    address = reporter_address(actor)
    digest = hashlib.sha256(sent).hexdigest()
    known = Submission.filter(user=actor, sha256=digest).first()
    if known is not None:
        return known
    received = inbox.receive(mail, source=SOURCE, envelope_sender=address, submitter=address)
    # The mail's row is committed first: a crash here costs a receipt, and sending again gets it.
    submission, _ = Submission.get_or_create(
        user=actor,
        sha256=digest,
        defaults={
            "receipt": secrets.token_urlsafe(RECEIPT_BYTES),
            "email_id": received.email_id,
            "created_at": timezone.now(),
        },
    )
    return submission


def status_of(submission: Submission) -> Status:
    """What became of it. A mail that came in before, over another way, is asked for in its place."""
    email = submission.email
    original = email.duplicate_of or email
    tickets = Ticket.filter(reports__email=original).order_by("pk").values_list("public_id", flat=True).distinct()
    return Status(email.state, original.reports.count(), tuple(tickets))


def by_receipt(receipt: str) -> Submission | None:
    """The submission of a receipt, with its mail."""
    return Submission.filter(receipt=receipt).select_related("email__duplicate_of").first()


def seconds_to_wait(token_id: int, *, per_minute: int) -> int:
    """Count a submission with a token; 0 when it may go in, else after how many seconds to come again."""
    return rates.seconds_to_wait("submissions", token_id, limit=per_minute, period=60)


def mail_with_document(document: bytes, content_type: str, *, actor: User) -> bytes:
    """A mail with one machine-readable document in it, the same bytes each time."""
    digest = hashlib.sha256(document).hexdigest()
    head = [
        f"From: {reporter_address(actor)}",
        "To: abuse",
        f"Subject: Report {digest[:12]}",
        f"Message-ID: <{digest}.{actor.pk}@submissions.invalid>",
        "MIME-Version: 1.0",
        f"Content-Type: {content_type}",
        "Content-Transfer-Encoding: base64",
    ]
    return "\r\n".join([*head, "", ""]).encode("ascii", "backslashreplace") + base64.encodebytes(document).replace(
        b"\n", b"\r\n"
    )


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a form."""

    name: str
    content_type: str
    content: bytes


def mail_of_form(form: bytes, document: bytes, text: str, files: Sequence[File], *, actor: User) -> bytes:
    """A mail that says in words and as XARF what a form says; the same form makes the same bytes.

    :param document: the XARF reports.
    """
    digest = hashlib.sha256(form).hexdigest()
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = reporter_address(actor)
    message["To"] = "abuse"
    message["Subject"] = f"Report {digest[:12]}"
    message["Message-ID"] = f"<{digest}.{actor.pk}@submissions.invalid>"
    message.set_content(text, cte="base64")
    message.add_attachment(document, "application", "xarf+json", filename="xarf.json")
    for file in files:
        main, _, sub = file.content_type.partition("/")
        message.add_attachment(file.content, main, sub, filename=file.name)
    message.set_boundary(f"=_{digest[:40]}")
    return message.as_bytes()
