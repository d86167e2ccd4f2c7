"""From the first start to the stop after the last user: nothing dies unexpectedly here."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from abuse import embedded
from abuse.embedded import EmbeddedServerError, locks

from .helpers import (
    IS_ROOT,
    connect,
    eventually,
    get,
    pid_of_keeper,
    pid_of_postgres,
    processes_naming,
    put,
    query,
    status_of,
    user_of,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def changed(file: Path, content: str) -> Iterator[None]:
    before = file.read_text()
    file.write_text(content)
    try:
        yield
    finally:
        file.write_text(before)


def test_a_new_directory_gets_a_closed_and_answering_pair(place: Path) -> None:
    directory = place / "var" / "servers"
    addresses = embedded.start(directory, linger=0.3)

    assert query(addresses.postgres, "SELECT current_user, current_database()") == [("cerberus", "cerberus")]
    assert (directory / "postgres" / "PG_VERSION").read_text() == "18\n"
    # Root's directory lets the servers' account pass to its own part, and no more.
    assert mode(directory) == (0o711 if IS_ROOT else 0o700)
    assert mode(addresses.postgres.host) == 0o700
    for name in ("postgres", "valkey"):
        assert mode(directory / name) == 0o700
        assert mode(directory / f"{name}.password") == 0o600
        assert mode(directory / f"{name}.log") == 0o600
    assert not (directory / "postgres.new.password").exists()


def test_the_servers_listen_on_sockets_only_and_want_their_passwords(directory: Path) -> None:
    addresses = embedded.start(directory, linger=0.3)

    assert query(addresses.postgres, "SHOW listen_addresses") == [("",)]
    with redis.Redis(unix_socket_path=str(addresses.valkey.socket_path), password=addresses.valkey.password) as client:
        assert client.config_get("port") == {"port": "0"} or client.config_get("port") == {b"port": b"0"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(addresses.postgres, password="wrong")
    with (
        redis.Redis(unix_socket_path=str(addresses.valkey.socket_path), retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    assert addresses.postgres.password not in repr(addresses)
    assert addresses.valkey.password not in repr(addresses)


def test_the_database_is_durable_utc_and_knows_letters_beyond_ascii(directory: Path) -> None:
    postgres = embedded.start(directory, linger=0.3).postgres

    settings = "current_setting('fsync'), current_setting('synchronous_commit'), current_setting('timezone')"
    assert query(postgres, f"SELECT {settings}, current_setting('data_checksums')") == [("on", "on", "UTC", "on")]
    assert query(postgres, "SELECT lower('ÉTÉ')") == [("été",)]
    query(postgres, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
    assert query(postgres, "SELECT similarity('été', 'été'), similarity('été', 'ötö') < 1") == [(1.0, True)]


def test_the_valkey_url_serves_rq(directory: Path) -> None:
    url = embedded.start(directory, linger=0.3).valkey.url

    rq = Path(sys.executable).with_name("rq")
    shown = subprocess.run([rq, "info", "--url", url], capture_output=True, text=True, timeout=30)

    assert shown.returncode == 0, shown.stderr
    assert "0 workers" in shown.stdout


def test_data_and_passwords_survive_a_stop(directory: Path) -> None:
    first = embedded.start(directory, linger=0.3)
    query(first.postgres, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    put(first.valkey, "kept", "doorbell")

    assert embedded.stop(directory) is True
    second = embedded.start(directory, linger=0.3)

    assert second == first
    assert query(second.postgres, "SELECT answer FROM kept") == [(42,)]
    assert get(second.valkey, "kept") == b"doorbell"


def test_stop_ends_every_process_and_says_whether_there_was_one(directory: Path) -> None:
    assert embedded.status(directory.with_name("nothing")) is None
    assert embedded.stop(directory.with_name("nothing")) is False
    embedded.start(directory, linger=60)
    assert status_of(directory).healthy
    assert status_of(directory).in_use

    assert embedded.stop(directory) is True

    assert processes_naming(str(directory)) == {}
    assert embedded.stop(directory) is False
    after = status_of(directory)
    assert (after.keeper_pid, after.in_use, after.postgres.pid, after.valkey.pid) == (None, False, None, None)
    assert not after.healthy
    assert "database system is shut down" in (directory / "postgres.log").read_text()
    assert "ready to exit" in (directory / "valkey.log").read_text()


def test_start_again_in_the_same_process_changes_nothing(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    before = status_of(directory)
    embedded.start(directory, linger=0.3)

    assert status_of(directory) == before


def test_processes_that_start_at_once_get_the_same_servers(directory: Path) -> None:
    with user_of(directory) as one, user_of(directory) as two, user_of(directory) as three:
        seen = {user.wait_until_started() for user in (one, two, three)}

        assert len(seen) == 1
        assert len(processes_naming(f"-D {directory}/postgres ")) == 1
        assert len(processes_naming(f"--dir {directory}/valkey")) == 1


def test_the_servers_stay_for_the_last_user_and_then_go(directory: Path) -> None:
    with user_of(directory, linger=0.3) as one, user_of(directory, linger=0.3) as two:
        seen = one.wait_until_started()
        assert two.wait_until_started() == seen
        one.kill()
        time.sleep(1)
        assert pid_of_postgres(directory) == seen[0]

        two.leave()

        assert eventually(lambda: processes_naming(str(directory)) == {}, seconds=5)


def test_a_user_killed_hard_counts_as_gone(directory: Path) -> None:
    with user_of(directory, linger=0.3) as user:
        user.wait_until_started()
        user.kill()

        assert eventually(lambda: processes_naming(str(directory)) == {}, seconds=5)


def test_users_who_arrive_while_the_servers_stop_get_a_healthy_pair(directory: Path) -> None:
    for _ in range(4):
        with user_of(directory, linger=0) as user:
            user.wait_until_started()
            user.leave()
        # The keeper notices at its next turn, at some moment of what the next user does.
        time.sleep(0.15)
    addresses = embedded.start(directory, linger=0)

    time.sleep(0.6)  # a keeper that overlooked this process would have stopped them by now
    assert query(addresses.postgres, "SELECT 1") == [(1,)]
    assert len(processes_naming("abuse.embedded.keeper " + str(directory))) == 1


def test_a_keeper_that_never_finishes_stopping_is_named(directory: Path) -> None:
    with locks.exclusive(directory / "users.lock"), pytest.raises(EmbeddedServerError) as caught:
        embedded.start(directory, timeout=0.2)

    assert f"The keeper of the embedded servers in {directory} did not finish stopping" in str(caught.value)


def test_a_server_that_can_not_start_is_named_with_what_it_said(directory: Path) -> None:
    settings = directory / "postgres" / "postgresql.conf"
    with (
        changed(settings, settings.read_text() + "no_such_setting = 1\n"),
        pytest.raises(EmbeddedServerError) as caught,
    ):
        embedded.start(directory, linger=0.3)

    message = str(caught.value)
    assert f"The embedded PostgreSQL in {directory} ended 3 times" in message
    assert str(directory / "postgres.log") in message
    assert 'unrecognized configuration parameter "no_such_setting"' in message
    # The word is out before the keeper is.
    assert eventually(lambda: processes_naming(str(directory)) == {}, seconds=5)
    assert status_of(directory).in_use is False


def test_data_of_another_major_version_is_refused(directory: Path) -> None:
    with (
        changed(directory / "postgres" / "PG_VERSION", "17\n"),
        pytest.raises(EmbeddedServerError, match="has data of major version 17, expected 18"),
    ):
        embedded.start(directory, linger=0.3)


def test_data_without_its_password_is_refused_not_replaced(directory: Path) -> None:
    password = directory / "postgres.password"
    password.rename(directory / "aside")
    try:
        with pytest.raises(EmbeddedServerError, match="password of the embedded PostgreSQL is missing"):
            embedded.start(directory, linger=0.3)
        assert not password.exists()
    finally:
        (directory / "aside").rename(password)


def test_the_keeper_leaves_the_session_and_files_of_who_started_it(directory: Path) -> None:
    with (directory.parent / "private").open("w"):
        embedded.start(directory, linger=0.3)
        keeper = pid_of_keeper(directory)

        fields = Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()
        parent, session, terminal = int(fields[1]), int(fields[3]), int(fields[4])
        opened = {str(link.readlink()) for link in Path(f"/proc/{keeper}/fd").iterdir()}
    assert parent != keeper
    assert session not in (keeper, int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[3]))
    assert terminal == 0
    assert opened == {
        "/dev/null",
        str(directory / "keeper.log"),
        str(directory / "keeper.lock"),
        str(directory / "users.lock"),
    }
    assert Path(f"/proc/{keeper}/cwd").readlink() == Path("/")
