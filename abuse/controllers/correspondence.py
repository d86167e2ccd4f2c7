"""Writing to reporters and customers about tickets."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from abuse.config import current
from abuse.models import History, Report, Ticket, User
from abuse.models.prepared import Prepared
from abuse.services.email import EmailService
from abuse.services.email.base import KeptFile

from .answering import may_answer
from .history import record
from .reporters import ReporterMail, may_be_told
from .together import present

ACKNOWLEDGEMENT = "ack_report_received"
ALREADY_KNOWN = "already_known"

_OF_OTHERS = Prepared(
    lambda ticket, provider: Report.filter(ticket_id=ticket).exclude(provider_id=provider).values_list("pk")[:1],
    ticket=int,
    provider=str,
)
_OPENED = Prepared(
    lambda ticket, report: History.filter(
        action_type=History.Type.CREATE_TICKET, ticket_id=ticket, report_id=report
    ).values_list("pk")[:1],
    ticket=int,
    report=int,
)


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
    attachments: Sequence[KeptFile] = (),
) -> str:
    """Send a mail text about a ticket to one address; its Message-ID. `cause` names why: the same cause sends once.

    Without `lang` it is in the recipient's language. `acknowledges`: whether it is written to who made the `report`.

    :raises EmailServiceException: when there is no such text, it cannot be filled in, or the address is none.
    """
    mail = EmailService.prefetch_email_from_template(
        ticket, codename, lang=lang, acknowledged_report=report if acknowledges else None
    )
    # What is written together fails together: there it needs no savepoint to go back to.
    with transaction.atomic(savepoint=present() is None):
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
            attachments=attachments,
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

    Where the ticket had a report of another reporter before his, he is told so instead of `ack_report_received`. The
    Message-ID, or None when he is not to be told: because he was, he wants none, or he is a machine (RFC 3834).
    """
    if codename == ACKNOWLEDGEMENT:
        told = tell_already_known(report, ticket, actor=actor, lang=lang)
        if told is not None:
            return told
    if not may_be_told(report, ReporterMail.ACKNOWLEDGE):
        return None
    return _answer(report, ticket, codename, about=codename, actor=actor, lang=lang)


def tell_already_known(report: Report, ticket: Ticket, *, actor: User, lang: str | None = None) -> str | None:
    """Tell the reporter that his report joined a case about the same, once per ticket and MAIL.answer_period_seconds.

    The Message-ID, or None when no other reporter was before him, or he is not to be told: see `acknowledge`.
    """
    if not may_be_told(report, ReporterMail.ALREADY_KNOWN) or not _was_known(report, ticket):
        return None
    # One thing with the acknowledgement: who got one of them within the period does not get the other.
    return _answer(report, ticket, ALREADY_KNOWN, about=ACKNOWLEDGEMENT, actor=actor, lang=lang)


def _answer(
    report: Report, ticket: Ticket, codename: str, *, about: str, actor: User, lang: str | None = None
) -> str | None:
    address = report.provider.email
    period = current().MAIL.answer_period_seconds
    times = may_answer(address, f"ticket {ticket.public_id}: {about}", period_seconds=period)
    if times is None:
        return None
    cause = f"ack:{ticket.pk}" if times == 1 else f"ack:{ticket.pk}:{times}"
    return send_template(
        ticket, codename, address, cause=cause, actor=actor, lang=lang, report=report, auto_submitted="auto-replied"
    )


def _was_known(report: Report, ticket: Ticket) -> bool:
    """Whether a ticket had a report of another reporter when this one joined."""
    together = present()
    if together is not None and together.report_counts.get(ticket.pk) == 1:
        return False
    if not _OF_OTHERS.rows(ticket=ticket.pk, provider=report.provider_id):
        return False
    opening = History.Type.CREATE_TICKET
    waiting = together.history if together is not None else []
    opened = any((row.action_type, row.ticket_id, row.report_id) == (opening, ticket.pk, report.pk) for row in waiting)
    return not opened and not _OPENED.rows(ticket=ticket.pk, report=report.pk)
