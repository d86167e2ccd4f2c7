"""Reports in the hands of people: validated, put into tickets and taken out again, given back, put away.

A report is marked only in the transaction that does the work: when the work fails it stands where it stood.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from abuse.models import (
    REPORT_MOVES,
    Deadline,
    DeadlineState,
    Defendant,
    History,
    Report,
    ReportStatus,
    Service,
    Ticket,
    TicketStatus,
    User,
    check_move,
)

from . import correspondence, moves, proofs, tickets
from . import reports as report_moves
from .editing import Refused, edit, write
from .history import record
from .searching import note_reports

Decide = Callable[[Report], str | None]
"""Lets the Report rules decide on a report that a person vouches for; the name of the rule that fired."""

INVALID = "invalid"


@transaction.atomic
def validate(report: Report, *, actor: User, decide: Decide) -> str:
    """A person vouches for a report that waits for it (`ToValidate`), or a new one about a customer; what was done.

    With customer and service the rules decide as if its reporter were trusted. Without, one that waits is not ours: a
    ticket is opened for the record, the reporter is told, and it is closed as invalid.

    :raises Refused: for a report that is neither, or one that no rule wants.
    """
    lock(report)
    is_ours = report.defendant_id is not None and report.service_id is not None
    if report.status != ReportStatus.TO_VALIDATE and not (report.status == ReportStatus.NEW and is_ours):
        raise Refused(
            f"{report} is {report.status}; expected {ReportStatus.TO_VALIDATE}, or {ReportStatus.NEW} with a customer"
        )
    if is_ours:
        return decide_as_trusted(report, actor=actor, decide=decide)
    close_as_not_ours(report, actor=actor)
    return INVALID


def decide_as_trusted(report: Report, *, actor: User, decide: Decide) -> str:
    """Let the rules decide on a locked report that a person vouches for; the name of the rule.

    :raises Refused: when no rule fired: nothing would become of the report.
    """
    if report.status != ReportStatus.NEW:
        report_moves.set_status(report, ReportStatus.NEW, actor=actor, reason="validated")
    rule = decide(report)
    if rule is None:
        raise Refused(f"{report}: no rule says what is to become of it; expected one for reports that are trusted")
    report.refresh_from_db()  # the rules may have worked on an object of their own
    return rule


def close_as_not_ours(report: Report, *, actor: User) -> Ticket:
    """Tell the reporter of a locked report that we have no such customer, under a ticket that is closed at once."""
    ticket = tickets.create_ticket(report, actor=actor, joinable=False)
    with proofs.proof_for_the_moment(ticket, report):
        correspondence.acknowledge(report, ticket, codename="not_managed_ip", actor=actor)
    moves.close_ticket(ticket, INVALID, actor=actor)
    report.status = ReportStatus.ARCHIVED
    return ticket


@transaction.atomic
def set_report_status(report: Report, status: ReportStatus, *, actor: User) -> None:
    """Give a report back (`New`: it leaves its ticket) or put it away (`Archived`).

    A ticket whose only report is taken out has nothing to be about: it is closed, with history that says so.

    :raises Refused: for another status: those follow from what is done.
    :raises MoveRefused: when the report's status does not allow it.
    """
    if status not in {ReportStatus.NEW, ReportStatus.ARCHIVED}:
        raise Refused(f"status: {status!r}; expected New or Archived: a report is attached to a ticket, not set so")
    lock(report)
    if report.status == status:
        return
    if status == ReportStatus.ARCHIVED:
        cancel_timeout(report, reason="archived by hand")
        report_moves.set_status(report, status, actor=actor)
        return
    check_move(str(report), REPORT_MOVES, ReportStatus(report.status), status)
    if report.ticket is not None:
        detach(report, actor=actor)
    else:
        report_moves.set_status(report, status, actor=actor)


@transaction.atomic
def attach(report: Report, ticket: Ticket | None, *, actor: User, expected_version: int | None = None) -> Ticket:
    """Put a report into a ticket, or into a new one; the ticket. It leaves the one it was in.

    :raises Refused: for a closed ticket, or one of another customer: he would read of the report's.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    lock(report)
    if ticket is not None:
        edit(ticket, actor=actor, expected_version=expected_version)
        if report.ticket_id == ticket.pk and report.status == ReportStatus.ATTACHED:
            return ticket
        if not ticket.is_open:
            raise Refused(f"ticket: {ticket} is closed; expected an open one")
        if None not in {report.defendant_id, ticket.defendant_id} and report.defendant_id != ticket.defendant_id:
            raise Refused(f"ticket: {ticket} is about another customer than {report}")
    if report.ticket is not None:
        detach(report, actor=actor)
    cancel_timeout(report, reason="attached to a ticket")
    if ticket is None:
        return tickets.create_ticket(report, actor=actor)
    tickets.attach_report(report, ticket, actor=actor)
    return ticket


@transaction.atomic
def set_customer(report: Report, defendant: Defendant | None, service: Service | None, *, actor: User) -> bool:
    """Say whose a report is; False when it was so. It leaves a ticket that is about somebody else."""
    lock(report)
    if (report.defendant, report.service) == (defendant, service):
        return False
    ticket = report.ticket
    if ticket is not None and ticket.defendant is not None and ticket.defendant != defendant:
        detach(report, actor=actor)
    old = report.defendant.customer_id if report.defendant else None
    report.defendant, report.service = defendant, service
    Report.filter(pk=report.pk).update(defendant=defendant, service=service)
    note_reports([report.pk])
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, report=report, ticket=report.ticket, field="defendant", old=old,
        new=defendant.customer_id if defendant else None, service=service.name if service else None,
    )  # fmt: skip
    return True


def detach(report: Report, *, actor: User) -> None:
    """Take a locked report out of its ticket: it is new again. Its ticket is closed when it was the only one."""
    ticket = report.ticket
    if ticket is None:
        return
    edit(ticket, actor=actor)
    old = report.status
    Report.filter(pk=report.pk).update(ticket=None, status=ReportStatus.NEW)
    report.ticket, report.status = None, ReportStatus.NEW
    record(
        History.Type.DETACH_REPORT, actor=actor, ticket=ticket, report=report, field="status", old=old,
        new=ReportStatus.NEW,
    )  # fmt: skip
    if ticket.is_open and not Report.filter(ticket=ticket).exists():
        refs = {"reason": "its only report was taken out"}
        moves.move(ticket, TicketStatus.CLOSED, actor=actor, refs=refs, joined=-1)
    else:
        write(ticket, joined=-1, modification_date=timezone.now())


def lock(report: Report) -> None:
    """Lock a report until the end of the transaction and bring the object up to date.

    Tickets are locked before reports by whoever touches both, so the ticket of the report comes first.
    """
    ticket_id = Report.filter(pk=report.pk).values_list("ticket_id", flat=True).first()
    if ticket_id is not None:
        Ticket.objects.select_for_update(no_key=True).filter(pk=ticket_id).values_list("pk").first()
    report.refresh_from_db(from_queryset=Report.objects.select_for_update(no_key=True, of=("self",)))


def cancel_timeout(report: Report, *, reason: str) -> None:
    """Take back that the report is archived when nothing happens."""
    Deadline.filter(report=report, kind=Deadline.Kind.REPORT_TIMEOUT, state=DeadlineState.PENDING).update(
        state=DeadlineState.CANCELLED, result=reason, done_at=timezone.now()
    )
