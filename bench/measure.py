"""The measurement: rounds in which the desk and the floor take turns, so that a busy machine is busy for both."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import rq

from abuse import queues
from abuse.config import PROJECT_ROOT, current
from abuse.controllers.inbox import Delivery, receive_many
from abuse.models import BusinessRulesHistory, Email, EmailState, Report, Ticket
from abuse.parsers import parse
from abuse.pipeline.claims import waiting_count
from abuse.pipeline.context import parser_context
from abuse.pipeline.inbox import work

from .counting import count_round_trips
from .floor import Floor, results_of
from .mails import make_mails

RECEIVED_AT_ONCE = 50
WARM_UP = 40
"""Mails before the first round that count for nothing: modules are loaded and the senders' first rows written."""
BIG_COMMIT = 20
WORKER_SECONDS = 300


@dataclass(slots=True)
class Measured:
    """What was measured. Rates are mails a second, one for each round; times are seconds, one for each mail."""

    mails: int
    bytes: int
    receiving: list[float] = field(default_factory=list)
    desk: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    floor_big: list[float] = field(default_factory=list)
    worker: float | None = None
    parsing: list[float] = field(default_factory=list)
    parsing_share: list[float] = field(default_factory=list)
    round_trips: float = 0.0
    floor_ratio: list[float] = field(default_factory=list)
    floor_big_ratio: list[float] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    tickets: int = 0
    reports: int = 0


def measure(mails: int, rounds: int, *, seed: int, with_worker: bool) -> Measured:
    """Run the whole benchmark on the empty desk of this process.

    Each round stores its share of the mails, then lets the desk and both floors work on them. One more share counts
    round trips, as the trace costs time, and one goes through a real worker.

    :raises RuntimeError: when a mail did not come to an end: a figure of a broken run would be worth nothing.
    """
    share = max(1, mails // (rounds + 1 + with_worker))
    every = make_mails(WARM_UP + mails, seed=seed)
    rest = iter(every)
    measured = Measured(mails=mails, bytes=sum(len(mail) for mail in every[WARM_UP:]))
    floor = Floor()
    try:
        warm_up = _receive(_take(rest, WARM_UP))
        work(current())
        for size in (1, BIG_COMMIT):
            floor.run(results_of(warm_up), mails_a_commit=size)
        for _ in range(rounds):
            _round(_take(rest, share), floor, measured)
        measured.round_trips = _round_trips(_take(rest, share))
        if with_worker:
            measured.worker = _through_worker(_take(rest, share))
        _receive(list(rest))
        work(current())
    finally:
        floor.close()
    _count_rows(measured)
    return measured


def _take(mails: Iterator[bytes], count: int) -> list[bytes]:
    return [mail for _, mail in zip(range(count), mails, strict=False)]


def _receive(mails: Sequence[bytes]) -> list[int]:
    receipts = []
    for start in range(0, len(mails), RECEIVED_AT_ONCE):
        batch = [Delivery(raw, "benchmark") for raw in mails[start : start + RECEIVED_AT_ONCE]]
        receipts += receive_many(batch, ring=False)
    return [receipt.email_id for receipt in receipts]


def _round(mails: Sequence[bytes], floor: Floor, measured: Measured) -> None:
    started = time.perf_counter()
    ids = _receive(mails)
    measured.receiving.append(len(mails) / (time.perf_counter() - started))

    started = time.perf_counter()
    work(current())
    desk = time.perf_counter() - started

    results = results_of(ids)
    small = floor.run(results, mails_a_commit=1)
    big = floor.run(results, mails_a_commit=BIG_COMMIT)
    parsing = _parsing(mails)

    measured.desk.append(len(mails) / desk)
    measured.floor.append(len(mails) / small)
    measured.floor_big.append(len(mails) / big)
    measured.floor_ratio.append(small / desk)
    measured.floor_big_ratio.append(big / desk)
    measured.parsing += parsing
    measured.parsing_share.append(sum(parsing) / desk)


def _parsing(mails: Sequence[bytes]) -> list[float]:
    context = parser_context(current())
    times = []
    for mail in mails:
        started = time.perf_counter()
        parse(mail, context)
        times.append(time.perf_counter() - started)
    return times


def _round_trips(mails: Sequence[bytes]) -> float:
    _receive(mails)
    with count_round_trips() as trips:
        work(current())
    return trips.count / len(mails)


def _through_worker(mails: Sequence[bytes]) -> float:
    """Mails a second from the bell to the last commit, through one real worker that was waiting."""
    with _worker_process() as process:
        _receive(mails)
        started = time.perf_counter()
        queues.ring()
        while waiting := waiting_count() + Email.filter(state=EmailState.PROCESSING).count():
            if time.perf_counter() - started > WORKER_SECONDS or process.poll() is not None:
                raise RuntimeError(f"the worker left {waiting} of {len(mails)} mails (exit code {process.poll()})")
            time.sleep(0.1)  # asking costs the worker time
        return len(mails) / (time.perf_counter() - started)


@contextmanager
def _worker_process() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "main.py", "run-worker", "--queues", current().queues.email.name]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL) as process:
        try:
            started = time.perf_counter()
            while not rq.Worker.count(queue=queues.queue("email")):
                if time.perf_counter() - started > WORKER_SECONDS or process.poll() is not None:
                    raise RuntimeError(f"the worker did not start (exit code {process.poll()})")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def _count_rows(measured: Measured) -> None:
    states = Counter(str(state) for state in Email.all().values_list("state", flat=True))
    unfinished = {state: count for state, count in states.items() if state in {"received", "processing", "failed"}}
    if unfinished:
        error = Email.filter(state__in=list(unfinished)).exclude(error="").values_list("error", flat=True).first()
        raise RuntimeError(f"mails did not come to an end: {unfinished}; {error or 'no error is recorded'}")
    names = BusinessRulesHistory.all().values_list("business_rules__name", flat=True)
    measured.states = dict(states.most_common())
    measured.rules = dict(Counter(name or "none" for name in names).most_common())
    measured.tickets, measured.reports = Ticket.count(), Report.count()


def percentile(values: Sequence[float], hundredth: int) -> float:
    """The value that so many per cent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1] if len(values) > 1 else values[0]
