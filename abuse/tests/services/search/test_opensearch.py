"""OpenSearch: what is sent, what is found, and a server that refuses or is away."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from abuse.models import ReportItem
from abuse.services.search import SearchServiceException, opensearch
from abuse.services.search.opensearch import OpenSearchSearch
from abuse.tests.findable import START, a_defendant, a_provider, a_report, a_ticket
from abuse.tests.services.crm.servers import JsonServer, Said, json_server

from .open_search import Index

pytestmark = pytest.mark.django_db


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def server(index: Index) -> Iterator[JsonServer]:
    with json_server(index) as running:
        yield running


@pytest.fixture
def search(server: JsonServer) -> OpenSearchSearch:
    return made_for(server)


def made_for(server: JsonServer, **more: Any) -> OpenSearchSearch:
    return OpenSearchSearch(url=server.url(), plaintext=True, pause_seconds=0, **more)


@pytest.fixture
def one(search: OpenSearchSearch) -> int:
    report = a_report(
        subject="Fałszywa strona банка",
        body="Please look at this page. It wants the password.",
        provider=a_provider("cert@reporter.example"),
        reporter_reference="CERT#815",
        defendant=a_defendant("C-4711", "Jo.Doe@customer.example", name="Müller"),
        ticket=a_ticket(public_id="BCDFGHJKLM"),
    )
    items = [
        ("http://login.evil.example/x?y", "URL", None, "login.evil.example"),
        ("192.0.2.8", "IP", "192.0.2.8", None),
        ("2001:db8:1::/48", "CIDR", "2001:db8:1::/48", None),
    ]
    for raw, kind, network, name in items:
        ReportItem.create(report=report, raw_item=raw, item_type=kind, network=network, fqdn=name, date=START)
    other = a_report(subject="Another", body="nothing of it")
    search.index_reports([report.pk, other.pk])
    return report.pk


@pytest.mark.parametrize(
    "query",
    [
        "password", '"look at this page"', "PASSWORD -nothing", "passw*", "fałszywa", "банка", "müller", "C-4711",
        "jo.doe@customer.example", "CERT#815", "cert@reporter.example", "evil", "login.evil.example",
        "http://login.evil.example/x?y", "192.0.2.8", "192.0.2.0/24", "192.0.0.0/8", "2001:db8:1::7", "2001:db8::/32",
    ],
)  # fmt: skip
def test_a_report_is_found(search: OpenSearchSearch, one: int, query: str) -> None:
    assert search.search_reports(query) == [one]


@pytest.mark.parametrize(
    "query", ["nowhere", "password -page", '"this look"', "192.0.2.9", "2001:db8:2::/48", "-nowhere", "", "***", "-"]
)
def test_a_report_is_not_found(search: OpenSearchSearch, one: int, query: str) -> None:
    assert search.search_reports(query) == []


def test_tickets_are_found_by_their_reports_and_by_their_id(search: OpenSearchSearch, one: int) -> None:
    found = search.search_tickets("password")
    assert len(found) == 1
    assert search.search_tickets("bcdfghjklm") == found


def test_the_index_is_made_once_with_its_mapping(search: OpenSearchSearch, server: JsonServer, one: int) -> None:
    search.index_reports([one])
    made_for(server).index_reports([one])
    made = [asked for asked in server.asked if asked.method == "PUT"]
    assert len(made) == 2, "by each process; that it was there is no fault"
    properties = made[0].json["mappings"]["properties"]
    assert (properties["networks"], made[0].path) == ({"type": "ip_range"}, "/cerberus-reports")


def test_without_an_index_nothing_is_found(search: OpenSearchSearch) -> None:
    assert search.search_reports("word") == []


def test_large_reports_go_in_several_calls(
    search: OpenSearchSearch, server: JsonServer, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opensearch, "_BULK_BYTES", 5000)
    reports = [a_report(body="x" * 2000) for _ in range(5)]
    search.index_reports([report.pk for report in reports])
    bulks = [asked for asked in server.asked if asked.path.endswith("/_bulk")]
    assert len(bulks) == 3
    assert set(index.documents) == {str(report.pk) for report in reports}


def test_a_report_that_is_refused_for_now_fails_its_batch(search: OpenSearchSearch, index: Index) -> None:
    report = a_report()
    index.refusals[str(report.pk)] = 429
    with pytest.raises(SearchServiceException, match=f"report {report.pk}: 429") as caught:
        search.index_reports([report.pk])
    assert not caught.value.permanent


def test_a_report_that_is_never_taken_holds_up_no_other(
    search: OpenSearchSearch, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = a_report(), a_report()
    index.refusals[str(bad.pk)] = 400
    search.index_reports([bad.pk, good.pk])
    assert set(index.documents) == {str(good.pk)}
    assert f"report {bad.pk} cannot be found" in caplog.text


def test_a_server_that_is_away_or_talks_nonsense_is_the_services_own_error(server: JsonServer) -> None:
    for said, permanent in (
        (Said({"error": "busy"}, 503), False),
        (Said({"error": "who are you"}, 401), True),
        (Said({"hits": 1}), True),
        (Said({"hits": {"hits": [{"_id": "x"}]}}), True),
        (Said(b"<html>"), True),
    ):
        server.answering = lambda asked, said=said: said  # type: ignore[misc]
        with pytest.raises(SearchServiceException) as caught:
            made_for(server, attempts=2).search_reports("word")
        assert caught.value.permanent is permanent, said


def test_credentials_are_sent(server: JsonServer) -> None:
    made_for(server, user="desk", password="secret").search_reports("word")
    made_for(server, token="abc").search_reports("word")
    sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == [f"Basic {base64.b64encode(b'desk:secret').decode()}", "ApiKey abc"]


def test_a_query_is_a_value_and_never_a_part_of_the_question(search: OpenSearchSearch, server: JsonServer) -> None:
    query = '"}} , {"match_all": {}} \\ ../../_all'
    search.search_reports(query)
    asked = server.asked[-1]
    assert asked.path == "/cerberus-reports/_search"
    assert json.loads(asked.body)["query"]["bool"]["should"][1]["simple_query_string"]["query"] == query


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"index": "../x"}, "index"),
        ({"index": "_all"}, "index"),
        ({"user": "x"}, "expected user and password"),
        ({"user": "x", "password": "y", "token": "z"}, "expected user and password"),
        ({"url": "http://search.example"}, "expected https"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OpenSearchSearch(**{"url": "https://search.example", **wrong})  # type: ignore[arg-type]
