"""Telling reporters what became of their reports, in the transaction that closes the ticket."""

from __future__ import annotations

from collections.abc import Collection

from abuse.config import current
from abuse.models import History, OutboxState, OutgoingMessage, Ticket, TicketStatus, User
from abuse.services.email import EmailService

from .history import record
from .reporters import ReporterMail, may_be_told
from .together import written_together

OUTCOME = "case_outcome"
NO_OUTCOME = frozenset({"ack_report_received", "already_known"})
"""Texts after which a reporter still does not know how the case ended."""
_NOT_SENT = (OutboxState.FAILED, OutboxState.CANCELLED)


def tell_outcome(ticket: Ticket, *, told: Collection[str] = (), actor: User) -> int:
    """Tell the reporters of a ticket that is being closed with a resolution how it ended; how many were.

    Each once per closing, about his newest report. Not those who heard of it since the ticket was last opened, nor
    `told`: addresses that the caller writes to himself. A campaign's ticket has no reporters.
    """
    rows = ticket.reports.order_by("provider_id", "-received_date", "-pk").distinct("provider_id")
    if not current().MAIL.reporters.outcome:  # most desks: one query, which finds nothing
        rows = rows.filter(provider__mail_outcome=True)
    reports = list(rows.select_related("provider", "email").prefetch_related("provider__tags"))
    wanted = [report for report in reports if may_be_told(report, ReporterMail.OUTCOME)]
    if not wanted or History.filter(ticket=ticket, action_type=History.Type.CREATE_MASSCONTACT).exists():
        return 0
    heard = {address.lower() for address in told} | _heard(ticket)
    wanted = [report for report in wanted if report.provider_id not in heard]
    if not wanted:
        return 0
    mails = EmailService.send_to_reporters(ticket, OUTCOME, wanted, cause=f"closing:{ticket.pk}:{ticket.version}")
    with written_together():
        for report, message_id in zip(wanted, mails, strict=True):
            record(
                History.Type.SEND_EMAIL, actor=actor, ticket=ticket, report=report, new=report.provider_id,
                template=OUTCOME, message_id=message_id, category="Plaintiff",
            )  # fmt: skip
    return len(wanted)


def _heard(ticket: Ticket) -> set[str]:
    """Who was written to since the ticket was last opened, in more than an acknowledgement."""
    reopened = History.filter(ticket=ticket, action_type=History.Type.CHANGE_STATUS, old=TicketStatus.CLOSED)
    since = reopened.order_by("-date").values_list("date", flat=True).first() or ticket.creation_date
    rows = (
        OutgoingMessage.filter(ticket=ticket, category="Plaintiff", created_at__gte=since)
        .exclude(template_codename__in=NO_OUTCOME)
        .exclude(state__in=_NOT_SENT)
    )
    return {address.lower() for address in rows.values_list("recipient", flat=True)}
