"""What the decisions of one transaction share, so that a batch of mails costs few statements.

Inside `written_together` some rows wait for the end of the block and go out in one statement each: history, time-outs
of reports, and the priority, date, version and number of reports of tickets that reports joined. Whoever has to read or
change one of these rows by SQL before that calls `write` first. A report that is still to be decided on takes no part
in the decisions on those before it: the outcome does not depend on how many mails share a transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import connection

from abuse.models import Deadline, Event, History, ReportThreshold, Ticket
from abuse.models.inserting import insert_all
from abuse.models.prepared import Statement

from .event_rows import write_events

Triple = tuple[int, str, int]
"""(defendant, category, service): what one open ticket is about, and what reports wait on."""

# The predicate is that of the index `one_timeout_per_report`.
_WRITE_TIMEOUTS = Statement("""
INSERT INTO abuse_deadline (kind, report_id, due_at, created_at, payload, state, attempts, result)
SELECT 'report_timeout', report_id, due_at, created_at, '{}', 'pending', 0, ''
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS timeout (report_id, due_at, created_at)
ON CONFLICT (kind, report_id) WHERE state = 'pending' AND kind = 'report_timeout' DO UPDATE SET due_at = excluded.due_at
""")
_WRITE_JOINED = Statement("""
UPDATE abuse_ticket AS ticket
SET priority = joined.priority, modification_date = joined.modification_date, version = joined.version,
    attached_reports_count = ticket.attached_reports_count + joined.reports
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::int[], %s::int[])
     AS joined (id, priority, modification_date, version, reports)
WHERE ticket.id = joined.id
""")


@dataclass(slots=True)
class Together:
    """What waits to be written, by report or ticket id where there can be one of it only, and what is known."""

    history: list[History] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    changed: set[tuple[int | None, str]] = field(default_factory=set)
    """Of which tickets it is told already that they changed, and in what."""
    timeouts: dict[int, Deadline] = field(default_factory=dict)
    joined: dict[int, Ticket] = field(default_factory=dict)
    joining: Counter[int] = field(default_factory=Counter)
    """How many reports joined each of these."""
    undecided: set[int] = field(default_factory=set)
    """Reports made in this transaction on which nothing was decided yet."""
    report_counts: dict[int, int] = field(default_factory=dict)
    """How many reports a ticket has, for the tickets that the transaction has locked."""
    waiting: dict[Triple, bool] = field(default_factory=dict)
    """Whether decided reports may wait, where that is known: those of other transactions are kept out by a lock."""
    _thresholds: dict[str, ReportThreshold] | None = None

    def threshold(self, category: str) -> ReportThreshold | None:
        """The threshold of a category; all are read at the first question."""
        if self._thresholds is None:
            self._thresholds = {threshold.category_id: threshold for threshold in ReportThreshold.all()}
        return self._thresholds.get(category)

    def write(self) -> None:
        """Write what waits, now."""
        if self.history:
            insert_all(self.history)
        if self.timeouts:
            write_timeouts(list(self.timeouts.values()))
        if self.joined:
            write_joined(list(self.joined.values()), self.joining)
        write_events(self.events)
        self.events, self.changed = [], set()
        self.history, self.timeouts, self.joined, self.joining = [], {}, {}, Counter()


_present: ContextVar[Together | None] = ContextVar("together", default=None)


def present() -> Together | None:
    """What is shared here; None outside of `written_together`."""
    return _present.get()


def undecided() -> set[int]:
    """The reports of this transaction that are still to be decided on."""
    together = _present.get()
    return together.undecided if together is not None else set()


@contextmanager
def written_together() -> Iterator[Together]:
    """Let the block share what it decides; what waits is written at the end. To be used inside one transaction.

    When the block fails nothing is written, as the transaction fails too.
    """
    outer = _present.get()
    if outer is not None:
        yield outer
        return
    together = Together()
    token = _present.set(together)
    try:
        yield together
        together.write()
    finally:
        _present.reset(token)


def write_timeouts(deadlines: Sequence[Deadline]) -> None:
    """Write report time-outs; a report that has one keeps it, with the new moment."""
    with connection.cursor() as cursor:
        _WRITE_TIMEOUTS.execute(
            cursor,
            [
                [deadline.report_id for deadline in deadlines],
                [deadline.due_at for deadline in deadlines],
                [deadline.created_at for deadline in deadlines],
            ],
        )


def write_joined(tickets: Sequence[Ticket], joining: Mapping[int, int]) -> None:
    """Write what joining reports change in tickets. The tickets are locked, so their versions are the newest.

    `joining`: how many joined, by the ticket's id. They are added to those in the row, whatever the object says.
    """
    with connection.cursor() as cursor:
        _WRITE_JOINED.execute(
            cursor,
            [
                [ticket.pk for ticket in tickets],
                [str(ticket.priority) for ticket in tickets],
                [ticket.modification_date for ticket in tickets],
                [ticket.version for ticket in tickets],
                [joining[ticket.pk] for ticket in tickets],
            ],
        )
