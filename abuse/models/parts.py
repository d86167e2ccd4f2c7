"""Reports of which a text holds a part, whatever the case: the newest ones, at a cost that does not grow with the desk.

A part that is in many reports is found among the newest of them. Of others, the index is asked for those of some time,
and only where that gives few, for all. So no statement reads more than a few thousand rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from abuse.utils.trigrams import Frequencies, holding, rarest

from .reports import Report

MAX_HELD = 1000
"""Reports that are found at most. Where there are more, `MAX_FREQUENT` of them are given."""
ENOUGH = 200
"""Reports found among the newest rows, or those of some time, that are enough."""
_PROMISED = 200
"""Rows among those of a look, going by a sample, for which it is worth looking there."""
MAX_FREQUENT = 400
"""Reports that are given, the newest, where there are enough among those."""
_NEWEST = 5000
"""Rows that are looked through where no index helps, at most: 1.5 µs each, 3 of a report."""
_FEWEST = 1500
"""Rows that are looked through then even if fewer would do, going by a sample."""
_NEAR, _FAR = 20_000, 100_000
"""Rows, by their ids, of which the index gives those that hold the part before it gives all."""
_MAX_ROWS = 20_000
"""Rows that are read of a part that is frequent only in old ones."""
_NEWEST_BODIES = 200
"""Bodies that are looked through: 10 µs each, and more where they are long."""
_SAMPLED, _SAMPLED_FOR_TRIGRAMS = 2000, 500
_SAMPLE_SECONDS = 300.0


class Column(NamedTuple):
    """A column of texts, and where the id of the report stands in its table."""

    table: str
    report: str
    text: str


BODIES = Column("abuse_report", "id", "body")
SUBJECTS = Column("abuse_report", "id", "subject")
ITEMS = Column("abuse_reportitem", "report_id", "raw_item")


class Held(NamedTuple):
    """Reports, newest first, with the ticket of each; and whether there are no others."""

    reports: Sequence[tuple[int, int | None]]
    is_complete: bool


# The planner does not see the part: it would guess how many rows have it, and for many, read the whole table. As it is,
# it thinks of one row in 200, and takes the index; with the ids of some time in sight, it joins both by bitmaps.
_READ = """NAME AS MATERIALIZED (
    SELECT report, text || '' ILIKE (SELECT part FROM asked) AS is_held
    FROM (SELECT REPORT AS report, TEXT AS text FROM TABLE WHICH) AS one
)"""
_THERE_ARE_OLDER = "EXISTS (SELECT FROM TABLE OFFSET %(newest)s)"
_BY_AGE = "ORDER BY id DESC LIMIT %(newest)s"
_BY_TRIGRAMS = "WHERE FEW AND TEXT ILIKE (SELECT rarest FROM asked)"
_ENOUGH = "(SELECT count(DISTINCT report) FROM NAME WHERE is_held) >= %(enough)s"
_IF_ENOUGH = f"(SELECT DISTINCT report FROM NAME WHERE is_held AND {_ENOUGH} ORDER BY 1 DESC LIMIT %(frequent)s)"  # noqa: S608
_STATEMENT = """
WITH asked AS MATERIALIZED (SELECT %(part)s::text AS part, %(rarest)s::text AS rarest),
PARTS,
found (report) AS MATERIALIZED (
    FOUND
)
SELECT report.id, report.ticket_id, cut.is_cut
FROM (SELECT IS_CUT AS is_cut) AS cut
LEFT JOIN (SELECT DISTINCT report FROM found ORDER BY report DESC LIMIT %(most)s + 1) AS one ON true
LEFT JOIN abuse_report AS report ON report.id = one.report
ORDER BY report.id DESC
"""
_BODIES = """
WITH newest AS MATERIALIZED (
    SELECT id, ticket_id, body ILIKE %(part)s AS is_held FROM abuse_report ORDER BY id DESC LIMIT %(newest)s
), found AS MATERIALIZED (
    SELECT id, ticket_id FROM newest WHERE is_held
    UNION
    SELECT id, ticket_id FROM abuse_report WHERE id = ANY(%(candidates)s) AND body ILIKE %(part)s
)
SELECT found.id, found.ticket_id, cut.is_cut
FROM (SELECT EXISTS (SELECT FROM abuse_report OFFSET %(newest)s) AS is_cut) AS cut
LEFT JOIN (SELECT * FROM found ORDER BY id DESC LIMIT %(most)s + 1) AS found ON true
ORDER BY found.id DESC
"""
# Row by row: the planner might find all that hold the part first, to see which of them are new.
_NEWEST_OF_SOME = """
WITH newest (id, ticket_id) AS MATERIALIZED (SOME)
SELECT one.id, one.ticket_id, held.is_held, one.is_newest
FROM (
    SELECT id, ticket_id, true AS is_newest FROM newest
    UNION ALL
    SELECT id, ticket_id, false FROM abuse_report WHERE id = ANY(%s) AND id NOT IN (SELECT id FROM newest)
) AS one
LEFT JOIN LATERAL (
    SELECT true AS is_held FROM TABLE AS of WHERE of.REPORT = one.id AND of.TEXT || '' ILIKE %s LIMIT 1
) AS held ON true
"""


def _filled(template: str, **values: str) -> str:
    """A template with what stands for its words in capitals."""
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def _by_index() -> str:
    limits = {
        "near": "AND %(near)s > 0 AND id > %(near)s",
        "far": "AND %(far)s > 0 AND id > %(far)s",
        "everything": "LIMIT %(rows)s + 1",
    }
    steps: list[str] = []
    parts: list[str] = []
    for name, limit in limits.items():
        few = " AND ".join(["true", *(f"NOT {_filled(_ENOUGH, NAME=before)}" for before in steps)])
        parts.append(_filled(_READ, NAME=name, WHICH=f"{_filled(_BY_TRIGRAMS, FEW=few)} {limit}"))
        steps.append(name)
    found = [_filled(_IF_ENOUGH, NAME=name) for name in steps[:-1]]
    cuts = [_filled(_ENOUGH, NAME=name) for name in steps[:-1]]
    return _filled(
        _STATEMENT,
        PARTS=",\n".join(parts),
        FOUND="\n    UNION ALL\n    ".join([*found, "SELECT report FROM everything WHERE is_held"]),
        IS_CUT=" OR ".join([*cuts, "(SELECT count(*) FROM everything) > %(rows)s"]),
    )


_BY_INDEX = _by_index()
_WITHOUT_INDEX = _filled(
    _STATEMENT,
    PARTS=_filled(_READ, NAME="newest", WHICH=_BY_AGE),
    FOUND="SELECT report FROM newest WHERE is_held",
    IS_CUT=_THERE_ARE_OLDER,
)


def reports_holding(column: Column, part: str) -> Held:
    """The reports of which the text in a column holds a part. One statement, and now and then one more.

    The column has to have an index of trigrams.
    """
    sample = _sample_of(column)
    share, pattern = sample.frequencies.of_part(part), rarest(part, sample.frequencies, sample.highest)
    values = {
        "part": holding(part), "rarest": pattern, "near": sample.highest - _NEAR, "far": sample.highest - _FAR,
        "enough": ENOUGH, "frequent": MAX_FREQUENT, "rows": _MAX_ROWS, "most": MAX_HELD,
        "newest": min(_NEWEST, max(_FEWEST, round(MAX_FREQUENT / share))) if share else _NEWEST,
    }  # fmt: skip
    looks = {"near": _NEAR, "far": _FAR}
    values |= {name: 0 for name, rows in looks.items() if share * rows < _PROMISED}
    names = {"TABLE": column.table, "REPORT": column.report, "TEXT": column.text}
    return _held(_filled(_BY_INDEX if pattern else _WITHOUT_INDEX, **names), values)


def bodies_holding(part: str, candidates: Sequence[int]) -> Held:
    """Of the newest reports, and of some candidates, those of which the body holds a part. One statement."""
    values = {"part": holding(part), "candidates": list(candidates), "newest": _NEWEST_BODIES, "most": MAX_HELD}
    return _held(_BODIES, values)


def newest_holding(
    column: Column, part: str, reports: QuerySet[Report], most: int, candidates: Sequence[int] = ()
) -> Held:
    """Of some reports, those among the newest of which a text holds a part; complete, if there are no others.

    Of candidates, too, whether they are some of these reports or not. One statement.
    """
    try:
        newest, values = reports.order_by("-pk").values_list("pk", "ticket_id")[:most].query.sql_with_params()
    except EmptyResultSet:
        return Held([], is_complete=True)
    names = {"TABLE": column.table, "REPORT": column.report, "TEXT": column.text, "SOME": newest}
    with connection.cursor() as cursor:
        cursor.execute(_filled(_NEWEST_OF_SOME, **names), [*values, list(candidates), holding(part)])
        rows = cursor.fetchall()
    is_complete = sum(is_newest for *_, is_newest in rows) < most
    return Held([(report, ticket) for report, ticket, is_held, _ in rows if is_held], is_complete=is_complete)


def _held(statement: str, values: Mapping[str, Any]) -> Held:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    reports = [(report, ticket) for report, ticket, _ in rows if report is not None]
    is_complete = len(reports) <= MAX_HELD and not rows[0][2]
    return Held(reports if is_complete else reports[:MAX_FREQUENT], is_complete=is_complete)


class _Sample(NamedTuple):
    """What the newest rows of a column look like. It decides what a question costs, never what it finds."""

    until: float
    highest: int
    frequencies: Frequencies


# Shared by all threads of a process; two that look at the same time do no harm.
_samples: dict[Column, _Sample] = {}


def _sample_of(column: Column) -> _Sample:
    now = time.monotonic()
    known = _samples.get(column)
    if known is None or known.until < now:
        with connection.cursor() as cursor:
            statement = f"SELECT id, {column.text} FROM {column.table} ORDER BY id DESC LIMIT %s"  # noqa: S608 - ours
            cursor.execute(statement, [_SAMPLED])
            rows: list[tuple[int, Any]] = cursor.fetchall()
        texts = [text for _, text in rows if text]
        highest = rows[0][0] if rows else 0
        known = _Sample(now + _SAMPLE_SECONDS, highest, Frequencies(texts, _SAMPLED_FOR_TRIGRAMS))
        _samples[column] = known
    return known
