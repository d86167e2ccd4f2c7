"""What becomes of an order once it is known how it ended: `applying` asked for it, `callbacks` is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

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
from abuse.services.action import ActionResult

from . import clocks, correspondence, moves
from .actions import Then
from .editing import edit, write
from .history import record

T = TypeVar("T")
log = logging.getLogger(__name__)

APPLYING, DOING, UNKNOWN, FAILED = "applying", "doing", "unknown", "actionError"
"""Of a `ServiceActionJob`: the service is asked; it took the order and will say; nobody can say; it was not done."""
_LEFT_TO_PEOPLE = frozenset(
    {TicketStatus.ANSWERED, TicketStatus.CLOSED, TicketStatus.PAUSED, TicketStatus.ACTION_ERROR}
)


def with_order(deadline_id: int, run: Callable[[Ticket, Deadline, ServiceActionJob], T], *, actor: User) -> T:
    """Do something with an order in one transaction: its ticket is locked first, as everybody does, then the order.

    A ticket that is merged meanwhile hands its order on to another one; that one is then locked.
    """
    while True:
        with transaction.atomic():
            ticket = Ticket.get(deadlines=deadline_id)
            edit(ticket, actor=actor)
            deadline = Deadline.objects.select_for_update().get(pk=deadline_id)
            if deadline.ticket_id == ticket.pk:
                job = ServiceActionJob.objects.select_for_update(of=("self",)).select_related("action")
                return run(ticket, deadline, job.get(pk=deadline.payload["job"]))


def end_well(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, answer: ActionResult, *, actor: User) -> None:
    """The measure was taken: note it, and let follow what is to follow. All three are locked."""
    then, status = Then.from_json(deadline.payload["then"]), deadline.payload.get("applying")
    settle(deadline, DeadlineState.DONE, f"{answer.status}: {answer.comment}")
    note(ticket, job, status=answer.status or "ok", comment=answer.comment, actor=actor, todo=answer.todo_id)
    try:
        with transaction.atomic():
            _follow_up(ticket, job, then, status, actor=actor)
    except Exception as error:
        # The measure was taken and must not be forgotten because a mail about it could not be written.
        log.exception("after order %s", job.pk)
        edit(ticket, actor=actor)
        to_action_error(ticket, reason=f"done, but what follows failed: {error}", actor=actor)


def end_badly(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, fault: str, *, actor: User) -> None:
    """The measure was not taken: a person has to look. All three are locked."""
    settle(deadline, DeadlineState.DONE, f"failed: {fault}")
    note(ticket, job, status=FAILED, comment=fault, actor=actor)
    to_action_error(ticket, reason=fault, actor=actor)


def end_unknown(ticket: Ticket, deadline: Deadline, job: ServiceActionJob, fault: str, *, actor: User) -> None:
    """Nobody can say whether the measure was taken: a person has to look. All three are locked."""
    settle(deadline, DeadlineState.FAILED, fault)
    note(ticket, job, status=UNKNOWN, comment=fault, actor=actor)
    to_action_error(ticket, reason=fault, actor=actor)


def settle(deadline: Deadline, state: DeadlineState, result: str) -> None:
    """Nothing is waited for any more."""
    deadline.state, deadline.result, deadline.done_at = state, result[:2000], timezone.now()
    deadline.payload = {key: value for key, value in deadline.payload.items() if key not in {"applying", "doing"}}
    deadline.save(update_fields=["state", "result", "done_at", "payload"])


def note(ticket: Ticket, job: ServiceActionJob, *, status: str, comment: str, actor: User, todo: str = "") -> None:
    """Keep how an order ended, with history; the ticket's action is over."""
    job.status, job.comment, job.execution_date = status[:32], comment[:256], timezone.now()
    job.action_todo_id = todo[:128] or job.action_todo_id
    job.save(update_fields=["status", "comment", "execution_date", "action_todo_id"])
    write_down(ticket, job, comment=comment, actor=actor)
    if ticket.action_id == job.action_id:
        write(ticket, action=None)


def write_down(ticket: Ticket, job: ServiceActionJob, *, comment: str, actor: User) -> None:
    """The row of history that says how an order stands."""
    record(
        History.Type.APPLY_ACTION, actor=actor, ticket=ticket, old=job.action.name, new=job.status, job=job.pk,
        comment=comment[:2000], ip=job.ip,
    )  # fmt: skip


def to_action_error(ticket: Ticket, *, reason: str, actor: User) -> None:
    """A person has to look. A closed ticket stays closed; its history says what happened."""
    if TicketStatus.ACTION_ERROR in TICKET_MOVES[TicketStatus(ticket.status)]:
        moves.move(ticket, TicketStatus.ACTION_ERROR, actor=actor, refs={"reason": reason[:2000]})


def _follow_up(ticket: Ticket, job: ServiceActionJob, then: Then, status: str | None, *, actor: User) -> None:
    """`status`: what the ticket was when the service was asked."""
    if then.notify_customer and OutgoingMessage.filter(ticket=ticket, category="Defendant").exists():
        tell_customer(ticket, "service_blocked", cause=f"action:{job.pk}", actor=actor)
    if ticket.status != status and ticket.status in _LEFT_TO_PEOPLE:
        return  # somebody answered or decided while it was carried out: a person sees to the rest
    if then.resolution is not None:
        addresses = _reporters_written_to(ticket)
        moves.close(ticket, Resolution.get(codename=then.resolution), actor=actor, told=addresses)
        correspondence.tell_reporters(ticket, "case_closed", addresses, cause=f"action:{job.pk}", actor=actor)
    elif then.status == TicketStatus.WAITING_ANSWER and then.snooze_seconds:
        clocks.begin_snooze(ticket, then.snooze_seconds, actor=actor)
    elif ticket.status != then.status:
        moves.move(ticket, then.status, actor=actor)


def _reporters_written_to(ticket: Ticket) -> list[str]:
    rows = OutgoingMessage.filter(ticket=ticket, category="Plaintiff").order_by("recipient")
    return list(rows.values_list("recipient", flat=True).distinct())


def tell_customer(ticket: Ticket, codename: str, *, cause: str, actor: User) -> int:
    """Write to all addresses of a ticket's customer; how many there are."""
    details = ticket.defendant.details if ticket.defendant else None
    addresses = [details.email, details.spare_email] if details else []
    known = list(dict.fromkeys(address for address in addresses if address))
    for address in known:
        correspondence.send_template(ticket, codename, address, cause=cause, actor=actor)
    return len(known)
