"""What falls due: each pending deadline whose moment has come is carried out once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abuse.models import Deadline, DeadlineState, Report, ReportStatus, Ticket, TicketStatus, User

from . import reports, tickets
from .history import robot

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
RETRY = timedelta(minutes=5)
BATCH = 500


def run_due(*, now: datetime | None = None) -> int:
    """Carry out all that is due; how many deadlines were settled.

    Each has a transaction of its own with its row locked, so that several processes share the work and one failure
    stops nothing: a deadline that fails is tried again, and after ten times parked as failed with the error.
    """
    moment = now or timezone.now()
    actor = robot()
    settled = 0
    while True:
        due = list(
            Deadline.filter(state=DeadlineState.PENDING, due_at__lte=moment, kind__in=list(_HANDLERS))
            .order_by("due_at", "pk")
            .values_list("pk", flat=True)[:BATCH]
        )
        done = sum(_settle(pk, moment, actor) for pk in due)
        settled += done
        if done == 0:
            return settled


def _settle(pk: int, moment: datetime, actor: User) -> bool:
    try:
        with transaction.atomic():
            if not _lock_subject(pk):
                return False
            deadline = (
                Deadline.filter(pk=pk, state=DeadlineState.PENDING, due_at__lte=moment)
                .select_for_update(skip_locked=True)
                .first()
            )
            if deadline is None:  # another process has it, or it was cancelled meanwhile
                return False
            deadline.result = _HANDLERS[Deadline.Kind(deadline.kind)](deadline, actor)
            deadline.state = DeadlineState.DONE
            deadline.done_at = timezone.now()
            deadline.save(update_fields=["state", "result", "done_at"])
    except Exception as error:
        # Whatever went wrong is kept on the row for a person, and the other deadlines go on.
        log.exception("deadline %s failed", pk)
        _postpone(pk, error)
        return False
    return True


def _lock_subject(pk: int) -> bool:
    """Lock the report or ticket of a deadline before the deadline itself, as everybody does who cancels deadlines.

    So its status is the present one and stays it, and nobody dead-locks. False when somebody is at it right now: what
    he does may settle the matter, else the next round will.
    """
    row = Deadline.filter(pk=pk).values_list("report_id", "ticket_id").first()
    if row is None:
        return False
    report_id, ticket_id = row
    for model, subject_id in ((Report, report_id), (Ticket, ticket_id)):
        if subject_id is not None:
            locked = model.objects.filter(pk=subject_id).select_for_update(skip_locked=True, no_key=True)
            if locked.values_list("pk").first() is None:
                return False
    return True


def _postpone(pk: int, error: Exception) -> None:
    with transaction.atomic():
        deadline = Deadline.filter(pk=pk, state=DeadlineState.PENDING).select_for_update().first()
        if deadline is None:
            return
        deadline.attempts += 1
        deadline.result = f"{type(error).__name__}: {error}"[:2000]
        deadline.due_at = timezone.now() + RETRY
        if deadline.attempts >= MAX_ATTEMPTS:
            deadline.state, deadline.done_at = DeadlineState.FAILED, timezone.now()
        deadline.save(update_fields=["attempts", "result", "due_at", "state", "done_at"])


def _report_timeout(deadline: Deadline, actor: User) -> str:
    report = deadline.report
    if report is None or report.status != ReportStatus.NEW:
        return "the report had moved on"
    reports.set_status(report, ReportStatus.ARCHIVED, actor=actor, reason="nobody else reported it in time")
    return "archived"


def _locked_ticket(deadline: Deadline) -> Ticket:
    if deadline.ticket_id is None:
        raise ValueError(f"deadline {deadline.pk} of kind {deadline.kind} names no ticket")
    return Ticket.objects.select_for_update(of=("self",)).get(pk=deadline.ticket_id)


def _snooze_over(deadline: Deadline, actor: User) -> str:
    ticket = _locked_ticket(deadline)
    if ticket.status != TicketStatus.WAITING_ANSWER:
        return f"the ticket was {ticket.status}"
    tickets.set_status(ticket, TicketStatus.ALARM, actor=actor)
    return "the ticket woke up"


def _pause_over(deadline: Deadline, actor: User) -> str:
    ticket = _locked_ticket(deadline)
    if ticket.status != TicketStatus.PAUSED:
        return f"the ticket was {ticket.status}"
    tickets.set_status(ticket, TicketStatus(ticket.previous_status), actor=actor)
    return "the pause ended"


_HANDLERS: Mapping[Deadline.Kind, Callable[[Deadline, User], str]] = {
    Deadline.Kind.REPORT_TIMEOUT: _report_timeout,
    Deadline.Kind.SNOOZE: _snooze_over,
    Deadline.Kind.PAUSE: _pause_over,
}
