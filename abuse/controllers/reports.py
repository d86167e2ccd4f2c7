"""What happens to reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from abuse.models import (
    REPORT_MOVES,
    Deadline,
    DeadlineState,
    History,
    Report,
    ReportStatus,
    ReportThreshold,
    Tag,
    User,
    check_move,
)
from abuse.models.prepared import Prepared, Statement

from .history import record
from .together import present, undecided, write_timeouts

_SET_STATUS = Statement("UPDATE abuse_report SET status = %s WHERE id = %s")
_WAITING = Prepared(
    lambda report, since, defendant, category, service, later: (
        Report.filter(
            Q(received_date__gte=since) | Q(pk=report),
            defendant_id=defendant,
            category_id=category,
            service_id=service,
            status=ReportStatus.NEW,
        )
        .exclude(pk__any_of=later)
        .values_list("status")
        .annotate(Count("pk"))
    ),
    report=int,
    since=datetime,
    defendant=int,
    category=str,
    service=int,
    later=list[int],
)


def set_status(report: Report, status: ReportStatus, *, actor: User, reason: str = "") -> None:
    """Move a report to a status; nothing happens when it has it. An archived report leaves its ticket's work.

    :raises MoveRefused: when the table of moves does not allow it.
    """
    old = ReportStatus(report.status)
    if old == status:
        return
    check_move(str(report), REPORT_MOVES, old, status)
    with transaction.atomic(savepoint=False):
        report.status = status
        with connection.cursor() as cursor:
            _SET_STATUS.execute(cursor, [str(status), report.pk])
        record(
            History.Type.CHANGE_REPORT_STATUS, actor=actor, report=report, ticket=report.ticket, field="status",
            old=old, new=status, reason=reason,
        )  # fmt: skip


@transaction.atomic(savepoint=False)
def set_timeout(report: Report, *, days: float, actor: User) -> Deadline:
    """Archive the report when it is still new after so many days. A second time-out replaces the first.

    The returned row has no id: it may be written later in the transaction.
    """
    now = timezone.now()
    deadline = Deadline(
        kind=Deadline.Kind.REPORT_TIMEOUT,
        report=report,
        due_at=now + timedelta(days=days),
        state=DeadlineState.PENDING,
        created_at=now,
    )
    together = present()
    if together is None:
        write_timeouts([deadline])
    else:
        together.timeouts[report.pk] = deadline
    record(
        History.Type.SET_DEADLINE, actor=actor, report=report, field=deadline.kind, new=deadline.due_at.isoformat()
    )  # fmt: skip
    return deadline


def waiting_count(report: Report, *, since: datetime) -> int:
    """How many reports wait on the report's (defendant, category, service), itself included."""
    later = undecided() - {report.pk}
    if report.defendant_id is not None and report.service_id is not None:
        counted = _WAITING.rows(
            report=report.pk, since=since, defendant=report.defendant_id, category=report.category_id,
            service=report.service_id, later=list(later),
        )  # fmt: skip
        return sum(number for _, number in counted)
    waiting = Report.filter(
        Q(received_date__gte=since) | Q(pk=report.pk),
        defendant_id=report.defendant_id,
        category_id=report.category_id,
        service_id=report.service_id,
        status=ReportStatus.NEW,
    )
    return (waiting.exclude(pk__in=later) if later else waiting).count()


def reaches_threshold(report: Report) -> bool:
    """Whether enough reports wait to open a ticket; False where the category has no threshold.

    The interval is counted back from the report's own date: a mail that is read late counts like one read at once.
    """
    together = present()
    if together is not None:
        threshold = together.threshold(report.category_id)
    else:
        threshold = ReportThreshold.filter(category_id=report.category_id).first()
    if threshold is None:
        return False
    return waiting_count(report, since=report.received_date - timedelta(days=threshold.interval)) >= threshold.threshold


@transaction.atomic
def add_tag(report: Report, codename: str) -> None:
    """Put a report tag on a report; the tag is made when there is none of that name."""
    tag, _ = Tag.get_or_create(codename=codename, tag_type=Tag.Type.REPORT, defaults={"name": codename[:255]})
    report.tags.add(tag)
