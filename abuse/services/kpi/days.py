"""Days that are to be counted anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from abuse.config import current

_MARK = """
INSERT INTO abuse_kpiday (day, marked_at) SELECT unnest(%s::date[]), %s
ON CONFLICT (day) DO UPDATE SET marked_at = greatest(abuse_kpiday.marked_at, excluded.marked_at)
"""


SILENCE = timedelta(seconds=1)
"""Of all that happens on a day within so long one word is enough; who counts takes it that the last one is late."""


def day_of(moment: datetime) -> date:
    """The day, in the zone in which times are shown to people."""
    return moment.astimezone(_zone()).date()


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day, and that of the next one. Days on which the clock changes are shorter or longer."""
    zone = _zone()
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def mark_stale(days: Iterable[date]) -> None:
    """Have days counted anew, soon."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [sorted(set(days)), timezone.now()])


def _zone() -> ZoneInfo:
    return ZoneInfo(current().DJANGO.TIME_ZONE)
