"""The words of reports as PostgreSQL's full text has them: what they are made of, and how they are kept.

Those of the newest reports are kept twice: in the index of all, and whole in a small table that is soon read through.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from django.db import connection

from .base import MAX_ITEMS

NEWEST = 4000
"""Reports, by their ids, whose words are kept apart and looked through before the index is asked: 0.4 µs each."""
_TRIMMED_AT = 256
"""How many ids there are between one that has those removed which are no longer new, and the next."""
_TEXT, _ITEMS, _HEAD = 60_000, 30_000, 4000
"""Characters of a report that are indexed. A tsvector holds 1 MB at most; all of these at their worst stay below."""
_SEPARATORS = "./:@-_?=&%#+,;|"

# PostgreSQL takes as long for one `translate` of all of these as for parsing the text, for 15 times `replace` a tenth.
_SPACED = reduce(lambda text, one: f"replace({text}, '{one.replace('%', '%%')}', ' ')", _SEPARATORS, "{0}")
# So that `evil` finds evil.example as `evil.example` does: PostgreSQL takes hosts, addresses and paths as one word.
_WORDS = f"to_tsvector('simple', {{0}} || ' ' || {_SPACED})"
_HEAD_TEXT = (
    "left(concat_ws(' ', report.subject, report.reporter_reference, report.provider_id, defendant.customer_id,"
    f" details.email, details.spare_email, details.firstname, details.name, details.organisation), {_HEAD})"
)
# OFFSET 0: each text is made once, not once for each place in which it stands.
_INDEX = f"""
WITH old AS MATERIALIZED (
    SELECT coalesce(max(report_id), 0) - %(newest)s AS id FROM abuse_searchentry
), entry AS MATERIALIZED (
    SELECT report.id AS report_id,
           setweight({_WORDS.format("text.head")}, 'A')
           || setweight({_WORDS.format("text.items")}, 'B')
           || {_WORDS.format("text.body")} AS document
    FROM abuse_report AS report
    LEFT JOIN abuse_defendant AS defendant ON defendant.id = report.defendant_id
    LEFT JOIN abuse_defendantrevision AS details ON details.id = defendant.details_id
    LEFT JOIN LATERAL (
        SELECT string_agg(item.text, ' ') AS text
        FROM (
            SELECT left(raw_item, 1000) AS text FROM abuse_reportitem
            WHERE report_id = report.id ORDER BY id LIMIT {MAX_ITEMS}
        ) AS item
    ) AS items ON true
    CROSS JOIN LATERAL (
        SELECT {_HEAD_TEXT} AS head, left(coalesce(items.text, ''), {_ITEMS}) AS items,
               left(report.body, {_TEXT}) AS body
        OFFSET 0
    ) AS text
    WHERE report.id = ANY(%(ids)s)
    ORDER BY report.id
), indexed AS (
    INSERT INTO abuse_searchentry (report_id, document) SELECT report_id, document FROM entry
    ON CONFLICT (report_id) DO UPDATE SET document = excluded.document
), added AS (
    INSERT INTO abuse_newsearchentry (report_id, document)
    SELECT report_id, document FROM entry WHERE report_id > (SELECT id FROM old)
    ON CONFLICT (report_id) DO UPDATE SET document = excluded.document
)
DELETE FROM abuse_newsearchentry WHERE report_id IN (
    SELECT report_id FROM abuse_newsearchentry
    WHERE report_id <= (SELECT id FROM old)
    AND (report_id = ANY(%(ids)s) OR EXISTS (SELECT FROM entry WHERE report_id %% %(trimmed_at)s = 0))
    FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608 - all of it is from above


def keep(ids: Sequence[int]) -> None:
    """Make the words of reports from their rows, or make them again."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEX, {"ids": sorted(set(ids)), "newest": NEWEST, "trimmed_at": _TRIMMED_AT})
