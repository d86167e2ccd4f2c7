"""What search is told of. Nothing is lost: a report is indexed, or noted, in the transaction that changed it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from abuse.models import Report, SearchDue
from abuse.queues import enqueue_on_commit
from abuse.services.facade import facade
from abuse.services.search import SearchService, SearchServiceException

log = logging.getLogger(__name__)

INDEX_DUE = "abuse.tasks.search.index_due"
BATCH = 200
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0
"""Seconds before a report that could not be indexed is tried again."""
_LEASE = timedelta(minutes=5)

_NOTE = """
INSERT INTO abuse_searchdue (report_id, next_attempt_at, attempts) SELECT unnest(%s::bigint[]), %s, 0
ON CONFLICT (report_id) DO UPDATE SET next_attempt_at = excluded.next_attempt_at, attempts = 0
"""


def note_reports(ids: Sequence[int]) -> None:
    """Have reports indexed that were made or changed; called in the transaction that did it."""
    if not ids or not facade("SearchServiceBase").is_implemented():
        return
    if SearchService.is_transactional:
        SearchService.index_reports(ids)
        return
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [sorted(set(ids)), timezone.now()])
    enqueue_on_commit(INDEX_DUE)


def is_due() -> bool:
    """Whether reports wait to be indexed now."""
    return SearchDue.filter(next_attempt_at__lte=timezone.now()).exists()


def index_due() -> int:
    """Index a batch of the reports that wait; how many were indexed.

    The search system is told while no transaction is open; a report that changes meanwhile stays due.
    """
    if not facade("SearchServiceBase").is_implemented():
        return 0
    claimed = _claim()
    if not claimed.ids:
        return 0
    # What was noted anew meanwhile has another time than that of the claim.
    rows = SearchDue.filter(report_id__in=claimed.ids, next_attempt_at=claimed.until)
    try:
        SearchService.index_reports(claimed.ids)
    except SearchServiceException as error:
        log.warning("%s reports are not indexed yet: %s", len(claimed.ids), error)
        pause = min(_FIRST_PAUSE * 2 ** min(claimed.attempts - 1, 10), _LONGEST_PAUSE)
        rows.update(next_attempt_at=timezone.now() + timedelta(seconds=pause))
        return 0
    rows.delete()
    return len(claimed.ids)


def reindex(*, after: int = 0) -> Iterator[int]:
    """Index all reports anew, the oldest first, in chunks by id; the last id of each chunk.

    :raises SearchServiceException: when the search system does not take a chunk. Begin again `after` the last id.
    """
    last = after
    while chunk := list(Report.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        SearchService.index_reports(chunk)
        last = chunk[-1]
        yield last


@dataclass(frozen=True, slots=True)
class _Claim:
    """Reports that nobody else indexes until a moment; `attempts`: of the one that was tried most."""

    ids: Sequence[int]
    until: datetime
    attempts: int


@transaction.atomic
def _claim() -> _Claim:
    now = timezone.now()
    until = now + _LEASE
    due = SearchDue.objects.select_for_update(skip_locked=True).filter(next_attempt_at__lte=now)
    rows = dict(due.order_by("next_attempt_at").values_list("report_id", "attempts")[:BATCH])
    if rows:
        SearchDue.filter(report_id__in=list(rows)).update(next_attempt_at=until, attempts=F("attempts") + 1)
    return _Claim(sorted(rows), until, max(rows.values(), default=0) + 1)
