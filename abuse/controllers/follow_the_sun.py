"""Tickets of people who are away: marked, so that others see to them, and unmarked when their owner is back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from abuse.models import ROBOT_NAME, History, Ticket, TicketStatus, User

from .editing import edit, write
from .history import record

AWAY_AFTER = timedelta(hours=24)
"""An owner who has neither logged in nor done anything for so long is away."""
REASON_AWAY = "the owner is away"
REASON_BACK = "the owner is back"
BATCH = 500


def follow_the_sun(*, now: datetime, actor: User) -> int:
    """Raise the alarm of live tickets whose owner is away, and take it back where he is back; how many changed.

    Only an alarm that was raised for this reason is taken back.
    """
    owners = User.objects.filter(treated_tickets__in=_live()).exclude(username=ROBOT_NAME).distinct()
    seen = History.filter(user=OuterRef("pk"), date__gt=now - AWAY_AFTER)
    away = (
        owners.annotate(came=Coalesce("last_login", "date_joined"))
        .filter(came__lte=now - AWAY_AFTER)
        .exclude(Exists(seen))
        .values_list("pk", flat=True)
    )
    gone = list(away)
    left = _live().filter(treated_by__in=gone, alarm=False) if gone else Ticket.objects.none()
    marked = History.filter(ticket=OuterRef("pk"), field="alarm").order_by("-date", "-pk")
    back = _live().filter(alarm=True, treated_by__isnull=False).exclude(treated_by__in=gone)
    back = back.annotate(why=marked.values("refs__reason")[:1]).filter(why=REASON_AWAY)
    changed = sum(_mark(pk, True, REASON_AWAY, actor) for pk in _first(left))
    return changed + sum(_mark(pk, False, REASON_BACK, actor) for pk in _first(back))


def _first(tickets: QuerySet[Ticket]) -> list[int]:
    """Some of them: those beyond BATCH get their turn in the next round."""
    return list(tickets.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _live() -> QuerySet[Ticket]:
    return Ticket.objects.exclude(status__in=[TicketStatus.CLOSED, TicketStatus.PAUSED])


@transaction.atomic
def _mark(pk: int, alarm: bool, reason: str, actor: User) -> bool:
    """Set one ticket's alarm, unless somebody has done so meanwhile."""
    ticket = Ticket.get(pk=pk)
    edit(ticket, actor=actor)
    if ticket.alarm == alarm or not ticket.is_open:
        return False
    write(ticket, alarm=alarm)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="alarm", old=not alarm, new=alarm, reason=reason
    )  # fmt: skip
    return True
