"""The fetcher among mails that poison, servers that hang, and a database and a storage that fail."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection

from abuse.config import Mailbox
from abuse.intake import imap
from abuse.intake.backoff import Ledger
from abuse.intake.fetcher import FetchResult
from abuse.intake.imap import MailboxFetcher
from abuse.models import Email
from abuse.services.facade import facade
from abuse.services.storage import StorageServiceException
from abuse.services.storage.default import FilesystemStorage

from .dovecot import Dovecot
from .fetching import MARKER, as_served, box, mail, once, running, stored, wait_for
from .proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_connection_cut_in_mid_fetch_costs_nothing(dovecot: Dovecot, proxy: Proxy) -> None:
    user = dovecot.new_user()
    for number in range(40):
        dovecot.put(user, mail(number, 20_000))
    served = set(dovecot.contents(user))
    heard: dict[int, int] = {}

    def cut(number: int, data: bytes) -> bytes | None:
        heard[number] = heard.get(number, 0) + len(data)
        return None if number <= 2 and heard[number] > 150_000 * number else data

    proxy.treatment = cut
    result = once(box(user, proxy.port, batch_size=10))
    assert result == FetchResult(new=40, known=0, left=0, failures={})
    assert proxy.connections == 3
    assert stored() == served
    assert {row.deliveries for row in Email.all()} == {1}
    assert dovecot.count(user) == 0


def test_an_unreadable_mail_stops_neither_the_others_nor_the_newer_ones(
    dovecot: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    user = dovecot.new_user()
    for number in range(5):
        dovecot.put(user, mail(number))
    poison = dovecot.put(user, mail(666))
    poison.chmod(0)
    for number in range(5, 10):
        dovecot.put(user, mail(number))
    served = {as_served(mail(number)) for number in range(10)}

    fetcher_box = Mailbox.model_validate(box(user, dovecot.port, poll_seconds=0.5))
    stop = threading.Event()
    fetcher = MailboxFetcher(fetcher_box, stop, base=Path("/"), ledger=Ledger(first_pause=1.0))
    thread = threading.Thread(target=fetcher.run)
    thread.start()
    try:
        wait_for(lambda: stored() == served)
        dovecot.put(user, mail(10))
        wait_for(lambda: stored() == served | {as_served(mail(10))})
        wait_for(lambda: "after 2 failure(s), next try in 2 s" in caplog.text)
        [unreadable] = [path for path in dovecot.maildir(user).rglob("*.test*") if path.stat().st_mode & 0o777 == 0]
        unreadable.chmod(0o644)
        wait_for(lambda: Email.count() == 12)
    finally:
        stop.set()
        thread.join(5)
    assert stored() == served | {as_served(mail(10)), as_served(mail(666))}
    assert {row.deliveries for row in Email.all()} == {1}
    assert dovecot.count(user) == 0
    assert f"imap://{user}@127.0.0.1/INBOX;UIDVALIDITY=" in caplog.text


def cuts(number: int, data: bytes) -> bytes | None:
    return None if MARKER in data else data


def garbles(number: int, data: bytes) -> bytes | None:
    return data.replace(b" FETCH (", b" F3TCH ))") if MARKER in data else data


def lies_about_size(number: int, data: bytes) -> bytes | None:
    return data.replace(b" {", b" {9") if MARKER in data else data


def gives_nothing(number: int, data: bytes) -> bytes | None:
    if MARKER not in data:
        return data
    end = data.rfind(b"\r\n", 0, -2) + 2
    return b"* OK sorry\r\n" + data[end:]


def says_no(number: int, data: bytes) -> bytes | None:
    if MARKER not in data:
        return data
    end = data.rfind(b"\r\n", 0, -2) + 2
    return data[end:].replace(b" OK ", b" NO ")


def gives_nil(number: int, data: bytes) -> bytes | None:
    if MARKER not in data:
        return data
    start = data.find(b"BODY[] {")
    return data[:start] + b"BODY[] NIL)\r\n" + data[data.rfind(b"\r\n", 0, -2) + 2 :]


@pytest.mark.parametrize("treatment", [cuts, garbles, lies_about_size, gives_nothing, says_no, gives_nil])
def test_a_mail_that_the_server_chokes_on_stops_nothing(
    dovecot: Dovecot, proxy: Proxy, caplog: pytest.LogCaptureFixture, treatment: Callable[[int, bytes], bytes | None]
) -> None:
    user = dovecot.new_user()
    for number in (1, 2, 666, 3, 4):
        dovecot.put(user, mail(number))
    proxy.treatment = treatment
    with running(box(user, proxy.port, poll_seconds=0.5, timeout_seconds=1)):
        wait_for(lambda: Email.count() == 4)
        dovecot.put(user, mail(5))
        wait_for(lambda: Email.count() == 5)
        wait_for(lambda: "left in the mailbox after 1 failure(s)" in caplog.text)
        dovecot.put(user, mail(6))
        wait_for(lambda: Email.count() == 6)
        wait_for(lambda: dovecot.count(user) == 1)
    assert stored() == {as_served(mail(number)) for number in range(1, 7)}
    assert dovecot.contents(user) == [as_served(mail(666))]


@pytest.mark.parametrize("way", ["silent", "dripping"])
def test_a_server_that_hangs_on_a_mail_is_given_up_on_in_time(
    dovecot: Dovecot, proxy: Proxy, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    user = dovecot.new_user()
    for number in (1, 666, 2):
        dovecot.put(user, mail(number))
    over = threading.Event()

    def hang(number: int, data: bytes) -> bytes | None:
        if MARKER not in data:
            return data
        over.wait(0.3 if way == "dripping" else 60)
        return data[:1]

    if way == "dripping":
        # After the marker one byte in a while, each of which starts the socket's own time-out anew.
        dripping: set[int] = set()

        def hang(number: int, data: bytes) -> bytes | None:
            if MARKER in data:
                dripping.add(number)
            if number not in dripping:
                return data
            pair = proxy._pairs[number - 1][0]
            for byte in data:
                if over.wait(0.3):
                    return None
                pair.sendall(bytes([byte]))
            return b""

    proxy.treatment = hang
    try:
        began = time.monotonic()
        result = once(box(user, proxy.port, timeout_seconds=1))
        assert time.monotonic() - began < 15
    finally:
        over.set()
    assert result.new == 2
    assert result.left == 1
    assert dovecot.count(user) == 1


@contextmanager
def no_table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE abuse_email RENAME TO elsewhere")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO abuse_email")


def test_a_database_that_takes_nothing_leaves_the_mails_in_the_mailbox(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for number in range(7):
        dovecot.put(user, mail(number))
    with no_table():
        result = once(box(user, dovecot.port))
    assert result.new == 0
    assert "the database takes no mail" in next(iter(result.failures.values()))
    assert dovecot.count(user) == 7
    assert once(box(user, dovecot.port)).new == 7


def test_a_mail_that_the_database_refuses_stays_and_the_others_go_through(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for number in (1, 666, 2):
        dovecot.put(user, mail(number))
    sha256 = hashlib.sha256(as_served(mail(666))).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE abuse_email ADD CONSTRAINT no_666 CHECK (sha256 <> '{sha256}')")
    try:
        result = once(box(user, dovecot.port))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE abuse_email DROP CONSTRAINT no_666")
    assert (result.new, result.left) == (2, 1)
    assert dovecot.contents(user) == [as_served(mail(666))]


def test_a_storage_that_refuses_one_mail_and_then_all(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user()
    for number in (1, 666, *range(2, 9)):
        dovecot.put(user, mail(number))
    sha256 = hashlib.sha256(as_served(mail(666))).hexdigest()

    class Picky(FilesystemStorage):
        refuses: Callable[[str], bool] = staticmethod(lambda name: True)

        def write(self, name: str, data: bytes) -> bool:
            if self.refuses(name):
                raise StorageServiceException("no room")
            return super().write(name, data)

    storage = Picky(str(tmp_path / "picky"))
    facade("StorageServiceBase").set_up(storage)
    assert "in a row" in next(iter(once(box(user, dovecot.port)).failures.values()))
    assert dovecot.count(user) == 9
    storage.refuses = lambda name: name == sha256
    assert once(box(user, dovecot.port)) == FetchResult(new=8, known=0, left=1, failures={})
    assert dovecot.contents(user) == [as_served(mail(666))]


def cut_all_database_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def test_a_database_that_cuts_its_connections_does_not_end_the_fetcher(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    with running(box(user, dovecot.port)):
        for number in range(3):
            dovecot.put(user, mail(number))
            wait_for(lambda wanted=number + 1: Email.count() == wanted)  # type: ignore[misc]
            cut_all_database_connections()
    assert {row.deliveries for row in Email.all()} == {1}


def test_a_cut_within_the_transaction_leaves_the_mail_and_it_is_taken_later(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from abuse.controllers import inbox

    user = dovecot.new_user()
    dovecot.put(user, mail(1))
    really = inbox._insert_or_count
    cut: list[int] = []

    def cut_once(sha256: str, delivery: inbox.Delivery, now: datetime) -> inbox.Receipt:
        receipt = really(sha256, delivery, now)
        if not cut:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                cut.append(cursor.fetchone()[0])
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return receipt

    monkeypatch.setattr(inbox, "_insert_or_count", cut_once)
    with running(box(user, dovecot.port)):
        wait_for(lambda: Email.count() == 1)
        wait_for(lambda: dovecot.count(user) == 0)
    assert "the database takes no mail" in caplog.text
    assert cut


def test_renumbered_mails_are_new_mails(dovecot: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(1)).chmod(0)
    with running(box(user, dovecot.port, poll_seconds=0.3, idle=False)):
        wait_for(lambda: "left in the mailbox after 1 failure(s)" in caplog.text)
        for path in dovecot.maildir(user).rglob("*.test*"):
            path.unlink()
        for path in dovecot.maildir(user).glob("dovecot*"):
            path.unlink()
        dovecot.put(user, mail(2))
        # The first mail of the new numbering has the UID of the one in trouble, and is taken all the same.
        wait_for(lambda: Email.count() == 1)
    assert "UIDVALIDITY changed" in caplog.text
    assert stored() == {as_served(mail(2))}


def test_a_mail_that_cannot_be_removed_is_not_fetched_again_and_again(
    dovecot: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(0))
    once(box(user, dovecot.port, move_to="Done"))
    target = dovecot.maildir(user, "Done")
    for path in (target / "tmp", target / "cur", target / "new", target):
        path.chmod(0o555)
    dovecot.put(user, mail(1))
    mailbox = Mailbox.model_validate(box(user, dovecot.port, poll_seconds=0.2, idle=False, move_to="Done"))
    stop = threading.Event()
    fetcher = MailboxFetcher(mailbox, stop, base=Path("/"), ledger=Ledger(first_pause=0.3))
    thread = threading.Thread(target=fetcher.run)
    thread.start()
    try:
        wait_for(lambda: "after 2 failure(s)" in caplog.text)
        assert dovecot.count(user) == 1
        for path in (target, target / "tmp", target / "cur", target / "new"):
            path.chmod(0o755)
        wait_for(lambda: dovecot.count(user) == 0)
    finally:
        stop.set()
        thread.join(5)
    assert "stored, but the server will not remove it" in caplog.text
    assert [row.deliveries for row in Email.all()] == [1, 1]
    assert dovecot.count(user, "Done") == 2


def test_a_mail_too_big_for_memory_stays_and_is_told_of(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(imap, "LARGEST_MAIL", 5_000)
    user = dovecot.new_user()
    for number, size in ((1, 0), (2, 10_000), (3, 0)):
        dovecot.put(user, mail(number, size))
    result = once(box(user, dovecot.port))
    assert (result.new, result.left) == (2, 1)
    assert "expected at most 5000" in caplog.text
