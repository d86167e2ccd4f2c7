"""Questions to the counts: what happened in a period, by day, category, detail or operator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from django.db.models import Max, QuerySet, Sum

from .statistics import KpiCount, KpiDay

By = Literal["day", "kind", "category", "detail", "operator"]
BYS: tuple[By, ...] = get_args(By)
MAX_FIGURES = 50_000


@dataclass(frozen=True, slots=True)
class Figure:
    """How often something happened; parts that were not asked for are None.

    `mean_seconds` and `longest_seconds` where it took time.
    """

    count: int
    day: date | None = None
    kind: str | None = None
    category: str | None = None
    detail: str | None = None
    operator: str | None = None
    mean_seconds: float | None = None
    longest_seconds: int | None = None


def figures(
    first: date,
    last: date,
    *,
    by: Sequence[By] = ("kind",),
    kinds: Collection[KpiCount.Kind] | None = None,
    categories: Collection[str] | None = None,
    operators: Collection[str] | None = None,
) -> list[Figure]:
    """What happened from one day to another, both included, summed up by `by`; in the order of `by`.

    `kinds`, `categories` and `operators` (user names): only these; None: all. Different kinds are never summed up.

    :raises ValueError: for a period that ends before it begins.
    """
    if last < first:
        raise ValueError(f"period: {first} to {last}; expected the first day not after the last")
    rows = _chosen(KpiCount.filter(day__gte=first, day__lte=last), kinds, categories, operators)
    names = tuple(dict.fromkeys((*by, "kind")))
    keys = {name: "operator__username" if name == "operator" else name for name in names}
    summed = (
        rows.order_by(*keys.values())
        .values(*keys.values())
        .annotate(total=Sum("times"), time=Sum("seconds"), most=Max("longest"))
    )
    found = []
    for row in summed[:MAX_FIGURES]:
        time, times = row["time"], row["total"]
        found.append(
            Figure(
                count=times,
                mean_seconds=None if time is None else time / times,
                longest_seconds=row["most"],
                **{name: row[key] for name, key in keys.items()},
            )
        )
    return found


def counted_until(last: date) -> datetime | None:
    """The moment at which the numbers of the days up to one were counted last; None when never."""
    found: datetime | None = KpiDay.filter(day__lte=last).aggregate(at=Max("counted_at"))["at"]
    return found


def _chosen(
    rows: QuerySet[KpiCount],
    kinds: Collection[KpiCount.Kind] | None,
    categories: Collection[str] | None,
    operators: Collection[str] | None,
) -> QuerySet[KpiCount]:
    if kinds is not None:
        rows = rows.filter(kind__in=[str(kind) for kind in kinds])
    if categories is not None:
        rows = rows.filter(category__in=list(categories))
    if operators is not None:
        rows = rows.filter(operator__username__in=list(operators))
    return rows
