"""PostgreSQL is stopped, or dies, in the middle of the work: nothing is lost, and nobody has to be started again."""

from __future__ import annotations

import signal

import psutil
import pytest

from abuse import embedded

from .desk import Desk, eventually
from .mails import address, complaint

MAILS = 150


@pytest.mark.parametrize("way", ["stopped and started", "killed with all that it runs"])
def test_a_database_that_goes_away_in_mid_run_loses_nothing(desk: Desk, way: str) -> None:
    desk.trust()
    # The outages are no mail's fault either.
    workers = [desk.start("run-worker", BATCH_SIZE="5", MAX_ATTEMPTS="20") for _ in range(2)]
    scheduler = desk.start("run-scheduler")
    desk.deliver(complaint(number, about=address(number % 5)) for number in range(MAILS))
    eventually(lambda: desk.settled() >= 10, 30, "the first mails")

    postmaster = postmaster_of(desk)
    if way == "stopped and started":
        postmaster.send_signal(signal.SIGINT)  # fast shutdown: all sessions are ended; the keeper starts it again
    else:
        for process in [postmaster, *postmaster.children(recursive=True)]:
            process.kill()
    postmaster.wait(20)
    desk.wait_until_settled(MAILS)

    assert postmaster_of(desk).pid != postmaster.pid
    assert desk.states() == {"processed": MAILS}
    assert desk.rows("SELECT count(*), count(DISTINCT email_id) FROM abuse_report") == [(MAILS, MAILS)]
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 5
    assert desk.value("SELECT count(*) FROM abuse_outgoingmessage") == 5
    assert desk.value("SELECT count(*) FROM abuse_history WHERE action_type = 'AttachReport'") == MAILS
    assert [desk.is_running(process) for process in (*workers, scheduler)] == [True] * 3


def postmaster_of(desk: Desk) -> psutil.Process:
    status = embedded.status(desk.servers)
    assert status is not None
    assert status.postgres.pid is not None
    return psutil.Process(status.postgres.pid)
