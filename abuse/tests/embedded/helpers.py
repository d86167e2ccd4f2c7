"""Processes that use the servers, and questions to the servers and to the system about them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import redis

from abuse import embedded
from abuse.embedded import EmbeddedStatus, PostgresAddress, ValkeyAddress

PROJECT = Path(embedded.__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0

USER_PROGRAM = """
import sys
from pathlib import Path
from abuse import embedded

embedded.start(Path(sys.argv[1]), linger=float(sys.argv[2]))
status = embedded.status(Path(sys.argv[1]))
print(status.postgres.pid, status.valkey.pid, status.keeper_pid, status.healthy, flush=True)
sys.stdin.read()
"""


class User:
    """Another process that uses the servers until its input is closed or it is killed."""

    def __init__(self, directory: Path, linger: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", USER_PROGRAM, str(directory), str(linger)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )

    def wait_until_started(self) -> tuple[int, int, int]:
        """Return the process ids of PostgreSQL, Valkey and the keeper as the user sees them."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert len(words) == 4, f"the user process could not start: {words}"
        assert words[3] == "True"
        return int(words[0]), int(words[1]), int(words[2])

    def leave(self) -> None:
        self.process.communicate("", timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@contextlib.contextmanager
def user_of(directory: Path, linger: float = 0.3) -> Iterator[User]:
    user = User(directory, linger)
    try:
        yield user
    finally:
        if user.process.returncode is None:
            user.kill()


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_naming(text: str) -> dict[int, str]:
    """Every running process whose command line names `text`, but this one and its own users."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if text in line and "embedded.start(" not in line:
                found[int(entry.name)] = line
    return found


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def status_of(directory: Path) -> EmbeddedStatus:
    status = embedded.status(directory)
    assert status is not None
    return status


def pid_of_postgres(directory: Path) -> int:
    pid = status_of(directory).postgres.pid
    assert pid is not None
    return pid


def pid_of_valkey(directory: Path) -> int:
    pid = status_of(directory).valkey.pid
    assert pid is not None
    return pid


def pid_of_keeper(directory: Path) -> int:
    pid = status_of(directory).keeper_pid
    assert pid is not None
    return pid


def connect(address: PostgresAddress, *, password: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(address.host),
        port=address.port,
        user=address.user,
        password=address.password if password is None else password,
        dbname=address.database,
        autocommit=True,
    )


def query(address: PostgresAddress, statement: str) -> list[tuple[object, ...]]:
    with connect(address) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def valkey_client(address: ValkeyAddress) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(address.url)
    try:
        yield client
    finally:
        client.close()


def get(address: ValkeyAddress, key: str) -> object:
    with valkey_client(address) as client:
        return client.get(key)


def put(address: ValkeyAddress, key: str, value: str) -> None:
    with valkey_client(address) as client:
        client.set(key, value)
