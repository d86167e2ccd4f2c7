"""Streams of events through the server that `up` runs: soon, to whom they may go, without a gap, and with an end."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from .desk import Desk, eventually
from .mails import address, complaint

SOON = 2.0


@dataclass
class Told:
    kind: str
    id: str
    data: dict[str, Any]


@dataclass
class Client:
    """Who reads a stream, in a thread of its own."""

    url: str
    token: str
    last: str = ""
    told: queue.Queue[Told | None] = field(default_factory=queue.Queue)
    beats: int = 0

    def __post_init__(self) -> None:
        headers = {"X-Api-Token": self.token, **({"Last-Event-ID": self.last} if self.last else {})}
        request = urllib.request.Request(f"{self.url}/api/events", headers=headers)
        self.response = urllib.request.urlopen(request, timeout=60)
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        threading.Thread(target=self._read, daemon=True).start()
        self.first = self.next()
        assert self.first is not None

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    self.beats += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    self.last = fields["id"]
                    self.told.put(Told(fields["event"], fields["id"], json.loads(fields["data"])))
                    fields = {}
        self.response.close()
        self.told.put(None)

    def next(self, seconds: float = 20) -> Told | None:
        """What is told next; None at the end of the stream."""
        return self.told.get(timeout=seconds)

    def hang_up(self) -> None:
        self.response.fp.raw._sock.shutdown(2)
        self.response.close()


@dataclass
class Server:
    desk: Desk
    process: psutil.Process
    url: str
    ticket: int
    category: str

    def change(self, token: str, **fields: Any) -> float:
        """Change the ticket as somebody; when it was."""
        request = urllib.request.Request(
            f"{self.url}/api/tickets/{self.ticket}", method="PUT", data=json.dumps(fields).encode(),
            headers={"X-Api-Token": token, "Content-Type": "application/json"},
        )  # fmt: skip
        before = time.monotonic()
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200
        return before

    def operators(self, *who: tuple[str, str, str]) -> list[str]:
        return [self.desk.call("operator", list(one))[0] for one in who]


@pytest.fixture
def server(desk: Desk) -> Server:
    desk.trust()
    desk.deliver([complaint(0, about=address(0))], ring=False)
    desk.call("work", [])
    ticket, category = desk.rows("SELECT id, category_id FROM abuse_ticket")[0]
    process = desk.start("run", "--production")
    url = f"http://127.0.0.1:{desk.api_port}"

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{url}/api/monitor", timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False
        return True

    eventually(answers, 60, "the server", desk.logs)
    return Server(desk, process, url, ticket, category)


def test_a_change_by_one_reaches_another_soon_and_no_stranger(server: Server) -> None:
    other = "Malware" if server.category != "Malware" else "Spam"
    alice, bob, eve, carol = server.operators(
        ("alice", server.category, "Expert"), ("bob", server.category, "Advanced"), ("eve", other, "Expert"),
        ("carol", server.category, "Advanced"),
    )  # fmt: skip
    hears, stranger = Client(server.url, bob), Client(server.url, eve)
    assert hears.first.kind == stranger.first.kind == "hello"  # type: ignore[union-attr]
    changed = server.change(alice, priority="High")
    told = hears.next()
    assert told is not None and time.monotonic() - changed < SOON
    assert told.kind == "ticket.changed"
    assert (told.data["ticket"]["id"], told.data["ticket"]["priority"]) == (server.ticket, "High")
    assert (told.data["what"], told.data["field"]) == ("UpdateProperty", "priority")

    # A confidential ticket is for experts alone, from the moment it is one.
    expert = Client(server.url, alice)
    server.change(alice, confidential=True)
    server.change(alice, priority="Low")
    assert [one.data["field"] for one in (expert.next(), expert.next()) if one] == ["confidential", "priority"]
    server.change(alice, confidential=False)
    assert expert.next() is not None
    told = hears.next()
    assert told is not None and told.data["field"] == "confidential", "the first that is not confidential any more"
    # What happens to him alone is told to him alone; in the same stream, so that all before it has been heard.
    server.change(alice, treatedBy="carol")
    listening = Client(server.url, carol)
    server.change(alice, treatedBy="bob")
    kinds = [one.kind for one in (hears.next(), hears.next(), hears.next()) if one]
    assert sorted(kinds) == ["notification", "ticket.assigned", "ticket.assigned"]
    told = listening.next()
    assert told is not None and told.kind == "ticket.assigned"
    assert stranger.told.empty(), "a stranger was told"


def test_who_comes_back_misses_nothing(server: Server) -> None:
    alice, bob = server.operators(("alice", server.category, "Expert"), ("bob", server.category, "Advanced"))
    client = Client(server.url, bob)
    for number in range(10):
        server.change(alice, level=number + 1, priority=["High", "Low"][number % 2])
        if number in {2, 6}:
            client.hang_up()
            server.change(alice, escalated=number == 2)
            client = Client(server.url, bob, last=client.last)
            assert client.first is not None and client.first.kind == "hello"
    wanted = server.desk.value("SELECT count(*) FROM abuse_event WHERE kind = 'ticket.changed' AND id > 0")
    seen: list[str] = []
    last = server.desk.value("SELECT max(id) FROM abuse_event")
    replay = Client(server.url, bob, last="1-0-" + str(int(time.time())))
    while not seen or int(seen[-1].split("-")[1]) < last:
        told = replay.next()
        assert told is not None
        seen.append(told.id)
    numbers = [int(one.split("-")[1]) for one in seen]
    assert len(numbers) == len(set(numbers))
    streamed = server.desk.value("SELECT count(*) FROM abuse_event WHERE kind NOT IN ('report.created', 'mail.parked')")
    assert len(numbers) == streamed >= wanted
    while int(client.last.split("-")[1]) < last:
        assert client.next() is not None


def test_what_is_not_kept_any_more_has_to_be_looked_at_anew(server: Server) -> None:
    (bob,) = server.operators(("bob", server.category, "Advanced"))
    for last in ("7-7-1", f"{2**62}-1-{int(time.time())}", "nonsense"):
        client = Client(server.url, bob, last=last)
        assert client.first is not None and client.first.kind == "reset"
        client.hang_up()


def can_open(server: Server, token: str) -> bool:
    try:
        Client(server.url, token).hang_up()
    except urllib.error.HTTPError as error:
        error.close()
        assert error.code == 429
        return False
    return True


def test_streams_are_counted_and_leave_the_other_calls_alone(server: Server) -> None:
    alice, bob = server.operators(("alice", server.category, "Expert"), ("bob", server.category, "Advanced"))
    own = [Client(server.url, alice) for _ in range(4)]
    with pytest.raises(urllib.error.HTTPError) as refused:
        Client(server.url, alice)
    refused.value.close()
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "30")
    Client(server.url, bob)
    # There are eight threads for calls; streams hold none of them.
    server.change(alice, priority="High")
    backends = (
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN cerberus_events' OR wait_event = 'ClientRead'"
    )
    assert server.desk.value(backends) < 20
    own[0].hang_up()
    eventually(lambda: can_open(server, alice), 20, "room for a stream")


def test_a_stream_ends_with_the_login_and_with_the_server(server: Server) -> None:
    alice, bob = server.operators(("alice", server.category, "Expert"), ("bob", server.category, "Advanced"))
    ended, goes_on = Client(server.url, bob), Client(server.url, alice)
    server.desk.rows("DELETE FROM abuse_apitoken WHERE user_id = (SELECT id FROM abuse_user WHERE username = 'bob')")
    server.change(alice, priority="High")
    assert ended.next() is None
    assert goes_on.next() is not None
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.desk.wait_for_end(server.process) == 0
    assert goes_on.next() is None
    assert time.monotonic() - began < 10
