"""A desk of its own for these tests: settings, servers, and the processes that a test starts on it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis
from psycopg.rows import tuple_row

from abuse import embedded
from abuse.config import PROJECT_ROOT

from .mails import CUSTOMERS, REPORTER, address

Row = tuple[Any, ...]

HAND_SECONDS = 90
"""No call takes so long; one that waits for a lock that nobody gives back does."""

SETTINGS = """\
DATA_DIRECTORY: data
DJANGO:
  SECRET_KEY: a-key-that-only-ever-signs-test-data-0123456789
MANAGED_NETWORKS: [203.0.113.0/24]
IMPLEMENTATIONS:
  CRMServiceBase:
    class: abuse.tests.resilience.traps.TrapCRM
RULES:
  actions:
    report:
    - abuse.rules.actions.report.default.DefaultReportActions
    - abuse.tests.resilience.traps.TrapActions
PIPELINE:
  batch_size: ${{BATCH_SIZE:-20}}
  max_attempts: ${{MAX_ATTEMPTS:-5}}
  lease_seconds: ${{LEASE_SECONDS:-1}}
  retry_seconds: ${{RETRY_SECONDS:-0.1}}
  sweep_seconds: 0.3
API:
  port: {api_port}
EVENTS:
  webhooks: {{allowed_networks: [127.0.0.0/8], plaintext: true, timeout_seconds: 3, retry_seconds: 0.1}}
EMAIL_LISTENER:
  port: {listener_port}
LOGGERS:
  stdout: {{level: WARNING}}
"""
RELAY = "MAIL:\n  relay: {{host: 127.0.0.1, port: {port}, tls: none, timeout_seconds: {timeout}}}\n"
NO_REDIS = "REDIS:\n  socket: {socket}\n"

# What the tests make; the rest is the seed and the customers. CASCADE adds what hangs on these.
_TABLES = "abuse_email, abuse_report, abuse_ticket, abuse_provider, abuse_defendant, abuse_service, abuse_webhook"


class Desk:
    """Everything a test needs of the desk. Its processes are ended by `end_all`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.api_port, self.listener_port = free_port(), free_port()
        self.settings = directory / "settings.yml"
        text = SETTINGS.format(api_port=self.api_port, listener_port=self.listener_port)
        self.settings.write_text(text)
        self.settings_without_redis = directory / "settings-without-redis.yml"
        self.settings_without_redis.write_text(text + NO_REDIS.format(socket=directory / "nobody-listens.sock"))
        self.servers = directory / "data" / "servers"
        self.addresses = embedded.start(self.servers, linger=0.3)
        self.redis = redis.Redis.from_url(self.addresses.valkey.url)
        self._log_number = 0
        self._started: set[int] = set()
        self._hand = subprocess.Popen(
            [sys.executable, "-m", "abuse.tests.resilience.hand"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            env=self.environment(),
            text=True,
        )
        assert self._read()["ready"]

    def environment(self, **more: str) -> dict[str, str]:
        """For a process of this desk that is no fork of the hand."""
        return {**os.environ, "APP_ENV": "dev", "APP_SETTINGS": str(self.settings), "PYTHONUNBUFFERED": "1", **more}

    def settings_with_relay(self, port: int, *, timeout: float) -> str:
        """The path of settings that name a mail server on 127.0.0.1, as the value of APP_SETTINGS."""
        path = self.directory / "settings-with-relay.yml"
        path.write_text(self.settings.read_text() + RELAY.format(port=port, timeout=timeout))
        return str(path)

    # Processes

    def start(self, *argv: str, **env: str) -> psutil.Process:
        """Start a command in the background, as the leader of a process group."""
        pid = self._ask(do="start", argv=argv, env=env, log=self._log(argv[0]))["pid"]
        self._started.add(pid)
        return psutil.Process(pid)

    def start_function(self, name: str, **env: str) -> psutil.Process:
        """Start a function of `hand.py` in the background, as the leader of a process group."""
        pid = self._ask(do="start_function", name=name, env=env, log=self._log(name))["pid"]
        self._started.add(pid)
        return psutil.Process(pid)

    def run(self, *argv: str, **env: str) -> tuple[int, str]:
        """Run a command to its end; its exit status and what it said."""
        log = self._log(argv[0])
        status = self._ask(do="run", argv=argv, env=env, log=log)["status"]
        return status, Path(log).read_text()

    def call(self, name: str, *calls: Sequence[object], **env: str) -> list[Any]:
        """Call a function of `hand.py` in one process for each list of arguments, all at the same moment."""
        return list(self._ask(do="call", name=name, calls=calls, env=env, log=self._log(name))["results"])

    def deliver(self, mails: Iterable[bytes], *, ring: bool = True, **env: str) -> list[int]:
        """Take mails in with one commit; their ids."""
        encoded = [b64encode(mail).decode() for mail in mails]
        return [receipt[0] for receipt in self.call("deliver", [encoded, ring], **env)[0]]

    def status_of(self, process: psutil.Process) -> int | None:
        """The exit status of a started command, negative for a signal; None while it runs."""
        status: int | None = self._ask(do="status", pid=process.pid)["status"]
        return status

    def is_running(self, process: psutil.Process) -> bool:
        return self.status_of(process) is None

    def wait_for_end(self, process: psutil.Process, seconds: float = 20) -> int:
        eventually(lambda: not self.is_running(process), seconds, f"the end of process {process.pid}")
        status = self.status_of(process)
        assert status is not None
        return status

    def end_all(self) -> None:
        """Kill whatever a test has left."""
        for pid in self._started:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                for one in [*process.children(recursive=True), process]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        one.kill()
        for pid in self._started:
            eventually(partial(self._has_ended, pid), 10, f"the end of process {pid}")
        self._started.clear()

    def _has_ended(self, pid: int) -> bool:
        return self._ask(do="status", pid=pid)["status"] is not None

    def close(self) -> None:
        """End the hand and the servers."""
        self.end_all()
        self._hand.communicate(timeout=20)
        self.redis.close()
        embedded.stop(self.servers)

    # Rows

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection that commits each statement; waits for a server that is being started again."""
        where = embedded.start(self.servers).postgres
        connection = psycopg.connect(
            host=str(where.host), port=where.port, user=where.user, password=where.password, dbname=where.database,
            autocommit=True, row_factory=tuple_row,
        )  # fmt: skip
        with connection:
            yield connection

    def rows(self, statement: str, *parameters: object) -> list[Row]:
        """What a query gives, and what an UPDATE or INSERT returns."""
        with self.database() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: object) -> Any:
        return self.rows(statement, *parameters)[0][0]

    def states(self) -> Mapping[str, int]:
        """How many mails are in each state."""
        return dict(self.rows("SELECT state, count(*) FROM abuse_email GROUP BY state"))

    def settled(self) -> int:
        """How many mails have come to an end."""
        return sum(count for state, count in self.states().items() if state not in ("received", "processing"))

    def wait_until_settled(self, mails: int, seconds: float = 60) -> None:
        eventually(lambda: self.settled() >= mails, seconds, f"the end of {mails} mails", lambda: dict(self.states()))

    def trust(self, sender: str = REPORTER) -> None:
        columns = "email, trusted, parseable, priority"
        self.rows(f"INSERT INTO abuse_provider ({columns}) VALUES (%s, true, false, 'Normal')", sender)

    def empty(self) -> None:
        """As after `initdb`, with the customers; nothing may be running."""
        with self.database() as connection:
            connection.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE".encode())
            connection.execute("UPDATE abuse_businessrules SET is_active = false WHERE name LIKE 'trap%'")
            connection.execute("UPDATE abuse_reportthreshold SET threshold = 100")
        self.redis.flushall()

    def initialise(self) -> None:
        """Tables, seed and customers."""
        assert self.run("initdb")[0] == 0
        file = self.directory / "customers.json"
        file.write_text(json.dumps({"customers": [_customer(number) for number in range(CUSTOMERS)]}))
        status, said = self.run("import-customers", str(file))
        assert status == 0, said

    def _log(self, name: str) -> str:
        self._log_number += 1
        return str(self.directory / f"{self._log_number:03}-{name}.log")

    def logs(self) -> str:
        """What the processes of the test have said, for a failure's message."""
        parts = [f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.directory.glob("*.log"))[-12:]]
        return "\n".join(parts)

    def _ask(self, **asked: object) -> dict[str, Any]:
        assert self._hand.stdin is not None
        self._hand.stdin.write(json.dumps(asked) + "\n")
        self._hand.stdin.flush()
        answered = self._read()
        assert "error" not in answered, f"{answered['error']}\n{self.logs()}"
        return answered

    def _read(self) -> dict[str, Any]:
        assert self._hand.stdout is not None
        ready, _, _ = select.select([self._hand.stdout], [], [], HAND_SECONDS)
        assert ready, f"the hand has not answered for {HAND_SECONDS} s\n{self.logs()}"
        answered: dict[str, Any] = json.loads(self._hand.stdout.readline() or '{"error": "the hand has ended"}')
        return answered


def _customer(number: int) -> dict[str, Any]:
    name, network = f"customer{number}", f"{address(number)}/32"
    return {
        "customerId": name,
        "email": f"{name}@customers.example",
        "creationDate": "2015-01-01T00:00:00Z",
        "services": [
            {"serviceId": f"service{number}", "name": f"vps{number}", "resources": [{"network": network}]},
        ],
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(
    condition: Callable[[], bool], seconds: float, what: str, details: Callable[[], object] = lambda: ""
) -> None:
    """Wait for a condition; fail with `what` was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {seconds:g} s {details()}"
        time.sleep(0.05)


def horse_of(worker: psutil.Process) -> psutil.Process | None:
    """The child that does the worker's present job: it leads a process group of its own."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in worker.children():
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(child.pid) == child.pid:
                    return child
    return None


def kill_group(process: psutil.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
