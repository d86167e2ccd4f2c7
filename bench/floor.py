"""The floor: the least that a program has to do for the same result, written without any care for people or rules.

It reads the same stored bytes, parses them with the standard library's fast parser (`compat32`), decodes the texts,
and inserts what the desk found into four bare tables with a primary key and nothing else. It extracts no addresses,
asks nobody whose they are, decides nothing and checks nothing: all of that is read from the desk's own rows before the
clock starts. All rows of a commit go to the server in one statement with one INSERT for each table: one round trip.
"""

from __future__ import annotations

import email
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from itertools import count
from typing import Any

import psycopg
from django.db import connection

from abuse.models import Email, Report
from abuse.services.storage import StorageService

_TABLES = """
DROP TABLE IF EXISTS floor_mail, floor_report, floor_item, floor_ticket;
CREATE TABLE floor_mail (
    id bigint PRIMARY KEY, sha256 text, sender text, subject text, sent_at text, message_id text, state text);
CREATE TABLE floor_report (
    id bigint PRIMARY KEY, mail_id bigint, ticket_id bigint, provider text, category text, customer bigint,
    status text, subject text, body text);
CREATE TABLE floor_item (id bigint PRIMARY KEY, report_id bigint, kind text, value text);
CREATE TABLE floor_ticket (id bigint PRIMARY KEY, public_id text, category text, customer bigint);
"""
_INSERT = """
WITH mail AS (INSERT INTO floor_mail SELECT * FROM unnest(
         %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])),
     ticket AS (INSERT INTO floor_ticket SELECT * FROM unnest(
         %s::bigint[], %s::text[], %s::text[], %s::bigint[])),
     item AS (INSERT INTO floor_item SELECT * FROM unnest(
         %s::bigint[], %s::bigint[], %s::text[], %s::text[]))
INSERT INTO floor_report SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[])
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What the desk made of one mail, as far as the floor cannot know it: rows without subject and text."""

    sha256: str
    state: str
    reports: Sequence[tuple[int, int | None, str, str, int | None, str]]
    items: Sequence[tuple[int, str, str]]
    tickets: Sequence[tuple[int, str, str, int | None]]


@dataclass(slots=True)
class _Rows:
    mail: list[tuple[Any, ...]] = field(default_factory=list)
    ticket: list[tuple[Any, ...]] = field(default_factory=list)
    item: list[tuple[Any, ...]] = field(default_factory=list)
    report: list[tuple[Any, ...]] = field(default_factory=list)

    def columns(self) -> list[list[Any]]:
        """The arrays of `_INSERT`."""
        widths = ((self.mail, 7), (self.ticket, 4), (self.item, 4), (self.report, 9))
        return [[row[column] for row in rows] for rows, width in widths for column in range(width)]


class Floor:
    """A connection of its own and the bare tables."""

    def __init__(self) -> None:
        parameters = connection.get_connection_params()
        known = {
            name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if name in parameters
        }
        self._connection = psycopg.connect(**known, autocommit=True, prepare_threshold=0)
        self._connection.execute(_TABLES, prepare=False)
        self._ids = count(1)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def run(self, results: Sequence[Result], *, mails_a_commit: int) -> float:
        """Do the least for these mails; the seconds it took."""
        started = time.perf_counter()
        for start in range(0, len(results), mails_a_commit):
            rows = _Rows()
            for result in results[start : start + mails_a_commit]:
                self._add(rows, result)
            self._connection.execute(_INSERT, rows.columns())
        return time.perf_counter() - started

    def _add(self, rows: _Rows, result: Result) -> None:
        message = email.message_from_bytes(StorageService.read(result.sha256))
        body = "\n".join(_texts(message))
        number, subject = next(self._ids), str(message["Subject"])
        sender, date, identifier = str(message["From"]), str(message["Date"]), str(message["Message-ID"])
        rows.mail.append((number, result.sha256, sender, subject, date, identifier, result.state))
        reports: dict[int, int] = {}
        for report, *known in result.reports:
            reports[report] = next(self._ids)
            rows.report.append((reports[report], number, *known, subject, body))
        rows.item += [(next(self._ids), reports[report], kind, value) for report, kind, value in result.items]
        rows.ticket += [(next(self._ids), *known) for _, *known in result.tickets]


def _texts(message: Message) -> list[str]:
    texts = []
    for part in message.walk():
        if part.get_content_maintype() == "text":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                texts.append(content.decode("utf-8", "replace").replace("\0", ""))
    return texts


def results_of(email_ids: Sequence[int]) -> list[Result]:
    """What the desk made of these mails. A ticket counts with the mail whose report came first into it."""
    opened: set[int] = set()
    reports: dict[int, list[Report]] = {}
    rows = Report.filter(email_id__in=email_ids).select_related("ticket").prefetch_related("items").order_by("pk")
    for report in rows:
        reports.setdefault(report.email_id or 0, []).append(report)
    results = []
    for row in Email.filter(pk__in=email_ids).order_by("pk"):
        mine = reports.get(row.pk, [])
        tickets = []
        for report in mine:
            if report.ticket is not None and report.ticket.pk not in opened:
                opened.add(report.ticket.pk)
                ticket = report.ticket
                tickets.append((ticket.pk, ticket.public_id, ticket.category_id, ticket.defendant_id))
        results.append(
            Result(
                sha256=row.sha256,
                state=row.state,
                reports=[
                    (one.pk, one.ticket_id, one.provider_id, one.category_id, one.defendant_id, one.status)
                    for one in mine
                ],
                items=[(one.pk, item.item_type, item.raw_item) for one in mine for item in one.items.all()],
                tickets=tickets,
            )
        )
    return results
