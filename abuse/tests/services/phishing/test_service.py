"""The phishing service as the desk uses it, against servers on the loopback interface."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

import pytest

from abuse.models import ReportItem, UrlStatus
from abuse.pipeline.urls import look_row, ping_all
from abuse.services.facade import facade
from abuse.services.phishing import PhishingServiceException
from abuse.services.phishing.default import HttpPhishingService
from abuse.services.signed_webhook import read_secret, verify
from abuse.tests.controllers.test_tickets import make_report

from .lab import NameServer, WebServer, name_server, page, redirect, web_server

SECRET = "a secret that both sides know"


def service(*servers: WebServer, names: NameServer | None = None, **config: Any) -> HttpPhishingService:
    base: dict[str, Any] = {
        "allowed_networks": ["127.0.0.0/8"],
        "nameservers": [f"127.0.0.1:{names.port}"] if names else ["127.0.0.1:1"],
        "ports": [80, 443, *(server.port for server in servers)],
        "pause_seconds": 0,
        "total_seconds": 2.0,
    }
    return HttpPhishingService.create({**base, **config})


def a_url_item(url: str = "http://bank.example/login") -> ReportItem:
    report = make_report(category="Phishing")
    return ReportItem.create(report=report, item_type="URL", raw_item=url, date=report.received_date)


@pytest.mark.django_db
def test_how_pages_answer() -> None:
    answers = {"/up": page("<title>Bank</title>"), "/moved": redirect("/up"), "/gone": page("", "410 Gone")}
    with web_server(answers) as server, name_server({"bank.example": [["127.0.0.1"]]}) as names:
        looking = service(server, names=names)
        up = looking.ping_url(server.url("/up", host="bank.example"), country="FR")
        assert (up.score, up.http_code, up.direct_status, up.proxied_status) == (0, 200, "UP", "UNKNOWN")
        assert up.is_phishing is None
        assert looking.ping_url(server.url("/moved")).score == 0
        gone = looking.ping_url(server.url("/gone"))
        assert (gone.score, gone.http_code, gone.direct_status) == (95, 410, "DOWN")
        none = looking.ping_url("http://gone.example/")
        assert (none.score, none.http_code, none.direct_status) == (100, None, "DOWN")
        assert looking.get_http_headers(server.url("/moved"))["content-type"] == "text/html"
        with pytest.raises(PhishingServiceException, match=r"gone\.example does not exist"):
            looking.get_http_headers("http://gone.example/")


@pytest.mark.django_db
def test_what_may_not_be_asked_is_an_error_and_no_verdict() -> None:
    looking = HttpPhishingService(nameservers=["127.0.0.1:1"])
    for url in (
        "http://127.0.0.1/",
        "http://0xA9FEA9FE/latest/meta-data/",
        "javascript:alert(1)",
        "http://8.8.8.8:22/",
    ):
        for call in (looking.ping_url, looking.get_http_headers):
            with pytest.raises(PhishingServiceException) as caught:
                call(url)
            assert caught.value.permanent


def test_endless_redirects_are_for_a_person() -> None:
    with web_server({"/": redirect("/")}) as server:
        look = service(server).ping_url(server.url())
    assert (look.score, look.direct_status) == (50, "UNKNOWN")


def test_what_hides_from_the_desk_is_not_down() -> None:
    def connect(client: Any) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        client.recv(65536)
        client.sendall(page("<title>Bank</title>"))

    with web_server({"/": page("", "404 Not Found")}) as server:
        with web_server({f"127.0.0.1:{server.port}": connect}) as proxy:
            looking = service(server, proxies={"fr": f"http://127.0.0.1:{proxy.port}"})
            seen = looking.ping_url(server.url(), country="FR")
            assert (seen.score, seen.direct_status, seen.proxied_status) == (0, "DOWN", "UP")
            assert looking.ping_url(server.url(), country="DE").proxied_status == "UNKNOWN"
            assert len(proxy.heads) == 1
            default = service(server, proxies={"default": f"http://127.0.0.1:{proxy.port}"})
            assert default.ping_url(server.url()).proxied_status == "UP"
        seen = looking.ping_url(server.url(), country="FR")  # nobody at the proxy any more
        assert (seen.score, seen.direct_status, seen.proxied_status) == (50, "DOWN", "UNKNOWN")


def test_one_host_is_not_asked_too_often() -> None:
    with web_server({"/": page("x")}) as server:
        looking = service(server, pause_seconds=0.3, total_seconds=1.0)
        started = time.monotonic()
        results: list[float | str] = []

        def look() -> None:
            try:
                looking.ping_url(server.url())
                results.append(time.monotonic() - started)
            except PhishingServiceException as error:
                assert not error.permanent
                results.append(str(error))

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    times = sorted(one for one in results if isinstance(one, float))
    assert len(times) == 4  # at 0, 0.3, 0.6 and 0.9 seconds
    assert times[-1] >= 0.9
    assert len(server.heads) == 4
    assert {one for one in results if isinstance(one, str)} == {"127.0.0.1: is asked for too many pages at once"}


@pytest.mark.django_db
def test_the_pipelines_look_uses_many_threads_and_no_database() -> None:
    here = facade("PhishingServiceBase")
    before = here._implementation
    item = a_url_item()
    with web_server({f"/{n}": page("x") for n in range(6)}) as server:
        here.set_up(service(server))
        try:
            looks = ping_all({server.url(f"/{n}"): None for n in range(6)}, seconds=10)
        finally:
            here.set_up(before)
    assert {look.direct_status for look in looks.values()} == {"UP"}
    assert len(looks) == 6
    row = look_row(item, looks[server.url("/0")])
    row.save()
    assert UrlStatus.get(item=item).score == 0


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"total_seconds": 0}, "total_seconds: 0; expected a number from 0.1 to 300"),
        ({"ports": [80, 70000]}, "ports: 70000; expected"),
        ({"redirects": "5"}, "redirects: '5'; expected a number"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks: 10.0.0.1/8 has host bits set"),
        ({"nameservers": ["ns.example"]}, "nameservers: 'ns.example'; expected an address"),
        ({"proxies": {"FR": "ftp://x"}}, "proxies.FR: proxy at 'x': expected http://host:port"),
        ({"browser": "no-such-browser"}, "browser: 'no-such-browser' is not installed"),
        ({"blocking": {"url": "http://x/", "secret": SECRET}}, "url: 'http://x/'; expected https://"),
        ({"user_agent": "a\r\nX: y"}, "user_agent: .*expected printable ASCII"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        HttpPhishingService(**{"nameservers": ["127.0.0.1:1"], **config})


def test_a_laboratory_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        service()
    assert "for laboratories only" in caplog.text


@pytest.mark.django_db
def test_blocking_is_a_signed_order() -> None:
    report = make_report(category="Phishing")
    with web_server({"/block": page("{}")}) as server:
        looking = service(blocking={"url": server.url("/block"), "secret": SECRET, "plaintext": True})
        looking.block_url("http://bank.example/é", report)
        looking.block_url("http://bank.example/é", report)
        looking.unblock_url("http://bank.example/é")
    asked = []
    for raw in server.heads:
        head, _, body = raw.partition("\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        data = body.encode("latin-1")
        asked.append((verify([read_secret(SECRET)], headers, data), json.loads(data)))
    (first, content), (second, _), (third, last) = asked
    assert first == second != third
    assert content == {
        "type": "url.block",
        "url": "http://bank.example/é",
        "report": {"id": report.pk, "category": "Phishing", "provider": report.provider_id},
    }
    assert last == {"type": "url.unblock", "url": "http://bank.example/é"}


def test_blocking_needs_a_webhook_and_says_when_it_failed() -> None:
    with pytest.raises(PhishingServiceException, match="no webhook is configured") as caught:
        service().unblock_url("http://bank.example/")
    assert caught.value.permanent
    with web_server({"/block": page("busy", "503 Busy")}) as server:
        blocking = {"url": server.url("/block"), "secret": SECRET, "plaintext": True, "attempts": 2, "pause_seconds": 0}
        with pytest.raises(PhishingServiceException, match="status 503: busy") as caught:
            service(blocking=blocking).unblock_url("http://bank.example/")
        assert not caught.value.permanent
        assert len(server.heads) == 2
