"""The customers of another database: the rows of one query, which is only allowed to read."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg

from abuse.services.crm.records import CustomerRecord, Fault

from .customers_file import header_faults, read_row

SECONDS = 600
"""For the whole query; a connection has to be there within CONNECT_SECONDS."""
CONNECT_SECONDS = 15
_BATCH = 1000
_SQLITE = "sqlite:///"
_STEPS = 100_000  # of SQLite's machine between two looks at the clock


class SourceError(Exception):
    """The database cannot be asked, or not with this query."""


Rows = tuple[Sequence[str], Iterator[Sequence[Any]]]


def query_customers(dsn: str, query: str, *, base: Path) -> Iterator[CustomerRecord | Fault]:
    """The customers that a query finds, row by row, and in their place what cannot be read. Columns as in the CSV.

    :param dsn: a connection string of PostgreSQL, or `sqlite:///` and a path, which is taken from `base`.
    :raises SourceError: when the database cannot be asked.
    """
    dsn, query = dsn.strip(), query.strip().removesuffix(";").strip()
    if not dsn or not query:
        raise SourceError("the DSN file and the query file: one is empty; expected a DSN and a SELECT")
    if dsn.startswith(_SQLITE):
        opened = _sqlite(base / dsn.removeprefix(_SQLITE), query)
    elif "://" in dsn and not dsn.startswith(("postgresql://", "postgres://")):
        raise SourceError(f"the DSN begins with {dsn.partition('://')[0]!r}; expected postgresql:// or sqlite:///")
    else:
        opened = _postgresql(dsn, query)
    with opened as (header, rows):
        faults = list(header_faults("the query", header))
        if faults:
            yield from faults
            return
        for number, row in enumerate(rows, 1):
            yield from read_row(f"row {number}", dict(zip(header, map(_text, row), strict=True)))


def _text(value: object) -> str:
    """A value as the CSV would have it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case _:
            return str(value)


@contextlib.contextmanager
def _postgresql(dsn: str, query: str) -> Generator[Rows]:
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS, application_name="cerberus import") as source:
            source.read_only = True
            source.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
            # A cursor of the server takes one SELECT or VALUES and nothing else, and holds the rows that are not read.
            with psycopg.ServerCursor(source, "customers") as cursor:
                cursor.itersize = _BATCH
                cursor.execute(query.encode())
                yield [column.name for column in cursor.description or ()], iter(cursor)
    except psycopg.Error as error:
        raise SourceError(f"PostgreSQL: {' '.join(str(error).split())}") from None


@contextlib.contextmanager
def _sqlite(path: Path, query: str) -> Generator[Rows]:
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
            source.execute("PRAGMA query_only = ON")
            end = time.monotonic() + SECONDS
            source.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            source.set_authorizer(_only_reading)
            cursor = source.execute(query)
            cursor.arraysize = _BATCH
            yield [column[0] for column in cursor.description or ()], iter(cursor)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise SourceError(f"{path}: {error}") from None


_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


def _only_reading(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
