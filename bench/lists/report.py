"""What is printed, and what is written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.measure import percentile

from .measuring import Times

MOST_QUERIES = 10
MOST_MILLISECONDS = 50
_SHOWN = ("p50", "p95", "max", "processor_p50", "processor_p95")


def to_json(measured: Sequence[Times]) -> dict[str, Any]:
    """The figures as plain values; times in milliseconds."""
    return {
        "targets": {"queries_at_most": MOST_QUERIES, "p95_milliseconds_at_most": MOST_MILLISECONDS},
        "met": meets_targets(measured),
        "kinds": {times.kind.name: _figures(times) for times in measured},
    }


def meets_targets(measured: Sequence[Times]) -> bool:
    """Whether every page of a list is as cheap as promised: in time of processor, as others may use the machine too."""
    return not any(_is_missed(times) for times in measured)


def _is_missed(times: Times) -> bool:
    if not times.kind.is_list:
        return False
    return max(times.queries) > MOST_QUERIES or percentile(times.processor, 95) * 1000 > MOST_MILLISECONDS


def _figures(times: Times) -> dict[str, Any]:
    return {
        "requests": len(times.wall),
        "queries_at_most": max(times.queries),
        **{f"p{part}": round(percentile(times.wall, part) * 1000, 2) for part in (50, 95)},
        "max": round(max(times.wall) * 1000, 2),
        "processor_p50": round(percentile(times.processor, 50) * 1000, 2),
        "processor_p95": round(percentile(times.processor, 95) * 1000, 2),
        "database_p50": round(percentile(times.server, 50) * 1000, 2),
        "times_the_floor": round(median(times.processor) / median(times.floor), 1),
    }


def table(measured: Sequence[Times]) -> str:
    """The figures for people."""
    head = ("", "p50 ms", "p95", "max", "CPU p50", "p95", "of it SQL", "x floor", "queries", "")
    rows: list[tuple[str, ...]] = [head]
    for times in measured:
        found = _figures(times)
        rows.append((
            times.kind.name, *(f"{found[name]:.1f}" for name in _SHOWN),
            f"{found['database_p50']:.1f}", f"{found['times_the_floor']:.1f}", str(found["queries_at_most"]),
            "missed" if _is_missed(times) else "",
        ))  # fmt: skip
    return "\n".join(f"{row[0]:<34}" + "".join(f"{cell:>10}" for cell in row[1:]).rstrip() for row in rows)
