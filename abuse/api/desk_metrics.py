"""The state of the desk as numbers, asked of the database and Redis at the moment of the scrape.

So they are the same whichever process answers. Each part is a few statements with a time limit; a part that fails is
missing, and `cerberus_scrape_success` says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import redis
import rq
from django.db import Error, connection, transaction
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import abuse
from abuse.models import (
    Deadline,
    DeadlineState,
    DriftAlarm,
    Email,
    EmailState,
    OutboxState,
    OutgoingMessage,
    Report,
    ReportStatus,
    Ticket,
    TicketStatus,
)
from abuse.queues import impatient_connection, queue

log = logging.getLogger(__name__)

SECONDS = 8.0
"""For all parts; what is left then is missing."""
STATEMENT_MILLISECONDS = 2000
REDIS_SECONDS = 2.0
RECENT = timedelta(minutes=10)
"""Mails received since then tell how long the way to the end takes now."""
_QUANTILES = (0.5, 0.95, 1.0)
_RECENT_SECONDS = """
SELECT percentile_cont(%s::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM done_at - received_at))
FROM abuse_email WHERE state = ANY(%s) AND received_at > %s AND done_at IS NOT NULL
"""


class DeskCollector(Collector):
    """Asks anew at each scrape."""

    def collect(self) -> Iterable[Metric]:
        """All there is to say; at most a few seconds, whatever hangs."""
        yield _gauge("cerberus_build_info", "1, with the version.", [((abuse.__version__,), 1)], "version")
        succeeded: dict[str, bool] = {}
        now = timezone.now()
        end = time.monotonic() + SECONDS
        for name, ask in _PARTS.items():
            found = _asked(name, ask, now) if time.monotonic() < end else None
            succeeded[name] = found is not None
            yield from found or ()
        yield _gauge(
            "cerberus_scrape_success",
            "Whether a part of the numbers could be had.",
            [((name,), value) for name, value in succeeded.items()],
            "part",
        )


def _asked(name: str, ask: Callable[[datetime], Iterator[Metric]], now: datetime) -> list[Metric] | None:
    try:
        if name == "queues":
            return list(ask(now))
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MILLISECONDS)])
            return list(ask(now))
    except (Error, redis.RedisError) as error:
        log.warning("metrics: %s: %s", name, error)
        return None


def _mails(now: datetime) -> Iterator[Metric]:
    counts = dict(Email.all().values_list("state").annotate(n=Count("pk")).order_by())
    yield _gauge(
        "cerberus_mails", "Received mails.", [((state,), counts.get(state, 0)) for state in EmailState.values], "state"
    )
    oldest = Email.filter(state__in=[EmailState.RECEIVED, EmailState.PROCESSING]).aggregate(at=Min("received_at"))["at"]
    yield _gauge(
        "cerberus_oldest_waiting_mail_seconds",
        "For how long the mail waits that waits longest; 0 when none does.",
        [((), _age(oldest, now))],
    )
    ends = [EmailState.PROCESSED, EmailState.ANSWER, EmailState.DUPLICATE, EmailState.IGNORED]
    with connection.cursor() as cursor:
        cursor.execute(_RECENT_SECONDS, [list(_QUANTILES), [str(end) for end in ends], now - RECENT])
        (quantiles,) = cursor.fetchone() or (None,)
    yield _gauge(
        "cerberus_recent_mail_seconds",
        "From the receipt of a mail to its end, over the mails received in the last ten minutes.",
        [((str(name),), float(value)) for name, value in zip(_QUANTILES, quantiles or (), strict=False)],
        "quantile",
    )


def _outbox(now: datetime) -> Iterator[Metric]:
    counts = dict(OutgoingMessage.all().values_list("state").annotate(n=Count("pk")).order_by())
    yield _gauge(
        "cerberus_outbox", "Mails written.", [((state,), counts.get(state, 0)) for state in OutboxState.values], "state"
    )
    oldest = OutgoingMessage.filter(state=OutboxState.PENDING).aggregate(at=Min("created_at"))["at"]
    yield _gauge(
        "cerberus_oldest_unsent_mail_seconds",
        "For how long the mail waits to be sent that waits longest; 0 when none does.",
        [((), _age(oldest, now))],
    )


def _deadlines(now: datetime) -> Iterator[Metric]:
    rows = (
        Deadline.filter(state=DeadlineState.PENDING)
        .exclude(Q(ticket__status=TicketStatus.PAUSED) & ~Q(kind=Deadline.Kind.PAUSE))
        .values_list("kind")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(due_at__lt=now)))
        .order_by()
    )
    found = {kind: (n, late) for kind, n, late in rows}
    pending = [((kind,), found.get(kind, (0, 0))[0]) for kind in Deadline.Kind.values]
    late = [((kind,), found.get(kind, (0, 0))[1]) for kind in Deadline.Kind.values]
    yield _gauge("cerberus_deadlines", "What is to happen later; without what a pause holds up.", pending, "kind")
    yield _gauge("cerberus_deadlines_overdue", "Of these, what should have happened by now.", late, "kind")
    doing = Deadline.filter(state=DeadlineState.PENDING, payload__has_key="doing").count()
    yield _gauge("cerberus_actions_doing", "Measures that were taken over, and whose end is awaited.", [((), doing)])


def _tickets(now: datetime) -> Iterator[Metric]:
    live = Ticket.exclude(status=TicketStatus.CLOSED)
    rows = live.values_list("status", "category_id").annotate(n=Count("pk")).order_by()
    values = [((status, category), n) for status, category, n in rows]
    yield _gauge("cerberus_tickets", "Tickets that are not closed.", values, "status", "category")
    breached = live.filter(sla_breached_at__isnull=False).count()
    yield _gauge("cerberus_tickets_late", "Of these, those whose service level was not kept.", [((), breached)])


def _reports(now: datetime) -> Iterator[Metric]:
    rows = Report.exclude(status=ReportStatus.ARCHIVED).values_list("status", "category_id").annotate(n=Count("pk"))
    values = [((status, category), n) for status, category, n in rows.order_by()]
    yield _gauge("cerberus_reports", "Reports that are not archived.", values, "status", "category")


def _drift(now: datetime) -> Iterator[Metric]:
    rows = DriftAlarm.filter(settled_at__isnull=True).values_list("kind").annotate(n=Count("pk")).order_by()
    found = dict(rows)
    values = [((kind,), found.get(kind, 0)) for kind in DriftAlarm.Kind.values]
    yield _gauge(
        "cerberus_drift_alarms", "Reporters whose mails give nothing any more, or something new.", values, "kind"
    )


def _queues(now: datetime) -> Iterator[Metric]:
    server = impatient_connection(REDIS_SECONDS)
    queues = [queue(role, server) for role in ("email", "default", "kpi")]
    waiting = [((one.name,), one.count) for one in queues]
    failed = [((one.name,), one.failed_job_registry.count) for one in queues]
    yield _gauge(
        "cerberus_queue_jobs", "Jobs that wait. A job is a doorbell: few of them may mean many mails.", waiting, "queue"
    )
    yield _gauge("cerberus_queue_failed_jobs", "Jobs that failed lately.", failed, "queue")
    yield _gauge("cerberus_workers", "Workers that are there.", [((), rq.Worker.count(connection=server))])


_PARTS: dict[str, Callable[[datetime], Iterator[Metric]]] = {
    "mails": _mails,
    "outbox": _outbox,
    "deadlines": _deadlines,
    "tickets": _tickets,
    "reports": _reports,
    "drift": _drift,
    "queues": _queues,
}


def _gauge(name: str, says: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _age(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
