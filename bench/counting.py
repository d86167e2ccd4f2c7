"""Counting round trips to PostgreSQL on the wire, by the trace of the client library: no statement can hide."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from django.db import connection
from psycopg.pq import Trace


@dataclass(slots=True)
class RoundTrips:
    """How often the server was asked and waited for; `count` is right after the block has ended."""

    count: int = 0


@contextmanager
def count_round_trips() -> Iterator[RoundTrips]:
    """Count the round trips of this thread's connection inside the block: statements, BEGIN, COMMIT and savepoints.

    The server ends its answer to each of them with one ReadyForQuery message. A connection that is replaced inside the
    block is an error, as what the new one does would not be counted.
    """
    connection.ensure_connection()
    traced = connection.connection
    result = RoundTrips()
    with tempfile.TemporaryFile() as trace:
        traced.pgconn.trace(trace.fileno())
        traced.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS | Trace.REGRESS_MODE)
        try:
            yield result
        finally:
            traced.pgconn.untrace()
        if connection.connection is not traced:
            raise RuntimeError("the connection was replaced while its round trips were counted")
        result.count = _answers(trace)


def _answers(trace: IO[bytes]) -> int:
    """The lines that begin with `B<tab>length<tab>ReadyForQuery`: what mails contain stands after a message's name."""
    trace.seek(0)
    return sum(line.split(b"\t", 3)[2:3] == [b"ReadyForQuery"] and line.startswith(b"B\t") for line in trace)
