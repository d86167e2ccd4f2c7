"""What is known of addresses and domains, with DNS lists on the loopback interface."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from abuse.config import current
from abuse.controllers.history import robot
from abuse.controllers.tickets import close_ticket, create_ticket
from abuse.models import Report, ReportItem
from abuse.services import kept as kept_module
from abuse.services.facade import facade
from abuse.services.kept import Kept
from abuse.services.reputation import Reputation, ReputationService, ReputationServiceException, Tool
from abuse.services.reputation.default import DnsblReputation
from abuse.tests.controllers.test_tickets import make_report

from .lists import SILENT, ListServer, list_server

LISTED, CLEAN = "8.8.4.4", "8.8.8.8"
ZEN = {"zone": "zen.list.example", "name": "Zen", "short_name": "zen"}
TWO = {"zone": "two.list.example"}
DBL = {"zone": "dbl.list.example", "name": "DBL"}


def service(server: ListServer | None = None, **config: Any) -> DnsblReputation:
    names = {"nameservers": [f"127.0.0.1:{server.port}"]} if server else {}
    return DnsblReputation.create({"rate": 1000, **names, **config})


def words(found: Any) -> list[tuple[str, str, bool]]:
    return [(one.short_name, one.full_name, one.result) for one in found]


def test_without_lists_nobody_is_asked() -> None:
    known = service()
    assert known._asker is None
    for call in (known.get_ip_rbl_reputations, known.get_ip_external_reputations):
        assert call(LISTED) == []
    assert known.get_url_external_reputations("http://bank.example/") == []


def test_it_is_there_without_any_setting() -> None:
    assert isinstance(facade("ReputationServiceBase")._implementation, DnsblReputation)
    assert current().implementation("ReputationServiceBase").config == {}  # type: ignore[union-attr]
    assert ReputationService.get_ip_rbl_reputations(LISTED) == []


def test_lists_of_addresses() -> None:
    zone = {
        "4.4.8.8.zen.list.example": ["127.0.0.2", "127.0.0.10"],
        "4.4.8.8.two.list.example": ["127.0.0.99"],
        "8.8.8.8.three.list.example": ["127.0.0.2"],
        "1.1.1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.4.6.0.6.2.zen.list.example": ["127.0.0.2"],
    }
    codes = {"127.0.0.2": "spam source", "127.0.0.10": "end-user range"}
    lists = [{**ZEN, "codes": codes}, {**TWO, "ipv6": False}]
    with list_server(zone) as server:
        known = service(server, ip_lists=lists)
        assert words(known.get_ip_rbl_reputations(LISTED)) == [
            ("zen", "Zen: spam source, end-user range", True),
            ("two.list.example", "two.list.example: 127.0.0.99", True),
        ]
        assert words(known.get_ip_rbl_reputations(CLEAN)) == [
            ("zen", "Zen", False), ("two.list.example", "two.list.example", False),
        ]  # fmt: skip
        assert words(known.get_ip_rbl_reputations("2606:4700::1111")) == [("zen", "Zen: spam source", True)]
        assert words(known.get_ip_rbl_reputations(f"::ffff:{LISTED}"))[0][2] is True
        assert known.get_ip_external_reputations(LISTED) == []


def test_an_answer_without_a_meaning_is_no_listing_where_meanings_are_named() -> None:
    with list_server({"4.4.8.8.zen.list.example": ["127.0.0.77"]}) as server:
        known = service(server, ip_lists=[{**ZEN, "codes": {"127.0.0.2": "spam source"}}])
        assert words(known.get_ip_rbl_reputations(LISTED)) == [("zen", "Zen", False)]


@pytest.mark.parametrize("answer", ["127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1"])
def test_a_list_that_does_not_serve_us_lists_nobody_and_is_left_alone(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    zone = {"4.4.8.8.zen.list.example": [answer], "4.4.8.8.two.list.example": ["127.0.0.2"]}
    with list_server(zone) as server:
        known = service(server, ip_lists=[ZEN, TWO])
        assert [one.short_name for one in known.get_ip_rbl_reputations(LISTED)] == ["two.list.example"]
        assert f"zen.list.example answered {answer}: it does not serve us" in caplog.text
        server.asked.clear()
        assert [one.short_name for one in known.get_ip_rbl_reputations(CLEAN)] == ["two.list.example"]
        assert server.asked == ["8.8.8.8.two.list.example A"]


def test_a_resolver_that_invents_answers_lists_nobody() -> None:
    with list_server({"4.4.8.8.zen.list.example": ["203.0.113.80"]}) as server:
        assert service(server, ip_lists=[ZEN]).get_ip_rbl_reputations(LISTED) == []


def test_lists_are_asked_at_the_same_time_and_not_waited_for_without_end() -> None:
    zone: Mapping[str, list[str] | str] = {
        "4.4.8.8.two.list.example": ["127.0.0.2"],
        **{f"4.4.8.8.l{number}.list.example": SILENT for number in range(10)},
        "4.4.8.8.broken.list.example": "SERVFAIL",
    }
    lists = [*({"zone": f"l{number}.list.example"} for number in range(10)), {"zone": "broken.list.example"}, TWO]
    with list_server(zone) as server:
        known = service(server, ip_lists=lists, seconds=1)
        started = time.monotonic()
        assert [one.short_name for one in known.get_ip_rbl_reputations(LISTED)] == ["two.list.example"]
        assert time.monotonic() - started < 2
        # Who did not answer is not asked again at once.
        asked = len(server.asked)
        time.sleep(0.2)
        started = time.monotonic()
        assert [one.short_name for one in known.get_ip_rbl_reputations(LISTED)] == ["two.list.example"]
        assert (len(server.asked), time.monotonic() - started < 0.5) == (asked, True)


def test_what_is_known_is_not_asked_again_listed_or_not() -> None:
    with list_server({"4.4.8.8.zen.list.example": ["127.0.0.2"]}) as server:
        known = service(server, ip_lists=[ZEN])
        for _ in range(3):
            assert [one.result for one in known.get_ip_rbl_reputations(LISTED)] == [True]
            assert [one.result for one in known.get_ip_rbl_reputations(CLEAN)] == [False]
        assert sorted(server.asked) == ["4.4.8.8.zen.list.example A", "8.8.8.8.zen.list.example A"]


def test_what_was_known_is_asked_again_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with list_server({"4.4.8.8.zen.list.example": ["127.0.0.2"]}, ttl=120) as server:
        known = service(server, ip_lists=[ZEN], keep_seconds=3600, keep_negative_seconds=300)
        known.get_ip_rbl_reputations(LISTED)
        known.get_ip_rbl_reputations(CLEAN)
        now = time.monotonic
        for later, asked in ((119, 2), (121, 3), (301, 5)):
            clock = SimpleNamespace(monotonic=lambda later=later: now() + later)
            monkeypatch.setattr(kept_module, "time", clock)
            known.get_ip_rbl_reputations(LISTED)
            known.get_ip_rbl_reputations(CLEAN)
            assert len(server.asked) == asked, later


def test_what_is_kept_has_a_bound() -> None:
    kept: Kept[int, int] = Kept(limit=3)
    for number in range(5):
        kept.put(number, number, 60)
    assert [kept.get(number) for number in range(5)] == [None, None, 2, 3, 4]
    kept.put(9, 9, -1)
    assert kept.get(9) is None


def test_a_list_is_asked_no_faster_than_allowed() -> None:
    with list_server({}) as server:
        known = service(server, ip_lists=[ZEN], rate=4)
        started = time.monotonic()
        for last in (4, 5, 6):
            assert [one.result for one in known.get_ip_rbl_reputations(f"8.8.8.{last}")] == [False]
        assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "192.0.2.1", "169.254.0.1", "fe80::1", "2001:db8::1", "::1"]
)
def test_nobody_is_told_of_addresses_that_are_not_public(address: str) -> None:
    with list_server({}) as server:
        known = service(server, ip_lists=[ZEN], other_lists=[TWO])
        assert known.get_ip_rbl_reputations(address) == []
        assert known.get_ip_external_reputations(address) == []
        assert known.get_ip_external_details(address, "zen") == []
        assert known.get_url_external_reputations(f"http://{f'[{address}]' if ':' in address else address}/") == []
        assert server.asked == []


def test_other_lists_have_texts() -> None:
    text = '"seen 2026-11-20 \\007 by a trap" " and more"'
    zone = {"4.4.8.8.two.list.example": ["127.0.0.2", text], "4.4.8.8.zen.list.example": ["127.0.0.2"]}
    with list_server(zone) as server:
        known = service(server, ip_lists=[ZEN], other_lists=[TWO])
        assert words(known.get_ip_external_reputations(LISTED)) == [
            ("two.list.example", "two.list.example: 127.0.0.2", True)
        ]
        (detail,) = known.get_ip_external_details(LISTED, "two.list.example")
        assert (detail.detail, detail.result) == ("seen 2026-11-20  by a trap and more", "127.0.0.2")
        assert timezone.now() - detail.timestamp < timedelta(minutes=1)
        assert [one.detail for one in known.get_ip_external_details(LISTED, "zen")] == ["Zen"]
        assert known.get_ip_external_details(CLEAN, "two.list.example") == []
        with pytest.raises(ReputationServiceException, match=r"'three'; expected one of two\.list\.example, zen"):
            known.get_ip_external_details(LISTED, "three")


def test_lists_of_domains() -> None:
    zone = {
        "evil.co.uk.dbl.list.example": ["127.0.1.4"],
        "www.bank.example.dbl.list.example": ["127.0.1.2"],
        "4.4.8.8.zen.list.example": ["127.0.0.2"],
    }
    with list_server(zone) as server:
        known = service(
            server, ip_lists=[ZEN], domain_lists=[{**DBL, "codes": {"127.0.1.4": "phish", "127.0.1.2": "spam"}}]
        )
        for url, said in (
            ("http://login.evil.co.uk/x?y", ("DBL: phish", True)),
            ("https://www.bank.example:8443/", ("DBL: spam", True)),
            ("bank.example", ("DBL", False)),
        ):
            ((_, name, result),) = words(known.get_url_external_reputations(url))
            assert (name, result) == said, url
        server.asked.clear()
        # A list of domains is never asked about an address.
        assert words(known.get_url_external_reputations(f"http://{LISTED}/")) == [("zen", "Zen: 127.0.0.2", True)]
        assert words(known.get_url_external_reputations("http://0x08080404/")) == [("zen", "Zen: 127.0.0.2", True)]
        assert server.asked == ["4.4.8.8.zen.list.example A"]


@pytest.mark.parametrize(
    "text", ["", "nobody", "192.0.2.1/24", "a\0b", "fe80::1%eth0", "1.2.3.4.evil.example", "x" * 9999]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    known = service()
    for call in (
        known.get_ip_rbl_reputations,
        known.get_ip_external_reputations,
        known.get_ip_internal_reputations,
        known.get_ip_tools,
    ):
        with pytest.raises(ReputationServiceException, match=r"^ip: ") as caught:
            call(text)
        assert caught.value.permanent


@pytest.mark.parametrize(
    "url", ["", "http://", "http://a b/", "http://[::1", "javascript:alert(1)", "http://a\0b.example/"]
)
def test_what_has_no_host_is_refused(url: str) -> None:
    with pytest.raises(ReputationServiceException, match=r"^url: ") as caught:
        service().get_url_external_reputations(url)
    assert caught.value.permanent


def test_a_name_that_is_too_long_for_a_list_is_not_asked() -> None:
    host = ".".join(["a" * 60] * 4)
    with list_server({}) as server:
        found = service(server, domain_lists=[DBL]).get_url_external_reputations(f"http://{host}/")
        assert [one.result for one in found] == [False]  # the registered domain is shorter
        assert len(server.asked) == 1


def complaint(category: str, *items: str, days: float = 0) -> Report:
    report = make_report(category=category)
    Report.filter(pk=report.pk).update(received_date=timezone.now() - timedelta(days=days))
    for item in items:
        kind, network = ("URL", None) if item.startswith("http") else ("IP", item)
        ReportItem.create(report=report, raw_item=item, item_type=kind, network=network, date=report.received_date)
    return report


@pytest.mark.django_db
def test_the_desks_own_history_is_by_category(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    items = ("192.0.2.7", "192.0.2.7", "192.0.2.8", "http://192.0.2.7/")  # the same address twice in one report
    create_ticket(complaint("Spam", *items, days=2), actor=robot())
    newest = complaint("Spam", *items, days=1)
    closed = create_ticket(complaint("Phishing", *items, days=40), actor=robot())
    close_ticket(closed, "fixed", actor=robot())
    complaint("Malware", *items, days=400)
    known = service()
    with django_assert_num_queries(1):
        found = known.get_ip_internal_reputations("192.0.2.7")
    newest.refresh_from_db()
    assert found[0] == Reputation(
        "Spam", "Spam: 2 reports in 365 days, 1 open ticket", True, True, newest.received_date
    )
    assert (found[1].short_name, found[1].blacklisted) == ("Phishing", False)
    assert found[1].full_name == "Phishing: 1 report in 365 days, 0 open tickets"
    assert len(found) == 2
    assert known.get_ip_internal_reputations("192.0.2.9") == []
    assert [one.short_name for one in service(history_days=1.5).get_ip_internal_reputations("192.0.2.7")] == ["Spam"]


@pytest.mark.django_db
def test_the_desks_own_history_knows_ipv6_in_any_spelling() -> None:
    complaint("Spam", "2001:db8::1")
    assert len(service().get_ip_internal_reputations("2001:0DB8:0:0:0:0:0:1")) == 1


def test_tools_are_links() -> None:
    found = service().get_ip_tools("2001:DB8::1")
    assert all("2001:db8::1" in tool.uri and tool.uri.startswith("https://") for tool in found)
    own = service(tools=[{"name": "Looking glass", "short_name": "lg", "uri": "https://lg.example.net/?q={ip}&r={ip}"}])
    assert own.get_ip_tools("192.0.2.1") == [
        Tool("lg", "Looking glass", "https://lg.example.net/?q=192.0.2.1&r=192.0.2.1")
    ]
    assert service(tools=[]).get_ip_tools("192.0.2.1") == []


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"ip_lists": "zen"}, "ip_lists: 'zen'; expected a list"),
        ({"ip_lists": ["zen.list.example"]}, r"ip_lists\.0: 'zen\.list\.example'; expected at least its zone"),
        ({"ip_lists": [{"zone": "zen"}]}, r"ip_lists\.0\.zone: 'zen'; expected a name such as"),
        ({"ip_lists": [{"zone": "a..example"}]}, r"ip_lists\.0\.zone: 'a\.\.example'"),
        ({"ip_lists": [{**ZEN, "color": 1}]}, r"ip_lists\.0\.color: unknown key"),
        ({"ip_lists": [{**ZEN, "codes": {"8.8.8.8": "x"}}]}, r"ip_lists\.0\.codes: '8\.8\.8\.8'; expected an address"),
        ({"ip_lists": [{**ZEN, "codes": ["127.0.0.2"]}]}, r"ip_lists\.0\.codes"),
        ({"ip_lists": [{**ZEN, "ipv6": "no"}]}, r"ip_lists\.0\.ipv6: 'no'; expected true or false"),
        ({"domain_lists": [DBL, DBL]}, r"domain_lists: two are called 'dbl\.list\.example'"),
        ({"ip_lists": [ZEN], "nameservers": ["ns.example"]}, "nameservers: 'ns.example'"),
        ({"seconds": 0}, "seconds: 0; expected a number from 0.1 to 60"),
        ({"rate": True}, "rate: True"),
        ({"history_days": 0}, "history_days: 0"),
        ({"tools": [{"name": "x", "uri": "javascript:alert('{ip}')"}]}, r"tools\.0: "),
        ({"tools": [{"name": "x", "uri": "https://x.example/"}]}, r"tools\.0: .*expected a name, and a uri"),
        ({"tools": ["x"]}, r"tools\.0: 'x'"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        service(**config)
