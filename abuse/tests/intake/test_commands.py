"""`fetch-email` and `import-email` as an operator calls them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection

from abuse.commands import fetch_email as fetch_module
from abuse.commands.fetch_email import fetch_email
from abuse.commands.import_email import import_email
from abuse.config import Settings
from abuse.models import Email
from abuse.services.facade import facade
from abuse.services.storage import StorageServiceException
from abuse.services.storage.default import FilesystemStorage

from .dovecot import PASSWORD, Dovecot, free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def use(monkeypatch: pytest.MonkeyPatch, **sections: Any) -> None:
    settings = Settings.model_validate({"SOURCE": Path("/settings.yml"), **sections})
    monkeypatch.setattr(fetch_module, "current", lambda: settings)


def box(user: str, port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "user": user, "password": PASSWORD, "tls": "none"}


def terminate_once(ready: Any) -> threading.Thread:
    """A real SIGTERM to this process as soon as something holds."""

    def wait_and_kill() -> None:
        deadline = time.monotonic() + 15
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    return thread


def test_without_a_mailbox_it_says_what_to_set_and_exits_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    for arguments in ([], ["--once"]):
        result = CliRunner().invoke(fetch_email, arguments)
        assert result.exit_code == 2
        assert "EMAIL_FETCHER: no mailbox; expected host, user and password" in result.stderr
        assert "--listen" in result.stderr
    assert CliRunner().invoke(fetch_email, ["--once", "--listen"]).exit_code == 2


def test_once_counts_and_exits(monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.put(user, b"Subject: 1\n\n")
    dovecot.put(user, b"Subject: 2\n\n")
    use(monkeypatch, EMAIL_FETCHER=box(user, dovecot.port))
    result = CliRunner().invoke(fetch_email, ["--once"])
    assert (result.exit_code, result.stdout) == (0, "2 new, 0 already known, 0 left in the mailboxes\n")


def test_once_with_a_mailbox_that_is_down_exits_with_1_and_names_it(
    monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot
) -> None:
    user = dovecot.new_user()
    dovecot.put(user, b"Subject: 1\n\n")
    use(monkeypatch, EMAIL_FETCHER={"mailboxes": [box("dead", free_port()), box(user, dovecot.port)]})
    result = CliRunner().invoke(fetch_email, ["--once"])
    assert result.exit_code == 1
    assert result.stdout.startswith("1 new")
    assert "imap://dead@127.0.0.1/INBOX: connect: ConnectionRefusedError" in result.stderr
    assert PASSWORD not in result.output


def test_sigterm_ends_it_with_0(monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.put(user, b"Subject: 1\n\n")
    use(monkeypatch, EMAIL_FETCHER=box(user, dovecot.port))
    taken: list[float] = []

    def ready() -> bool:
        if dovecot.count(user) == 0:
            taken.append(time.monotonic())
        return bool(taken)

    thread = terminate_once(ready)
    result = CliRunner().invoke(fetch_email, [])
    ended = time.monotonic()
    thread.join()
    assert result.exit_code == 0
    assert ended - taken[0] < 3
    assert Email.count() == 1


def test_the_listener_runs_with_and_without_mailboxes(monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for fetcher in ({}, box(user, dovecot.port)):
        port = free_port()
        use(monkeypatch, EMAIL_LISTENER={"port": port}, EMAIL_FETCHER=fetcher)
        greeted: list[bytes] = []

        def ready(port: int = port, greeted: list[bytes] = greeted) -> bool:
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as client:
                    greeted.append(client.recv(4))
            except OSError:
                pass
            return bool(greeted)

        thread = terminate_once(ready)
        result = CliRunner().invoke(fetch_email, ["--listen"])
        thread.join()
        assert (result.exit_code, result.output) == (0, "")
        assert greeted == [b"220 "]


def test_a_listener_that_cannot_listen_ends_the_whole_with_1(monkeypatch: pytest.MonkeyPatch, dovecot: Dovecot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        use(
            monkeypatch,
            EMAIL_LISTENER={"port": taken.getsockname()[1]},
            EMAIL_FETCHER=box(dovecot.new_user(), dovecot.port),
        )
        result = CliRunner().invoke(fetch_email, ["--listen"])
    assert result.exit_code == 1
    assert "EMAIL_LISTENER: host '127.0.0.1', port" in result.stderr


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """A directory of its own: beside it lies the storage."""
    directory = tmp_path / "mails"
    directory.mkdir()
    return directory


def write(directory: Path, *numbers: int) -> None:
    for number in numbers:
        (directory / f"{number}.eml").write_bytes(b"Subject: %d\n\n" % number)


def test_import_counts_new_and_known_and_can_be_run_again(mails: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine there would be lines of progress.
    monkeypatch.setattr("abuse.commands.import_email._TELL_EVERY", 3600.0)
    write(mails, *range(250))
    (mails / "again.eml").write_bytes(b"Subject: 1\n\n")
    result = CliRunner().invoke(import_email, [str(mails)])
    assert (result.exit_code, result.output) == (0, "251 read, 250 new, 1 already known, 0 failed\n")
    result = CliRunner().invoke(import_email, [str(mails)])
    assert (result.exit_code, result.output) == (0, "251 read, 0 new, 251 already known, 0 failed\n")
    assert Email.get(source=str(mails / "7.eml")).deliveries == 2


def test_import_reads_standard_input() -> None:
    result = CliRunner().invoke(import_email, ["-"], input=b"Subject: \xe9\n\n")
    assert (result.exit_code, result.output) == (0, "1 read, 1 new, 0 already known, 0 failed\n")
    assert Email.get().source == "standard input"


def test_import_names_what_failed_and_goes_on(mails: Path) -> None:
    write(mails, 1, 2)
    result = CliRunner().invoke(import_email, [str(mails / "missing.eml"), str(mails)])
    assert result.exit_code == 1
    assert result.stdout == "2 read, 2 new, 0 already known, 1 failed\n"
    assert result.stderr.startswith(f"Error: {mails}/missing.eml: ")


def test_import_goes_on_past_a_mail_that_cannot_be_stored(tmp_path: Path, mails: Path) -> None:
    import hashlib

    bad = hashlib.sha256(b"Subject: 2\n\n").hexdigest()

    class Picky(FilesystemStorage):
        def write(self, name: str, data: bytes) -> bool:
            if name == bad:
                raise StorageServiceException("no room")
            return super().write(name, data)

    facade("StorageServiceBase").set_up(Picky(str(tmp_path / "picky")))
    write(mails, 1, 2, 3)
    result = CliRunner().invoke(import_email, [str(mails)])
    assert result.exit_code == 1
    assert result.stdout == "3 read, 2 new, 0 already known, 1 failed\n"
    assert result.stderr == f"Error: {mails}/2.eml: no room\n"


def test_import_stops_when_the_database_takes_nothing(mails: Path) -> None:
    write(mails, 1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE abuse_email RENAME TO elsewhere")
    try:
        result = CliRunner().invoke(import_email, [str(mails)])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO abuse_email")
    assert result.exit_code == 1
    assert "the database takes no mail" in result.stderr


def test_import_needs_a_path() -> None:
    assert CliRunner().invoke(import_email, []).exit_code == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(
    mails: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr("abuse.commands.import_email._TELL_EVERY", 0.0)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: terminal, raising=False)
    write(mails, 1, 2)
    result = CliRunner().invoke(import_email, [str(mails)])
    assert result.exit_code == 0
    assert result.stdout.endswith("2 read, 2 new, 0 already known, 0 failed\n")
    assert ("Importing" in result.stdout and "100%" in result.stdout) is terminal
    assert ("1 read, 0 new" in result.stdout) is not terminal
