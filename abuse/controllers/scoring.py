"""Which ticket next, weighed: what is known of each is turned into points, and each point has its reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from abuse.models import Provider, Report, Ticket, User

from .todo import GLOBAL, todo
from .trust import Trust, trust_of_many

MAX_SCORED = 1000
"""Tickets that are weighed: the first ones of the global order."""

SEVERITY: Mapping[str, int] = {
    "Illegal": 30,
    "Malware": 28,
    "Phishing": 26,
    "Network Attack": 24,
    "Intrusion": 20,
    "Spam": 12,
    "Copyright": 8,
    "Other": 6,
}
"""How bad it is while it lasts, in points. A category of the desk's own has UNKNOWN_SEVERITY."""
UNKNOWN_SEVERITY = 10
PRIORITY_POINTS: Mapping[str, int] = {"Low": -10, "Normal": 0, "High": 15, "Critical": 40}
MAX_TRUST_POINTS = 15
MAX_REPEAT_POINTS = 15
POINTS_A_TICKET = 3
MAX_AGE_POINTS = 14
"""Reached after two weeks: one point a day."""
MAX_PROMISE_POINTS = 30


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that moves a ticket up (or down), in words, with its points."""

    text: str
    points: float


@dataclass(frozen=True, slots=True)
class ScoredTicket:
    """A ticket with its score, the sum of its reasons; the heaviest reason first."""

    ticket: Ticket
    score: float
    reasons: tuple[Reason, ...]


def scored_tickets(
    user: User, *, limit: int = 50, tickets: QuerySet[Ticket] | None = None, only_unassigned: bool = False
) -> list[ScoredTicket]:
    """The tickets that a user could work on next, the heaviest first, each with why. Four queries, however many.

    Weighed are the severity of the category and the priority, how far its reporters are believed, the customer's
    earlier tickets, its age, and how near or how long ago its promised moment is. At most MAX_SCORED are.
    """
    earlier = Ticket.filter(defendant=OuterRef("defendant"), creation_date__lt=OuterRef("creation_date"))
    counted = earlier.order_by().values("defendant").annotate(n=Count("pk")).values("n")
    candidates = list(
        todo(user, GLOBAL, tickets, only_unassigned=only_unassigned)
        .annotate(earlier_tickets=Coalesce(Subquery(counted), Value(0)))
        .select_related("defendant__details", "service", "treated_by")[:MAX_SCORED]
    )
    trusts = _trusts(candidates)
    now = timezone.now()
    scored = [_scored(ticket, trusts.get(ticket.pk), now) for ticket in candidates]
    return sorted(scored, key=lambda one: (-one.score, one.ticket.modification_date, one.ticket.pk))[:limit]


def _trusts(tickets: Sequence[Ticket]) -> dict[int, Trust]:
    """The most believed reporter of each ticket."""
    rows = (
        Report.filter(ticket__in=[ticket.pk for ticket in tickets])
        .order_by()
        .values_list("ticket", "category", "provider", "provider__trusted")
        .distinct()
    )
    triples = [(pk, category, Provider(email=email, trusted=trusted)) for pk, category, email, trusted in rows]
    found = trust_of_many((provider, category) for _, category, provider in triples)
    best: dict[int, Trust] = {}
    for pk, category, provider in triples:
        trust = found[provider.email, category]
        if pk is not None and (pk not in best or trust.score > best[pk].score):
            best[pk] = trust
    return best


def _scored(ticket: Ticket, trust: Trust | None, now: datetime) -> ScoredTicket:
    reasons = [
        Reason(f"it is about {ticket.category_id}", SEVERITY.get(ticket.category_id, UNKNOWN_SEVERITY)),
        Reason(f"the priority is {ticket.priority}", PRIORITY_POINTS[ticket.priority]),
        *_because_of_trust(trust),
        *_because_of_repetition(ticket),
        *_because_of_age(ticket, now),
        *_because_of_promise(ticket, now),
    ]
    weighty = sorted((reason for reason in reasons if reason.points), key=lambda reason: -abs(reason.points))
    return ScoredTicket(ticket, round(sum(reason.points for reason in weighty), 1), tuple(weighty))


def _because_of_trust(trust: Trust | None) -> list[Reason]:
    if trust is None:
        return []
    if trust.hand_set:
        return [Reason("the reporter is trusted", MAX_TRUST_POINTS)]
    points = round((2 * trust.score - 1) * MAX_TRUST_POINTS, 1)
    right, judged = trust.confirmed, trust.confirmed + trust.false + trust.not_ours
    return [Reason(f"the reporter was right {right} times of {judged}", points)]


def _because_of_repetition(ticket: Ticket) -> list[Reason]:
    count = int(getattr(ticket, "earlier_tickets", 0))
    if not count:
        return []
    words = "one earlier ticket" if count == 1 else f"{count} earlier tickets"
    return [Reason(f"the customer has had {words}", min(count * POINTS_A_TICKET, MAX_REPEAT_POINTS))]


def _because_of_age(ticket: Ticket, now: datetime) -> list[Reason]:
    days = (now - ticket.creation_date) / timedelta(days=1)
    points = round(min(max(days, 0.0), MAX_AGE_POINTS), 1)
    return [Reason(f"it is {days:.1f} days old", points)]


def _because_of_promise(ticket: Ticket, now: datetime) -> list[Reason]:
    """The promise that ends first: no points a day ahead, all of them when it is broken."""
    promises = [("solved", ticket.solution_due_at)]
    if ticket.looked_at is None:
        promises.append(("looked at", ticket.look_due_at))
    due = [(due_at, what) for what, due_at in promises if due_at is not None]
    if not due:
        return []
    due_at, what = min(due)
    hours = (due_at - now) / timedelta(hours=1)
    if hours <= 0:
        return [Reason(f"it should have been {what} {-hours:.1f} hours ago", MAX_PROMISE_POINTS)]
    points = round(max(0.0, 1 - hours / 24) * MAX_PROMISE_POINTS, 1)
    return [Reason(f"it is to be {what} within {hours:.1f} hours", points)]
