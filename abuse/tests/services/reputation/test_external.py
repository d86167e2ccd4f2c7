"""AbuseIPDB and Safe Browsing beside the default's own knowledge: what is asked, how often, and what is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from abuse.services.facade import ServiceError
from abuse.services.reputation import ReputationServiceException
from abuse.services.reputation.external import ExternalReputation
from abuse.services.reputation.safe_browsing import MAX_BATCH
from abuse.tests.services.crm.servers import JsonServer, Said, json_server

from .lists import list_server
from .sources import CLEAN, LISTED, PHISHING, reputation_sources

KEY = "a-key-of-ours"


@pytest.fixture
def server() -> Iterator[JsonServer]:
    with json_server(reputation_sources) as running:
        yield running


def service(server: JsonServer, **config: Any) -> ExternalReputation:
    common = {"key": KEY, "url": server.url(), "plaintext": True}
    return ExternalReputation.create({"abuseipdb": common, "safe_browsing": common, **config})


def listed(found: Any) -> list[tuple[str, bool]]:
    return [(one.short_name, one.result) for one in found]


def paths(server: JsonServer) -> list[str]:
    return [asked.path for asked in server.asked]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: now + seconds)


def test_an_address_is_weighed_by_what_others_reported(server: JsonServer) -> None:
    (word,) = service(server).get_ip_external_reputations(LISTED)
    assert (word.short_name, word.result) == ("abuseipdb", True)
    assert word.full_name == "AbuseIPDB: score 87 of 100, 12 reports in 90 days"
    assert word.last_event == datetime(2026, 11, 20, 20, 55, 14, tzinfo=UTC)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["key"]) == ("GET", "/check", KEY)
    assert asked.query == {"ipAddress": [LISTED], "maxAgeInDays": ["90"]}
    (word,) = service(server).get_ip_external_reputations(CLEAN)
    assert (word.result, word.last_event) == (False, None)


def test_the_score_from_which_an_address_counts_can_be_set(server: JsonServer) -> None:
    section = {"key": KEY, "url": server.url(), "plaintext": True, "min_score": 88, "max_age_days": 30}
    (word,) = service(server, abuseipdb=section).get_ip_external_reputations(LISTED)
    assert not word.result
    assert server.asked[0].query["maxAgeInDays"] == ["30"]


def test_the_reports_behind_it_are_fit_to_be_shown(server: JsonServer) -> None:
    section = {"key": KEY, "url": server.url(), "plaintext": True, "max_reports": 2}
    known = service(server, abuseipdb=section)
    first, second = known.get_ip_external_details(LISTED, "abuseipdb")
    assert (first.detail, first.result) == ("ssh brute force", "brute force, SSH, category 99")
    assert first.timestamp == datetime(2026, 11, 20, 20, 55, 14, tzinfo=UTC)
    assert len(second.detail) == 500
    known.get_ip_external_details(LISTED, "abuseipdb")
    assert paths(server) == ["/reports"]
    with pytest.raises(ReputationServiceException) as caught:
        known.get_ip_external_details(LISTED, "nobody")
    assert caught.value.permanent


def test_what_is_known_is_not_asked_again_until_it_is_old(server: JsonServer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = service(server)
    for _ in range(3):
        known.get_ip_external_reputations(LISTED)
        known.get_ip_external_reputations(CLEAN)
        known.get_url_external_reputations(PHISHING)
        known.get_url_external_reputations("http://clean.example/")
    assert len(server.asked) == 4
    later(monkeypatch, 301)  # matches hold for 300 s, as does that there is none
    known.get_url_external_reputations(PHISHING)
    known.get_url_external_reputations("http://clean.example/")
    assert len(server.asked) == 6
    later(monkeypatch, 3700)  # "not listed" is old, "listed" is not
    known.get_ip_external_reputations(LISTED)
    known.get_ip_external_reputations(CLEAN)
    assert [asked.query.get("ipAddress") for asked in server.asked[6:]] == [[CLEAN]]


def test_nobody_is_told_of_addresses_that_are_not_public_or_are_ours(server: JsonServer) -> None:
    known = service(server, never_ask=["8.8.8.0/24", "2a00::/16", "ours.example"])
    for address in ("10.0.0.1", "192.0.2.1", "127.0.0.1", "fe80::1", "2002:0a00:0001::1", CLEAN, "2a00::1"):
        assert known.get_ip_external_reputations(address) == []
        assert known.get_ip_external_details(address, "abuseipdb") == []
    for url in ("http://10.0.0.1/", "http://[::1]/", f"http://{CLEAN}/", "http://www.Ours.example/x", "ours.example"):
        assert known.get_url_external_reputations(url) == []
    assert server.asked == []
    assert known.get_ip_external_reputations(LISTED)
    assert known.get_url_external_reputations("http://notours.example/")


def test_a_url_is_looked_for_in_googles_lists(server: JsonServer) -> None:
    known = service(server)
    (word,) = known.get_url_external_reputations("http://ann:pw@bank.example/login?id=7#ann@victim.example")
    assert (word.short_name, word.full_name) == ("safebrowsing", "Google Safe Browsing: SOCIAL_ENGINEERING, MALWARE")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["x-goog-api-key"]) == ("POST", "/v4/threatMatches:find", KEY)
    assert KEY not in str(asked.query)
    assert asked.json["threatInfo"]["threatEntries"] == [{"url": PHISHING}]
    assert asked.json["threatInfo"]["threatEntryTypes"] == ["URL"]
    assert asked.json["client"]["clientId"] == "cerberus"
    assert listed(known.get_url_external_reputations("https://clean.example/")) == [("safebrowsing", False)]


def test_many_urls_are_asked_about_at_once(server: JsonServer) -> None:
    browsing = service(server)._safe_browsing
    assert browsing is not None
    urls = [f"http://h{number}.example/" for number in range(MAX_BATCH)]
    found = browsing.find([*urls, PHISHING, PHISHING])
    assert [len(asked.json["threatInfo"]["threatEntries"]) for asked in server.asked] == [MAX_BATCH, 1]
    assert (found[PHISHING], found[urls[0]]) == (("SOCIAL_ENGINEERING", "MALWARE"), ())
    browsing.find(urls)
    assert len(server.asked) == 2


@pytest.mark.parametrize(("header", "quiet"), [({"Retry-After": "7200"}, 7200), ({}, 60)])
def test_who_says_that_it_is_enough_is_left_alone(
    server: JsonServer, monkeypatch: pytest.MonkeyPatch, header: dict[str, str], quiet: int
) -> None:
    server.answering = lambda asked: Said({"errors": [{"detail": "Daily rate limit", "status": 429}]}, 429, header)
    known = service(server)
    assert known.get_ip_external_reputations(LISTED) == []
    for address in (CLEAN, "9.9.9.9", "1.1.1.1"):
        assert known.get_ip_external_reputations(address) == []
    assert paths(server) == ["/check"]
    with pytest.raises(ReputationServiceException, match="429") as caught:
        known.get_ip_external_details(LISTED, "abuseipdb")  # a limit of its own
    assert not caught.value.permanent
    with pytest.raises(ReputationServiceException, match="asked to be left alone"):
        known.get_ip_external_details(LISTED, "abuseipdb")
    server.answering = reputation_sources
    later(monkeypatch, quiet - 5)
    assert known.get_ip_external_reputations(LISTED) == []
    assert paths(server) == ["/check", "/reports"]
    later(monkeypatch, 40)
    assert listed(known.get_ip_external_reputations(LISTED)) == [("abuseipdb", True)]


def test_a_source_that_fails_is_missing_and_hides_no_list(server: JsonServer, caplog: pytest.LogCaptureFixture) -> None:
    server.answering = lambda asked: Said({"errors": [{"detail": "Authentication failed.", "status": 401}]}, 401)
    with list_server({"4.4.8.8.two.list.example": ["127.0.0.2"]}) as lists:
        known = service(
            server, other_lists=[{"zone": "two.list.example"}], nameservers=[f"127.0.0.1:{lists.port}"], rate=1000
        )
        assert listed(known.get_ip_external_reputations(LISTED)) == [("two.list.example", True)]
        assert listed(known.get_ip_external_reputations(LISTED)) == [("two.list.example", True)]
    assert len(server.asked) == 1
    assert "Authentication failed" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "content", [[], {}, {"data": []}, {"data": {"abuseConfidenceScore": 101}}, {"data": {"abuseConfidenceScore": "x"}}]
)
def test_a_wrong_answer_is_a_permanent_fault_that_names_the_field(server: JsonServer, content: Any) -> None:
    server.answering = lambda asked: Said(content)
    client = service(server)._abuseipdb
    assert client is not None
    for _ in range(2):
        with pytest.raises(ReputationServiceException, match="answer of AbuseIPDB check") as caught:
            client.word(ip_address(LISTED))
        assert caught.value.permanent
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_left_alone_after_some_failures(server: JsonServer) -> None:
    server.answering = lambda asked: Said({}, 503)
    known = service(server)
    for number in range(10):
        known.get_url_external_reputations(f"http://h{number}.example/")
    assert len(server.asked) == 5


def test_the_own_history_needs_nobody(server: JsonServer) -> None:
    assert service(server).get_ip_tools(LISTED)
    assert server.asked == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "abuseipdb, safe_browsing: expected at least one of them, with its key"),
        ({"abuseipdb": {}}, "abuseipdb.key: Field required"),
        ({"safe_browsing": {"key": ""}}, "safe_browsing.key: "),
        ({"abuseipdb": "x"}, "abuseipdb: 'x'; expected keys and values"),
        ({"abuseipdb": {"key": "k", "min_score": 0}}, "abuseipdb.min_score: "),
        ({"abuseipdb": {"key": "k", "max_age_days": "90"}}, "abuseipdb.max_age_days: "),
        ({"abuseipdb": {"key": "k", "kee": 1}}, "abuseipdb.kee: Extra inputs"),
        ({"abuseipdb": {"key": "k", "url": "http://x.example"}}, "abuseipdb.url: 'http://x.example'; expected https"),
        ({"abuseipdb": {"key": "k\r\nX: y"}}, "abuseipdb.Key: expected printable ASCII"),
        ({"safe_browsing": {"key": "k"}, "never_ask": ["nonsense"]}, "never_ask.0: 'nonsense'; expected a network"),
        ({"safe_browsing": {"key": "k"}, "never_ask": "a.example"}, "never_ask: 'a.example'; expected a list"),
        ({"safe_browsing": {"key": "k"}, "seconds": 0}, "seconds: 0; expected a number"),
        ({"safe_browsing": {"key": "k"}, "ip_list": []}, "config.ip_list: unknown key of ExternalReputation; expected"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, ServiceError)) as caught:
        ExternalReputation.create(config)
    assert said in str(caught.value)
