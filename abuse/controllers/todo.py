"""Which ticket next: the queues of people.

Each order is one query. `scoring.py` has one that weighs what is known of a ticket instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from abuse.models import AbusePermission, Operator, Priority, Profile, Report, Ticket, TicketStatus, User
from abuse.models.ordering import TieBreak
from abuse.models.statuses import TO_DO

Status = TicketStatus

GLOBAL = "GlobalSchedulingAlgorithm"
LIMITED_OPEN = "LimitedOpenSchedulingAlgorithm"
OLD_CUSTOMER = timedelta(days=30)


def algorithm_of(user: User) -> str | None:
    """The order that a user's role gives him; None when it gives none."""
    try:
        role = user.operator.role  # read with whoever calls
    except Operator.DoesNotExist:
        return None
    name = role.models_authorizations.get("ticket", {}).get("schedulingAlgorithm")
    return name if name in ALGORITHMS else None


def todo(
    user: User,
    algorithm: str | None,
    tickets: QuerySet[Ticket] | None = None,
    *,
    only_unassigned: bool = False,
    profiles: Mapping[str, str] | None = None,
) -> QuerySet[Ticket]:
    """The tickets that a user could work on next, in the order of an algorithm; none where it is unknown.

    `tickets`: those to choose from, such as those that a filter left. `profiles`: see `workable`.
    """
    order = ALGORITHMS.get(algorithm or "")
    if order is None:
        return Ticket.objects.none()
    chosen = workable(user, Ticket.all() if tickets is None else tickets, profiles)
    if only_unassigned:
        chosen = chosen.filter(treated_by__isnull=True)
    return order(chosen, user)


def workable(user: User, tickets: QuerySet[Ticket], profiles: Mapping[str, str] | None = None) -> QuerySet[Ticket]:
    """Those of some tickets that a user's profiles let him work on.

    `profiles`: by category, where a token gives fewer than he has; else they are read, and a superuser needs none.
    """
    if profiles is None:
        if user.is_superuser:
            return tickets
        profiles = dict(AbusePermission.filter(user=user).values_list("category", "profile__name"))
    of_profile: dict[str, list[str]] = {}
    for category, profile in profiles.items():
        of_profile.setdefault(profile, []).append(category)
    open_to_all = Q(confidential=False)
    for_beginners = open_to_all & Q(escalated=False, moderation=False, priority__in=[Priority.LOW, Priority.NORMAL])
    return tickets.filter(
        Q(category__in=of_profile.get(Profile.Name.EXPERT, []))
        | Q(open_to_all, category__in=of_profile.get(Profile.Name.ADVANCED, []))
        | Q(for_beginners, category__in=of_profile.get(Profile.Name.BEGINNER, []))
    )


def _global(tickets: QuerySet[Ticket], user: User) -> QuerySet[Ticket]:
    """Critical ones first, then by status, urgency, owner (mine, others', nobody's) and age."""
    level = TieBreak(Case(When(status=Status.OPEN, then=_tag_level()), default=Value(0)), output_field=IntegerField())
    return tickets.filter(status__in=TO_DO).order_by(
        "queue_rank", _owner_rank(user), "modification_date", level.desc(), "pk"
    )


def _limited_open(tickets: QuerySet[Ticket], user: User) -> QuerySet[Ticket]:
    """For first-level staff: open, not escalated, normal or low urgency; no old customer who has several of those."""
    such = Q(status=Status.OPEN, escalated=False, priority__in=[Priority.NORMAL, Priority.LOW])
    another = Ticket.filter(such, defendant=OuterRef("defendant")).exclude(pk=OuterRef("pk"))
    level = TieBreak(_tag_level(), output_field=IntegerField())
    is_old = Q(defendant__details__creation_date__lt=timezone.now() - OLD_CUSTOMER)
    return (
        tickets.filter(such)
        .exclude(is_old & Exists(another))
        .order_by("queue_rank", _owner_rank(user), "modification_date", level.desc(), "pk")
    )


ALGORITHMS: Mapping[str, Callable[[QuerySet[Ticket], User], QuerySet[Ticket]]] = {
    GLOBAL: _global,
    LIMITED_OPEN: _limited_open,
}


def _owner_rank(user: User) -> Case:
    return Case(
        When(treated_by=user, then=Value(0)),
        When(treated_by__isnull=False, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )


def _tag_level() -> Coalesce:
    """The highest level among the tags of a ticket's reports."""
    levels = Report.filter(ticket=OuterRef("pk")).order_by().values("ticket").annotate(most=Max("tags__level"))
    return Coalesce(Subquery(levels.values("most")), Value(0))
