"""When the customer database is asked again about reports of nobody it knew: often at first, then ever less often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from abuse.config import current
from abuse.models import ROBOT_NAME, History, Report, ReportStatus

FIRST = timedelta(hours=1)
LONGEST = timedelta(days=1)
"""Between two questions about one report; it begins with FIRST and doubles each time."""
SECONDS = 60
"""Workers are rung for no more often than that, and one job works no longer."""
RESOLVABLE = (ReportStatus.NEW, ReportStatus.TO_VALIDATE, ReportStatus.ARCHIVED)

_CLAIM = """
WITH due AS (
    SELECT id FROM abuse_report
    WHERE ask_again_at <= %(now)s AND defendant_id IS NULL AND ticket_id IS NULL
    ORDER BY ask_again_at, id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), next AS (
    SELECT report.id, %(now)s + least(%(first)s * power(2, least(asked_again, 20)), %(longest)s) AS at
    FROM abuse_report AS report JOIN due ON due.id = report.id
)
UPDATE abuse_report AS report
SET asked_again = least(asked_again + 1, 1000),
    ask_again_at = CASE WHEN next.at < report.created_at + %(window)s THEN next.at END
FROM next WHERE report.id = next.id
RETURNING report.id
"""


def first_question(made_at: datetime) -> datetime:
    """When a report that was made just then is asked about again."""
    return made_at + FIRST


def window() -> timedelta:
    """For how long reports are asked about again."""
    return timedelta(days=current().PIPELINE.late_resolution_days)


def unknown_reports(*, since: datetime) -> QuerySet[Report]:
    """The reports without a customer and ticket that came since then and that no person has dealt with."""
    by_hand = History.Type.CHANGE_REPORT_STATUS
    return (
        Report.filter(defendant=None, ticket=None, status__in=RESOLVABLE, created_at__gte=since, email__isnull=False)
        .exclude(
            status=ReportStatus.ARCHIVED,
            pk__in=History.filter(action_type=by_hand, new=ReportStatus.ARCHIVED, report__isnull=False)
            .exclude(user__username=ROBOT_NAME)
            .values("report_id"),
        )
        .order_by("pk")
    )


def ask_again_soon() -> int:
    """More is known now: ask about all of them as soon as a worker comes to it; how many."""
    if not window():
        return 0
    now = timezone.now()
    return unknown_reports(since=now - window()).order_by().update(ask_again_at=now)


def is_due() -> bool:
    """Whether it is time to ask about one."""
    return Report.filter(ask_again_at__lte=timezone.now(), defendant=None, ticket=None).exists()


def claim_due(limit: int) -> list[int]:
    """Take reports that it is time to ask about; their next question is put off at once, so nobody else takes them.

    Those that it is too late for are asked about no more.
    """
    values: dict[str, Any] = {
        "now": timezone.now(), "limit": limit, "first": FIRST, "longest": LONGEST, "window": window(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return sorted(pk for (pk,) in cursor.fetchall())


def postpone(reports: Sequence[int], wait: timedelta) -> None:
    """The customer database cannot answer now: the question is asked again after a while."""
    Report.filter(pk__in=reports).update(ask_again_at=timezone.now() + wait)
