"""The demo from beginning to end: set up, hand in, let the worker work, look at the result, tell."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.core.management import call_command
from django.db import connection

from abuse import queues
from abuse.config import PROJECT_ROOT, current
from abuse.controllers.inbox import Receipt
from abuse.models import Email, EmailState
from abuse.models.statuses import EMAIL_ENDS
from abuse.seed import load_seed

from . import desk
from .outcome import differences, outcomes, read_expected
from .summary import summary

EXPECTED = desk.HERE / "expected.json"
LONGEST_WORK = 300.0
"""Seconds after which mails that are still on their way mean that something is wrong."""


def play(*, fresh: bool, log_directory: Path) -> int:
    """Play the demo, printing what happens; the exit code.

    :raises DemoError: when it cannot go on.
    """
    expected = read_expected(EXPECTED)
    print("Cerberus demo: three weeks at the abuse desk of Example Hosting\n")
    with _step("servers") as done:
        done(f"{_versions()}, only for this demo, in var/demo")
    if fresh:
        with _step("empty") as done:
            _forget_everything()
            done("the desk of an earlier run is forgotten")
    with _step("database") as done:
        call_command("migrate", verbosity=0, interactive=False)
        added = load_seed()
        done(f"tables made, {added} rows of categories, rules and texts" if added else "was there already")
    with _step("customers") as done:
        result = desk.load_customers()
        known = len(desk.load_providers())
        desk.set_threshold()
        total = result.customers.added + result.customers.changed + result.customers.unchanged
        services = result.services.added + result.services.changed + result.services.unchanged
        done(f"{total} with {services} services; {known} known reporters; spam: 3 reports open a ticket")

    mails = desk.mailings(expected)
    receipts: dict[str, Receipt] = {}
    log = log_directory / "worker.log"
    _deliver("mails", [mail for mail in mails if mail.ticket_of is None], receipts, log)
    _deliver("answers", [mail for mail in mails if mail.ticket_of is not None], receipts, log)

    found = outcomes(receipts)
    print()
    print("\n".join(summary(receipts)))
    lines = differences(expected, found)
    print()
    if not lines:
        print(f"All {len(expected)} mails became what demo/expected.json says.")
        return 0
    print(f"{len(lines)} differences from demo/expected.json:")
    print("\n".join(f"  {line}" for line in lines))
    print("If somebody has worked on this desk since, that may be why; bin/demo --fresh starts anew.")
    return 1


@contextlib.contextmanager
def _step(name: str) -> Iterator[_Done]:
    """A line for a step: what came of it and how long it took; on a terminal, its name as soon as it begins."""
    done = _Done(name)
    done.tell("…")
    start = time.monotonic()
    yield done
    done.finish(time.monotonic() - start)


class _Done:
    """What a step has to say."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""
        self._is_terminal = sys.stdout.isatty()

    def __call__(self, text: str) -> None:
        self._text = text

    def tell(self, text: str) -> None:
        """Progress: rewritten in place, and left out where output goes to a file."""
        if self._is_terminal:
            print(f"\r  {self._name:10} {text}\x1b[K", end="", flush=True)

    def finish(self, seconds: float) -> None:
        start, end = ("\r", "\x1b[K") if self._is_terminal else ("", "")
        print(f"{start}  {self._name:10} {self._text:78} {seconds:5.1f} s{end}", flush=True)


def _versions() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = str(cursor.fetchone()[0]).split()[0]
    info = queues.connection().info("server")
    return f"PostgreSQL {postgres} and Valkey {info.get('valkey_version') or info.get('redis_version')}"


def _forget_everything() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    queues.connection().flushdb()
    for kept in (current().data_directory / "storage").iterdir():
        shutil.rmtree(kept)


def _deliver(title: str, mails: list[desk.Mailing], receipts: dict[str, Receipt], log: Path) -> None:
    """Hand mails in and let the worker work until none is on its way."""
    with _step(title) as done:
        desk.hand_in(mails, receipts)
        mine = {mail.name: receipts[mail.name] for mail in mails}
        new = sum(receipt.new for receipt in mine.values())
        ids = {receipt.email_id for receipt in mine.values()}
        left = _on_the_way(ids)
        _work_off(ids, done, log)
        known = "all of them known already" if new == 0 else f"{new} of them new"
        done(f"{len(mails)} handed in, {known}; " + (f"{left} worked off by one worker" if left else "nothing to do"))


def _work_off(ids: set[int], done: _Done, log: Path) -> None:
    """Run the real worker, as a process of its own, until each of the mails is at an end."""
    deadline = time.monotonic() + LONGEST_WORK
    while _on_the_way(ids):
        if not queues.ring():
            raise desk.DemoError("the bell for the worker could not be rung: Valkey does not answer")
        with log.open("ab") as output, _worker(output) as worker:
            while worker.poll() is None:
                done.tell(f"{len(ids) - _on_the_way(ids)} of {len(ids)} at their end")
                if time.monotonic() > deadline:
                    raise desk.DemoError(f"mails are still on their way after {LONGEST_WORK:.0f} s; see {log}")
                time.sleep(0.1)
        if worker.returncode != 0:
            raise desk.DemoError(f"the worker ended with exit code {worker.returncode}; see {log}")
        if _on_the_way(ids):
            time.sleep(0.5)  # a mail that failed waits for its next attempt, one of a killed worker for its lease


@contextlib.contextmanager
def _worker(output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "main.py", "run-worker", "--burst"]
    with subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    ) as worker:
        try:
            yield worker
        finally:
            if worker.poll() is None:
                worker.terminate()


def _on_the_way(ids: set[int]) -> int:
    return Email.filter(pk__in=ids, state__in=set(EmailState) - EMAIL_ENDS).count()
