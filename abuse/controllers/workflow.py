"""What falls due: each pending deadline whose moment has come is carried out once.

Nothing of a paused ticket falls due but the end of its pause. Besides, what a service level promised and was not kept
is marked here, and campaigns whose doorbell was lost are rung for.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from abuse.models import Deadline, DeadlineState, Report, ReportStatus, Ticket, TicketStatus, User
from abuse.models.fields import clipped

from . import applying, campaign_work, clocks, reports, sla
from .deadlines import APPLYING, running
from .follow_the_sun import follow_the_sun
from .history import robot

log = logging.getLogger(__name__)

Kind = Deadline.Kind

MAX_ATTEMPTS = 10
RETRY = timedelta(minutes=5)
LEASE = timedelta(minutes=15)
"""A task that has not ended by then is taken to have died with its process."""
BATCH = 500
_TASK = re.compile(r"abuse\.tasks\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

_STANDS_STILL = Q(ticket__status=TicketStatus.PAUSED) & ~Q(kind=Kind.PAUSE) & ~APPLYING


def run_due(*, now: datetime | None = None) -> int:
    """Carry out all that is due; how many deadlines were settled.

    Each has a transaction of its own with its row locked, so that several processes share the work and one failure
    stops nothing: a deadline that fails is tried again, and after ten times parked as failed with the error.
    """
    moment = now or timezone.now()
    actor = robot()
    settled = 0
    while True:
        due = list(_due(moment).values_list("pk", "kind")[:BATCH])
        done = sum(_settle(pk, Kind(kind), moment, actor) for pk, kind in due)
        settled += done
        if done == 0:
            break
    sla.mark_breaches(now=moment, actor=actor)
    follow_the_sun(now=moment, actor=actor)
    campaign_work.ring_if_waiting()
    return settled


def _due(moment: datetime) -> QuerySet[Deadline]:
    return (
        Deadline.filter(state=DeadlineState.PENDING, due_at__lte=moment).exclude(_STANDS_STILL).order_by("due_at", "pk")
    )


def _settle(pk: int, kind: Deadline.Kind, moment: datetime, actor: User) -> bool:
    try:
        if kind == Kind.SERVICE_ACTION:
            return applying.carry_out(pk, moment=moment, actor=actor)
        if kind == Kind.TASK:
            return _run_task(pk, moment)
        with transaction.atomic():
            if not _lock_subject(pk):
                return False
            deadline = _due(moment).filter(pk=pk).select_for_update(skip_locked=True, of=("self",)).first()
            if deadline is None:  # another process has it, or it was cancelled or paused meanwhile
                return False
            deadline.result = _HANDLERS[kind](deadline, moment, actor)
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
        if deadline.kind != Kind.TASK:  # a task was counted when it was begun
            deadline.attempts += 1
        deadline.result = f"{type(error).__name__}: {error}"[:2000]
        deadline.due_at = timezone.now() + RETRY
        if deadline.attempts >= MAX_ATTEMPTS:
            deadline.state, deadline.done_at = DeadlineState.FAILED, timezone.now()
        deadline.save(update_fields=["attempts", "result", "due_at", "state", "done_at"])


def _report_timeout(deadline: Deadline, moment: datetime, actor: User) -> str:
    report = deadline.report
    if report is None or report.status != ReportStatus.NEW:
        return "the report had moved on"
    reports.set_status(report, ReportStatus.ARCHIVED, actor=actor, reason="nobody else reported it in time")
    return "archived"


def _locked_ticket(deadline: Deadline) -> Ticket:
    if deadline.ticket_id is None:
        raise ValueError(f"deadline {deadline.pk} of kind {deadline.kind} names no ticket")
    return Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=deadline.ticket_id)


def _snooze_over(deadline: Deadline, moment: datetime, actor: User) -> str:
    ticket = _locked_ticket(deadline)
    if ticket.status != TicketStatus.WAITING_ANSWER:
        return f"the ticket was {ticket.status}"
    clocks.wake_up(ticket, actor=actor, now=moment, settling=deadline.pk)
    return "the ticket woke up"


def _pause_over(deadline: Deadline, moment: datetime, actor: User) -> str:
    ticket = _locked_ticket(deadline)
    if ticket.status != TicketStatus.PAUSED:
        return f"the ticket was {ticket.status}"
    clocks.end_pause(ticket, actor=actor, now=moment, settling=deadline.pk)
    return "the pause ended"


def _reminder(deadline: Deadline, moment: datetime, actor: User) -> str:
    return applying.remind(deadline, _locked_ticket(deadline), actor=actor)


_HANDLERS: Mapping[Deadline.Kind, Callable[[Deadline, datetime, User], str]] = {
    Kind.REPORT_TIMEOUT: _report_timeout,
    Kind.SNOOZE: _snooze_over,
    Kind.PAUSE: _pause_over,
    Kind.REMINDER: _reminder,
}


def _run_task(pk: int, moment: datetime) -> bool:
    """Run the task of a deadline, which names a function of `abuse.tasks` and its arguments.

    No transaction is open while it runs, since tasks ask other systems; so it may run twice when the process dies
    before the end is noted, and is written for that. It is taken up again after LEASE.
    """
    with transaction.atomic():
        if not _lock_subject(pk):
            return False
        deadline = _due(moment).filter(pk=pk).select_for_update(skip_locked=True, of=("self",)).first()
        if deadline is None:
            return False
        if deadline.attempts >= MAX_ATTEMPTS:
            raise RuntimeError(f"it was begun {deadline.attempts} times and never ended")
        Deadline.filter(pk=pk).update(attempts=deadline.attempts + 1, due_at=timezone.now() + LEASE)
    with running(pk):
        result = _call(deadline)
    Deadline.filter(pk=pk, state=DeadlineState.PENDING).update(
        state=DeadlineState.DONE, result=clipped(str(result), 2000), done_at=timezone.now()
    )
    return True


def _call(deadline: Deadline) -> object:
    name = str(deadline.payload.get("task"))
    if not _TASK.fullmatch(name):
        raise ValueError(f"deadline {deadline.pk}: task {name!r}; expected abuse.tasks.<module>.<function>")
    module, _, function = name.rpartition(".")
    run: Callable[..., object] = getattr(importlib.import_module(module), function)
    return run(**deadline.payload.get("params", {}))
