"""The same mail delivered again and again, by many at once and over different ways, is one report."""

from __future__ import annotations

from base64 import b64encode

from .desk import Desk
from .mails import complaint


def test_the_same_bytes_by_ten_processes_at_once_are_one_report(desk: Desk) -> None:
    desk.trust()
    mail = b64encode(complaint(1)).decode()

    receipts = [one for each in desk.call("deliver_one_by_one", *[[mail, 3]] * 10) for one in each]
    desk.call("work", *[[]] * 4)
    desk.call("deliver_one_by_one", [mail, 1])  # after it was worked off
    desk.call("work", [])

    assert [new for _, new in receipts].count(True) == 1
    assert desk.rows("SELECT state, deliveries, attempts FROM abuse_email") == [("processed", 31, 1)]
    assert desk.value("SELECT count(*) FROM abuse_report") == 1
    assert desk.value("SELECT count(*) FROM abuse_reportitem") == 1
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 1
    assert desk.value("SELECT count(*) FROM abuse_outgoingmessage") == 1


def test_the_same_mail_over_ten_ways_is_one_report_and_nine_duplicates(desk: Desk) -> None:
    desk.trust()
    # One mail a batch, in ten processes at once: no two of them know of the other.
    ways = [complaint(1, received=f"mx{way}.desk.example") for way in range(10)]
    desk.deliver(ways, ring=False)

    desk.call("work", *[[]] * 10, BATCH_SIZE="1")
    while desk.settled() < 10:  # those that lost the race are tried again
        desk.call("work", [])

    assert desk.states() == {"processed": 1, "duplicate": 9}
    first = desk.value("SELECT id FROM abuse_email WHERE state = 'processed'")
    assert desk.rows("SELECT DISTINCT duplicate_of_id FROM abuse_email WHERE state = 'duplicate'") == [(first,)]
    assert desk.rows("SELECT email_id FROM abuse_report") == [(first,)]
    assert desk.value("SELECT count(*) FROM abuse_ticket") == 1
    assert desk.value("SELECT count(*) FROM abuse_outgoingmessage") == 1


def test_the_same_mail_over_ten_ways_in_one_batch_is_one_report(desk: Desk) -> None:
    desk.trust()
    desk.deliver(complaint(1, received=f"mx{way}.desk.example") for way in range(10))

    desk.call("work", [])

    assert desk.states() == {"processed": 1, "duplicate": 9}
    assert desk.value("SELECT count(*) FROM abuse_report") == 1
    assert desk.value("SELECT count(*) FROM abuse_outgoingmessage") == 1
