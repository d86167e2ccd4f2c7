"""What is to happen to a ticket later: put down, taken back, moved.

The ticket's row is locked before its deadlines are touched (`editing.edit`), as everybody does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from abuse.models import Deadline, DeadlineState, History, ServiceActionJob, Ticket, User

from .editing import edit, write
from .history import record

Kind = Deadline.Kind

WORK = frozenset({Kind.SERVICE_ACTION, Kind.REMINDER, Kind.TASK})
"""What is to be done to a ticket; the other kinds are its clocks."""
APPLYING = Q(payload__has_key="applying")
"""An action that is being carried out right now: it can be neither taken back nor moved any more."""

_running: ContextVar[int | None] = ContextVar("_running", default=None)


@contextmanager
def running(deadline_id: int) -> Iterator[None]:
    """Whatever is done within the block does not take back the deadline that has it done."""
    token = _running.set(deadline_id)
    try:
        yield
    finally:
        _running.reset(token)


def carried_out() -> int | None:
    """The deadline that is being carried out here, if any."""
    return _running.get()


def put(
    ticket: Ticket,
    kind: Deadline.Kind,
    *,
    due_at: datetime,
    actor: User,
    now: datetime,
    payload: Mapping[str, Any] | None = None,
) -> Deadline:
    """Let something fall due."""
    row = Deadline.create(kind=kind, ticket=ticket, due_at=due_at, created_at=now, payload=dict(payload or {}))
    record(
        History.Type.SET_DEADLINE, actor=actor, ticket=ticket, field=kind, new=due_at.isoformat(), deadline=row.pk
    )  # fmt: skip
    return row


@transaction.atomic
def cancel_deadlines(ticket: Ticket, *, reason: str, actor: User) -> int:
    """Take back all that was to be done to a ticket later: measures, reminders, tasks; how many.

    Its clocks go on: a snooze or a pause ends with the status it belongs to, or in time.
    """
    edit(ticket, actor=actor)
    return cancel(ticket, reason=reason, actor=actor, kinds=WORK)


def cancel(
    ticket: Ticket,
    *,
    reason: str,
    actor: User,
    kinds: Collection[Deadline.Kind] | None = None,
    settling: int | None = None,
    job: int | None = None,
) -> int:
    """Take back what was to happen to a locked ticket, of all kinds or some; how many.

    `job`: only what carries out that order. `settling`: the deadline that is being carried out and stays. Orders to act
    on the service go with their deadline.
    """
    wanted = Deadline.filter(ticket=ticket, state=DeadlineState.PENDING).exclude(APPLYING)
    carried_out = [pk for pk in (settling, _running.get()) if pk is not None]
    if carried_out:
        wanted = wanted.exclude(pk__in=carried_out)
    if kinds is not None:
        wanted = wanted.filter(kind__in=list(kinds))
    if job is not None:
        wanted = wanted.filter(payload__job=job)
    pending = list(wanted.select_for_update().order_by("pk"))
    if not pending:
        return 0
    now = timezone.now()
    Deadline.filter(pk__in=[row.pk for row in pending]).update(
        state=DeadlineState.CANCELLED, result=reason, done_at=now
    )
    record(
        History.Type.CANCEL_DEADLINE, actor=actor, ticket=ticket, new=reason,
        kinds=sorted({row.kind for row in pending}),
    )  # fmt: skip
    _cancel_jobs(ticket, [row.payload["job"] for row in pending if "job" in row.payload], reason=reason, actor=actor)
    return len(pending)


def _cancel_jobs(ticket: Ticket, ids: Collection[int], *, reason: str, actor: User) -> None:
    if not ids:
        return
    jobs = list(ServiceActionJob.filter(pk__in=list(ids)).select_related("action").order_by("pk"))
    ServiceActionJob.filter(pk__in=[job.pk for job in jobs]).update(status="cancelled", comment=reason[:256])
    for job in jobs:
        record(
            History.Type.CANCEL_ACTION, actor=actor, ticket=ticket, old=job.action.name, new=reason, job=job.pk
        )  # fmt: skip
    if ticket.action_id is not None and ticket.action_id in {job.action_id for job in jobs}:
        write(ticket, action=None)


def shift(ticket: Ticket, by: timedelta, *, kinds: Collection[Deadline.Kind] | None = None) -> None:
    """Move what is to happen to a locked ticket; without `kinds` all but the end of its pause."""
    rows = Deadline.filter(ticket=ticket, state=DeadlineState.PENDING).exclude(APPLYING)
    rows = rows.exclude(kind=Kind.PAUSE) if kinds is None else rows.filter(kind__in=list(kinds))
    rows.update(due_at=F("due_at") + by)
