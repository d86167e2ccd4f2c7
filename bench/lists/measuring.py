"""The measurement: real requests through the WSGI application, one after another, on one processor."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from flask.testing import FlaskClient

from abuse.app import create_app
from abuse.models import Report, Ticket
from abuse.utils.memory import keep_what_is_there

from .calls import Kind, Request, Values, kinds
from .parties import Size, add_operators, forget_parties, token_of

_WARM_UP = 3
_FLOORS = 2
"""Kinds of calls that cost next to nothing: all others take turns with the first of them."""


@dataclass(slots=True)
class Times:
    """What requests of one kind cost. Seconds; `server` is PostgreSQL's share of `processor`."""

    kind: Kind
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    """Seconds of processor of a call of the floor, each measured just before one of these."""


class _Counted:
    """Counts statements."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        self.count += 1
        return execute(*arguments)


def measure(requests: int, only: str, *, answers: Path | None = None) -> list[Times]:
    """Measure each kind of requests on the desk of this process. `answers`: a file for a digest of each answer.

    :raises RuntimeError: for an answer that is no success.
    """
    add_operators()
    size = Size(Report.count(), Ticket.count())
    client = create_app().test_client()
    keep_what_is_there()  # as the server does
    every = kinds(size, Values())
    measured, digests = [], {}
    with _one_processor() as server:
        for kind in every:
            if only in kind.name or kind in every[:_FLOORS]:
                times, found = _measure(client, kind, every[0], requests, server)
                measured.append(times)
                digests[kind.name] = found
                print(f"{kind.name}: {sorted(times.wall)[len(times.wall) // 2] * 1000:.1f} ms", file=sys.stderr)
    forget_parties()
    if answers:
        answers.write_text(json.dumps(digests, indent=1) + "\n")
    return measured


def _measure(client: FlaskClient, kind: Kind, floor: Kind, count: int, server: int) -> tuple[Times, list[str]]:
    times, digests = Times(kind), []
    wanted = kind.requests(count)
    trivial = floor.requests(1)[0]
    for request in wanted[:_WARM_UP]:
        _send(client, request)
    for request in wanted:
        before = time.process_time() + _processor_of(server)
        _send(client, trivial)
        times.floor.append(time.process_time() + _processor_of(server) - before)

        counted = _Counted()
        own, theirs, started = time.process_time(), _processor_of(server), time.perf_counter()
        with connection.execute_wrapper(counted):
            answer = _send(client, request)
        times.wall.append(time.perf_counter() - started)
        times.server.append(_processor_of(server) - theirs)
        times.processor.append(time.process_time() - own + times.server[-1])
        times.queries.append(counted.count)
        digests.append(hashlib.sha256(answer).hexdigest()[:16])
    return times, digests


def _send(client: FlaskClient, request: Request) -> bytes:
    response = client.open(
        request.path, method=request.method, query_string=dict(request.query), json=request.body,
        headers={"X-Api-Token": token_of(request.caller)},
    )  # fmt: skip
    if response.status_code != 200:
        raise RuntimeError(f"{request}: {response.status_code} {response.get_data(as_text=True)[:300]}")
    return response.get_data()


@contextmanager
def _one_processor() -> Iterator[int]:
    """This process and PostgreSQL on one processor; the process id of the server of this connection."""
    chosen = {random.Random(os.getpid()).choice(sorted(os.sched_getaffinity(0)))}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = int(cursor.fetchone()[0])
    before = os.sched_getaffinity(0)
    postmaster = _parent_of(server)
    everyone = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal()]
    family = [postmaster, *(pid for pid in everyone if _parent_of(pid) == postmaster)]
    for pid in (0, *family):
        os.sched_setaffinity(pid, chosen)
    try:
        yield server
    finally:
        for pid in (0, *family):
            os.sched_setaffinity(pid, before)


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has ended


def _processor_of(pid: int) -> float:
    """Seconds of processor that a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
