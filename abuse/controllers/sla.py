"""What is promised for a category: when a ticket is looked at and when it is solved, and when that was not kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from abuse.models import History, Ticket, TicketStatus, User

from .editing import write
from .history import record

BATCH = 500


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was not kept: which (`first_look` or `solution`), and when it ended."""

    promise: str
    due_at: datetime


def breach_of(ticket: Ticket, now: datetime) -> Breach | None:
    """The promise about a ticket that is broken by now and was not marked yet; the one that ended first."""
    if ticket.sla_breached_at is not None:
        return None
    broken = []
    if ticket.look_due_at is not None and (ticket.looked_at is None or ticket.looked_at > ticket.look_due_at):
        broken.append(Breach("first_look", ticket.look_due_at))
    if ticket.solution_due_at is not None:
        broken.append(Breach("solution", ticket.solution_due_at))
    return min((one for one in broken if one.due_at <= now), key=lambda one: one.due_at, default=None)


def moved(ticket: Ticket, by: timedelta) -> dict[str, Any]:
    """The promises of a ticket whose clock stood still for so long; one that is kept or broken stays as it was."""
    columns: dict[str, Any] = {}
    if ticket.sla_breached_at is not None:
        return columns
    if ticket.look_due_at is not None and ticket.looked_at is None:
        columns["look_due_at"] = ticket.look_due_at + by
    if ticket.solution_due_at is not None:
        columns["solution_due_at"] = ticket.solution_due_at + by
    return columns


def mark(ticket: Ticket, breach: Breach, *, actor: User) -> None:
    """Mark a broken promise on a locked ticket."""
    write(ticket, sla_breached_at=breach.due_at)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="sla_breached_at",
        new=breach.due_at.isoformat(), promise=breach.promise,
    )  # fmt: skip


def mark_breaches(*, now: datetime, actor: User) -> int:
    """Mark the tickets whose promise was not kept; how many. The clock of a paused ticket stands still."""
    overdue = (
        Ticket.exclude(status__in=[TicketStatus.CLOSED, TicketStatus.PAUSED])
        .filter(Q(look_due_at__lte=now, looked_at__isnull=True) | Q(solution_due_at__lte=now))
        .filter(sla_breached_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    )
    return sum(_mark_one(pk, now, actor) for pk in list(overdue))


@transaction.atomic
def _mark_one(pk: int, now: datetime, actor: User) -> bool:
    ticket = Ticket.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(pk=pk).first()
    if ticket is None or ticket.status in {TicketStatus.CLOSED, TicketStatus.PAUSED}:
        return False
    breach = breach_of(ticket, now)
    if breach is None:
        return False
    mark(ticket, breach, actor=actor)
    return True
