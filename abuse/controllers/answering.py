"""At most one answer by machine to a sender about a thing within a period (RFC 3834 section 2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from abuse.models.fields import clipped
from abuse.models.prepared import Statement

# Whoever comes second waits for the first and then finds its row: two workers never both answer.
_GIVE = Statement("""
INSERT INTO abuse_answergiven AS given (sender, about, given_at, times) VALUES (%(sender)s, %(about)s, %(now)s, 1)
ON CONFLICT (sender, about) DO UPDATE SET given_at = %(now)s, times = given.times + 1
WHERE given.given_at <= %(now)s - %(period)s::interval
RETURNING times
""")


def may_answer(sender: str, about: str, *, period_seconds: float) -> int | None:
    """Note that a sender is answered now: the how manieth time it is, or None when he was within the period.

    `about`: the ticket, or the subject where there is none. In the present transaction: what is rolled back was never
    answered.
    """
    values: dict[str, Any] = {
        "sender": clipped(sender.strip().lower(), 512),
        "about": clipped(about, 255),
        "now": timezone.now(),
        "period": timedelta(seconds=period_seconds),
    }
    with connection.cursor() as cursor:
        _GIVE.execute(cursor, values)
        row = cursor.fetchone()
    return int(row[0]) if row is not None else None
