"""The fetcher against a real Dovecot."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.db import connection

from abuse.config import Mailbox
from abuse.intake import imap
from abuse.intake.fetcher import FetcherError, FetchResult
from abuse.intake.imap_session import ImapSession, Refused
from abuse.models import Email

from .dovecot import OTHER_PASSWORD, Certificate, Dovecot
from .fetching import MARKER, box, mail, once, running, stored, wait_for
from .proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_mails_are_taken_byte_for_byte_and_removed(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    odd = [
        mail(1),
        b"Subject: 8-bit \xe9\xff\n\n\xc3\xa9 \x80\x81\n",
        b"Subject: lines\r\n\r\nCR LF\r\nLF\nlone CR\rno end",
        b"Subject: looks like IMAP\n\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n)\n+ go\n",
        b"\n",
        b"Subject: long line\n\n" + b"y" * 200_000 + b"\n",
    ]
    for raw in odd:
        dovecot.put(user, raw)
    served = dovecot.contents(user)
    assert len(served) == len(odd)

    result = once(box(user, dovecot.port))

    assert result == FetchResult(new=len(odd), known=0, left=0, failures={})
    assert stored() == set(served)
    assert {row.sha256 for row in Email.all()} == {hashlib.sha256(raw).hexdigest() for raw in served}
    assert dovecot.count(user) == 0
    first = Email.all().order_by("pk")[0]
    assert first.source.startswith(f"imap://{user}@127.0.0.1/INBOX;UIDVALIDITY=")
    assert ";UID=" in first.source
    assert first.envelope_sender is None


def test_more_than_a_batch(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for number in range(120):
        dovecot.put(user, mail(number))
    assert once(box(user, dovecot.port, batch_size=50)).new == 120
    assert Email.count() == 120
    assert dovecot.count(user) == 0


def test_a_mail_is_removed_only_once_its_row_is_committed(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    user = dovecot.new_user()
    for number in range(30):
        dovecot.put(user, mail(number))
    seen: list[tuple[int, int]] = []
    really = ImapSession.remove

    def look_first(self: ImapSession, uids: Sequence[int]) -> None:
        with connection.cursor() as cursor:
            # The thread's own connection is out of its transaction here, so this counts what is committed.
            assert connection.get_autocommit()
            cursor.execute("SELECT count(*) FROM abuse_email")
            seen.append((cursor.fetchone()[0], len(uids)))
        really(self, uids)

    monkeypatch.setattr(ImapSession, "remove", look_first)
    once(box(user, dovecot.port, batch_size=10))
    assert seen == [(10, 10), (20, 10), (30, 10)]


def test_the_same_mail_again_is_counted_and_removed(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(1))
    once(box(user, dovecot.port))
    dovecot.put(user, mail(1))
    assert once(box(user, dovecot.port)) == FetchResult(new=0, known=1, left=0, failures={})
    assert [row.deliveries for row in Email.all()] == [2]
    assert dovecot.count(user) == 0


@pytest.mark.parametrize("kind", ["dovecot", "old_server"])
def test_mails_are_moved_to_a_folder_that_is_made(kind: str, request: pytest.FixtureRequest) -> None:
    server: Dovecot = request.getfixturevalue(kind)
    user = server.new_user()
    for number in range(3):
        server.put(user, mail(number))
    served = server.contents(user)
    assert once(box(user, server.port, move_to="Done & kept")).new == 3
    assert server.count(user) == 0
    client = server.client(user)
    try:
        assert client.select('"Done &- kept"', readonly=True) == ("OK", [b"3"])
        _, folders = client.list()
        assert any(b"Done &- kept" in (folder or b"") for folder in folders)
    finally:
        client.logout()
    assert stored() == set(served)


def test_a_server_without_uidplus_loses_no_mail_that_somebody_else_flagged(old_server: Dovecot) -> None:
    user = old_server.new_user()
    old_server.put(user, mail(1))
    old_server.put(user, mail(2))
    session = ImapSession(Mailbox.model_validate(box(user, old_server.port)), base=Path("/"))
    session.connect()
    try:
        first, second = session.open_folder().uids
        session.client.add_flags([second], [b"\\Deleted"])
        with pytest.raises(Refused, match="UIDPLUS"):
            session.remove([first])
        assert session.open_folder().uids == (first, second)
    finally:
        session.close()
    # Both are taken by a pass, flagged or not, and then both may go.
    assert once(box(user, old_server.port)).new == 2
    assert old_server.count(user) == 0


def test_new_mail_is_heard_of_at_once_with_idle(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(0))
    with running(box(user, dovecot.port, poll_seconds=300)):
        wait_for(lambda: Email.count() == 1)
        for number in range(1, 4):
            time.sleep(1.5)
            dovecot.put(user, mail(number))
            assert wait_for(lambda wanted=number + 1: Email.count() == wanted) < 2  # type: ignore[misc]
        wait_for(lambda: dovecot.count(user) == 0)


def test_a_server_without_idle_is_asked_again_and_again(old_server: Dovecot) -> None:
    user = old_server.new_user()
    with running(box(user, old_server.port, poll_seconds=0.5)):
        time.sleep(1)
        old_server.put(user, mail(1))
        assert wait_for(lambda: Email.count() == 1) < 3
        old_server.put(user, mail(2))
        assert wait_for(lambda: Email.count() == 2) < 3


def test_idle_can_be_turned_off(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImapSession, "idle", lambda *args: pytest.fail("it idled"))
    user = dovecot.new_user()
    with running(box(user, dovecot.port, poll_seconds=0.3, idle=False)):
        time.sleep(0.7)
        dovecot.put(user, mail(1))
        wait_for(lambda: Email.count() == 1)


def test_a_server_that_is_gone_and_comes_back(dovecot: Dovecot, proxy: Proxy) -> None:
    user = dovecot.new_user()
    with running(box(user, proxy.port, poll_seconds=300)):
        dovecot.put(user, mail(1))
        wait_for(lambda: Email.count() == 1)
        proxy.up = False
        proxy.cut()
        time.sleep(2.5)
        dovecot.put(user, mail(2))
        proxy.up = True
        wait_for(lambda: Email.count() == 2)


def test_one_mailbox_that_is_down_does_not_touch_the_other(dovecot: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(1))
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        dead = box("dead", nobody_listens.getsockname()[1])
        with running(dead, box(user, dovecot.port)):
            wait_for(lambda: Email.count() == 1)
            dovecot.put(user, mail(2))
            wait_for(lambda: Email.count() == 2)
        assert "imap://dead@127.0.0.1/INBOX: connect" in caplog.text
        dovecot.put(user, mail(3))
        result = once(dead, box(user, dovecot.port))
    assert result.new == 1
    assert list(result.failures) == ["imap://dead@127.0.0.1/INBOX"]


def test_a_wrong_password_is_not_tried_quickly(dovecot: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    user = dovecot.new_user()
    with running(box(user, dovecot.port, password="wrong-secret")):
        wait_for(lambda: "next try in 60 s" in caplog.text)
    assert "was not accepted" in caplog.text
    assert "wrong-secret" not in caplog.text
    result = once(box(user, dovecot.port, password="wrong-secret"))
    assert "was not accepted" in next(iter(result.failures.values()))


def test_users_and_passwords_beyond_ascii(dovecot: Dovecot) -> None:
    dovecot.put("jürgen müller", mail(1))
    result = once(box("jürgen müller", dovecot.port, password=OTHER_PASSWORD))
    assert result == FetchResult(new=1, known=0, left=0, failures={})
    assert Email.get().source.startswith("imap://j%C3%BCrgen%20m%C3%BCller@127.0.0.1/INBOX;")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_tls_with_an_authority_of_ones_own(dovecot: Dovecot, certificate: Certificate, tls: str) -> None:
    user = dovecot.new_user()
    dovecot.put(user, mail(1))
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    named = {"host": "localhost", "tls": tls, "ca_file": str(certificate.authority)}

    unknown = once(box(user, port, **{**named, "ca_file": None}))
    assert "CERTIFICATE_VERIFY_FAILED" in next(iter(unknown.failures.values()))
    other_name = once(box(user, port, **{**named, "host": "127.0.0.1"}))
    assert "CERTIFICATE_VERIFY_FAILED" in next(iter(other_name.failures.values()))
    assert dovecot.count(user) == 1
    assert once(box(user, port, **named)).new == 1
    assert dovecot.count(user) == 0


def test_idle_over_tls(dovecot: Dovecot, certificate: Certificate) -> None:
    user = dovecot.new_user()
    options = {"host": "localhost", "tls": "implicit", "ca_file": str(certificate.authority), "poll_seconds": 300}
    with running(box(user, dovecot.tls_port, **options)):
        time.sleep(2)
        dovecot.put(user, mail(1))
        assert wait_for(lambda: Email.count() == 1) < 2


def test_starttls_that_is_not_offered_sends_no_password(old_server: Dovecot) -> None:
    user = old_server.new_user()
    result = once(box(user, old_server.port, tls="starttls"))
    assert "STARTTLS" in next(iter(result.failures.values()))
    assert f"user=<{user}>" not in old_server.log()


@pytest.mark.parametrize("moment", ["idle", "stalled", "connecting"])
def test_it_stops_quickly_wherever_it_is(dovecot: Dovecot, proxy: Proxy, moment: str) -> None:
    user = dovecot.new_user()
    over = threading.Event()

    def stall(data: bytes) -> bytes:
        over.wait(30)
        return data

    if moment == "stalled":
        dovecot.put(user, mail(666))
        proxy.treatment = lambda number, data: stall(data) if MARKER in data else data
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if moment == "connecting" else proxy.port
        with running(box(user, port, timeout_seconds=60, poll_seconds=300)):
            time.sleep(1)
        # `running` has measured how long it took.
        over.set()
    assert Email.count() == 0


def test_batches_are_cut_by_size_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "BATCH_BYTES", 100)
    monkeypatch.setattr(imap, "LARGEST_MAIL", 500)
    sizes = {1: 60, 2: 40, 3: 1, 4: 400, 5: 10, 6: 501, 8: 5}
    assert list(imap._by_size([1, 2, 3, 4, 5, 6, 7, 8], sizes)) == [[1, 2], [3], [4], [5, 8]]


def test_settings_that_cannot_work_are_refused_by_name(dovecot: Dovecot) -> None:
    with pytest.raises(FetcherError, match="EMAIL_FETCHER: no mailbox; expected"):
        once()
    with pytest.raises(FetcherError, match=r"EMAIL_FETCHER\.mailboxes\.0\.move_to: 'INBOX'"):
        once(box("x", dovecot.port, move_to="INBOX"))
