"""Carrying out a measure on a customer's service: at most once, whatever dies when.

    begin    the order: pending -> applying          (committed before anybody is asked)
    ask      the action service                      (no transaction, no lock)
    finish   what it said, and what follows from it  (one transaction)

A service may say that it took the order and will tell later how it ended: then the order is `doing` until the callback
comes (`callbacks.py`), and put to a person as `unknown` when it does not come in time.

A process that dies in between leaves an order that is `applying`. After LEASE nobody waits for it any more: it is put
to a person as `unknown`, since it may have been carried out; only a service that tells repeated orders apart by their
key (`IdempotentActionService`) is asked again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast

from django.db import transaction
from django.utils import timezone

from abuse.models import Deadline, DeadlineState, ServiceActionJob, Ticket, TicketStatus, User
from abuse.services.action import ActionResult, ActionService
from abuse.services.facade import ServiceError, facade

from . import actions, order_ends
from .order_ends import APPLYING, DOING

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
"""How long an action service may take. Its answer counts even when it comes later; it is only waited for so long."""
MAX_ATTEMPTS = 5

_CLOSINGS = {
    "service": "close_service",
    "all": "close_all_services",
    "customer": "close_defendant",
}


class IdempotentActionService(Protocol):
    """What an action service has besides its contract when the same order may safely be given to it twice."""

    def apply_action_once(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int, *, idempotency_key: str
    ) -> ActionResult:
        """`apply_action_on_service`, but an order whose key is known is answered and not carried out again."""


@dataclass(frozen=True, slots=True)
class _Order:
    """An order that is being carried out."""

    deadline_id: int
    ticket_id: int
    job: ServiceActionJob
    user_id: int


@dataclass(frozen=True, slots=True)
class _Failure:
    error: str


def carry_out(deadline_id: int, *, moment: datetime, actor: User) -> bool:
    """Carry out the measure of a deadline that is due; False when there was nothing to do, or another does it.

    Not to be called inside a transaction: whoever is asked must be asked only for what is committed.
    """
    order = _begin(deadline_id, moment=moment, actor=actor)
    if not isinstance(order, _Order):
        return order
    answer: ActionResult | _Failure
    try:
        answer = _ask(order)
    except ServiceError as error:
        answer = _Failure(str(error))
    except Exception as error:  # a fault of the service's own: the order failed, the others go on
        log.exception("order %s", order.job.pk)
        answer = _Failure(f"{type(error).__name__}: {error}")
    _finish(order, answer, actor=actor)
    return True


def _begin(deadline_id: int, *, moment: datetime, actor: User) -> _Order | bool:
    with transaction.atomic(durable=True):
        ticket_id = Deadline.filter(pk=deadline_id).values_list("ticket_id", flat=True).first()
        if ticket_id is None:
            return False
        ticket = Ticket.objects.filter(pk=ticket_id).select_for_update(skip_locked=True, no_key=True).first()
        if ticket is None:
            return False
        deadline = (
            Deadline.filter(pk=deadline_id, state=DeadlineState.PENDING, due_at__lte=moment).select_for_update().first()
        )
        if deadline is None or deadline.ticket_id != ticket.pk:  # another has it, or the ticket was merged just now
            return False
        job = ServiceActionJob.objects.select_for_update(of=("self",)).select_related("action").get(
            pk=deadline.payload["job"]
        )  # fmt: skip
        began = "applying" in deadline.payload
        if ticket.status == TicketStatus.PAUSED and not began:
            return False
        if began and (fault := _given_up(deadline, job)) is not None:
            order_ends.end_unknown(ticket, deadline, job, fault, actor=actor)
            return True
        status = TicketStatus(deadline.payload["applying"] if began else ticket.status)
        job.status, job.attempts = APPLYING, job.attempts + 1
        job.save(update_fields=["status", "attempts"])
        deadline.payload = {**deadline.payload, "applying": str(status)}
        deadline.attempts += 1
        deadline.due_at = timezone.now() + LEASE
        deadline.save(update_fields=["payload", "attempts", "due_at"])
        return _Order(deadline.pk, ticket.pk, job, deadline.payload["user"])


def _given_up(deadline: Deadline, job: ServiceActionJob) -> str | None:
    """Why nobody waits for the end of an order any more, and the service is not asked again; None when it is."""
    if "doing" in deadline.payload:
        return "unknown result: the system took the order and did not say in time how it ended; see whether it was done"
    if not _may_ask_again() or job.attempts >= MAX_ATTEMPTS:
        return "unknown result: the process that carried it out ended before it could say; see whether it was done"
    return None


def _may_ask_again() -> bool:
    is_there = facade("ActionServiceBase").is_implemented()
    return is_there and getattr(ActionService, "apply_action_once", None) is not None


def _ask(order: _Order) -> ActionResult:
    action = order.job.action
    if action.module == actions.CLOSING:
        close = getattr(ActionService, _CLOSINGS[action.level])
        answer = close(Ticket.get(pk=order.ticket_id), user=User.objects.get(pk=order.user_id))
        return answer if isinstance(answer, ActionResult) else ActionResult(todo_id="", status="ok")
    if _may_ask_again():
        service = cast("IdempotentActionService", ActionService)
        return service.apply_action_once(
            order.ticket_id, action.pk, order.job.ip, order.user_id, idempotency_key=order.job.idempotency_key or ""
        )
    return ActionService.apply_action_on_service(order.ticket_id, action.pk, order.job.ip, order.user_id)


def _finish(order: _Order, answer: ActionResult | _Failure, *, actor: User) -> None:
    def end(ticket: Ticket, deadline: Deadline, job: ServiceActionJob) -> None:
        if deadline.state == DeadlineState.DONE:
            return  # a callback was faster than the answer, or another process asked as well
        if isinstance(answer, _Failure):
            order_ends.end_badly(ticket, deadline, job, answer.error, actor=actor)
        elif answer.told_within is not None:
            _wait(ticket, deadline, job, answer, answer.told_within, actor=actor)
        else:
            order_ends.end_well(ticket, deadline, job, answer, actor=actor)

    order_ends.with_order(order.deadline_id, end, actor=actor)


def _wait(
    ticket: Ticket, deadline: Deadline, job: ServiceActionJob, answer: ActionResult, within: timedelta, *, actor: User
) -> None:
    """The order was taken; what follows waits for the callback, and so does the deadline, which is then due."""
    deadline.payload = {**deadline.payload, "applying": deadline.payload.get("applying", ticket.status), "doing": True}
    deadline.state, deadline.done_at, deadline.due_at = DeadlineState.PENDING, None, timezone.now() + within
    deadline.result = f"{answer.status}: {answer.comment}"[:2000]
    deadline.save(update_fields=["payload", "state", "done_at", "due_at", "result"])
    job.status, job.comment, job.action_todo_id = DOING, answer.comment[:256], answer.todo_id[:128] or None
    job.save(update_fields=["status", "comment", "action_todo_id"])
    order_ends.write_down(ticket, job, comment=f"{answer.status}: {answer.comment}", actor=actor)


def remind(deadline: Deadline, ticket: Ticket, *, actor: User) -> str:
    """Remind the customer of a measure that is to come; what was done. Only while his answer is waited for."""
    if ticket.status != TicketStatus.WAITING_ANSWER:
        return f"the ticket was {ticket.status}"
    count = order_ends.tell_customer(
        ticket, "second_alert_with_action", cause=f"reminder:{deadline.pk}", actor=actor
    )  # fmt: skip
    return f"reminded at {count} addresses"
