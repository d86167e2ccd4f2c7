"""PostgreSQL's own full text, with what reports are about: addresses, networks, names, customers and tickets."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from django.db import DatabaseError, connection

from abuse.models.fields import Network, as_array
from abuse.parsers.values import ParsedEmail

from . import words
from .base import MAX_FOUND, Found, SearchServiceBase, SearchServiceException, readable

_RECENT = 50_000
"""Reports of which the index gives those that hold words before it gives all."""
_RECENT_SECONDS = 60.0
_ENOUGH = 200
"""Reports found among the newest, or the recent ones, that are enough."""
_LIKELY = 20
"""Reports found among the newest that let as many as are enough be expected among the recent ones."""
_NEVER = 2**40
_FREQUENT = 400
"""Reports that are given, the newest, where there are more than can be: pages that somebody might turn."""
_ITEMS_OF_NETWORK = 200_000
"""Items of a large network that are looked at, whichever they are."""
_ITEMS_OF_VALUE = 20_000
_MAX_PREFIXES = 10
_MAX_OPERATORS = 20
"""Dashes or quotes of a query that are taken for more than text: PostgreSQL gives up at 32 that hang on one another."""
_WORD = re.compile(r"\w+")
_OPERATOR = re.compile(r"\"|(?<!\S)-|(?<!\S)or(?!\S)", re.IGNORECASE)
# Materialized: with the order and the limit in sight, the planner might walk through all reports from the newest on.
_BY_NETWORK = """
WITH found AS MATERIALIZED (
    SELECT report_id FROM abuse_reportitem
    WHERE network <<= %s::inet OR network = ANY(%s::inet[])
    LIMIT %s
)
SELECT DISTINCT report_id FROM found ORDER BY report_id DESC LIMIT %s
"""
# The planner is not to see what is asked for. With a frequent word in sight it would read the words of all reports;
# with the order and the limit in sight, those of the newest ones until it has found enough, which may be all as well.
# Of the recent ones it joins two bitmaps, as it sees how few they are. They are asked for where they promise enough;
# else, and where they did not keep it, all are. Where there are none but new ones, all are found.
_WORDED = """
old AS MATERIALIZED (
    SELECT coalesce(max(report_id), 0) - %(newest)s AS id FROM abuse_searchentry
), asked AS MATERIALIZED (
    SELECT query FROM {parse} AS query WHERE numnode(query) > 0 AND querytree(query) NOT IN ('', 'T')
), newest AS MATERIALIZED (
    SELECT report_id FROM abuse_newsearchentry
    WHERE EXISTS (SELECT FROM abuse_searchentry WHERE report_id <= (SELECT id FROM old))
    AND report_id > (SELECT id FROM old) AND document @@ (SELECT query FROM asked)
    ORDER BY report_id DESC LIMIT %(frequent)s
), recent AS MATERIALIZED (
    SELECT report_id FROM abuse_searchentry
    WHERE (SELECT count(*) >= %(likely)s AND count(*) < %(enough)s FROM newest)
    AND document @@ (SELECT query FROM asked) AND %(since)s > 0 AND report_id > %(since)s
), matching AS MATERIALIZED (
    SELECT report_id FROM abuse_searchentry
    WHERE (SELECT count(*) < %(enough)s FROM newest) AND (SELECT count(*) < %(enough)s FROM recent)
    AND document @@ (SELECT query FROM asked)
), every AS MATERIALIZED (
    SELECT report_id FROM matching ORDER BY report_id DESC LIMIT %(most)s
), few AS MATERIALIZED (
    SELECT report_id FROM newest WHERE (SELECT count(*) >= %(enough)s FROM newest)
    UNION ALL
    SELECT report_id FROM recent WHERE (SELECT count(*) >= %(enough)s FROM recent)
), worded AS MATERIALIZED (
    (SELECT report_id FROM few ORDER BY report_id DESC LIMIT %(frequent)s)
    UNION ALL
    SELECT report_id FROM every
)"""
# One statement, as this is one of several for a page. Each part of `valued` asks one index for one value. The second
# column says whether there may be more.
_SEARCH = f"""
WITH valued AS MATERIALIZED (
    (SELECT report_id AS id FROM abuse_reportitem WHERE raw_item = %(value)s LIMIT %(items)s)
    UNION
    (SELECT report_id FROM abuse_reportitem WHERE fqdn = %(lower)s LIMIT %(items)s)
    UNION
    (SELECT report.id FROM abuse_report AS report JOIN abuse_ticket AS ticket ON ticket.id = report.ticket_id
     WHERE ticket.public_id = %(upper)s LIMIT %(items)s)
    UNION
    (SELECT report.id FROM abuse_report AS report JOIN abuse_defendant AS defendant
     ON defendant.id = report.defendant_id
     WHERE defendant.customer_id = %(value)s LIMIT %(items)s)
    UNION
    (SELECT report.id FROM abuse_report AS report JOIN abuse_defendantrevision AS details
     ON details.defendant_id = report.defendant_id
     WHERE details.email IN (%(value)s, %(lower)s) LIMIT %(items)s)
), {_WORDED}
SELECT ARRAY(
    SELECT report_id FROM (
        SELECT id AS report_id, 1 AS part FROM valued
        UNION ALL SELECT report_id, 2 FROM worded
    ) AS one
    ORDER BY part, report_id DESC LIMIT 2 * %(most)s
), EXISTS (SELECT FROM few)
"""  # noqa: S608 - all of it is from above
_BY_WEB_QUERY = _SEARCH.format(parse="websearch_to_tsquery('simple', %(words)s)")
_BY_PLAIN_WORDS = _SEARCH.format(parse="plainto_tsquery('simple', %(words)s)")
_BY_PREFIXES = f"""
WITH {_WORDED.format(parse="to_tsquery('simple', %(prefixes)s)")}
SELECT ARRAY(SELECT report_id FROM worded ORDER BY report_id DESC), EXISTS (SELECT FROM few)
"""  # noqa: S608 - all of it is from above

# Those that are named first, then the newest of a customer, then those of the reports found.
_TICKETS = """
SELECT id FROM (
    SELECT id, 1 AS part, 0 AS place FROM abuse_ticket WHERE public_id = %(upper)s
    UNION ALL
    (SELECT ticket.id, 2, -ticket.id FROM abuse_ticket AS ticket JOIN abuse_defendant AS defendant
     ON defendant.id = ticket.defendant_id
     WHERE defendant.customer_id = %(exact)s ORDER BY ticket.id DESC LIMIT %(most)s)
    UNION ALL
    SELECT report.ticket_id, 3, found.place
    FROM unnest(%(reports)s::bigint[]) WITH ORDINALITY AS found (id, place)
    JOIN abuse_report AS report ON report.id = found.id
    WHERE report.ticket_id IS NOT NULL
) AS one
ORDER BY part, place
"""


class PostgresSearch(SearchServiceBase):
    """Words as a search engine on the web takes them: all of them, `"a phrase"`, `or`, `-not`.

    A query that is an address or a network finds the reports with items in it, and with networks that hold it. One that
    is a ticket's public id, a customer's id or address, a name or a URL finds the reports of that, before those that
    speak of it. Words that find nothing are tried as beginnings of words. The newest come first.
    """

    is_transactional = True

    def __init__(self) -> None:
        super().__init__()
        self._recent: tuple[float, int] | None = None

    def index_email(self, parsed_email: ParsedEmail, filename: str, reports_id: Sequence[int]) -> None:
        self.index_reports(reports_id)

    def index_reports(self, ids: Sequence[int]) -> None:
        if ids:
            words.keep(ids)

    def search_reports(self, query: str) -> Sequence[int]:
        return self._search(query, is_bounded=True)

    def search_all_reports(self, query: str) -> Sequence[int]:
        return self._search(query, is_bounded=False)

    def _search(self, query: str, *, is_bounded: bool) -> Sequence[int]:
        text = readable(query)
        if not text:
            return []
        most = MAX_FOUND if is_bounded else None
        network = _as_network(text)
        if network is not None:
            around = [str(one) for one in _around(network)]
            limits = [_ITEMS_OF_NETWORK, MAX_FOUND + 1] if is_bounded else [None, None]
            return _first([row[0] for row in self._rows(_BY_NETWORK, [str(network), around, *limits])], most)
        is_odd = text.count("-") > _MAX_OPERATORS or text.count('"') > _MAX_OPERATORS
        limits_of_words = {} if is_bounded else {"items": None, "most": None, "enough": _NEVER, "frequent": 0}
        values = {**_values(text, self._since()), **limits_of_words}
        ids, is_cut = self._rows(_BY_PLAIN_WORDS if is_odd else _BY_WEB_QUERY, values)[0]
        if not ids and values["prefixes"]:
            ids, is_cut = self._rows(_BY_PREFIXES, values)[0]
        return _first(ids, most, is_cut=is_cut)

    def search_tickets(self, query: str, reports: Sequence[int] | None = None) -> Sequence[int]:
        text = readable(query)
        reports = self.search_reports(query) if reports is None else reports
        named = text if text and " " not in text else None
        values = {
            "upper": named and named.upper(),
            "exact": named,
            "reports": as_array(list(reports)),
            "most": MAX_FOUND,
        }
        return _first([row[0] for row in self._rows(_TICKETS, values)], MAX_FOUND, is_cut=not Found.is_all(reports))

    def _since(self) -> int:
        """The id after which reports are recent: a number that the planner sees. No result depends on its age."""
        now = time.monotonic()
        if self._recent is None or self._recent[0] < now:
            newest = self._rows("SELECT coalesce(max(report_id), 0) FROM abuse_searchentry", [])[0][0]
            self._recent = (now + _RECENT_SECONDS, newest - _RECENT)
        return self._recent[1]

    def _rows(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
        except DatabaseError as error:
            raise SearchServiceException(f"search: {error}") from error


def _values(text: str, since: int) -> Mapping[str, Any]:
    """What stands in the statement: `text` is asked for, reports with ids above `since` are recent."""
    value = text if " " not in text else None
    return {
        "value": value, "lower": value and value.lower().rstrip("."), "upper": value and value.upper(),
        "words": text, "prefixes": "" if _OPERATOR.search(text) else _prefixes(text), "since": since,
        "newest": words.NEWEST, "likely": _LIKELY, "enough": _ENOUGH, "frequent": _FREQUENT, "items": _ITEMS_OF_VALUE,
        "most": MAX_FOUND + 1,
    }  # fmt: skip


def _first(found: Sequence[int], most: int | None, *, is_cut: bool = False) -> Found:
    """The ids, each once: all, where there are no more than `most`, else some of the first."""
    ids = list(dict.fromkeys(found))
    is_complete = not is_cut and (most is None or len(ids) <= most)
    return Found(ids if is_complete or most is None else ids[: min(most, _FREQUENT)], is_complete=is_complete)


def _prefixes(text: str) -> str:
    found = _WORD.findall(text)[:_MAX_PREFIXES]
    # Letters and digits alone, quoted: nothing in them is an operator.
    return " & ".join(f"'{word}':*" for word in found if len(word) > 1)


def _as_network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _around(network: Network) -> list[Network]:
    """The networks that hold a network: few enough to be looked up one by one."""
    return [network.supernet(new_prefix=length) for length in range(network.prefixlen)]
