"""Carrying out a measure on a customer's service: at most once, whatever dies when.

    begin    the order: pending -> applying          (committed before anybody is asked)
    ask      the action service                      (no transaction, no lock)
    finish   what it said, and what follows from it  (one transaction)

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

from abuse.models import (
    TICKET_MOVES,
    Deadline,
    DeadlineState,
    History,
    OutgoingMessage,
    Resolution,
    ServiceActionJob,
    Ticket,
    TicketStatus,
    User,
)
from abuse.services.action import ActionResult, ActionService
from abuse.services.facade import ServiceError

from . import actions, clocks, correspondence, moves
from .editing import edit, write
from .history import record

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
"""How long an action service may take. Its answer counts even when it comes later; it is only waited for so long."""
MAX_ATTEMPTS = 5
_LEFT_TO_PEOPLE = frozenset(
    {TicketStatus.ANSWERED, TicketStatus.CLOSED, TicketStatus.PAUSED, TicketStatus.ACTION_ERROR}
)

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
    then: actions.Then
    status: TicketStatus
    """What the ticket was when it began."""


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
        if deadline is None:
            return False
        job = ServiceActionJob.objects.select_for_update(of=("self",)).select_related("action").get(
            pk=deadline.payload["job"]
        )  # fmt: skip
        began = "applying" in deadline.payload
        if ticket.status == TicketStatus.PAUSED and not began:
            return False
        if began and (not _may_ask_again() or job.attempts >= MAX_ATTEMPTS):
            _unknown(ticket, deadline, job, actor=actor)
            return True
        status = TicketStatus(deadline.payload["applying"] if began else ticket.status)
        job.status, job.attempts = "applying", job.attempts + 1
        job.save(update_fields=["status", "attempts"])
        deadline.payload = {**deadline.payload, "applying": str(status)}
        deadline.attempts += 1
        deadline.due_at = timezone.now() + LEASE
        deadline.save(update_fields=["payload", "attempts", "due_at"])
        then = actions.Then.from_json(deadline.payload["then"])
        return _Order(deadline.pk, ticket.pk, job, deadline.payload["user"], then, status)


def _may_ask_again() -> bool:
    return getattr(ActionService, "apply_action_once", None) is not None


def _ask(order: _Order) -> ActionResult:
    action = order.job.action
    if action.module == actions.CLOSING:
        close = getattr(ActionService, _CLOSINGS[action.level])
        close(Ticket.get(pk=order.ticket_id), user=User.objects.get(pk=order.user_id))
        return ActionResult(todo_id="", status="ok")
    if _may_ask_again():
        service = cast("IdempotentActionService", ActionService)
        return service.apply_action_once(
            order.ticket_id, action.pk, order.job.ip, order.user_id, idempotency_key=order.job.idempotency_key or ""
        )
    return ActionService.apply_action_on_service(order.ticket_id, action.pk, order.job.ip, order.user_id)


def _unknown(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, *, actor: User) -> None:
    said = "unknown result: the process that carried it out ended before it could say; see whether it was done"
    _settle(deadline, DeadlineState.FAILED, said)
    _note(ticket, job, status="unknown", comment=said, actor=actor)
    _to_action_error(ticket, reason=said, actor=actor)


def _finish(order: _Order, answer: ActionResult | _Failure, *, actor: User) -> None:
    with transaction.atomic():
        ticket = Ticket.get(pk=order.ticket_id)
        edit(ticket, actor=actor)
        deadline = Deadline.objects.select_for_update().get(pk=order.deadline_id)
        job = ServiceActionJob.objects.select_for_update(of=("self",)).select_related("action").get(pk=order.job.pk)
        if isinstance(answer, _Failure):
            _settle(deadline, DeadlineState.DONE, f"failed: {answer.error}")
            _note(ticket, job, status="actionError", comment=answer.error, actor=actor)
            _to_action_error(ticket, reason=answer.error, actor=actor)
            return
        _settle(deadline, DeadlineState.DONE, f"{answer.status}: {answer.comment}")
        _note(ticket, job, status=answer.status or "ok", comment=answer.comment, actor=actor, todo=answer.todo_id)
        try:
            with transaction.atomic():
                _follow_up(ticket, order, actor=actor)
        except Exception as error:
            # The measure was taken and must not be forgotten because a mail about it could not be written.
            log.exception("after order %s", job.pk)
            edit(ticket, actor=actor)
            _to_action_error(ticket, reason=f"done, but what follows failed: {error}", actor=actor)


def _settle(deadline: Deadline, state: DeadlineState, result: str) -> None:
    deadline.state, deadline.result, deadline.done_at = state, result[:2000], timezone.now()
    deadline.payload = {key: value for key, value in deadline.payload.items() if key != "applying"}
    deadline.save(update_fields=["state", "result", "done_at", "payload"])


def _note(ticket: Ticket, job: ServiceActionJob, *, status: str, comment: str, actor: User, todo: str = "") -> None:
    job.status, job.comment, job.execution_date = status[:32], comment[:256], timezone.now()
    job.action_todo_id = todo[:128] or None
    job.save(update_fields=["status", "comment", "execution_date", "action_todo_id"])
    record(
        History.Type.APPLY_ACTION, actor=actor, ticket=ticket, old=job.action.name, new=job.status, job=job.pk,
        comment=comment[:2000], ip=job.ip,
    )  # fmt: skip
    if ticket.action_id == job.action_id:
        write(ticket, action=None)


def _to_action_error(ticket: Ticket, *, reason: str, actor: User) -> None:
    """A person has to look. A closed ticket stays closed; its history says what happened."""
    if TicketStatus.ACTION_ERROR in TICKET_MOVES[TicketStatus(ticket.status)]:
        moves.move(ticket, TicketStatus.ACTION_ERROR, actor=actor, refs={"reason": reason[:2000]})


def _follow_up(ticket: Ticket, order: _Order, *, actor: User) -> None:
    then = order.then
    if then.notify_customer and OutgoingMessage.filter(ticket=ticket, category="Defendant").exists():
        _tell_customer(ticket, "service_blocked", cause=f"action:{order.job.pk}", actor=actor)
    if ticket.status != order.status and ticket.status in _LEFT_TO_PEOPLE:
        return  # somebody answered or decided while it was carried out: a person sees to the rest
    if then.resolution is not None:
        for address in _reporters_written_to(ticket):
            correspondence.send_template(ticket, "case_closed", address, cause=f"action:{order.job.pk}", actor=actor)
        moves.close(ticket, Resolution.get(codename=then.resolution), actor=actor)
    elif then.status == TicketStatus.WAITING_ANSWER and then.snooze_seconds:
        clocks.begin_snooze(ticket, then.snooze_seconds, actor=actor)
    elif ticket.status != then.status:
        moves.move(ticket, then.status, actor=actor)


def _reporters_written_to(ticket: Ticket) -> list[str]:
    rows = OutgoingMessage.filter(ticket=ticket, category="Plaintiff").order_by("recipient")
    return list(rows.values_list("recipient", flat=True).distinct())


def _tell_customer(ticket: Ticket, codename: str, *, cause: str, actor: User) -> int:
    """Write to all addresses of a ticket's customer; how many there are."""
    details = ticket.defendant.details if ticket.defendant else None
    addresses = [details.email, details.spare_email] if details else []
    known = list(dict.fromkeys(address for address in addresses if address))
    for address in known:
        lang = (details.lang if details else None) or "EN"
        correspondence.send_template(ticket, codename, address, cause=cause, actor=actor, lang=lang)
    return len(known)


def remind(deadline: Deadline, ticket: Ticket, *, actor: User) -> str:
    """Remind the customer of a measure that is to come; what was done. Only while his answer is waited for."""
    if ticket.status != TicketStatus.WAITING_ANSWER:
        return f"the ticket was {ticket.status}"
    count = _tell_customer(ticket, "second_alert_with_action", cause=f"reminder:{deadline.pk}", actor=actor)
    return f"reminded at {count} addresses"
