"""The KPI service that works out of the box: counts in PostgreSQL, made from the rows that tell what happened.

An event only says that its day has to be counted anew. So an event that is told twice counts once, and one that got
lost with its process is counted with the next: today and yesterday are counted every hour anyhow.
"""

from __future__ import annotations

import threading
import time
from datetime import date

from django.db import Error
from django.utils import timezone

from abuse.models import Report, Ticket

from .base import KPIServiceBase, KPIServiceException
from .days import SILENCE, day_of, mark_stale


class DatabaseKPI(KPIServiceBase):
    """See `abuse.controllers.statistics` for the counts themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._quiet_about: date | None = None
        self._quiet_until = 0.0

    def new_ticket(self, ticket: Ticket) -> None:
        self._something_happened()

    def new_ticket_assign(self, ticket: Ticket) -> None:
        self._something_happened()

    def close_ticket(self, ticket: Ticket) -> None:
        self._something_happened()

    def new_report(self, report: Report) -> None:
        self._something_happened()

    def _something_happened(self) -> None:
        """Have the present day counted anew.

        :raises KPIServiceException: when the database cannot take it.
        """
        today, now = day_of(timezone.now()), time.monotonic()
        with self._lock:
            if self._quiet_about == today and now < self._quiet_until:
                return
            self._quiet_about, self._quiet_until = today, now + SILENCE.total_seconds()
        try:
            mark_stale([today])
        except Error as error:
            raise KPIServiceException(f"{today} could not be marked: {error}") from error
