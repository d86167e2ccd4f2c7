"""What is printed, and what is written as JSON."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import Any

from .measure import BIG_COMMIT, Measured, percentile

MOST_ROUND_TRIPS = 12
LEAST_RATIO = 0.25


def to_json(measured: Measured) -> dict[str, Any]:
    """The figures as plain values; rates in mails a second, times in milliseconds."""
    return {
        "machine": {"processors": os.cpu_count(), "python": platform.python_version()},
        "mails": measured.mails,
        "average_bytes": round(measured.bytes / measured.mails),
        "rounds": len(measured.desk),
        "receive_mails_per_second": round(median(measured.receiving), 1),
        "desk_mails_per_second": round(median(measured.desk), 1),
        "desk_mails_per_second_each_round": [round(rate, 1) for rate in measured.desk],
        "worker_mails_per_second": None if measured.worker is None else round(measured.worker, 1),
        "floor_mails_per_second": round(median(measured.floor), 1),
        "floor_20_mails_per_second": round(median(measured.floor_big), 1),
        "ratio_to_floor": round(median(measured.floor_ratio), 3),
        "ratio_to_floor_20": round(median(measured.floor_big_ratio), 3),
        "round_trips_per_mail": round(measured.round_trips, 2),
        "parse_milliseconds_p50": round(percentile(measured.parsing, 50) * 1000, 3),
        "parse_milliseconds_p95": round(percentile(measured.parsing, 95) * 1000, 3),
        "parse_share_of_desk_time": round(median(measured.parsing_share), 3),
        "targets": {
            "round_trips_per_mail_at_most": MOST_ROUND_TRIPS,
            "ratio_to_floor_at_least": LEAST_RATIO,
            "met": meets_targets(measured),
        },
        "states": measured.states,
        "rules": measured.rules,
        "reports": measured.reports,
        "tickets": measured.tickets,
    }


def meets_targets(measured: Measured) -> bool:
    """Whether the desk is as fast as it promises."""
    return measured.round_trips <= MOST_ROUND_TRIPS and median(measured.floor_ratio) >= LEAST_RATIO


def table(measured: Measured) -> str:
    """The figures for people."""
    low, high = min(measured.desk), max(measured.desk)
    rows = [
        ("desk, one process", f"{median(measured.desk):.0f} mails/s", f"rounds from {low:.0f} to {high:.0f}"),
        (
            "desk, one RQ worker",
            "not measured" if measured.worker is None else f"{measured.worker:.0f} mails/s",
            "from the bell to the last commit",
        ),
        ("storing", f"{median(measured.receiving):.0f} mails/s", "bytes and rows, synced to disk"),
        ("floor, a commit a mail", f"{median(measured.floor):.0f} mails/s", "see docs/reference/benchmark.md"),
        (f"floor, a commit in {BIG_COMMIT}", f"{median(measured.floor_big):.0f} mails/s", ""),
        ("desk to floor", f"{median(measured.floor_ratio):.2f}", f"wanted: {LEAST_RATIO} or more"),
        (f"desk to floor of {BIG_COMMIT}", f"{median(measured.floor_big_ratio):.2f}", ""),
        ("SQL round trips a mail", f"{measured.round_trips:.1f}", f"wanted: {MOST_ROUND_TRIPS} or fewer"),
        (
            "parsing a mail",
            f"{percentile(measured.parsing, 50) * 1000:.2f} ms",
            f"p95 {percentile(measured.parsing, 95) * 1000:.2f} ms; "
            f"{median(measured.parsing_share):.0%} of the desk's time",
        ),
    ]
    lines = [f"  {name:<24}{value:>14}   {remark}".rstrip() for name, value, remark in rows]
    made = f"{measured.reports} reports, {measured.tickets} tickets"
    states = ", ".join(f"{count} {state}" for state, count in measured.states.items())
    head = f"{measured.mails} mails of {measured.bytes // measured.mails} bytes on average: {made}; mails: {states}"
    return "\n".join([head, "", *lines])
