"""Bytes first, then one row, then the bell; the same bytes twice are one mail."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
import redis
from django.db import connection, connections, transaction

from abuse import queues
from abuse.controllers import inbox
from abuse.models import Email
from abuse.models.statuses import EmailState
from abuse.services.facade import facade
from abuse.services.storage import StorageService, StorageServiceException
from abuse.services.storage.default import FilesystemStorage

pytestmark = pytest.mark.django_db(transaction=True)

ODD = b"From: a@b.example\r\nSubject: \xe9\x00\r\n\nbare\rbare\n\xff\xfe\x00end"


def test_a_mail_is_kept_byte_for_byte_under_its_hash(queue_server: redis.Redis) -> None:
    receipt = inbox.receive(ODD, source="test", envelope_sender="x@y.example", envelope_recipients=["abuse@z.example"])
    assert receipt.sha256 == hashlib.sha256(ODD).hexdigest()
    assert receipt.new
    assert StorageService.read(receipt.sha256) == ODD
    row = Email.get(pk=receipt.email_id)
    assert (row.sha256, row.size, row.source, row.state) == (receipt.sha256, len(ODD), "test", EmailState.RECEIVED)
    assert (row.envelope_sender, row.envelope_recipients) == ("x@y.example", ["abuse@z.example"])
    assert row.deliveries == 1
    assert row.received_at == row.next_attempt_at == row.last_delivered_at
    assert queues.queue("email").count == 1


def test_the_same_bytes_again_only_count_and_leave_the_state_alone(queue_server: redis.Redis) -> None:
    first = inbox.receive(ODD, source="one", envelope_sender="first@x.example")
    Email.filter(pk=first.email_id).update(state=EmailState.IGNORED, reason="because", attempts=3)
    before = Email.get(pk=first.email_id)
    queue_server.flushdb()

    again = inbox.receive(ODD, source="two", envelope_sender="second@x.example")
    assert again == inbox.Receipt(first.email_id, first.sha256, new=False)
    row = Email.get(pk=first.email_id)
    assert row.deliveries == 2
    assert row.last_delivered_at > before.last_delivered_at
    changed = {name for name in Email.get_fields() if getattr(row, name) != getattr(before, name)}
    assert changed == {"deliveries", "last_delivered_at"}
    assert queues.queue("email").count == 0, "nothing new waits, so no bell"


def test_many_deliveries_of_the_same_mail_at_once_are_one_mail_and_all_counted() -> None:
    receipts: list[inbox.Receipt] = []
    start = threading.Barrier(8)

    def deliver() -> None:
        start.wait()
        try:
            for _ in range(5):
                receipts.append(inbox.receive(ODD, source="race", ring=False))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 40
    assert sum(receipt.new for receipt in receipts) == 1
    assert [row.deliveries for row in Email.all()] == [40]


def test_batches_with_the_same_mails_in_opposite_order_do_not_lock_up() -> None:
    mails = [inbox.Delivery(b"Subject: %d\n\n" % number, "batch") for number in range(30)]
    failures: list[Exception] = []

    def deliver(batch: list[inbox.Delivery]) -> None:
        try:
            for _ in range(5):
                inbox.receive_many(batch, ring=False)
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver, args=(batch,)) for batch in (mails, mails[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {row.deliveries for row in Email.all()} == {10}


def test_a_batch_gives_its_receipts_in_order_knows_its_own_repeats_and_rings_once(queue_server: redis.Redis) -> None:
    raws = [b"c", b"a", b"b", b"a"]
    receipts = inbox.receive_many([inbox.Delivery(raw, "batch") for raw in raws])
    assert [receipt.sha256 for receipt in receipts] == [hashlib.sha256(raw).hexdigest() for raw in raws]
    assert sum(receipt.new for receipt in receipts) == 3
    assert receipts[1].email_id == receipts[3].email_id
    assert queues.queue("email").count == 1
    assert inbox.receive_many([]) == []


def test_a_sender_can_put_nothing_into_a_column_that_breaks_it() -> None:
    receipt = inbox.receive(
        b"x",
        source="s\0" + "s" * 600,
        envelope_sender="a\0\udce9\ud800'\"@x" + "y" * 600,
        envelope_recipients=["\0\udcff"],
    )
    row = Email.get(pk=receipt.email_id)
    assert len(row.source) == 512
    assert row.envelope_sender is not None
    assert row.envelope_sender.startswith("a\\udce9\\ud800'\"@x")
    assert len(row.envelope_sender) == 512
    assert row.envelope_recipients == ["\\udcff"]


def test_no_row_without_bytes_on_disk(tmp_path: Path) -> None:
    class FullDisk(FilesystemStorage):
        def write(self, name: str, data: bytes) -> bool:
            raise StorageServiceException("no space left on device")

    facade("StorageServiceBase").set_up(FullDisk(str(tmp_path / "full")))
    with pytest.raises(StorageServiceException):
        inbox.receive(b"x", source="test")
    assert Email.count() == 0


def test_nothing_is_reported_as_taken_when_the_row_cannot_be_written(queue_server: redis.Redis) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE abuse_email RENAME TO elsewhere")
    try:
        with pytest.raises(inbox.InboxUnavailable):
            inbox.receive(b"x", source="test")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO abuse_email")
    assert Email.count() == 0
    assert queues.queue("email").count == 0


def test_the_bell_rings_after_the_commit_only(queue_server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(Email.count())
        connections.close_all()

    def look_from_elsewhere() -> bool:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return True

    monkeypatch.setattr(queues, "ring", look_from_elsewhere)
    inbox.receive(b"x", source="test")
    assert seen == [1]


def test_inside_a_transaction_of_the_caller_it_refuses_since_the_commit_would_not_be_its_own() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        inbox.receive(b"x", source="test")


def test_a_mail_over_the_parsers_limit_is_stored_all_the_same() -> None:
    from abuse.config import current

    raw = b"Subject: big\n\n" + bytes(1024) * ((current().PARSER.max_message_bytes // 1024) + 1)
    receipt = inbox.receive(raw, source="test")
    assert Email.get(pk=receipt.email_id).size == len(raw)


def test_a_broken_connection_makes_the_inbox_unavailable_and_the_next_mail_goes_through() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()

    def kill() -> None:
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
        finally:
            connections.close_all()

    thread = threading.Thread(target=kill)
    thread.start()
    thread.join()
    with pytest.raises(inbox.InboxUnavailable):
        inbox.receive(b"x", source="test")
    assert inbox.receive(b"x", source="test").new


@pytest.mark.django_db(transaction=True)
def test_mails_of_one_batch_are_worked_off_in_their_order() -> None:
    from abuse.config import current
    from abuse.pipeline.claims import claim_fresh

    receipts = inbox.receive_many([inbox.Delivery(b"mail %d" % number, "test") for number in range(20)], ring=False)
    assert [claim.email_id for claim in claim_fresh(current().PIPELINE)] == [receipt.email_id for receipt in receipts]
