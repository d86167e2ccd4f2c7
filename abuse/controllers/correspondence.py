"""Writing to reporters and customers about tickets."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from abuse.config import current
from abuse.models import History, Report, Ticket, User
from abuse.models.tags import NEVER_AUTO_ACK
from abuse.parsers.robots import is_robot_mailbox
from abuse.services.email import EmailService
from abuse.services.email.addresses import is_address, read_ticket_address

from .answering import may_answer
from .history import record


@transaction.atomic
def send_template(
    ticket: Ticket,
    codename: str,
    recipient: str,
    *,
    cause: str,
    actor: User,
    lang: str | None = None,
    report: Report | None = None,
    auto_submitted: str = "auto-generated",
    acknowledges: bool = True,
) -> str:
    """Send a mail text about a ticket to one address; its Message-ID. `cause` names why: the same cause sends once.

    Without `lang` it is in the recipient's language. `acknowledges`: whether it is written to who made the `report`.

    :raises EmailServiceException: when there is no such text, it cannot be filled in, or the address is none.
    """
    mail = EmailService.prefetch_email_from_template(
        ticket, codename, lang=lang, acknowledged_report=report if acknowledges else None
    )
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
        auto_submitted=auto_submitted,
        body_html=mail.body_html,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, report=report, new=recipient, template=codename,
        message_id=message_id, category=mail.category,
    )  # fmt: skip
    return message_id


def tell_reporters(ticket: Ticket, codename: str, addresses: Sequence[str], *, cause: str, actor: User) -> None:
    """Send a mail text to reporters of a ticket, to each about his own newest report."""
    wanted = {address.lower() for address in addresses}
    rows = ticket.reports.filter(provider_id__in=wanted).select_related("provider").order_by("received_date", "pk")
    reports = {report.provider_id: report for report in rows}
    for address in addresses:
        send_template(ticket, codename, address, cause=cause, actor=actor, report=reports.get(address.lower()))


def acknowledge(report: Report, ticket: Ticket, *, codename: str, actor: User, lang: str | None = None) -> str | None:
    """Tell the reporter the case number, once per ticket and MAIL.answer_period_seconds.

    The Message-ID, or None when he is not to be told: because he was, he wants none, or he is a machine (RFC 3834).
    """
    provider = report.provider
    if any(tag.codename == NEVER_AUTO_ACK for tag in provider.tags.all()):
        return None
    if report.no_answer_reason or is_robot_mailbox(provider.email) or not is_address(provider.email):
        return None
    settings = current().MAIL
    if read_ticket_address(provider.email, settings.ticket_domain) is not None:  # the desk would talk to itself
        return None
    times = may_answer(
        provider.email, f"ticket {ticket.public_id}: {codename}", period_seconds=settings.answer_period_seconds
    )
    if times is None:
        return None
    cause = f"ack:{ticket.pk}" if times == 1 else f"ack:{ticket.pk}:{times}"
    return send_template(
        ticket, codename, provider.email, cause=cause, actor=actor, lang=lang, report=report,
        auto_submitted="auto-replied",
    )  # fmt: skip
