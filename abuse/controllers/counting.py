"""Counting what happened on a day, from the rows that tell of it. Counting twice gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from abuse.models import KpiCount, KpiDay
from abuse.services.kpi.days import SILENCE, bounds_of, day_of, mark_stale

Kind = KpiCount.Kind

AT_MOST_EVERY = timedelta(minutes=1)
"""A day is not counted anew more often."""
BATCH = 50
_LOCK = 0x6B706964  # "kpid": whoever counts, counts alone

# Each gives (category, detail, operator, seconds) for every event within the two moments.
_TIME = "greatest(extract(epoch FROM h.date - t.creation_date), 0)"
_TICKET_EVENTS = """
SELECT t.category_id AS category, {detail} AS detail, {operator} AS operator, {seconds} AS seconds
FROM abuse_history AS h JOIN abuse_ticket AS t ON t.id = h.ticket_id {join}
WHERE h.date >= %(first)s AND h.date < %(end)s AND {condition}
"""
_NO_EARLIER = (
    "NOT EXISTS (SELECT 1 FROM abuse_history AS e WHERE e.ticket_id = h.ticket_id AND (e.date, e.id) < (h.date, h.id)"
    " AND e.action_type = h.action_type AND {same})"
)


def _events(
    condition: str, *, detail: str = "''", operator: str = "NULL::bigint", seconds: str = "NULL::float", join: str = ""
) -> str:
    return _TICKET_EVENTS.format(condition=condition, detail=detail, operator=operator, seconds=seconds, join=join)


_STATUS = "h.action_type = 'ChangeStatus' AND h.field = 'status' AND "
_MAIL = "coalesce(h.refs ->> 'category', '')"
_SOURCES: Mapping[KpiCount.Kind, str] = {
    Kind.REPORTS: (
        "SELECT category_id AS category, provider_id AS detail, NULL::bigint AS operator, NULL::float AS seconds"
        " FROM abuse_report WHERE created_at >= %(first)s AND created_at < %(end)s"
    ),
    Kind.TICKETS_OPENED: _events("h.action_type = 'CreateTicket'", operator="h.user_id"),
    Kind.TICKETS_ASSIGNED: _events(
        "h.action_type = 'ChangeTreatedby' AND h.new IS NOT NULL AND " + _NO_EARLIER.format(same="e.new IS NOT NULL"),
        operator="u.id", seconds=_TIME, join="LEFT JOIN abuse_user AS u ON u.username = h.new",
    ),
    Kind.TICKETS_ANSWERED: _events(
        f"h.action_type = 'SendEmail' AND {_MAIL} <> 'Masscontact' AND "
        + _NO_EARLIER.format(same="e.refs ->> 'category' IS NOT DISTINCT FROM h.refs ->> 'category'"),
        detail=_MAIL, operator="h.user_id", seconds=_TIME,
    ),
    Kind.TICKETS_CLOSED: _events(
        _STATUS + "h.new = 'Closed'", detail="coalesce(h.refs ->> 'resolution', '')", operator="h.user_id",
        seconds=_TIME,
    ),
    Kind.TICKETS_REOPENED: _events(_STATUS + "h.old = 'Closed'", operator="h.user_id"),
    Kind.ACTION_ERRORS: _events(_STATUS + "h.new = 'ActionError'"),
    Kind.ACTIONS_DONE: _events(
        "h.action_type = 'ApplyAction' AND h.new NOT IN ('doing', 'actionError', 'unknown')",
        detail="coalesce(h.old, '')",
    ),
    Kind.ACTIONS_FAILED: _events(
        "h.action_type = 'ApplyAction' AND h.new IN ('actionError', 'unknown')", detail="coalesce(h.old, '')"
    ),
    Kind.MAILS_SENT: _events("h.action_type = 'SendEmail'", detail=_MAIL, operator="h.user_id"),
    Kind.ANSWERS: _events("h.action_type = 'ReceiveEmail'", detail=_MAIL),
    Kind.BOUNCES: (
        "SELECT t.category_id AS category, '' AS detail, NULL::bigint AS operator, NULL::float AS seconds"
        " FROM abuse_email AS e LEFT JOIN abuse_ticket AS t ON t.id = e.ticket_id"
        " WHERE e.state IN ('answer', 'ignored') AND e.received_at >= %(first)s AND e.received_at < %(end)s"
        " AND e.kind = 'bounce'"
    ),
    Kind.VERDICTS: (
        "SELECT category_id AS category, outcome AS detail, user_id AS operator, NULL::float AS seconds"
        " FROM abuse_reportoutcome WHERE date >= %(first)s AND date < %(end)s"
    ),
}  # fmt: skip

_COUNT = """
INSERT INTO abuse_kpicount (day, kind, category_id, detail, operator_id, times, seconds, longest)
SELECT %(day)s, %(kind)s, category, left(detail, 255), operator, count(*), round(sum(seconds)), round(max(seconds))
FROM ({source}) AS events GROUP BY category, left(detail, 255), operator
"""


def count_stale_days(*, now: datetime | None = None) -> int:
    """Count the days anew on which something happened since, none more often than once a minute; how many."""
    moment = now or timezone.now()
    stale = KpiDay.filter(Q(counted_at__isnull=True) | Q(counted_at__lte=F("marked_at")))
    stale = stale.exclude(counted_at__gt=moment - AT_MOST_EVERY)
    days = list(stale.order_by("day").values_list("day", flat=True)[:BATCH])
    return sum(count_day(day) for day in days)


def doubt_the_last_days(*, now: datetime | None = None) -> None:
    """Have today and yesterday counted anew, where days are counted at all: a word of what happened may be lost."""
    if KpiDay.all().exists():
        today = day_of(now or timezone.now())
        mark_stale([today - timedelta(days=1), today])


@transaction.atomic
def count_day(day: date) -> bool:
    """Count a day anew, whatever was counted before; False when another process counts right now."""
    # What happens while we count, or was kept silent about just before, makes the day stale again.
    until = timezone.now() - SILENCE
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            return False
    KpiCount.filter(day=day).delete()
    first, end = bounds_of(day)
    with connection.cursor() as cursor:
        for kind, source in _SOURCES.items():
            # The sources are the constants above; every value is a parameter.
            cursor.execute(_COUNT.format(source=source), {"day": day, "kind": str(kind), "first": first, "end": end})
    # Last, since workers that mark the day wait for this row.
    KpiDay.objects.update_or_create(day=day, defaults={"counted_at": until}, create_defaults={
        "counted_at": until, "marked_at": first,
    })  # fmt: skip
    return True
