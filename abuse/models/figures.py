"""Counts over tickets and reports, for dashboards: each question is one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from .defendants import Defendant
from .people import User
from .questions import live_reports, live_tickets
from .reports import Report
from .statuses import TicketStatus
from .tickets import StarredTicket, Ticket

S = TicketStatus
OWN_STATES: Mapping[str, tuple[TicketStatus, ...]] = {
    "answered": (S.ANSWERED,),
    "todo": (S.ACTION_ERROR, S.ALARM, S.OPEN, S.REOPENED),
    "sleeping": (S.PAUSED, S.WAITING_ANSWER),
}
"""What one's own tickets wait for: to be read, to be acted on, or for time to pass."""
STATES: Mapping[str, tuple[TicketStatus, ...]] = {
    "idle": (S.OPEN, S.REOPENED),
    "waiting": (S.WAITING_ANSWER, S.PAUSED),
    "pending": (S.ANSWERED, S.ALARM, S.ACTION_ERROR),
}
"""Open tickets: nobody decided yet; waiting for others or for time; something happened."""


def own_counts(tickets: QuerySet[Ticket], user: User) -> dict[str, int]:
    """How many tickets are a user's own, by state, how many he starred, and how many are escalated."""
    own = Q(treated_by=user)
    counted = {name: Count("pk", filter=own & Q(status__in=states)) for name, states in OWN_STATES.items()}
    # Indexes have these few. Those that he starred may be closed, and are asked for apart: else all would be looked at.
    few = live_tickets(tickets.order_by()).filter(own | Q(escalated=True))
    counts = few.aggregate(all=Count("pk", filter=own), escalated=Count("pk", filter=Q(escalated=True)), **counted)
    starred = tickets.filter(pk__in=StarredTicket.filter(user=user).values("ticket")).count()
    return {**{name: int(count) for name, count in counts.items()}, "starred": starred}


@dataclass(frozen=True, slots=True)
class Cell:
    """How many there are of a category and status."""

    category: str
    status: str
    count: int


def open_tickets_by_category(tickets: QuerySet[Ticket]) -> list[Cell]:
    """How many open tickets there are of each category and status."""
    return _cells(live_tickets(tickets))


def live_reports_by_category(reports: QuerySet[Report]) -> list[Cell]:
    """How many reports that are not put away there are of each category and status."""
    return _cells(live_reports(reports))


def _cells(rows: QuerySet[Ticket] | QuerySet[Report]) -> list[Cell]:
    grouped = rows.order_by().values_list("category", "status").annotate(n=Count("*")).order_by("category", "status")
    return [Cell(category, status, count) for category, status, count in grouped]


def summed(cells: Iterable[Cell], by: str) -> dict[str, int]:
    """The counts by `category` or `status`."""
    sums: dict[str, int] = {}
    for cell in cells:
        key = getattr(cell, by)
        sums[key] = sums.get(key, 0) + cell.count
    return sums


@dataclass(frozen=True, slots=True)
class Busiest:
    """A customer, and how many tickets or reports there are about him."""

    pk: int
    customer_id: str
    email: str | None
    count: int


def busiest_customers(rows: QuerySet[Ticket] | QuerySet[Report], limit: int = 20) -> list[Busiest]:
    """The customers with the most tickets or reports among some."""
    grouped = (
        rows.filter(defendant__isnull=False)
        .order_by()
        .values_list("defendant")
        .annotate(n=Count("*"))
        .order_by("-n", "defendant")
    )
    counts = dict(grouped[:limit])
    # Their names afterwards, for the few that are shown: joined first they would be read for each row that is counted.
    known = Defendant.objects.select_related("details").in_bulk(counts)
    return [
        Busiest(pk, one.customer_id, one.details.email if one.details else None, counts[pk])
        for pk in counts
        if (one := known.get(pk)) is not None
    ]


def daily(rows: QuerySet[Ticket] | QuerySet[Report], column: str, *, since: datetime) -> dict[str, dict[int, int]]:
    """How many of some rows there are a day, by category: {category: {midnight in ms since 1970: n}}."""
    zone = timezone.get_current_timezone()
    grouped = (
        rows.filter(**{f"{column}__gte": since})
        .order_by()
        .annotate(day=TruncDate(column))
        .values_list("category", "day")
        .annotate(n=Count("pk"))
        .order_by("category", "day")
    )
    found: dict[str, dict[int, int]] = {}
    for category, day, count in grouped:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        found.setdefault(category, {})[int(midnight.timestamp()) * 1000] = count
    return found
