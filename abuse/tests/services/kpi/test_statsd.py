"""The KPI service that tells a StatsD server, too: what arrives there, and that nothing waits for it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.models import KpiDay, Resolution, Ticket
from abuse.services.contract.rows import a_report, a_ticket
from abuse.services.facade import ServiceError
from abuse.services.kpi import KPIServiceException, datagrams
from abuse.services.kpi.datagrams import Metric, packed
from abuse.services.kpi.statsd import StatsdKPI

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A StatsD server: what arrives can be read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        yield listener


def service(server: socket.socket, **config: Any) -> StatsdKPI:
    return StatsdKPI.create({"host": "127.0.0.1", "port": server.getsockname()[1], **config})


def received(server: socket.socket) -> list[str]:
    """The lines of the next datagram."""
    return server.recv(65536).decode().split("\n")


def opened_before(minutes: float) -> Ticket:
    ticket = a_ticket()
    Ticket.filter(pk=ticket.pk).update(creation_date=timezone.now() - timedelta(minutes=minutes))
    ticket.refresh_from_db()
    return ticket


def test_each_event_is_a_counter_and_some_are_a_time(server: socket.socket) -> None:
    kpi = service(server, prefix="desk.one")
    kpi.new_report(a_report())
    assert received(server) == ["desk.one.reports:1|c"]
    ticket = opened_before(2)
    kpi.new_ticket(ticket)
    assert received(server) == ["desk.one.tickets_opened:1|c"]
    for tell, name in ((kpi.new_ticket_assign, "tickets_assigned"), (kpi.close_ticket, "tickets_closed")):
        tell(ticket)
        count, timing = received(server)
        assert count == f"desk.one.{name}:1|c"
        said, value, kind = timing.replace("|", ":").split(":")
        assert (said, kind) == (f"desk.one.{name}_time", "ms")
        assert 120_000 <= int(value) < 180_000


def test_tags_name_category_and_resolution_in_characters_of_no_meaning(server: socket.socket) -> None:
    kpi = service(server, tags=True)
    ticket = opened_before(1)
    ticket.resolution = Resolution.create(codename="fixed|#by,us:\nx:1|c é")
    kpi.close_ticket(ticket)
    lines = received(server)
    assert [line.partition("|#")[2] for line in lines] == [
        f"category:{ticket.category_id},resolution:fixed__by_us__x_1_c__"
    ] * 2
    ticket.resolution = None
    kpi.close_ticket(ticket)
    assert received(server)[0] == f"cerberus.tickets_closed:1|c|#category:{ticket.category_id}"


def test_the_desks_own_counts_are_kept(server: socket.socket) -> None:
    service(server).new_report(a_report())
    assert KpiDay.count() == 1
    assert received(server) == ["cerberus.reports:1|c"]


def test_a_server_that_is_away_stops_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    kpi = StatsdKPI(host="127.0.0.1", port=port)
    for _ in range(3):
        kpi.new_report(a_report())
    assert KpiDay.count() == 1


def test_a_name_that_nobody_knows_is_said_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    kpi = StatsdKPI(host="statsd.invalid", resolve_seconds=1)
    report = a_report()
    with pytest.raises(KPIServiceException, match=r"StatsD at statsd\.invalid:8125: no address .*; 1 values were lost"):
        kpi.new_report(report)
    assert KpiDay.count() == 1
    started = time.monotonic()
    for _ in range(20):
        kpi.new_report(report)
    assert time.monotonic() - started < 1
    now = time.monotonic()
    monkeypatch.setattr("abuse.services.kpi.datagrams.time.monotonic", lambda: now + datagrams.PAUSE + 1)
    with pytest.raises(KPIServiceException, match="; 21 values were lost") as caught:
        kpi.new_report(report)
    assert not caught.value.permanent


def test_a_slow_resolver_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, server: socket.socket) -> None:
    look_up = socket.getaddrinfo

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.6)
        return look_up(*arguments, **named)

    monkeypatch.setattr("abuse.services.kpi.datagrams.socket.getaddrinfo", slow)
    kpi = service(server, host="localhost", resolve_seconds=0.05)
    started = time.monotonic()
    with pytest.raises(KPIServiceException, match=r"within 0\.05 s"):
        kpi.new_report(a_report())
    assert time.monotonic() - started < 0.5
    until = time.monotonic() + 5
    while kpi._datagrams._target is None and time.monotonic() < until:
        time.sleep(0.02)
    assert kpi._datagrams._target is not None


def test_datagrams_have_their_bounds() -> None:
    lines = [b"a" * 200, b"b" * 200, b"c" * 200, b"d" * 600]
    assert list(packed(lines, 512)) == [b"a" * 200 + b"\n" + b"b" * 200, b"c" * 200]
    assert list(packed([], 512)) == []
    longest = Metric(
        "p" * 100 + ".tickets_assigned_time", 10**15, "ms", {"category": "x" * 500, "resolution": "y" * 500}
    )
    assert len(longest.line()) <= datagrams.LONGEST


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "missing 1 required keyword-only argument: 'host'"),
        ({"host": ""}, "host: ''; expected a host name or an address"),
        ({"host": "h", "port": 0}, "port: 0; expected a number from 1 to 65535"),
        ({"host": "h", "prefix": "a:1|c"}, "prefix: 'a:1|c'; expected"),
        ({"host": "h", "tags": "yes"}, "tags: 'yes'; expected true or false"),
        ({"host": "h", "datagram_bytes": 100}, "datagram_bytes: 100; expected a number from 512"),
        ({"host": "h", "resolve_seconds": 60}, "resolve_seconds: 60; expected a number from 0.01 to 5"),
        ({"hots": "h"}, "config.hots: unknown key of StatsdKPI"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError, ServiceError)) as caught:
        StatsdKPI.create(config)
    assert said in str(caught.value)
