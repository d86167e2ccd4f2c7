"""Writing to reporters and customers about tickets."""

from __future__ import annotations

from django.db import transaction

from abuse.models import History, Report, Ticket, User
from abuse.models.tags import NEVER_AUTO_ACK
from abuse.services.email import EmailService

from .history import record

ROBOT_SENDERS = (
    "mailer-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "do-not-reply",
    "donotreply",
    "bounce",
    "bounces",
)
"""Local parts that nobody reads (RFC 3834 section 2): an acknowledgement would be noise, or the start of a loop."""


@transaction.atomic
def send_template(
    ticket: Ticket,
    codename: str,
    recipient: str,
    *,
    cause: str,
    actor: User,
    lang: str = "EN",
    report: Report | None = None,
) -> str:
    """Send a mail text about a ticket to one address; its Message-ID. `cause` names why: the same cause sends once.

    :raises EmailServiceException: when there is no such text, it cannot be filled in, or the address is none.
    """
    mail = EmailService.prefetch_email_from_template(ticket, codename, lang=lang, acknowledged_report=report)
    message_id = EmailService.send_email(
        ticket,
        recipient,
        mail.subject,
        mail.body,
        mail.category,
        sender=mail.sender,
        dedupe_key=f"{codename}:{cause}:{recipient.lower()}",
        report=report,
        template_codename=codename,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, report=report, new=recipient, template=codename,
        message_id=message_id, category=mail.category,
    )  # fmt: skip
    return message_id


def acknowledge(report: Report, ticket: Ticket, *, codename: str, lang: str, actor: User) -> str | None:
    """Tell the reporter the case number, once per ticket; the Message-ID, or None when he is not to be told."""
    provider = report.provider
    if any(tag.codename == NEVER_AUTO_ACK for tag in provider.tags.all()):
        return None
    local = provider.email.partition("@")[0]
    if any(local == robot or local.startswith((f"{robot}-", f"{robot}+", f"{robot}=")) for robot in ROBOT_SENDERS):
        return None
    return send_template(
        ticket, codename, provider.email, cause=f"ack:{ticket.pk}", actor=actor, lang=lang, report=report
    )
