"""Every process killed in every state that it can leave behind: the next start ends in one healthy pair."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from abuse import embedded
from abuse.embedded.account import server_account

from .helpers import (
    connect,
    eventually,
    get,
    is_alive,
    pid_of_keeper,
    pid_of_postgres,
    pid_of_valkey,
    processes_naming,
    put,
    query,
    status_of,
    user_of,
)


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids))


def assert_one_pair(directory: Path) -> None:
    assert status_of(directory).healthy
    assert len(processes_naming(f"abuse.embedded.keeper {directory} ")) == 1
    assert len(processes_naming(f"-D {directory}/postgres ")) == 1
    assert len(processes_naming(f"--dir {directory}/valkey")) == 1


def test_a_killed_keepers_servers_are_adopted(directory: Path) -> None:
    with user_of(directory) as user:
        postgres, valkey, keeper = user.wait_until_started()
        kill(keeper)

        embedded.start(directory, linger=0.3)

        assert (pid_of_postgres(directory), pid_of_valkey(directory)) == (postgres, valkey)
        assert pid_of_keeper(directory) != keeper
        assert_one_pair(directory)
    assert embedded.stop(directory) is True
    assert processes_naming(str(directory)) == {}


def test_servers_without_a_keeper_are_stopped_by_stop(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    kill(pid_of_keeper(directory))

    assert embedded.stop(directory) is True
    assert processes_naming(str(directory)) == {}


def test_a_killed_postgres_is_restarted_with_its_committed_rows(directory: Path) -> None:
    address = embedded.start(directory, linger=0.3).postgres
    query(address, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    killed = pid_of_postgres(directory)
    kill(killed)

    embedded.start(directory, linger=0.3)

    assert pid_of_postgres(directory) != killed
    assert query(address, "SELECT answer FROM kept") == [(42,)]
    assert_one_pair(directory)


def test_a_backend_busy_when_its_postmaster_dies_does_not_block_the_restart(directory: Path) -> None:
    address = embedded.start(directory, linger=0.3).postgres
    connection = connect(address)
    backend = connection.info.backend_pid

    def work() -> None:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT count(*) FROM generate_series(1, 1000000000) a WHERE a % 7 = 3")

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(
        lambda: query(address, f"SELECT state FROM pg_stat_activity WHERE pid = {backend}") == [("active",)]
    )
    kill(pid_of_postgres(directory))
    assert is_alive(backend)

    embedded.start(directory, linger=0.3)

    thread.join()
    connection.close()
    assert not is_alive(backend)
    assert_one_pair(directory)


def test_a_killed_valkey_is_restarted_with_its_data(directory: Path) -> None:
    address = embedded.start(directory, linger=0.3).valkey
    put(address, "kept", "doorbell")
    killed = pid_of_valkey(directory)
    kill(killed)

    embedded.start(directory, linger=0.3)

    assert pid_of_valkey(directory) != killed
    assert get(address, "kept") == b"doorbell"
    assert_one_pair(directory)


def test_the_keeper_restarts_a_server_that_nobody_asks_for(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    postgres, valkey = pid_of_postgres(directory), pid_of_valkey(directory)
    kill(postgres, valkey)

    assert eventually(lambda: status_of(directory).healthy)
    assert_one_pair(directory)


def test_a_valkey_left_alone_is_adopted(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    valkey = pid_of_valkey(directory)
    kill(pid_of_keeper(directory), pid_of_postgres(directory))

    embedded.start(directory, linger=0.3)

    assert pid_of_valkey(directory) == valkey
    assert_one_pair(directory)


def test_process_ids_that_now_are_another_programs_do_not_block_the_start(directory: Path) -> None:
    embedded.start(directory, linger=0.3)
    kill(pid_of_keeper(directory), pid_of_postgres(directory), pid_of_valkey(directory))
    account = server_account()
    with subprocess.Popen(["sleep", "60"], user=account.uid if account.switched else None) as stranger:
        for name in ("postgres/postmaster.pid", "run/.s.PGSQL.5432.lock"):
            lock_file = directory / name
            rest = lock_file.read_text().partition("\n")[2]
            lock_file.write_text(f"{stranger.pid}\n{rest}")
        (directory / "keeper.lock").write_text(f"{stranger.pid}\n")

        embedded.start(directory, linger=0.3)

        assert_one_pair(directory)
        assert embedded.stop(directory) is True
        assert stranger.poll() is None
        stranger.kill()


def test_lock_files_emptied_by_a_power_cut_do_not_block_the_start(directory: Path) -> None:
    (directory / "postgres" / "postmaster.pid").write_text("")
    (directory / "run" / ".s.PGSQL.5432.lock").write_text("")
    (directory / "keeper.lock").write_text("")

    embedded.start(directory, linger=0.3)

    assert_one_pair(directory)


def test_a_damaged_append_only_file_is_set_aside(directory: Path) -> None:
    put(embedded.start(directory, linger=0.3).valkey, "lost", "doorbell")
    embedded.stop(directory)
    (file,) = (directory / "valkey" / "appendonlydir").glob("*.incr.aof")
    with file.open("ab") as damaged:
        damaged.write(b"\0" * 4096)

    address = embedded.start(directory, linger=0.3).valkey

    assert get(address, "lost") is None
    assert (directory / "valkey" / "appendonlydir.damaged" / file.name).stat().st_size > 4096
    assert_one_pair(directory)


def test_a_cluster_whose_making_was_interrupted_is_made_anew(place: Path) -> None:
    directory = place / "data"
    with user_of(directory) as user:
        assert eventually(lambda: processes_naming(f"{directory}/postgres.new-") != {})
        os.kill(pid_of_keeper(directory), signal.SIGKILL)
        (directory / "postgres.new-older").mkdir()
        (directory / "postgres.new-older" / "half").write_text("a cluster")

        address = embedded.start(directory, linger=0.3).postgres

        assert query(address, "SELECT 1") == [(1,)]
        user.wait_until_started()
        assert_one_pair(directory)
    assert list(directory.glob("postgres.new-*")) == []


def test_removed_sockets_come_back(directory: Path) -> None:
    address = embedded.start(directory, linger=0.3).postgres
    shutil.rmtree(address.host)

    assert eventually(lambda: address.host.exists() and status_of(directory).healthy)
    assert_one_pair(directory)


def test_servers_of_a_removed_data_directory_end(private_directory: Path) -> None:
    with user_of(private_directory, linger=60) as user:
        user.wait_until_started()
        shutil.rmtree(private_directory)

        assert eventually(lambda: processes_naming(str(private_directory)) == {})


def test_a_stopped_pair_is_started_again_for_a_user_that_stayed(directory: Path) -> None:
    with user_of(directory) as user:
        user.wait_until_started()
        assert embedded.stop(directory) is True
        assert processes_naming(str(directory)) == {}

        embedded.start(directory, linger=0.3)

        assert_one_pair(directory)
