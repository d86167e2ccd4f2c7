"""Workers that are killed at any instruction lose nothing and double nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import psutil

from .desk import Desk, eventually, horse_of, kill_group
from .mails import address, complaint

KILLS = 30
MAILS_A_KILL = 10
MAILS = KILLS * MAILS_A_KILL
TICKETS = 5
WORKERS = 2
SEED = "CERBERUS_TEST_SEED"


def test_thirty_kills_at_random_moments_lose_and_double_nothing(desk: Desk) -> None:
    seed = int(os.environ.get(SEED) or random.randrange(2**32))
    print(f"{SEED}={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    desk.trust()
    # A mail that happens to be in hand at several kills is not at fault for them.
    env = {"MAX_ATTEMPTS": str(KILLS + 1)}
    workers = [desk.start("run-worker", **env) for _ in range(WORKERS)]
    desk.start("run-scheduler")
    mails = [complaint(number, about=address(number % TICKETS)) for number in range(MAILS)]

    hit = 0
    for kill in range(KILLS):
        desk.deliver(mails[kill * MAILS_A_KILL : (kill + 1) * MAILS_A_KILL])
        victim = kill % WORKERS
        horse = wait_for_horse(workers[victim])
        time.sleep(chance.uniform(0, 0.12))
        # By turns: the child at work alone, the worker alone, and both with all that belongs to them.
        if kill % 3 == 0 and horse is not None:
            hit += is_alive(horse)
            kill_group(horse)
        elif kill % 3 == 1:
            hit += horse is not None and is_alive(horse)
            workers[victim].kill()
        else:
            hit += horse is not None and is_alive(horse)
            if horse is not None:
                kill_group(horse)
            kill_group(workers[victim])
        if kill % 3:
            desk.wait_for_end(workers[victim])
            workers[victim] = desk.start("run-worker", **env)
    desk.wait_until_settled(MAILS)

    assert hit > KILLS / 3, f"only {hit} of {KILLS} kills met a worker at work"
    assert desk.value("SELECT sum(attempts) FROM abuse_email") > MAILS, "no kill met a mail in hand"
    assert desk.states() == {"processed": MAILS}
    reported = [row[0] for row in desk.rows("SELECT email_id FROM abuse_report")]
    assert len(reported) == len(set(reported)) == MAILS
    tickets = desk.rows("SELECT ticket_id, count(*) FROM abuse_report WHERE status = 'Attached' GROUP BY ticket_id")
    assert [count for _, count in tickets] == [MAILS // TICKETS] * TICKETS
    assert desk.value("SELECT count(*) FROM abuse_ticket") == TICKETS
    # One acknowledgement a ticket to the one reporter, one entry of history for each report that joined.
    assert desk.rows("SELECT count(*), count(DISTINCT ticket_id) FROM abuse_outgoingmessage") == [(TICKETS, TICKETS)]
    attached = [row[0] for row in desk.rows("SELECT report_id FROM abuse_history WHERE action_type = 'AttachReport'")]
    assert len(attached) == len(set(attached)) == MAILS
    assert desk.value("SELECT count(*) FROM abuse_history WHERE action_type = 'CreateTicket'") == TICKETS
    assert desk.value("SELECT count(*) FROM abuse_reportitem") == MAILS


def test_no_child_outlives_a_killed_worker(desk: Desk) -> None:
    """Neither the work in hand nor RQ's scheduler: both would go on with nobody to stop them."""
    worker = desk.start("run-worker")
    eventually(lambda: bool(worker.children()), 20, "RQ's scheduler")
    children = worker.children(recursive=True)

    worker.kill()

    eventually(lambda: not any(is_alive(child) for child in children), 10, "the end of the children")


def test_only_the_main_thread_of_a_worker_takes_signals(desk: Desk) -> None:
    """One that another thread takes does not interrupt the wait for a job, and nobody hears of it."""
    worker = desk.start("run-worker")
    eventually(lambda: worker.num_threads() > 1 and bool(worker.children()), 20, "the worker's threads")

    blocked = {thread.id: blocked_signals(worker.pid, thread.id) for thread in worker.threads()}

    assert blocked.pop(worker.pid).isdisjoint({signal.SIGINT, signal.SIGTERM})
    assert blocked
    assert all({signal.SIGINT, signal.SIGTERM} <= signals for signals in blocked.values())


def blocked_signals(process: int, thread: int) -> set[int]:
    status = Path(f"/proc/{process}/task/{thread}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigBlk:")).split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def wait_for_horse(worker: psutil.Process, seconds: float = 1.0) -> psutil.Process | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        horse = horse_of(worker)
        if horse is not None:
            return horse
        time.sleep(0.002)
    return None


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
