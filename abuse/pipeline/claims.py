"""Taking waiting mails for work, and giving back what failed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min
from django.utils import timezone

from abuse.config.schema import Pipeline
from abuse.controllers.events import tell_of_parked
from abuse.models import EMAIL_MOVES, Email, EmailState, check_move
from abuse.models.prepared import Statement

LARGE_MAIL = 4 * 1024 * 1024
"""Bytes; a mail of that size is claimed alone: what it takes, no other mail waits for."""
LONGEST_POSTPONEMENT = timedelta(minutes=5)
"""Between two looks whether the customer database answers again."""
_GIVEN_BACK = ("error", "claim", "state", "reason", "done_at", "next_attempt_at")

_CLAIM = """
WITH due AS (
    SELECT id, size, next_attempt_at FROM abuse_email
    WHERE state IN ('received', 'processing') AND next_attempt_at <= %(now)s AND {which}
    ORDER BY next_attempt_at, id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), ranked AS (
    SELECT id, size, row_number() OVER oldest AS place, first_value(size) OVER oldest AS first_size FROM due
    WINDOW oldest AS (ORDER BY next_attempt_at, id)
)
UPDATE abuse_email AS email
SET state = 'processing', attempts = attempts + 1, claim = %(claim)s, next_attempt_at = %(lease)s
FROM ranked
WHERE email.id = ranked.id
  AND (ranked.place = 1 OR (ranked.size < %(large)s AND ranked.first_size < %(large)s))
RETURNING email.id, email.sha256, email.size, email.received_at, email.attempts, email.envelope_sender,
    email.envelope_recipients, email.submitter
"""
_FRESH = Statement(_CLAIM.format(which="attempts = 0"))
_LOCK = Statement("""
SELECT id FROM abuse_email WHERE id = ANY(%s) AND claim = %s AND state = 'processing' ORDER BY id FOR UPDATE SKIP LOCKED
""")
_RETRIES = Statement(_CLAIM.format(which="attempts > 0"))


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that this worker has taken. It is ours while the row bears `token`."""

    email_id: int
    sha256: str
    size: int
    received_at: datetime
    attempts: int
    token: uuid.UUID
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = ()
    submitter: str = ""


def claim_fresh(settings: Pipeline) -> list[Claim]:
    """Take the oldest mails that nobody has tried yet, as many as make one transaction."""
    return _claim(_FRESH, settings.batch_size, settings)


def claim_retry(settings: Pipeline) -> list[Claim]:
    """Take one mail that was tried before. Alone: if it is what kills workers, it takes no other mail along."""
    return _claim(_RETRIES, 1, settings)


def _claim(statement: Statement, limit: int, settings: Pipeline) -> list[Claim]:
    now = timezone.now()
    token = uuid.uuid4()
    values: dict[str, Any] = {
        "now": now,
        "limit": limit,
        "claim": token,
        "lease": now + timedelta(seconds=settings.lease_seconds),
        "large": LARGE_MAIL,
    }
    with connection.cursor() as cursor:
        statement.execute(cursor, values)
        claims = [
            Claim(pk, sha256, size, received_at, attempts, token, sender, _recipients(recipients), submitter)
            for pk, sha256, size, received_at, attempts, sender, recipients, submitter in cursor.fetchall()
        ]
    return sorted(claims, key=lambda claim: (claim.received_at, claim.email_id))


def _recipients(stored: str | list[str] | None) -> tuple[str, ...]:
    found = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(found or ())


def extend(claims: Sequence[Claim], settings: Pipeline) -> set[int]:
    """Put off the end of the leases by a whole lease; the ids of the mails that are still ours."""
    lease = timezone.now() + timedelta(seconds=settings.lease_seconds)
    return {
        claim.email_id
        for claim in claims
        if Email.filter(pk=claim.email_id, claim=claim.token, state=EmailState.PROCESSING).update(next_attempt_at=lease)
    }


def release(claims: Sequence[Claim], *, seconds: float = 0) -> None:
    """Give mails back as if they had not been claimed, to be tried after so many seconds."""
    due = timezone.now() + timedelta(seconds=seconds)
    for claim in claims:
        Email.filter(pk=claim.email_id, claim=claim.token, state=EmailState.PROCESSING).update(
            state=EmailState.RECEIVED, claim=None, attempts=claim.attempts - 1, next_attempt_at=due
        )


def lock_claimed(claims: Sequence[Claim]) -> dict[int, Email]:
    """The rows of the claims that are still ours, locked until the end of the transaction; by id."""
    if not claims:
        return {}
    rows = Email.filter(
        pk__in=[claim.email_id for claim in claims], claim=claims[0].token, state=EmailState.PROCESSING
    ).select_for_update(skip_locked=True, of=("self",))
    return {row.pk: row for row in rows.order_by("pk")}


def lock_ours(claims: Sequence[Claim]) -> set[int]:
    """The same, where the ids alone are wanted."""
    if not claims:
        return set()
    with connection.cursor() as cursor:
        _LOCK.execute(cursor, [[claim.email_id for claim in claims], claims[0].token])
        return {number for (number,) in cursor.fetchall()}


@transaction.atomic
def give_back(claim: Claim, error: str, settings: Pipeline) -> EmailState | None:
    """Note a failure: try again later, each time twice as late, or park the mail visibly after the last attempt.

    The state it has now; None when the mail is no longer ours.
    """
    row = lock_claimed([claim]).get(claim.email_id)
    if row is None:
        return None
    row.error = error[:10_000]
    row.claim = row.postponed_since = None
    if row.attempts >= settings.max_attempts:
        row.attempts = settings.max_attempts  # the claim that only finds too many of them is none itself
        row.state, row.done_at = EmailState.FAILED, timezone.now()
        row.reason = f"gave up after {row.attempts} attempts"
    else:
        row.state = EmailState.RECEIVED
        row.next_attempt_at = timezone.now() + timedelta(seconds=settings.retry_seconds * 2 ** (row.attempts - 1))
    row.save(update_fields=[*_GIVEN_BACK, "attempts", "postponed_since"])
    tell_of_parked([row] if row.state == EmailState.FAILED else [])
    return EmailState(row.state)


@transaction.atomic
def postpone(claims: Sequence[Claim], error: str, settings: Pipeline) -> int:
    """Give back mails that nothing was wrong with: the customer database cannot answer now. No attempt is counted.

    They are tried again while that lasts, ever less often, and parked visibly after `outage_hours`; how many were.
    """
    now = timezone.now()
    rows = lock_claimed(claims)
    for row in rows.values():
        row.error = error[:10_000]
        row.claim = None
        row.attempts -= 1
        row.postponed_since = row.postponed_since or now
        waited = now - row.postponed_since
        if waited >= timedelta(hours=settings.outage_hours):
            row.state, row.done_at, row.postponed_since = EmailState.FAILED, now, None
            row.reason = f"the customer database could not answer for {settings.outage_hours:g} hours"
        else:
            row.state = EmailState.RECEIVED
            shortest = timedelta(seconds=settings.retry_seconds)
            row.next_attempt_at = now + max(shortest, min(waited / 2, LONGEST_POSTPONEMENT))
    Email.objects.bulk_update(rows.values(), [*_GIVEN_BACK, "attempts", "postponed_since"])
    parked = [row for row in rows.values() if row.state == EmailState.FAILED]
    tell_of_parked(parked)
    return len(parked)


@transaction.atomic
def retry(emails: Sequence[int]) -> int:
    """Let failed or ignored mails be tried again from the start; how many.

    :raises MoveRefused: when one of them is at an end that is not to be undone.
    """
    rows = list(Email.filter(pk__in=emails).select_for_update().order_by("pk"))
    for row in rows:
        check_move(f"mail {row.pk}", EMAIL_MOVES, EmailState(row.state), EmailState.RECEIVED)
    return Email.filter(pk__in=[row.pk for row in rows]).update(
        state=EmailState.RECEIVED, attempts=0, reason="", done_at=None, claim=None, postponed_since=None,
        next_attempt_at=timezone.now(),
    )  # fmt: skip


def waiting_count() -> int:
    """How many mails are due for work now."""
    return Email.filter(
        state__in=[EmailState.RECEIVED, EmailState.PROCESSING], next_attempt_at__lte=timezone.now()
    ).count()


def postponed() -> tuple[int, datetime, str] | None:
    """How many mails wait for the customer database, since when, and what it said last; None when none do."""
    rows = Email.filter(postponed_since__isnull=False, state__in=[EmailState.RECEIVED, EmailState.PROCESSING])
    found = rows.aggregate(number=Count("pk"), since=Min("postponed_since"))
    if not found["number"]:
        return None
    last = rows.order_by("-next_attempt_at").values_list("error", flat=True).first() or ""
    return found["number"], found["since"], last
