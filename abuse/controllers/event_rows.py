"""Writing events: one statement for all of a transaction, which also wakes those who listen."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import connection, transaction

from abuse.models import Event
from abuse.models.prepared import Statement
from abuse.queues import SEND_WEBHOOKS, ring_at_most_every

CHANNEL = "cerberus_events"
"""Where PostgreSQL says, after the commit, that there are new ones (LISTEN)."""
BELL = 60

# Reports come by the thousand: no row is written for one that nobody wants to hear of.
_WRITE = Statement("""
WITH written AS (
    INSERT INTO abuse_event (kind, ticket_id, user_id, category, data, date, transaction_id, dispatched)
    SELECT one.kind, one.ticket_id, one.user_id, one.category, one.data::jsonb, one.date,
           pg_current_xact_id()::text::bigint, false
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
         WITH ORDINALITY AS one (kind, ticket_id, user_id, category, data, date, place)
    WHERE one.kind NOT IN ('report.created', 'mail.parked')
       OR EXISTS (SELECT 1 FROM abuse_webhook WHERE is_active AND kinds @> to_jsonb(one.kind))
    ORDER BY one.place
    RETURNING id
), told AS (SELECT pg_notify('cerberus_events', '') FROM (SELECT 1 FROM written LIMIT 1) AS any_of_them)
SELECT (SELECT count(*) FROM told) > 0 AND EXISTS (SELECT 1 FROM abuse_webhook WHERE is_active)
""")


def write_events(events: Sequence[Event]) -> None:
    """Write events into the present transaction. After the commit listeners are woken, and a worker if needed."""
    if not events:
        return
    with connection.cursor() as cursor:
        _WRITE.execute(
            cursor,
            [
                [event.kind for event in events],
                [event.ticket_id for event in events],
                [event.user_id for event in events],
                [event.category for event in events],
                [json.dumps(event.data) for event in events],
                [event.date for event in events],
            ],
        )
        (is_wanted,) = cursor.fetchone()
    if is_wanted:
        transaction.on_commit(lambda: ring_at_most_every(BELL, SEND_WEBHOOKS), robust=True)
