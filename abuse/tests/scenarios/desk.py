"""A whole desk for the stories: servers, commands, a mail server for what it sends, the web with the reported pages."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg.rows import tuple_row

from abuse import embedded
from abuse.config import PROJECT_ROOT
from abuse.services.email.addresses import ticket_address
from abuse.tests.resilience.desk import free_port
from abuse.tests.services.crm.servers import json_server
from abuse.tests.services.crm.worlds import Rdap, rdap_network
from abuse.tests.services.phishing.lab import Answer, NameServer, WebServer, name_server, page, web_server

from .people import HOSTING, customers_file, domain
from .sink import Sink

Row = tuple[Any, ...]

SETTINGS = """\
DATA_DIRECTORY: data
DJANGO:
  SECRET_KEY: a-key-that-only-ever-signs-test-data-0123456789
MANAGED_NETWORKS: [203.0.113.0/24]
SHARED_NETWORKS: [203.0.113.240/28]
PARSER: {{authserv_ids: [mx.desk.example]}}
MAIL:
  ticket_domain: desk.example
  forward_misrouted: true
  relay: {{host: 127.0.0.1, port: {smtp_port}, tls: none, timeout_seconds: 10}}
PARSER: {{authserv_ids: [mx.desk.example]}}
RDAP: {{base_url: 'http://127.0.0.1:{rdap_port}/rdap', plaintext: true}}
IMPLEMENTATIONS:
  ActionServiceBase:
    class: abuse.tests.controllers.action_services.BookActionService
    config: {{book: {book}}}
  PhishingServiceBase:
    class: abuse.services.phishing.default.HttpPhishingService
    config:
      allowed_networks: [127.0.0.0/8]
      nameservers: ["127.0.0.1:{dns_port}"]
      ports: [{web_port}]
      pause_seconds: 0
      total_seconds: 5
      blocking:
        url: http://127.0.0.1:{web_port}/block
        secret: a-secret-of-the-system-that-blocks
        plaintext: true
LOGGERS:
  stdout: {{level: WARNING}}
"""

# What the stories make; the rest is the seed, the customers and the operator. CASCADE adds what hangs on these.
_TABLES = (
    "abuse_email, abuse_report, abuse_ticket, abuse_provider, abuse_defendant, abuse_service, abuse_masscontact,"
    " abuse_serviceactionjob, abuse_urlcheck, abuse_answergiven, abuse_registrycontact"
)


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket as it stands in the database."""

    pk: int
    public_id: str
    category: str
    status: str
    resolution: str | None
    customer: str | None
    owner: str | None

    def address(self, category: str = "Defendant") -> str:
        """Where answers to the ticket go. Its token is made with the key of SETTINGS, which is that of these tests."""
        return ticket_address(self.public_id, category, "desk.example")


class Desk:
    """Everything a story needs. Commands run to their end, so that nothing has to be waited for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.servers = directory / "data" / "servers"
        self.book = directory / "measures"
        self.pages: dict[str, Answer] = {}
        self.web: WebServer
        self.sink: Sink
        self._names: NameServer
        self._open = contextlib.ExitStack()
        self._log_number = 0

    def open(self) -> None:
        """Start servers, tables, seed, customers and the operator."""
        zone: dict[str, list[list[str] | str]] = {domain(number): [["127.0.0.1"]] for number in range(1, HOSTING + 1)}
        self.web = self._open.enter_context(web_server(self.pages))
        self._names = self._open.enter_context(name_server(zone))
        self.sink = Sink(free_port())
        self._open.callback(self.sink.close)
        self.settings = self.directory / "settings.yml"
        registry = Rdap()
        registry.networks = [rdap_network("198.51.100.0", "198.51.100.255", "carrier")]
        self.registry = self._open.enter_context(json_server(registry))
        ports = {
            "rdap_port": self.registry.port,
            "smtp_port": self.sink.port,
            "dns_port": self._names.port,
            "web_port": self.web.port,
        }
        self.settings.write_text(SETTINGS.format(book=self.book, **ports))
        addresses = embedded.start(self.servers, linger=0.3)
        self.redis = redis.Redis.from_url(addresses.valkey.url)
        self._open.callback(self.redis.close)
        self._start_hand()
        self.run("initdb")
        where = addresses.postgres
        self._database: psycopg.Connection[Row] = psycopg.connect(
            host=str(where.host), port=where.port, user=where.user, password=where.password, dbname=where.database,
            autocommit=True, row_factory=tuple_row,
        )  # fmt: skip
        self._open.callback(self._database.close)
        file = self.directory / "customers.json"
        file.write_text(json.dumps(customers_file()))
        self.run("import-customers", str(file))
        self.ask("create_operator")

    def close(self) -> None:
        """End all processes but the servers."""
        self._open.close()

    def empty(self) -> None:
        """As after `open`."""
        self.rows(f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE")
        self.rows("DELETE FROM abuse_tag WHERE codename LIKE 'mass_contact%%'")
        self.rows("UPDATE abuse_reportthreshold SET threshold = 100")
        self.redis.flushall()
        self.sink.empty()
        self.web.heads.clear()
        self.registry.asked.clear()
        self.pages.clear()
        self.pages["/block"] = page("{}")
        self.book.unlink(missing_ok=True)

    # Commands

    def main(self, *argv: str) -> str:
        """Run `python main.py …` as its users do, in an interpreter of its own; what it said."""
        done = subprocess.run(
            [sys.executable, "main.py", *argv], cwd=PROJECT_ROOT, env=self._environment(), capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *argv: str) -> str:
        """Run a command in a fork of a warm process: the same, without the second that an interpreter takes."""
        log = self._log(argv[0])
        status = self._tell(do="run", argv=argv, env={}, log=str(log))["status"]
        assert status == 0, f"{argv}: exit status {status}\n{log.read_text()}"
        return log.read_text()

    def ask(self, name: str, *arguments: object) -> Any:
        """Have a person do something, in a process of its own: a function of `hand.py`."""
        return self._tell(do="call", name=name, calls=[arguments], env={}, log=str(self._log(name)))["results"][0]

    def receive(self, *mails: bytes) -> None:
        """Mails come in and are worked off."""
        self.take_in(*mails)
        self.work()

    def take_in(self, *mails: bytes) -> None:
        """Mails come in and wait."""
        paths = []
        for number, mail in enumerate(mails):
            path = self.directory / f"incoming-{number}.eml"
            path.write_bytes(mail)
            paths.append(str(path))
        self.run("import-email", *paths)

    def work(self) -> None:
        """A worker does all that waits."""
        self.run("run-worker", "--burst")

    def tick(self) -> None:
        """A round of the scheduler, and the work it rings for: what is due is done, what is to be sent is sent."""
        self.run("run-scheduler", "--once")
        self.work()

    def pass_time(self) -> None:
        """The moment of all deadlines comes, in their order; then as many rounds as it takes."""
        pending = "abuse_deadline WHERE state = 'pending'"
        by = f"(SELECT max(due_at) - now() + interval '1 second' FROM {pending})"
        self.rows(f"UPDATE abuse_deadline SET due_at = due_at - {by} WHERE state = 'pending'")
        self.run("ticket-workflow")
        self.tick()
        self.tick()

    # What stands in the database

    def rows(self, statement: str, *parameters: object) -> list[Row]:
        """What a query gives, and what an UPDATE or INSERT returns."""
        cursor = self._database.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def trust(self, sender: str, *tags: str) -> None:
        """Make a sender a trusted reporter."""
        columns = "email, trusted, parseable, priority"
        self.rows(f"INSERT INTO abuse_provider ({columns}) VALUES (%s, true, false, 'Normal')", sender)
        for tag in tags:
            self.rows(
                "INSERT INTO abuse_provider_tags (provider_id, tag_id) SELECT %s, id FROM abuse_tag"
                " WHERE codename = %s AND tag_type = 'Provider'", sender, tag,
            )  # fmt: skip

    def tickets(self) -> list[TicketRow]:
        return [
            TicketRow(*row)
            for row in self.rows(
                "SELECT t.id, t.public_id, t.category_id, t.status, r.codename, d.customer_id, u.username"
                " FROM abuse_ticket t LEFT JOIN abuse_resolution r ON r.id = t.resolution_id"
                " LEFT JOIN abuse_defendant d ON d.id = t.defendant_id LEFT JOIN abuse_user u ON u.id = t.treated_by_id"
                " ORDER BY t.id"
            )
        ]

    def ticket(self) -> TicketRow:
        """The one ticket there is."""
        (ticket,) = self.tickets()
        return ticket

    def reports(self) -> list[Row]:
        """Reporter, category, status and ticket of each report."""
        return self.rows("SELECT provider_id, category_id, status, ticket_id FROM abuse_report ORDER BY id")

    def mail_states(self) -> list[str]:
        """How the mails ended, in the order they came."""
        return [row[0] for row in self.rows("SELECT state FROM abuse_email ORDER BY id")]

    def deadlines(self) -> list[Row]:
        """Kind, state and result of each deadline."""
        return self.rows("SELECT kind, state, result FROM abuse_deadline ORDER BY id")

    def outbox(self) -> list[Row]:
        """Template, recipient and state of each mail written."""
        return self.rows("SELECT template_codename, recipient, state FROM abuse_outgoingmessage ORDER BY id")

    def rules(self) -> list[str]:
        """The rules that acted, in order."""
        names = (
            "SELECT b.name FROM abuse_businessruleshistory h JOIN abuse_businessrules b ON b.id = h.business_rules_id"
        )
        return [row[0] for row in self.rows(f"{names} ORDER BY h.id")]

    def history(self, ticket: TicketRow) -> list[str]:
        """What happened to a ticket: the types in order, changes of status with the new one."""
        happened = self.rows("SELECT action_type, new FROM abuse_history WHERE ticket_id = %s ORDER BY id", ticket.pk)
        return [f"{name} {new}" if name == "ChangeStatus" else name for name, new in happened]

    def measures(self) -> list[str]:
        """What the system was ordered that acts on services."""
        return self.book.read_text().splitlines() if self.book.exists() else []

    def failed_jobs(self) -> list[str]:
        """The queues in which jobs failed, with how many."""
        counts = {name: self.redis.zcard(f"rq:failed:{name}") for name in ("default", "email", "kpi")}
        return [f"{name}: {count}" for name, count in counts.items() if count]

    def logs(self) -> str:
        """What the last processes said, for a failure's message."""
        parts = [f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.directory.glob("*.log"))[-6:]]
        return "\n".join(parts)

    # The warm process

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "APP_ENV": "dev", "APP_SETTINGS": str(self.settings), "PYTHONUNBUFFERED": "1"}

    def _start_hand(self) -> None:
        self._hand = subprocess.Popen(
            [sys.executable, "-m", "abuse.tests.scenarios.hand"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT, env=self._environment(), text=True,
        )  # fmt: skip
        self._open.callback(self._hand.communicate, timeout=20)
        assert self._read()["ready"]

    def _tell(self, **asked: object) -> dict[str, Any]:
        assert self._hand.stdin is not None
        self._hand.stdin.write(json.dumps(asked) + "\n")
        self._hand.stdin.flush()
        answered = self._read()
        assert "error" not in answered, f"{answered['error']}\n{self.logs()}"
        return answered

    def _read(self) -> dict[str, Any]:
        assert self._hand.stdout is not None
        answered: dict[str, Any] = json.loads(self._hand.stdout.readline() or '{"error": "the hand has ended"}')
        return answered

    def _log(self, name: str) -> Path:
        self._log_number += 1
        return self.directory / f"{self._log_number:03}-{name}.log"
