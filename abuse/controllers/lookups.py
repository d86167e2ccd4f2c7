"""What DNS says of the names and addresses in reports: asked by a job of its own, after the reports were committed.

A report says when it is to be asked about (`Report.look_up_at`). A worker takes some, asks without a transaction, and
writes all that it learned in one. Nothing depends on it: what could not be learned is asked again each hour for a day,
then left empty.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.db import connection, transaction
from django.utils import timezone

from abuse import queues
from abuse.config import current
from abuse.models import Report, ReportItem
from abuse.models.fields import Network, clipped
from abuse.services.names import AddressSays, Names, NameSays
from abuse.services.phishing.addresses import Address

log = logging.getLogger(__name__)

BELL = 30
"""Seconds between two rings of the bell."""
LONGEST = 20.0
"""Seconds of one job: others want the worker, too."""
BATCH = 20
"""Reports of one round."""
AGAIN = timedelta(hours=1)
GIVE_UP = timedelta(days=1)
SILENT = 8
"""Names and addresses of which none was answered, and the name servers count as away."""
AWAY_SECONDS = 600
"""Nobody is asked for so long then."""
_AWAY = "cerberus:names:away"
_ROWS_PER_REPORT = 1000
"""Items that are looked through for different names and addresses: feeds have a hundred thousand."""
_KINDS = (ReportItem.Type.IP, ReportItem.Type.URL, ReportItem.Type.FQDN)

_CLAIM = """
UPDATE abuse_report AS report
SET look_up_at = CASE WHEN report.created_at > %(now)s - %(give_up)s THEN %(now)s + %(again)s END
FROM (
    SELECT id FROM abuse_report WHERE look_up_at <= %(now)s ORDER BY look_up_at, id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
) AS due
WHERE report.id = due.id
RETURNING report.id
"""


def first(now: datetime) -> datetime | None:
    """When a new report is asked about; None when the settings say that nobody is asked."""
    return now if current().ITEM_LOOKUPS.enabled else None


def ask_soon(reports: Collection[int]) -> None:
    """Something was added to these reports, or corrected. Part of the present transaction."""
    if current().ITEM_LOOKUPS.enabled:
        Report.filter(pk__in=reports).update(look_up_at=timezone.now())
        ring_on_commit()


def ring_on_commit() -> None:
    """Tell the workers, after the commit, that there is something to be asked."""
    if current().ITEM_LOOKUPS.enabled:
        transaction.on_commit(lambda: queues.ring_at_most_every(BELL, queues.LOOK_UP_NAMES), robust=True)


def is_due() -> bool:
    """Whether a report waits to be asked about."""
    return current().ITEM_LOOKUPS.enabled and Report.filter(look_up_at__lte=timezone.now()).exists()


def look_up_due(*, seconds: float = LONGEST) -> int:
    """Ask about reports that wait, until none does or the time is over; how many were taken."""
    settings = current().ITEM_LOOKUPS
    memory = _Memory()
    if not settings.enabled or memory.get(_AWAY) is not None:
        return 0
    try:
        names = Names(
            settings.nameservers, memory, timeout=settings.timeout_seconds, rate=settings.per_second,
            keep=settings.cache_hours * 3600,
        )  # fmt: skip
    except ValueError as error:
        log.warning("ITEM_LOOKUPS: %s", error)
        memory.put(_AWAY, "1", AWAY_SECONDS)
        return 0
    until, taken, silent = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        reports = _claim()
        if not reports:
            break
        taken += len(reports)
        said, asked = _look_up(reports, names, until=until)
        silent = 0 if said else silent + asked
        if silent >= SILENT:
            log.warning("ITEM_LOOKUPS: the name servers do not answer; nobody is asked for %s s", AWAY_SECONDS)
            memory.put(_AWAY, "1", AWAY_SECONDS)
            break
    return taken


def _claim() -> list[int]:
    """Take reports whose turn it is; who dies with them has them asked about again in an hour."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"now": timezone.now(), "again": AGAIN, "give_up": GIVE_UP, "limit": BATCH}
        cursor.execute(_CLAIM, values)
        return sorted(pk for (pk,) in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said in a round; who is missing could not be asked about."""

    addresses: Mapping[Address, AddressSays]
    names: Mapping[str, NameSays]

    def about(self, item: ReportItem) -> bool:
        return item.fqdn in self.names if item.fqdn else _address(item) in self.addresses


def _look_up(reports: Sequence[int], names: Names, *, until: float) -> tuple[int, int]:
    """Ask, and write what was said; about how many something was, and how many were asked about."""
    items = [item for report in reports for item in _items(report)]
    addresses = {address for item in items if (address := _address(item)) is not None}
    hosts = {item.fqdn for item in items if item.fqdn}
    said = _Said(names.of_addresses(addresses, until=until), names.of_names(hosts, until=until))
    waiting = {item.report_id for item in items if not said.about(item)}
    _write([item.pk for item in items], said)
    # Not where something was added meanwhile: that is due now, and what was taken is not.
    done = Report.filter(pk__in=[pk for pk in reports if pk not in waiting], look_up_at__gt=timezone.now())
    done.update(look_up_at=None)
    return len(said.addresses) + len(said.names), len(addresses) + len(hosts)


def _items(report: int) -> list[ReportItem]:
    """The items of a report that are asked about: those of its first names and addresses, up to the limit."""
    most = current().ITEM_LOOKUPS.per_report
    seen: set[object] = set()
    chosen = []
    rows = ReportItem.filter(report=report, item_type__in=_KINDS).only("pk", "report", "network", "fqdn").order_by("pk")
    for item in rows[:_ROWS_PER_REPORT]:
        host = item.fqdn or _address(item)
        if host is not None and (host in seen or len(seen) < most):
            seen.add(host)
            chosen.append(item)
    return chosen


def _address(item: ReportItem) -> Address | None:
    network: Network | None = item.network
    if network is None or network.prefixlen != network.max_prefixlen:
        return None
    return network.network_address


@transaction.atomic
def _write(items: Sequence[int], said: _Said) -> None:
    """Write what was said to the items as they are now: somebody may have corrected one meanwhile."""
    changed = []
    for item in ReportItem.objects.select_for_update(no_key=True).filter(pk__in=items).order_by("pk"):
        if not said.about(item):
            continue
        if item.fqdn:
            name = said.names[item.fqdn]
            item.fqdn_resolved = str(name.address) if name.address else None
            item.fqdn_resolved_reverse = name.reverse and clipped(name.reverse, 255)
        elif (address := _address(item)) is not None:
            pointer = said.addresses[address]
            item.ip_reverse = pointer.reverse and clipped(pointer.reverse, 255)
            item.ip_reverse_resolved = str(pointer.address) if pointer.address else None
        changed.append(item)
    ReportItem.objects.bulk_update(
        changed, ["ip_reverse", "ip_reverse_resolved", "fqdn_resolved", "fqdn_resolved_reverse"], batch_size=500
    )


class _Memory:
    """Answers in Redis: they can be lost, and whoever is without it asks again."""

    def get(self, key: str) -> str | None:
        with contextlib.suppress(redis.RedisError):
            value = queues.connection().get(f"cerberus:dns:{key}")
            return value.decode() if isinstance(value, bytes) else None
        return None

    def put(self, key: str, value: str, seconds: float) -> None:
        with contextlib.suppress(redis.RedisError):
            queues.connection().set(f"cerberus:dns:{key}", value, ex=max(1, int(seconds)))
