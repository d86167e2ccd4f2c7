"""The parts that need no server: locks, logs, finding and ending processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abuse.embedded import locks, logs, processes
from abuse.embedded.errors import log_tail, server_error

from .helpers import eventually


def test_a_user_keeps_the_exclusive_lock_away_until_it_leaves(tmp_path: Path) -> None:
    path = tmp_path / "users.lock"
    assert locks.register_user(path, time.monotonic()) is True
    assert locks.register_user(path, time.monotonic()) is False
    assert locks.open_exclusive(path) is None

    locks.unregister_user(path)

    descriptor = locks.open_exclusive(path)
    assert descriptor is not None
    with pytest.raises(TimeoutError):
        locks.register_user(path, time.monotonic() + 0.1)
    os.close(descriptor)


def test_a_user_registers_anew_when_the_lock_file_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "users.lock"
    locks.register_user(path, time.monotonic())
    path.unlink()

    assert locks.register_user(path, time.monotonic()) is True
    assert locks.open_exclusive(path) is None
    locks.unregister_user(path)


def test_programs_started_by_a_user_do_not_hold_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "users.lock"
    locks.register_user(path, time.monotonic())
    with subprocess.Popen(["sleep", "60"], close_fds=False) as program:
        locks.unregister_user(path)

        descriptor = locks.open_exclusive(path)

        assert descriptor is not None
        os.close(descriptor)
        program.kill()


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "users.lock").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic links"):
        locks.open_lock(tmp_path / "users.lock")
    assert not (tmp_path / "target").exists()


def test_a_log_that_grew_too_large_is_emptied_and_its_end_kept(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"a" * 900 + b"b" * 100)

    assert logs.trim(log, limit=1000, kept=100) is False
    os.write(descriptor, b"c")
    assert logs.trim(log, limit=1000, kept=100) is True
    os.write(descriptor, b"d")
    os.close(descriptor)

    assert log.read_bytes() == b"d"
    assert (tmp_path / "server.log.1").read_bytes() == b"b" * 99 + b"c"
    assert logs.trim(tmp_path / "none") is False


def test_the_tail_of_a_log_is_bounded_and_can_not_steer_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"x" * 1_000_000 + b"\n" + b"\n".join(b"line %d\x1b[2J\xff" % n for n in range(20)))

    tail = log_tail(log)

    assert tail.splitlines()[0].startswith("line 12")
    assert tail.splitlines()[-1].startswith("line 19")
    assert "\x1b" not in tail
    log.write_bytes(b"x" * 1_000_000)
    assert len(log_tail(log)) < 10_000


def test_an_error_names_server_directory_and_log(tmp_path: Path) -> None:
    error = server_error("Valkey", tmp_path, tmp_path / "none.log", "can't be started")

    assert (
        str(error)
        == f"The embedded Valkey in {tmp_path} can't be started. Its log is {tmp_path}/none.log. It is empty."
    )


def test_a_process_is_found_by_its_arguments_and_its_forks_are_not(tmp_path: Path) -> None:
    mark = str(tmp_path)
    program = "import os, time; os.fork(); os.write(1, b'up\\n'); time.sleep(20)"
    with subprocess.Popen(
        [sys.executable, "-c", program, mark], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == [b"up\n", b"up\n"]

        assert processes.find(lambda line: mark in line, os.geteuid()) == [process.pid]
        assert processes.find(lambda line: mark in line, os.geteuid() + 1) == []

        os.killpg(process.pid, signal.SIGKILL)
    assert processes.command_line(process.pid) == ()


def test_a_signal_does_not_reach_a_process_with_another_command_line() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert eventually(lambda: processes.command_line(process.pid) == ("sleep", "60"))
        assert processes.signal_process(process.pid, lambda line: False, [(signal.SIGKILL, 1)]) is False
        assert process.poll() is None
        assert processes.signal_process(process.pid, lambda line: "sleep" in line, [(signal.SIGKILL, 5)]) is True
    assert processes.signal_process(process.pid, lambda line: True, [(signal.SIGKILL, 1)]) is False


def test_a_process_deaf_to_one_signal_gets_the_next() -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        with pytest.raises(TimeoutError, match="did not end after SIGTERM"):
            processes.signal_process(process.pid, lambda line: True, [(signal.SIGTERM, 0.1)])
        stages = [(signal.SIGTERM, 0.1), (signal.SIGKILL, 5.0)]
        assert processes.signal_process(process.pid, lambda line: True, stages) is True


@pytest.mark.parametrize(
    ("content", "expected"), [("12\nrest", 12), ("", None), ("-3\n", None), ("x", None), ("0", None)]
)
def test_only_a_process_id_is_read_from_a_file(tmp_path: Path, content: str, expected: int | None) -> None:
    (tmp_path / "pid").write_text(content)

    assert processes.read_pid(tmp_path / "pid") == expected
    assert processes.read_pid(tmp_path / "none") is None
