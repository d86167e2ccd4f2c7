"""Being told how an order ended, by a system that had said that it would tell. See `applying.py`."""

from __future__ import annotations

import logging
from enum import StrEnum

from abuse.models import Deadline, DeadlineState, ServiceActionJob, Ticket, User
from abuse.services.action import OrderResult

from . import order_ends
from .editing import Refused
from .order_ends import APPLYING, DOING, FAILED, UNKNOWN

log = logging.getLogger(__name__)

Kind = Deadline.Kind


class UnknownOrder(Refused):
    """There is no order of that key."""


class Noted(StrEnum):
    """What became of a result."""

    NOTED = "noted"
    LATE = "noted, but too late: a person sees to the ticket"
    KNOWN = "known already"


def note_result(told: OrderResult, *, actor: User) -> Noted:
    """Take what a system says of an order. The first word counts; the same one again changes nothing.

    It may come before the answer to the order itself is read. After the time for it is over it is only written down.

    :raises UnknownOrder: when there is no order of that key.
    :raises Refused: for an order that was never given, and for another end than the one that is known.
    """
    number = ServiceActionJob.filter(idempotency_key=told.key).values_list("asynchronous_job_id", flat=True).first()
    known = Deadline.filter(pk=int(number), kind=Kind.SERVICE_ACTION) if number and number.isdecimal() else None
    if number is None or known is None or not known.exists():
        raise UnknownOrder(f"key: {told.key!r}; expected that of an order")

    def take(ticket: Ticket, deadline: Deadline, job: ServiceActionJob) -> Noted:
        return _take(ticket, deadline, job, told, actor=actor)

    return order_ends.with_order(int(number), take, actor=actor)


def _take(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, told: OrderResult, *, actor: User) -> Noted:
    if job.status in {"pending", "cancelled"}:
        raise Refused(f"key: order {told.key!r} is {job.status}: it was never given")
    if job.status in {APPLYING, DOING} and deadline.state == DeadlineState.PENDING:
        _end(ticket, deadline, job, told, actor=actor)
        return Noted.NOTED
    if job.status in {APPLYING, DOING, UNKNOWN}:
        _note_late(ticket, job, told, actor=actor)
        return Noted.LATE
    if (job.status == FAILED) != told.has_failed:
        log.warning("order %s ended with %s, and is now said to have ended with %s", job, job.status, told.result)
        raise Refused(f"status: {told.result.status!r}, but order {told.key!r} has ended with {job.status!r}")
    return Noted.KNOWN


def _end(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, told: OrderResult, *, actor: User) -> None:
    if told.has_failed:
        job.action_todo_id = told.result.todo_id or job.action_todo_id
        order_ends.end_badly(ticket, deadline, job, told.result.comment or "the system says it failed", actor=actor)
    else:
        order_ends.end_well(ticket, deadline, job, told.result, actor=actor)


def _note_late(ticket: Ticket, job: ServiceActionJob, told: OrderResult, *, actor: User) -> None:
    """Nobody waits for it any more: it is written down, and what follows is left to the person who was called."""
    order_ends.note(
        ticket,
        job,
        status=FAILED if told.has_failed else told.result.status,
        comment=f"late: {told.result.comment or told.result.status}",
        actor=actor,
        todo=told.result.todo_id,
    )
