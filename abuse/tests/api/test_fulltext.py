"""The `fulltext` condition: words, networks and names, within what one may see."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.services.facade import facade
from abuse.tests.api.conftest import Caller

from .rows import a_report, a_ticket, an_item

pytestmark = pytest.mark.django_db


def test_words_networks_and_ids_find_reports_and_their_tickets(root: Caller) -> None:
    ticket = a_ticket(public_id="BCDFGHJKLM")
    report = a_report(ticket=ticket, subject="About the shop", body="It sells counterfeit watches")
    an_item(report, "198.51.100.7")
    a_report(ticket=a_ticket(), subject="Another")
    for words in ("counterfeit watches", "198.51.100.0/24", "bcdfghjklm", "counterf"):
        for where in ({"like": [{"fulltext": [words]}]}, {"in": [{"fulltext": [words, "nowhere"]}]}):
            assert root.ids("/api/reports", {"where": where}) == [report.pk], words
            assert root.ids("/api/tickets", {"where": where}) == [ticket.pk], words
    assert root.ids("/api/tickets", {"where": {"in": [{"fulltext": ["nowhere"]}]}}) == []
    assert root.ids("/api/tickets", {"where": {"in": [{"fulltext": []}]}}) == []


@pytest.mark.parametrize("words", ["counterfeit", "counterf", "counterfeit watches", "198.51.100.7"])
def test_a_search_for_words_costs_few_queries(
    root: Caller, words: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(12):
        an_item(a_report(ticket=a_ticket(), body="It sells counterfeit watches"), "198.51.100.7")
    filters = {"where": {"like": [{"fulltext": [words]}]}, "paginate": {"resultsPerPage": 5}}
    with django_assert_max_num_queries(10):
        answer = root.get("/api/search", filters).get_json()
    assert (answer["ticketsCount"], answer["reportsCount"]) == (12, 12)


def test_it_is_one_condition_among_others(root: Caller) -> None:
    one, other = (a_report(category, subject="watches") for category in ("Phishing", "Spam"))
    both = {"where": {"in": [{"category": ["Spam"]}], "like": [{"fulltext": ["watches"]}]}}
    assert root.ids("/api/reports", both) == [other.pk]
    urgent = a_report(ticket=a_ticket(priority="High"), subject="watches")
    by_another_table = {"where": {"in": [{"priority": ["High"]}], "like": [{"fulltext": ["watches"]}]}}
    assert root.ids("/api/reports", by_another_table) == [urgent.pk]
    either = {"where": {"like": [{"fulltext": ["watches"]}, {"id": [str(one.pk)]}]}}
    assert set(root.ids("/api/reports", either)) == {one.pk, other.pk, urgent.pk}


@pytest.mark.parametrize("value", [True, None])
def test_words_are_text(root: Caller, value: object) -> None:
    assert "fulltext" in root.refusal("/api/reports", {"where": {"in": [{"fulltext": [value]}]}})


def test_a_search_that_cannot_answer_is_no_empty_list(root: Caller) -> None:
    before = facade("SearchServiceBase")._implementation
    facade("SearchServiceBase").set_up(None)
    try:
        said = root.refusal("/api/reports", {"where": {"like": [{"fulltext": ["x"]}]}}, 501)
    finally:
        facade("SearchServiceBase").set_up(before)
    assert said.startswith("IMPLEMENTATIONS.SearchServiceBase")
