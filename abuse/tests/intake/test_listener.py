"""Deliveries over real sockets, with the standard library's clients and with bytes written by hand."""

from __future__ import annotations

import logging
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from abuse.config import Settings
from abuse.controllers import inbox
from abuse.intake import delivery_protocol
from abuse.intake.listener import ListenerError, run_listener
from abuse.models import Email
from abuse.services.storage import StorageService

pytestmark = pytest.mark.django_db(transaction=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listening(**options: Any) -> Iterator[int]:
    port = free_port()
    settings = Settings.model_validate({"SOURCE": Path("settings.yml"), "EMAIL_LISTENER": {"port": port, **options}})
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            run_listener(settings, stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, failures
                time.sleep(0.02)
        yield port
    finally:
        stop.set()
        began = time.monotonic()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - began < 3
        assert failures == []


class Talk:
    """A client that sends exactly the bytes it is told."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")
        assert self.reply().startswith("220")

    def reply(self) -> str:
        lines = []
        while line := self.file.readline():
            lines.append(line.decode())
            if line[3:4] != b"-":
                break
        return "".join(lines)

    def say(self, line: bytes) -> str:
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def envelope(self, *recipients: str, hello: bytes = b"LHLO x") -> Talk:
        assert self.say(hello).startswith("250")
        assert self.say(b"MAIL FROM:<a@b.example>").startswith("250")
        for recipient in recipients or ("abuse@x.example",):
            assert self.say(b"RCPT TO:<" + recipient.encode() + b">").startswith("250")
        assert self.say(b"DATA").startswith("354")
        return self

    def data(self, raw: bytes, replies: int = 1) -> list[str]:
        self.socket.sendall(raw)
        return [self.reply() for _ in range(replies)]

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def talking(port: int) -> Iterator[Talk]:
    talk = Talk(port)
    try:
        yield talk
    finally:
        talk.close()


def stored() -> list[bytes]:
    return [StorageService.read(row.sha256) for row in Email.all().order_by("pk")]


def test_lmtp_takes_a_mail_and_keeps_its_envelope() -> None:
    raw = b"Subject: x\r\n\r\n.dot\r\n..two\r\n\xe9\x00\r\n"
    with listening() as port, smtplib.LMTP("127.0.0.1", port, timeout=10) as client:
        assert client.sendmail("a@b.example", ["abuse@x.example"], raw) == {}
    [row] = Email.all()
    assert stored() == [raw]
    assert (row.envelope_sender, row.envelope_recipients) == ("a@b.example", ["abuse@x.example"])
    assert row.source == "lmtp:127.0.0.1"


def test_lmtp_answers_for_each_recipient_and_stays_in_step() -> None:
    with listening(max_message_bytes=1024) as port, talking(port) as talk:
        talk.envelope("a@x.example", "b@x.example", "c@x.example")
        assert [reply[:3] for reply in talk.data(b"A: 1\r\n\r\n.\r\n", 3)] == ["250"] * 3
        assert talk.say(b"MAIL FROM:<>").startswith("250")
        assert talk.say(b"RCPT TO:<a@x.example>").startswith("250")
        assert talk.say(b"RCPT TO:<b@x.example>").startswith("250")
        assert talk.say(b"DATA").startswith("354")
        assert [reply[:3] for reply in talk.data(b"x" * 2000 + b"\r\n.\r\n", 2)] == ["552"] * 2
        assert talk.say(b"NOOP").startswith("250")
        assert talk.say(b"QUIT").startswith("221")
    assert [row.envelope_recipients for row in Email.all()] == [["a@x.example", "b@x.example", "c@x.example"]]


def test_smtp_answers_once_and_the_null_sender_is_empty() -> None:
    with listening(protocol="smtp") as port, talking(port) as talk:
        assert talk.say(b"EHLO x").startswith("250")
        assert talk.say(b"MAIL FROM:<>").startswith("250")
        assert talk.say(b"RCPT TO:<a@x.example>").startswith("250")
        assert talk.say(b"RCPT TO:<b@x.example>").startswith("250")
        assert talk.say(b"DATA").startswith("354")
        assert talk.data(b"A: 1\r\n\r\n.\r\n")[0].startswith("250")
        assert talk.say(b"NOOP").startswith("250")
    assert [(row.envelope_sender, row.source) for row in Email.all()] == [("", "smtp:127.0.0.1")]


def test_smtputf8_and_8bit_envelopes_are_kept() -> None:
    with listening(protocol="smtp") as port:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.ehlo()
            assert client.has_extn("smtputf8")
            assert client.has_extn("8bitmime")
            client.sendmail(
                "jürgen@bücher.example", ["abuse@x.example"], b"A: 1\r\n", mail_options=["SMTPUTF8", "BODY=8BITMIME"]
            )
        with talking(port) as talk:
            talk.say(b"EHLO x")
            assert talk.say(b"MAIL FROM:<\xe9@b.example>").startswith("250")
            assert talk.say(b"RCPT TO:<abuse@x.example>").startswith("250")
            assert talk.say(b"DATA").startswith("354")
            assert talk.data(b"A: 2\r\n.\r\n")[0].startswith("250")
    assert [row.envelope_sender for row in Email.all().order_by("pk")] == ["jürgen@bücher.example", "\\udce9@b.example"]


def test_250_comes_only_after_the_row_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    really = inbox.receive_many

    def slow(deliveries: list[inbox.Delivery]) -> list[inbox.Receipt]:
        gate.wait(10)
        return really(deliveries)

    monkeypatch.setattr(inbox, "receive_many", slow)
    with listening() as port, talking(port) as talk:
        talk.envelope()
        talk.socket.sendall(b"A: 1\r\n.\r\n")
        talk.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            talk.socket.recv(1)
        assert Email.count() == 0
        gate.set()
        talk.socket.settimeout(10)
        assert talk.socket.recv(100).startswith(b"250")
        assert Email.count() == 1


def test_a_temporary_failure_is_451_for_each_recipient_and_the_next_try_goes_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with listening() as port, talking(port) as talk:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE abuse_email RENAME TO elsewhere")
        try:
            talk.envelope("a@x.example", "b@x.example")
            assert [reply[:3] for reply in talk.data(b"A: 1\r\n.\r\n", 2)] == ["451"] * 2
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE elsewhere RENAME TO abuse_email")
        assert Email.count() == 0
        assert talk.say(b"MAIL FROM:<a@b.example>").startswith("250")
        assert talk.say(b"RCPT TO:<a@x.example>").startswith("250")
        assert talk.say(b"DATA").startswith("354")
        assert talk.data(b"A: 1\r\n.\r\n")[0].startswith("250")
    assert Email.count() == 1
    assert "was not stored" in caplog.text


def test_deliveries_go_on_after_the_database_cut_its_connections() -> None:
    def deliver(number: int) -> int:
        with smtplib.LMTP("127.0.0.1", port, timeout=10) as client:
            client.ehlo()
            client.mail("a@b.example")
            client.rcpt("abuse@x.example")
            return client.data(b"A: %d\r\n" % number)[0]

    with listening() as port:
        for number in range(8):
            assert deliver(number) == 250
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        codes = [deliver(number) for number in range(8, 16)]
    assert codes == [250] * 8, "a connection is checked before it is used again"
    assert Email.count() == 16


def test_only_listed_recipients_are_taken() -> None:
    with listening(recipients=["Abuse@x.example", "@tickets.example"]) as port, talking(port) as talk:
        talk.say(b"LHLO x")
        talk.say(b"MAIL FROM:<a@b.example>")
        assert talk.say(b"RCPT TO:<other@x.example>").startswith("550")
        assert talk.say(b"RCPT TO:<aBuse@X.example>").startswith("250")
        assert talk.say(b"RCPT TO:<anything@tickets.example>").startswith("250")
        assert talk.say(b"RCPT TO:<a@not-tickets.example>").startswith("550")
        assert talk.say(b"DATA").startswith("354")
        assert [reply[:3] for reply in talk.data(b"A: 1\r\n.\r\n", 2)] == ["250"] * 2
    assert [row.envelope_recipients for row in Email.all()] == [["aBuse@X.example", "anything@tickets.example"]]


def test_recipients_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_protocol, "MAX_RECIPIENTS", 2)
    with listening() as port, talking(port) as talk:
        talk.say(b"LHLO x")
        talk.say(b"MAIL FROM:<a@b.example>")
        replies = [talk.say(b"RCPT TO:<%d@x.example>" % number)[:3] for number in range(3)]
    assert replies == ["250", "250", "452"]


def test_an_announced_size_over_the_limit_is_refused_before_data() -> None:
    with listening(max_message_bytes=1024) as port, talking(port) as talk:
        assert "SIZE 1024" in talk.say(b"LHLO x")
        assert talk.say(b"MAIL FROM:<a@b.example> SIZE=1025").startswith("552")
        assert talk.say(b"MAIL FROM:<a@b.example> SIZE=1024").startswith("250")


def test_the_limit_is_exact() -> None:
    with listening(max_message_bytes=1024) as port, talking(port) as talk:
        exact = b"A" * 1022 + b"\r\n"
        assert talk.envelope().data(exact + b".\r\n")[0].startswith("250")
        talk.say(b"RSET")
        talk.say(b"MAIL FROM:<a@b.example>")
        talk.say(b"RCPT TO:<a@x.example>")
        talk.say(b"DATA")
        assert talk.data(b"A" + exact + b".\r\n")[0].startswith("552")
    assert stored() == [exact]


SMUGGLED = b"MAIL FROM:<forged@bank.example>\r\nRCPT TO:<abuse@x.example>\r\nDATA\r\nSubject: smuggled\r\n"


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r\n\0.\r\n"]
)
@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_no_end_but_the_true_one_ends_a_mail(protocol: str, end: bytes) -> None:
    with listening(protocol=protocol) as port, talking(port) as talk:
        talk.envelope(hello=b"LHLO x" if protocol == "lmtp" else b"EHLO x")
        raw = b"Subject: one\r\n\r\nbody" + end + SMUGGLED
        assert talk.data(raw + b".\r\n")[0].startswith("250")
        assert talk.say(b"NOOP").startswith("250")
    # Only a dot at the beginning of a line that CR LF began is taken away (RFC 5321, 4.5.2).
    assert stored() == [raw.replace(b"\r\n.\n", b"\r\n\n").replace(b"\r\n.\r", b"\r\n\r")]


def test_long_lines_are_taken_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_protocol, "MAX_LINE_BYTES", 300_000)
    long = b"X: " + b"x" * 250_000 + b"\r\n" + b"." * 200_000 + b"\r\n"
    with listening() as port, talking(port) as talk:
        assert talk.envelope("a@x.example", "b@x.example").data(long + b".\r\n", 2)[0].startswith("250")
        talk.say(b"MAIL FROM:<a@b.example>")
        talk.say(b"RCPT TO:<a@x.example>")
        talk.say(b"DATA")
        assert talk.data(b"x" * 400_000 + b"\r\n.\r\n")[0].startswith("554")
        assert talk.say(b"NOOP").startswith("250")
    assert stored() == [long.replace(b"\r\n..", b"\r\n.")]


def test_a_mail_of_empty_lines_costs_no_more_than_its_size() -> None:
    import tracemalloc

    raw = b"\r\n" * 2_000_000
    with listening() as port, talking(port) as talk:
        talk.envelope()
        tracemalloc.start()
        try:
            [reply] = talk.data(raw + b".\r\n")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert reply.startswith("250")
    assert peak < 5 * len(raw)


def test_more_mail_at_once_than_there_is_room_for_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abuse.intake.listener._BYTES_AT_ONCE", 100_000)
    with listening(max_message_bytes=80_000) as port, talking(port) as one, talking(port) as two:
        one.envelope().socket.sendall(b"x" * 70_000 + b"\r\n")
        time.sleep(0.3)
        assert two.envelope().data(b"y" * 70_000 + b"\r\n.\r\n")[0].startswith("452")
        assert one.data(b".\r\n")[0].startswith("250")
        two.say(b"RSET")
        two.say(b"MAIL FROM:<a@b.example>")
        two.say(b"RCPT TO:<a@x.example>")
        two.say(b"DATA")
        assert two.data(b"y" * 70_000 + b"\r\n.\r\n")[0].startswith("250")
    assert Email.count() == 2


def test_connections_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abuse.intake.listener.MAX_CONNECTIONS", 2)
    with listening() as port:
        time.sleep(0.2)
        with talking(port), talking(port), socket.create_connection(("127.0.0.1", port), 10) as third:
            assert third.recv(100).startswith(b"421")
            assert third.recv(100) == b""
        time.sleep(0.2)
        with talking(port) as talk:
            assert talk.say(b"LHLO x").startswith("250")


@pytest.mark.parametrize(
    ("limit", "begin"),
    [
        ("COMMAND_SECONDS", lambda talk: None),
        ("DATA_SECONDS", lambda talk: talk.envelope()),
        ("SESSION_SECONDS", lambda talk: None),
    ],
)
def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch, limit: str, begin: Callable[[Talk], object]) -> None:
    monkeypatch.setattr(delivery_protocol, limit, 0.7)
    with listening() as port, talking(port) as talk:
        begin(talk)
        started = time.monotonic()
        talk.socket.settimeout(0.2)
        while time.monotonic() - started < 5:
            try:
                if limit != "COMMAND_SECONDS":
                    talk.socket.sendall(b"NOOP\r\n")
                if not talk.socket.recv(1000):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 0.3 < time.monotonic() - started < 3
    assert Email.count() == 0


def test_a_client_that_leaves_in_the_middle_leaves_nothing_and_harms_nothing() -> None:
    with listening() as port:
        for part in (b"", b"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\nhalf a mail\r\n"):
            with socket.create_connection(("127.0.0.1", port), 10) as client:
                client.sendall(part)
        with talking(port) as talk:
            assert talk.envelope().data(b"A: 1\r\n.\r\n")[0].startswith("250")
    assert stored() == [b"A: 1\r\n"]


def test_a_stop_in_the_middle_of_storing_lets_the_mail_be_answered_for(monkeypatch: pytest.MonkeyPatch) -> None:
    really = inbox.receive_many

    def slow(deliveries: list[inbox.Delivery]) -> list[inbox.Receipt]:
        time.sleep(0.5)
        return really(deliveries)

    monkeypatch.setattr(inbox, "receive_many", slow)
    talks: list[Talk] = []
    with listening() as port:
        talk = Talk(port)
        talks.append(talk)
        talk.envelope().socket.sendall(b"A: 1\r\n.\r\n")
        time.sleep(0.2)
    assert talks[0].reply().startswith("250")
    talks[0].close()
    assert Email.count() == 1


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings.model_validate(
            {"SOURCE": Path("s.yml"), "EMAIL_LISTENER": {"port": taken.getsockname()[1]}}
        )
        with pytest.raises(ListenerError, match=r"EMAIL_LISTENER: host '127\.0\.0\.1', port \d+: .*free port"):
            run_listener(settings, threading.Event())


def test_a_door_open_to_all_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), listening(host="0.0.0.0"):
        assert "takes mail for every recipient" in caplog.text
