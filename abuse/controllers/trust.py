"""What a reporter's word has proved to be worth, learned from what became of his reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, FloatField, Q, Sum, Value
from django.db.models.expressions import CombinedExpression, F, Func
from django.utils import timezone

from abuse.models import Category, History, Provider, Report, ReportOutcome, Ticket, User

from .history import record

Outcome = ReportOutcome.Outcome

HALF_LIFE = timedelta(days=90)
"""After so long an outcome counts half: reporters change, and so do their tools."""
PRIOR_MEAN = 0.5
PRIOR_WEIGHT = 4.0
"""What is believed of a reporter nobody knows, and how many outcomes it takes to outweigh that."""

OUTCOME_OF_RESOLUTION: Mapping[str, ReportOutcome.Outcome] = {
    "fixed": Outcome.CONFIRMED,
    "fixed_by_isp": Outcome.CONFIRMED,
    "fixed_by_customer": Outcome.CONFIRMED,
    "no_more_content": Outcome.CONFIRMED,
    "forward_acns": Outcome.CONFIRMED,
    "duplicate": Outcome.DUPLICATE,
    "not_ours": Outcome.NOT_OURS,
    "invalid": Outcome.FALSE,
}
"""What the resolution of a ticket says about its reports. An `invalid` ticket without a customer: not ours.

Any other resolution whose codename begins with `fixed` confirms them too; one that is not listed says nothing.
"""

_RECORD_ALL = """
INSERT INTO abuse_reportoutcome (report_id, provider_id, category_id, outcome, user_id, date)
SELECT id, provider_id, category_id, %(outcome)s, %(user)s, %(date)s FROM abuse_report WHERE ticket_id = %(ticket)s
ON CONFLICT (report_id) DO UPDATE SET provider_id = excluded.provider_id, category_id = excluded.category_id,
    outcome = excluded.outcome, user_id = excluded.user_id, date = excluded.date
"""


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a reporter is believed in one category: 0 (never) to 1 (always), and what that rests on.

    The counts are of all time; in the score old outcomes count less and duplicates do not count. `hand_set`: an
    operator trusts the reporter, which goes before all counting.
    """

    score: float
    confirmed: int
    false: int
    duplicate: int
    not_ours: int
    hand_set: bool


def outcome_of(resolution: str, *, has_customer: bool) -> ReportOutcome.Outcome | None:
    """What closing a ticket with a resolution says about its reports; None when it says nothing."""
    found = OUTCOME_OF_RESOLUTION.get(resolution)
    if found is None and resolution.startswith("fixed"):
        return Outcome.CONFIRMED
    if found == Outcome.FALSE and not has_customer:
        return Outcome.NOT_OURS
    return found


@transaction.atomic
def record_outcome(report: Report, outcome: ReportOutcome.Outcome, *, actor: User) -> None:
    """Note what a report turned out to be. A later verdict replaces the earlier one."""
    before = ReportOutcome.filter(report=report).values_list("outcome", flat=True).first()
    values = {"provider_id": report.provider_id, "category_id": report.category_id, "outcome": outcome, "user": actor}
    ReportOutcome.objects.update_or_create(report=report, defaults={**values, "date": timezone.now()})
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, report=report, ticket=report.ticket, field="outcome", old=before,
        new=outcome,
    )  # fmt: skip


@transaction.atomic
def record_closing(ticket: Ticket, resolution: str, *, actor: User) -> None:
    """Note what the closing of a ticket says about all of its reports."""
    outcome = outcome_of(resolution, has_customer=ticket.defendant_id is not None)
    if outcome is None:
        return
    values: dict[str, Any] = {"outcome": str(outcome), "user": actor.pk, "date": timezone.now(), "ticket": ticket.pk}
    with connection.cursor() as cursor:
        cursor.execute(_RECORD_ALL, values)


def trust_of(provider: Provider, category: Category | str) -> Trust:
    """How far a reporter is believed in a category."""
    name = category if isinstance(category, str) else category.name
    return trust_of_many([(provider, name)])[provider.email, name]


def trust_of_many(pairs: Iterable[tuple[Provider, str]]) -> Mapping[tuple[str, str], Trust]:
    """How far each reporter is believed in a category, by address and category name; one query for all."""
    wanted = {(provider.email, category): provider for provider, category in pairs}
    if not wanted:
        return {}
    rows = (
        ReportOutcome.filter(provider__in={email for email, _ in wanted}, category__in={name for _, name in wanted})
        .order_by()
        .values("provider_id", "category_id")
        .annotate(
            **{str(one): Count("pk", filter=Q(outcome=one)) for one in Outcome},
            right=Sum(_weight(), filter=Q(outcome=Outcome.CONFIRMED), default=0.0),
            wrong=Sum(_weight(), filter=Q(outcome__in=[Outcome.FALSE, Outcome.NOT_OURS]), default=0.0),
        )
    )
    found: dict[tuple[str, str], Mapping[str, Any]] = {(row["provider_id"], row["category_id"]): row for row in rows}
    nothing: dict[str, Any] = {**{str(one): 0 for one in Outcome}, "right": 0.0, "wrong": 0.0}
    return {key: _trust(found.get(key, nothing), provider) for key, provider in wanted.items()}


def _weight() -> Func:
    """What an outcome counts today: one half to the power of its age in half-lives."""
    age = Func(Value(timezone.now()) - F("date"), template="EXTRACT(EPOCH FROM %(expressions)s)")
    halves = CombinedExpression(age, "/", Value(HALF_LIFE.total_seconds()), output_field=FloatField())
    since = Func(Value(0.0), halves, function="GREATEST", output_field=FloatField())
    return Func(Value(0.5), since, function="POWER", output_field=FloatField())


def _trust(row: Mapping[str, Any], provider: Provider) -> Trust:
    right, wrong = row["right"], row["wrong"]
    mean = (right + PRIOR_MEAN * PRIOR_WEIGHT) / (right + wrong + PRIOR_WEIGHT)
    return Trust(
        score=1.0 if provider.trusted else mean,
        confirmed=int(row["confirmed"]),
        false=int(row["false"]),
        duplicate=int(row["duplicate"]),
        not_ours=int(row["not_ours"]),
        hand_set=provider.trusted,
    )
