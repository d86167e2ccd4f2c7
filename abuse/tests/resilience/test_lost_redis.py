"""Redis holds only doorbells: whatever happens to it, the sweeper rings again."""

from __future__ import annotations

import time

import psutil

from abuse import embedded

from .desk import Desk, eventually
from .mails import address, complaint

MAILS = 120


def check_nothing_lost(desk: Desk, mails: int) -> None:
    assert desk.states() == {"processed": mails}
    assert desk.rows("SELECT count(*), count(DISTINCT email_id) FROM abuse_report") == [(mails, mails)]
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 5


def test_redis_emptied_in_mid_run_loses_nothing(desk: Desk) -> None:
    desk.trust()
    worker = desk.start("run-worker", BATCH_SIZE="5")
    scheduler = desk.start("run-scheduler")
    mails = [complaint(number, about=address(number % 5)) for number in range(MAILS)]

    emptied_while_waiting = 0
    for start in range(0, MAILS, 20):
        desk.deliver(mails[start : start + 20])
        desk.redis.flushall()
        emptied_while_waiting += desk.settled() < start + 20
        time.sleep(0.1)
    desk.wait_until_settled(MAILS)

    assert emptied_while_waiting, "the mails were always through before Redis was emptied"
    check_nothing_lost(desk, MAILS)
    assert desk.is_running(worker)
    assert desk.is_running(scheduler)


def test_mails_taken_in_without_redis_are_processed_when_the_sweeper_rings(desk: Desk) -> None:
    desk.trust()
    worker = desk.start("run-worker")
    mails = [complaint(number, about=address(number % 5)) for number in range(20)]

    started = time.monotonic()
    desk.deliver(mails, APP_SETTINGS=str(desk.settings_without_redis))
    assert time.monotonic() - started < 3, "intake waited for a doorbell that nobody hears"
    time.sleep(0.5)
    assert desk.states() == {"received": 20}, "something rang"

    desk.start("run-scheduler")
    desk.wait_until_settled(20)
    check_nothing_lost(desk, 20)
    assert desk.is_running(worker)


def test_redis_killed_in_mid_run_loses_nothing_and_ends_nobody(desk: Desk) -> None:
    desk.trust()
    worker = desk.start("run-worker", BATCH_SIZE="5")
    scheduler = desk.start("run-scheduler")
    desk.deliver(complaint(number, about=address(number % 5)) for number in range(MAILS))
    eventually(lambda: desk.settled() > 0, 20, "the first mail")

    kill_valkey(desk)
    desk.wait_until_settled(MAILS)
    # The bells that come after it was started again are heard.
    eventually(lambda: is_up(desk), 20, "Valkey")
    desk.deliver(complaint(number, about=address(number % 5)) for number in range(MAILS, MAILS + 20))
    desk.wait_until_settled(MAILS + 20)

    check_nothing_lost(desk, MAILS + 20)
    assert desk.is_running(worker)
    assert desk.is_running(scheduler)


def kill_valkey(desk: Desk) -> None:
    status = embedded.status(desk.servers)
    assert status is not None
    assert status.valkey.pid is not None
    psutil.Process(status.valkey.pid).kill()


def is_up(desk: Desk) -> bool:
    status = embedded.status(desk.servers)
    return status is not None and status.valkey.healthy
