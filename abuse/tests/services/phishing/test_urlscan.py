"""Pages looked at from elsewhere, too: what the scanner is told, and what its word changes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from abuse.services.facade import ServiceError
from abuse.services.phishing import PhishingServiceException, PingResponse
from abuse.services.phishing.scanner import Scan, visibility_of
from abuse.services.phishing.urlscan import UrlscanPhishingService, combined
from abuse.services.storage import StorageService
from abuse.tests.services.crm.servers import JsonServer, Said, json_server

from .lab import WebServer, page, web_server
from .scanners import PNG, Urlscan

pytestmark = pytest.mark.django_db

KEY = "a-key-of-ours"
PAGES = {
    "/up": page("<title>Bank</title>"),
    "/hidden": page("gone", "404 Not Found"),
    "/suspended": page("<h1>This account has been suspended</h1>"),
}
MALICIOUS = {"verdicts": {"overall": {"malicious": True, "score": 100}}}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server(PAGES) as server:
        yield server


@pytest.fixture
def scans() -> Urlscan:
    return Urlscan()


@pytest.fixture
def scanner(scans: Urlscan) -> Iterator[JsonServer]:
    with json_server(scans) as server:
        yield server


def service(web: WebServer, scanner: JsonServer, direct: Any = (), **config: Any) -> UrlscanPhishingService:
    section = {"key": KEY, "url": scanner.url(), "plaintext": True, "poll_seconds": 0.05, "seconds": 5, **config}
    base = {
        "allowed_networks": ["127.0.0.0/8"],
        "nameservers": ["127.0.0.1:1"],
        "ports": [80, 443, web.port],
        "pause_seconds": 0,
        "total_seconds": 2.0,
    }
    return UrlscanPhishingService.create({**base, **dict(direct), "scanner": section})


def calls(scanner: JsonServer) -> list[str]:
    return [asked.path.split("/")[-2 if asked.path.endswith("/") else -1] for asked in scanner.asked]


def submissions(scanner: JsonServer) -> list[Any]:
    return [asked.json for asked in scanner.asked if asked.method == "POST"]


def test_a_page_is_scanned_once_and_its_picture_kept(web: WebServer, scans: Urlscan, scanner: JsonServer) -> None:
    scans.polls = 3
    looking = service(web, scanner)
    look = looking.ping_url(web.url("/up"), country="FR")
    assert (look.score, look.http_code, look.direct_status, look.proxied_status) == (0, 200, "UP", "UP")
    assert (look.is_phishing, look.country) == (None, "FR")
    assert look.picture == f"{hashlib.sha256(PNG).hexdigest()}-{look.look_id}"
    assert StorageService.read(look.picture) == PNG
    assert [asked.method for asked in scanner.asked] == ["POST", "GET", "GET", "GET", "GET"]
    assert {asked.headers["api-key"] for asked in scanner.asked} == {KEY}
    assert submissions(scanner) == [{"url": web.url("/up"), "visibility": "private"}]
    again = looking.ping_url(web.url("/up"))
    assert (again.proxied_status, again.picture) == ("UP", "")
    assert len(scanner.asked) == 5


def test_what_hides_from_the_desk_is_up(web: WebServer, scanner: JsonServer) -> None:
    look = service(web, scanner).ping_url(web.url("/hidden"))
    assert (look.score, look.http_code, look.direct_status, look.proxied_status) == (0, 404, "DOWN", "UP")


def test_what_the_desk_has_read_counts_more_than_a_code(web: WebServer, scanner: JsonServer) -> None:
    look = service(web, scanner).ping_url(web.url("/suspended"))
    assert (look.score, look.direct_status, look.proxied_status) == (100, "DOWN", "UP")


@pytest.mark.parametrize(("trusts", "is_phishing"), [(False, None), (True, True)])
def test_a_page_that_the_scanner_takes_for_malicious_is_for_a_person(
    web: WebServer, scans: Urlscan, scanner: JsonServer, trusts: bool, is_phishing: bool | None
) -> None:
    scans.results = {web.url("/suspended"): MALICIOUS}
    look = service(web, scanner, trust_verdict=trusts).ping_url(web.url("/suspended"), try_screenshot=False)
    assert (look.score, look.is_phishing, look.picture) == (50, is_phishing, "")


@pytest.mark.parametrize(
    ("code", "status", "score"),
    [(404, 200, 0), (404, 404, 95), (404, 500, 95), (404, None, 95), (None, 301, 0), (503, 403, 95), (200, 404, 95)],
)
def test_two_looks_as_one(code: int | None, status: int | None, score: int) -> None:
    look = PingResponse(95, http_code=code, direct_status="DOWN")
    assert combined(look, Scan("x", status, "", False), trusts_verdict=False).score == score


def test_the_look_through_a_proxy_of_ones_own_goes_before() -> None:
    look = PingResponse(95, http_code=404, direct_status="DOWN", proxied_status="DOWN", final_url="http://a.example/")
    both = combined(look, Scan("x", 200, "http://b.example/", False), trusts_verdict=False)
    assert (both.proxied_status, both.final_url) == ("DOWN", "http://a.example/")


def test_who_may_see_a_scan(web: WebServer, scanner: JsonServer) -> None:
    looking = service(web, scanner, visibility="unlisted")
    base = web.url("/up").replace("http://", "http://ann:secret@")
    for url in (base, f"{base}?mail=ann%40a.example#me", f"{base}?x", f"{web.url('/up/ann%40a.example')}"):
        looking.ping_url(url, try_screenshot=False)
    assert submissions(scanner) == [
        {"url": web.url("/up"), "visibility": "unlisted"},
        {"url": web.url("/up?mail=ann%40a.example"), "visibility": "private"},
        {"url": web.url("/up?x"), "visibility": "private"},
        {"url": web.url("/up/ann%40a.example"), "visibility": "private"},
    ]
    assert visibility_of("http://a.example/x", "private") == "private"


def test_what_the_desk_may_not_ask_for_is_not_sent_on(web: WebServer, scanner: JsonServer) -> None:
    looking = service(web, scanner, {"allowed_networks": []})
    for url in ("http://127.0.0.1/", "http://10.0.0.1/", "javascript:alert(1)", "http://8.8.8.8:22/"):
        with pytest.raises(PhishingServiceException) as caught:
            looking.ping_url(url)
        assert caught.value.permanent
    assert scanner.asked == []


def test_a_scan_that_takes_long_is_asked_for_at_the_next_look(
    web: WebServer, scans: Urlscan, scanner: JsonServer
) -> None:
    scans.polls = 10_000
    looking = service(web, scanner, seconds=0.2)
    started = time.monotonic()
    look = looking.ping_url(web.url("/hidden"))
    assert time.monotonic() - started < 3
    assert (look.score, look.proxied_status) == (95, "UNKNOWN")
    scans.polls = 1
    assert looking.ping_url(web.url("/hidden")).score == 0
    assert len(submissions(scanner)) == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"X-Rate-Limit-Reset-After": "3600"}, {}])
def test_a_limit_is_respected_and_the_desks_own_look_remains(
    web: WebServer, scanner: JsonServer, headers: dict[str, str]
) -> None:
    scanner.answering = lambda asked: Said({"message": "Rate limit exceeded", "status": 429}, 429, headers)
    looking = service(web, scanner)
    for number in range(3):
        assert looking.ping_url(web.url(f"/hidden?{number}")).score == 95
    assert len(scanner.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        Said({"message": "DNS Error - Could not resolve domain", "status": 400}, 400),
        Said({"uuid": "../../x"}),
        Said({"uuid": 7}),
        Said(b"<html>"),
        Said({}, 503),
    ],
)
def test_a_scanner_that_fails_changes_nothing(
    web: WebServer, scanner: JsonServer, said: Said, caplog: pytest.LogCaptureFixture
) -> None:
    scanner.answering = lambda asked: said
    look = service(web, scanner).ping_url(web.url("/hidden"))
    assert (look.score, look.proxied_status, look.picture) == (95, "UNKNOWN", "")
    assert len(scanner.asked) == 1
    assert "no scan" in caplog.text
    assert KEY not in caplog.text


def test_results_may_lack_anything(web: WebServer, scans: Urlscan, scanner: JsonServer) -> None:
    answers: list[dict[str, Any]] = [
        {"page": None, "verdicts": None},
        {"page": {}, "verdicts": {}},
        {"page": {"status": "x"}, "verdicts": {"overall": None}},
    ]
    for number, lacking in enumerate(answers):
        url = web.url(f"/hidden?{number}")
        scans.results = {url: lacking}
        look = service(web, scanner).ping_url(url)
        assert (look.score, look.proxied_status, look.is_phishing) == (95, "UNKNOWN", None)


@pytest.mark.parametrize("picture", [b"<svg/>", PNG + b"x" * 5000])
def test_a_picture_that_is_none_or_too_large_is_left(
    web: WebServer, scans: Urlscan, scanner: JsonServer, picture: bytes
) -> None:
    scans.picture = picture
    look = service(web, scanner, picture_bytes=1024).ping_url(web.url("/up"))
    assert (look.score, look.proxied_status, look.picture) == (0, "UP", "")


def test_a_result_that_is_gone_is_asked_for_no_more(web: WebServer, scanner: JsonServer, scans: Urlscan) -> None:
    scanner.answering = lambda asked: scans(asked) if asked.method == "POST" else Said({"status": 410}, 410)
    looking = service(web, scanner)
    looking.ping_url(web.url("/up"))
    looking.ping_url(web.url("/up"))
    assert len(submissions(scanner)) == 2


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "missing 1 required keyword-only argument: 'scanner'"),
        ({"scanner": {}}, "scanner.key: Field required"),
        (
            {"scanner": {"key": "k", "visibility": "public"}},
            "scanner.visibility: Input should be 'private' or 'unlisted'",
        ),
        ({"scanner": {"key": "k", "url": "http://s.example"}}, "scanner.url: 'http://s.example'; expected https"),
        ({"scanner": {"key": "k", "seconds": 600}}, "scanner.seconds: "),
        ({"scanner": {"key": "k", "secs": 1}}, "scanner.secs: Extra inputs"),
        ({"scanner": {"key": "k"}, "ports": [0]}, "ports: 0; expected"),
        ({"scanner": {"key": "k"}, "prots": []}, "config.prots: unknown key of UrlscanPhishingService"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError, ServiceError)) as caught:
        UrlscanPhishingService.create(config)
    assert said in str(caught.value)
