"""Looking for tickets and reports, as the search screen and the counters do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.models import Tag
from abuse.services.facade import facade
from abuse.tests.services.contract.minimal import WordSearch

from ..conftest import Caller
from ..rows import a_comment, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket, an_item
from .wire import get, refused

pytestmark = pytest.mark.django_db
TICKET_FIELDS = {
    "id", "category", "defendant", "service", "status", "priority", "creationDate", "modificationDate",
    "attachedReportsCount", "treatedBy", "commentsCount", "alarm",
}  # fmt: skip
REPORT_FIELDS = {"id", "category", "defendant", "service", "status", "provider", "receivedDate", "subject", "ticket"}


def where(**conditions: Any) -> dict[str, Any]:
    return {"where": {"in": [{name: values} for name, values in conditions.items()]}}


def found(ann: Caller, filters: object) -> tuple[list[int], list[int]]:
    answer = get(ann, "/search", filters)
    return [row["id"] for row in answer["tickets"]], [row["id"] for row in answer["reports"]]


def test_get_search(ann: Caller) -> None:
    ticket = a_ticket(defendant=a_defendant(), service=a_service(), treated_by=ann.user)
    a_comment(ticket, ann.user)
    report = a_report(ticket=ticket, body="x" * 400)
    a_report("Copyright")
    filters = {
        "paginate": {"currentPage": 1, "resultsPerPage": 10},
        "sortBy": {"priority": -1},
        "queryFields": ["id", "category", "defendant__email", "service__name", "nonsense"],
        **where(category=["Phishing", "Spam"], status=["Open", "Attached"]),
    }
    answer = get(ann, "/search", filters)
    assert set(answer) == {"tickets", "ticketsCount", "reports", "reportsCount"}
    (row,) = answer["tickets"]
    assert set(row) >= TICKET_FIELDS
    assert (row["attachedReportsCount"], row["commentsCount"], row["treatedBy"]) == (1, 1, "ann")
    (row,) = answer["reports"]
    assert set(row) >= REPORT_FIELDS
    assert (row["id"], row["ticket"], row["provider"]["priority"]) == (report.pk, ticket.pk, "Normal")
    assert (len(row["body"]), row["bodyIsCut"]) == (300, True)
    assert (answer["ticketsCount"], answer["reportsCount"]) == (1, 1)


def test_a_page_of_no_rows_counts_alone(ann: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    a_report(ticket=a_ticket())
    with django_assert_num_queries(4):  # who calls, his profiles, and the two counts
        answer = get(ann, "/search", {"paginate": {"resultsPerPage": 0, "currentPage": 1}})
    assert answer == {"tickets": [], "ticketsCount": 1, "reports": [], "reportsCount": 1}


def test_a_count_stops_where_nobody_turns_pages_any_more(ann: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        a_report(ticket=a_ticket())
    a_report()
    filters = {"paginate": {"resultsPerPage": 1, "currentPage": 3}}
    exact = get(ann, "/search", filters)
    assert (exact["ticketsCount"], exact["reportsCount"]) == (3, 4)
    assert set(exact) & {"ticketsCountIsExact", "reportsCountIsExact"} == set()
    monkeypatch.setattr("abuse.api.counts.MAX_COUNT", 2)
    answer = get(ann, "/search", filters)
    assert (answer["ticketsCount"], answer["ticketsCountIsExact"]) == (2, False)
    assert (answer["reportsCount"], answer["reportsCountIsExact"]) == (2, False)
    assert answer["tickets"] == exact["tickets"] != [], "what is not counted can be read"


def test_a_count_that_the_page_tells_costs_no_statement(
    ann: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    a_report(ticket=a_ticket())
    for filters, statements, counts in (
        ({"paginate": {"resultsPerPage": 10, "currentPage": 1}}, 6, (1, 1)),  # ids and rows of each
        ({"paginate": {"resultsPerPage": 10, "currentPage": 2}}, 6, (1, 1)),  # ids and counts of each
    ):
        with django_assert_num_queries(statements):
            answer = get(ann, "/search", filters)
        assert (answer["ticketsCount"], answer["reportsCount"]) == counts


def test_a_page_of_fifty_costs_few_queries(ann: Caller, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(50):
        ticket = a_ticket(defendant=a_defendant(), service=a_service(), treated_by=ann.user)
        ticket.tags.add(a_tag("x"))
        report = a_report(ticket=ticket, defendant=ticket.defendant, service=ticket.service)
        report.tags.add(a_tag("x", Tag.Type.REPORT))
    with django_assert_max_num_queries(10):
        answer = get(ann, "/search", {"paginate": {"resultsPerPage": "50", "currentPage": 1}})
    assert len(answer["tickets"]) == len(answer["reports"]) == 50
    with django_assert_max_num_queries(10):
        answer = get(ann, "/search", {"paginate": {"resultsPerPage": 50}, "where": {"in": [{"reportTag": ["x"]}]}})
    assert len(answer["tickets"]) == len(answer["reports"]) == 50


def test_a_field_to_sort_by_that_is_not_there_is_passed_over(ann: Caller) -> None:
    report = a_report()
    for field in ("creationDate", "attachedReportsCount", "treatedBy__password", "nonsense"):
        assert found(ann, {"sortBy": {field: -1}}) == ([], [report.pk])


def test_a_page_may_lack_its_numbers(ann: Caller) -> None:
    report = a_report()
    for paginate in ({}, {"currentPage": 1}, {"resultsPerPage": 10}, {"resultsPerPage": None}):
        assert found(ann, {"paginate": paginate}) == ([], [report.pk])


def test_conditions_of_one_kind_find_nothing_of_the_other(ann: Caller) -> None:
    ticket = a_ticket()
    report = a_report(ticket=ticket)
    assert found(ann, where(treatedBy=[None])) == ([ticket.pk], [])
    assert found(ann, where(escalated=[False], confidential=[False])) == ([ticket.pk], [])
    assert found(ann, where(ticket=[ticket.pk])) == ([], [report.pk])
    assert found(ann, {"where": {"like": [{"ticketIds": [ticket.public_id]}]}}) == ([ticket.pk], [])
    message = refused(
        ann, "GET", "/search?filters=%7B%22where%22:%7B%22in%22:[%7B%22password%22:[1]%7D]%7D%7D", status=400
    )
    assert "password" in message


def test_what_the_form_asks_for(ann: Caller) -> None:
    ticket = a_ticket(defendant=a_defendant(email="jo@customer.example"))
    ticket.tags.add(a_tag("fraud"))
    report = a_report(
        ticket=ticket, provider=a_provider("cert@x.example"), subject="a phish", defendant=ticket.defendant
    )
    an_item(report, "http://bad.example/x", "URL")
    both = ([ticket.pk], [report.pk])
    for like in (
        {"fulltext": ["PHISH"]},
        {"item": ["bad.example"]},
        {"defendant": ["jo@cust"]},
        {"subject": ["phish"]},
    ):
        assert found(ann, {"where": {"like": [like]}}) == both, like
    assert found(ann, where(providerEmail=["cert@x.example"])) == both
    assert found(ann, where(ticketTag=["fraud"])) == ([ticket.pk], [])
    assert found(ann, where(defendantEmail=["jo@customer.example"], category=["Spam"])) == ([], [])


@pytest.fixture
def words() -> Iterator[WordSearch]:
    service, before = WordSearch(), facade("SearchServiceBase")._implementation
    facade("SearchServiceBase").set_up(service)
    yield service
    facade("SearchServiceBase").set_up(before)


def test_what_the_search_system_knows_is_found_too(ann: Caller, words: WordSearch) -> None:
    ticket = a_ticket()
    report, foreign = a_report(ticket=ticket), a_report("Copyright")
    words.index["needle"] = [report.pk, foreign.pk]
    assert found(ann, {"where": {"like": [{"fulltext": ["needle"]}]}}) == ([ticket.pk], [report.pk])


def test_nobody_finds_what_he_may_not_see(ann: Caller) -> None:
    a_ticket("Spam", confidential=True)
    a_report("Copyright")
    for filters in ({}, where(category=["Spam", "Copyright"]), {"where": {"like": [{"fulltext": ["subject"]}]}}):
        assert found(ann, filters) == ([], [])


def test_a_service_is_asked_for_by_its_id_or_its_name(ann: Caller) -> None:
    """A report's page looks for the one ticket that it fits to, by the id of the service."""
    service, other = a_service("vps"), a_service("another")
    ticket = a_ticket(service=service)
    a_ticket(service=other)
    nobodys = a_ticket()
    report = a_report(service=service)
    for values in ([service.pk], [str(service.pk)], ["vps"], ["vps", 9_999_999]):
        assert found(ann, where(service=values)) == ([ticket.pk], [report.pk]), values
        assert [row["id"] for row in get(ann, "/tickets", where(service=values))] == [ticket.pk]
    assert found(ann, where(service=["nonsense"])) == ([], [])
    assert found(ann, where(service=[None])) == ([nobodys.pk], [])
    assert found(ann, where(ticketIds=[ticket.public_id, str(nobodys.pk)]))[0] == [ticket.pk, nobodys.pk]


def test_a_report_has_the_priority_of_its_ticket(ann: Caller) -> None:
    ticket = a_ticket(priority="High")
    report = a_report(ticket=ticket)
    a_report(ticket=a_ticket())
    alone = a_report()
    assert found(ann, where(priority=["High"])) == ([ticket.pk], [report.pk])
    assert [row["id"] for row in get(ann, "/reports", where(priority=[None]))] == [alone.pk]


def test_a_switch_that_was_kept_in_an_address_comes_back_as_text(ann: Caller) -> None:
    mine, nobodys = a_ticket(treated_by=ann.user), a_ticket()
    for said, expected in (("true", {nobodys.pk}), ("false", {mine.pk, nobodys.pk})):
        rows = get(ann, "/tickets/todo", {"onlyUnassigned": said})["tickets"]
        assert {row["id"] for row in rows} == expected
    refused(ann, "GET", "/tickets/todo?filters=%7B%22onlyUnassigned%22:%22maybe%22%7D", status=400)
