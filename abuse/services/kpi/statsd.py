"""The KPI service that also tells a StatsD server, such as that of Graphite, Telegraf or Datadog, as it happens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from abuse.models import Report, Ticket

from .datagrams import LONGEST, Datagrams, Metric
from .default import DatabaseKPI

_PREFIX = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
MAX_PREFIX = 100


class StatsdKPI(DatabaseKPI):
    """Counts in PostgreSQL as the default does, and sends counters and times by UDP. What is sent may get lost.

    :param host: of the server: a name or an address.
    :param prefix: before all names, without the dot.
    :param tags: whether category and resolution are sent as tags in the form of DogStatsD, which others do not know.
    :param datagram_bytes: of one datagram at most.
    :param resolve_seconds: for which a process waits for the host's address, once a minute at most.
    :raises ValueError: for a value that cannot be.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int = 8125,
        prefix: str = "cerberus",
        tags: bool = False,
        datagram_bytes: int = 1432,
        resolve_seconds: float = 0.5,
    ) -> None:
        super().__init__()
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise ValueError(f"host: {host!r}; expected a host name or an address")
        if not isinstance(prefix, str) or len(prefix) > MAX_PREFIX or not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix: {prefix!r}; expected up to {MAX_PREFIX} letters, digits, underscores and dots")
        if not isinstance(tags, bool):
            raise ValueError(f"tags: {tags!r}; expected true or false")
        _within("port", port, 1, 65535)
        _within("datagram_bytes", datagram_bytes, LONGEST, 8932)
        _within("resolve_seconds", resolve_seconds, 0.01, 5)
        self._prefix, self._has_tags = prefix, tags
        self._datagrams = Datagrams(host, port, most=int(datagram_bytes), seconds=resolve_seconds)

    def new_ticket(self, ticket: Ticket) -> None:
        """See `KPIServiceBase`.

        :raises KPIServiceException: when the database cannot take it; once a minute when the server is not reached.
        """
        try:
            super().new_ticket(ticket)
        finally:
            self._send([self._count("tickets_opened", category=ticket.category_id)])

    def new_ticket_assign(self, ticket: Ticket) -> None:
        """See `new_ticket`; with the time since the ticket was opened."""
        try:
            super().new_ticket_assign(ticket)
        finally:
            self._send(self._timed("tickets_assigned", ticket.creation_date, category=ticket.category_id))

    def close_ticket(self, ticket: Ticket) -> None:
        """See `new_ticket`; with the time since the ticket was opened."""
        try:
            super().close_ticket(ticket)
        finally:
            resolution = ticket.resolution.codename if self._has_tags and ticket.resolution else None
            tags = {"category": ticket.category_id, "resolution": resolution}
            self._send(self._timed("tickets_closed", ticket.creation_date, **tags))

    def new_report(self, report: Report) -> None:
        """See `new_ticket`."""
        try:
            super().new_report(report)
        finally:
            self._send([self._count("reports", category=report.category_id)])

    def _count(self, name: str, **tags: str | None) -> Metric:
        return Metric(f"{self._prefix}.{name}", 1, "c", tags if self._has_tags else {})

    def _timed(self, name: str, since: datetime, **tags: str | None) -> list[Metric]:
        milliseconds = max(0, round((timezone.now() - since).total_seconds() * 1000))
        time = Metric(f"{self._prefix}.{name}_time", milliseconds, "ms", tags if self._has_tags else {})
        return [self._count(name, **tags), time]

    def _send(self, metrics: Sequence[Metric]) -> None:
        self._datagrams.send(metrics)


def _within(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r}; expected a number from {low:g} to {high:g}")
