"""Many workers at the same customer, category and service open one ticket with all the reports."""

from __future__ import annotations

import pytest

from .desk import Desk
from .mails import REPORTER, STRANGER, address, complaint

MAILS = 200
WORKERS = 8


def work_off(desk: Desk, mails: list[bytes]) -> None:
    """Have eight workers wait for the mails, which come so that each worker has a bell of its own."""
    share = len(mails) // WORKERS
    for start in range(0, len(mails), share):
        desk.deliver(mails[start : start + share])
    for _ in range(WORKERS):
        # Batches of five: forty transactions that want the same ticket. A lease that outlasts a slow machine.
        desk.start("run-worker", BATCH_SIZE="5", LEASE_SECONDS="30")
    desk.wait_until_settled(len(mails))


def check_history(desk: Desk, reports: int) -> None:
    assert desk.value("SELECT count(*) FROM abuse_history WHERE action_type = 'CreateTicket'") == 1
    attached = desk.rows("SELECT report_id FROM abuse_history WHERE action_type = 'AttachReport'")
    assert len(attached) == len(set(attached)) == reports
    assert desk.value("SELECT count(*) FROM abuse_businessruleshistory") == reports
    assert desk.value("SELECT count(DISTINCT ticket_id) FROM abuse_history WHERE ticket_id IS NOT NULL") == 1


def dead_locks(desk: Desk) -> int:
    return (desk.servers / "postgres.log").read_text().count("deadlock detected")


def test_trusted_reports_make_one_ticket(desk: Desk) -> None:
    desk.trust()
    before = dead_locks(desk)

    work_off(desk, [complaint(number) for number in range(MAILS)])

    assert desk.states() == {"processed": MAILS}
    assert desk.rows("SELECT status, count(*) FROM abuse_report GROUP BY status") == [("Attached", MAILS)]
    assert desk.rows("SELECT status FROM abuse_ticket") == [("Open",)]
    assert desk.rows("SELECT recipient FROM abuse_outgoingmessage") == [(REPORTER,)]
    check_history(desk, MAILS)
    assert dead_locks(desk) == before


@pytest.mark.parametrize("threshold", [MAILS, 60])
def test_untrusted_reports_make_one_ticket_when_they_are_enough(desk: Desk, threshold: int) -> None:
    desk.rows("UPDATE abuse_reportthreshold SET threshold = %s", threshold)
    before = dead_locks(desk)

    work_off(desk, [complaint(number, sender=STRANGER) for number in range(MAILS)])

    assert desk.states() == {"processed": MAILS}
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 1
    assert desk.rows("SELECT status, count(*) FROM abuse_report GROUP BY status") == [("Attached", MAILS)]
    assert desk.value("SELECT count(*) FROM abuse_deadline WHERE state = 'pending'") == 0
    check_history(desk, MAILS)
    assert dead_locks(desk) == before


def test_untrusted_reports_below_the_threshold_make_none(desk: Desk) -> None:
    desk.rows("UPDATE abuse_reportthreshold SET threshold = %s", MAILS + 1)

    work_off(desk, [complaint(number, sender=STRANGER) for number in range(MAILS)])

    assert desk.value("SELECT count(*) FROM abuse_ticket") == 0
    assert desk.rows("SELECT status, count(*) FROM abuse_report GROUP BY status") == [("New", MAILS)]
    assert desk.value("SELECT count(DISTINCT report_id) FROM abuse_deadline WHERE state = 'pending'") == MAILS


def test_mails_about_several_customers_each_by_many_workers_dead_lock_nobody(desk: Desk) -> None:
    """Mixed batches that want the same rows in different orders, from reporters that nobody has seen before."""
    before = dead_locks(desk)
    desk.trust()
    mails = [
        complaint(
            number, about=address(number * 7 % 5), sender=REPORTER if number % 2 else f"new{number % 11}@other.example"
        )
        for number in range(MAILS)
    ]

    work_off(desk, mails)

    assert desk.states() == {"processed": MAILS}
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 5
    assert desk.value("SELECT count(DISTINCT defendant_id) FROM abuse_ticket") == 5
    assert desk.value("SELECT max(attempts) FROM abuse_email") == 1
    assert dead_locks(desk) == before
