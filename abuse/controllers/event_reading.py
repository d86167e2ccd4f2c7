"""Reading events in the order of their commits, so that whoever reads on from one of them misses none.

Rows get their numbers before they are committed: number 7 may be there before number 6. So events are read only up to
the oldest transaction that is still under way; what is older than that is complete, and stays in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from abuse.config import current
from abuse.models import ApiToken, Event
from abuse.models.questions import Sight, sights_of

MAX_READ = 500
MAX_BACKLOG = 2000
"""Events that one who comes back is given; who has missed more has to look at everything anew."""
_LAST = 2**63 - 1
_NOT_STREAMED = ("report.created", "mail.parked", "webhook.test")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of events."""

    transaction_id: int
    event_id: int

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(event.transaction_id, event.pk)

    def as_text(self) -> str:
        """As it is given to clients: with the moment, since what they missed is not kept for ever."""
        return f"{self.transaction_id}-{self.event_id}-{int(timezone.now().timestamp())}"


def read_position(text: str) -> Position | None:
    """The place that a client names; None when what has happened since may not be there any more, or it is no place."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 20 for part in parts):
        return None
    transaction_id, event_id, moment = map(int, parts)
    # After a database was restored on another server the numbers begin anew.
    kept = timedelta(days=current().EVENTS.keep_days).total_seconds()
    is_known = transaction_id < _horizon() and timezone.now().timestamp() - moment < kept
    return Position(transaction_id, min(event_id, _LAST)) if is_known else None


def now_position() -> Position:
    """After all that is complete."""
    return Position(_horizon() - 1, _LAST)


def after(position: Position, limit: int = MAX_READ) -> Sequence[Event]:
    """The events after a place, in order, with their tickets; as far as they are complete."""
    later = Q(transaction_id=position.transaction_id, id__gt=position.event_id)
    rows = Event.filter(later | Q(transaction_id__gt=position.transaction_id), transaction_id__lt=_horizon())
    rows = rows.exclude(kind__in=_NOT_STREAMED).select_related("ticket").order_by("transaction_id", "id")
    return list(rows[:limit])


def are_some_incomplete() -> bool:
    """Whether there are events that wait for a transaction that began before theirs."""
    return Event.filter(transaction_id__gte=_horizon()).exists()


def may_hear(event: Event, *, user_id: int, sight: Sight) -> bool:
    """Whether somebody may be told of an event: as his profiles are, and as the ticket is now."""
    if event.ticket is None:
        return event.user_id is not None and event.user_id == user_id
    return event.user_id in {None, user_id} and sight.may_see_ticket(event.ticket)


def sights_by_token(token_ids: Iterable[int]) -> dict[int, Sight]:
    """What the owners of tokens may see now, in two queries; a token that is worth nothing any more is not there."""
    valid = ApiToken.filter(pk__in=list(token_ids), expires_at__gt=timezone.now(), user__is_active=True)
    rows = list(valid.select_related("user"))
    sights = sights_of([row.user for row in rows])
    return {
        row.pk: sights[row.user_id] if row.categories is None else sights[row.user_id].within(row.categories)
        for row in rows
    }


def _horizon() -> int:
    """The number of the oldest transaction that is under way: what is below it is complete."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])
