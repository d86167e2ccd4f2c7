"""`main.py up`: the whole desk, kept running, and gone with one Ctrl-C."""

from __future__ import annotations

import contextlib
import smtplib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from .desk import Desk, eventually
from .mails import REPORTER, complaint
from .up import START_SECONDS, STOP_SECONDS, Up

PARTS = {"run", "run-worker", "run-scheduler", "fetch-email"}


@pytest.fixture
def up(desk: Desk, tmp_path: Path) -> Iterator[Up]:
    running = Up(desk.environment(BATCH_SIZE="2"), tmp_path / "up.log")
    yield running
    running.kill()


def send(desk: Desk, mail: bytes) -> None:
    with smtplib.LMTP("127.0.0.1", desk.listener_port) as session:
        session.sendmail(REPORTER, ["abuse@desk.example"], mail)


def listens(desk: Desk) -> bool:
    try:
        with smtplib.LMTP("127.0.0.1", desk.listener_port):
            return True
    except OSError:
        return False


def answers(desk: Desk) -> bool:
    """Whether the API says anything at all."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{desk.api_port}/api/", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


def test_up_runs_all_restarts_what_is_killed_and_ends_all_at_one_interrupt(desk: Desk, up: Up) -> None:
    up.wait_until(lambda: listens(desk) and answers(desk), "the start")
    assert {name for name in PARTS if up.part(name)} == PARTS
    send(desk, complaint(1))
    desk.wait_until_settled(1, START_SECONDS)

    killed = {}
    for name in ("run-worker", "run-scheduler"):
        part = up.part(name)
        assert part is not None
        part.kill()
        killed[name] = part.pid
    for name, pid in killed.items():
        up.wait_until(partial(new_part, up, name, pid), f"another {name}")
    assert "worker-1 ended (exit -9) and is started again." in up.log.read_text()
    send(desk, complaint(2))
    desk.wait_until_settled(2, START_SECONDS)

    # In the middle of the work: it is left for the next start, and not waited for.
    desk.deliver(complaint(number) for number in range(3, 600))
    eventually(lambda: desk.settled() > 10, START_SECONDS, "some of the mails")
    started = time.monotonic()
    status = up.stop()
    took = time.monotonic() - started

    assert status == 0, up.log.read_text()
    assert took < STOP_SECONDS
    assert up.all() == []
    assert "is killed" not in up.log.read_text(), up.log.read_text()
    assert "Traceback" not in up.log.read_text()
    settled = desk.settled()
    assert settled < 599, "all was done before the interrupt: nothing was interrupted"
    time.sleep(1)
    assert desk.settled() == settled, "somebody works on"

    desk.start("run-worker")
    desk.start("run-scheduler")
    desk.wait_until_settled(599)
    assert desk.states() == {"processed": 599}
    assert desk.rows("SELECT count(*), count(DISTINCT email_id) FROM abuse_report") == [(599, 599)]


def new_part(up: Up, name: str, old: int) -> bool:
    part = up.part(name)
    return part is not None and part.pid != old


def test_up_ends_with_a_failure_when_a_part_cannot_be_kept_running(desk: Desk, up: Up) -> None:
    up.wait_until(lambda: listens(desk) and answers(desk), "the start")
    deaths = 0
    end = time.monotonic() + START_SECONDS
    while up.process.poll() is None and time.monotonic() < end:
        part = up.part("run-scheduler")
        if part is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                part.kill()
                deaths += 1
        time.sleep(0.05)

    assert up.process.wait(STOP_SECONDS) == 1
    assert "scheduler ended 6 times within a minute: giving up." in up.log.read_text()
    assert deaths >= 6
    assert up.all() == []
