"""`like` conditions: parts of texts, found at a bounded cost, within what one may see, and said to be all or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.api import held
from abuse.models import Report
from abuse.models import parts as module
from abuse.services.facade import facade
from abuse.services.search import default, words

from .conftest import Caller, MakeCaller
from .rows import a_defendant, a_report, a_ticket, an_item

pytestmark = pytest.mark.django_db

TEXTS = ("subject", "body", "item")


@pytest.fixture(autouse=True)
def no_sample() -> Iterator[None]:
    module._samples.clear()
    yield
    module._samples.clear()


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a few rows reach."""
    for name in ("_NEWEST", "_FEWEST", "_NEWEST_BODIES", "ENOUGH", "MAX_FREQUENT"):
        monkeypatch.setattr(module, name, 3)
    monkeypatch.setattr(held, "CANDIDATES", 0)
    monkeypatch.setattr(words, "NEWEST", 3)
    for name in ("_ENOUGH", "_FREQUENT"):
        monkeypatch.setattr(default, name, 3)
    for finder in (held.IN_ITEMS, held.IN_SUBJECT, held.IN_BODY):
        monkeypatch.setattr(finder, "_newest", 3)


def told(number: int, category: str = "Phishing", **fields: Any) -> list[Report]:
    """Reports that hold `evil` in all of their texts, each in a ticket of its own."""
    made = []
    for _ in range(number):
        ticket = a_ticket(category)
        made.append(a_report(category, ticket=ticket, subject="An Evil-Page", body="Is it evilish?", **fields))
        an_item(made[-1], "http://www.evil.example/x", "URL", fqdn="www.evil.example")
    return made


def like(name: str, value: str, **conditions: list[str]) -> dict[str, Any]:
    return {"where": {"in": [conditions], "like": [{name: [value]}]}, "paginate": {"resultsPerPage": 50}}


def found(caller: Caller, filters: dict[str, Any]) -> tuple[list[int], list[int], Any, Any]:
    """The reports and tickets of a search; and whether their numbers are exact."""
    answer = caller.get("/api/search", filters).get_json()
    reports, tickets = ([row["id"] for row in answer[name]] for name in ("reports", "tickets"))
    assert (len(reports), len(tickets)) == (answer["reportsCount"], answer["ticketsCount"])
    return reports, sorted(tickets), answer.get("reportsCountIsExact"), answer.get("ticketsCountIsExact")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("part", ["evil", "EVI", "vi", "i"])
def test_a_part_of_a_text_finds_reports_and_their_tickets(root: Caller, name: str, part: str) -> None:
    reports = told(2)
    a_report(subject="none", body="none")
    pks, tickets = [one.pk for one in reports[::-1]], sorted(one.ticket_id or 0 for one in reports)
    assert found(root, like(name, part)) == (pks, tickets, None, None)
    assert root.ids("/api/reports", like(name, part)) == pks
    assert root.ids("/api/tickets", like(name, part)) == tickets
    assert found(root, like(name, "evil nowhere")) == ([], [], None, None)


@pytest.mark.parametrize("name", [*TEXTS, "fulltext"])
@pytest.mark.usefixtures("bounds")
def test_what_is_frequent_is_found_in_the_newest_and_said_to_be_more(root: Caller, name: str) -> None:
    reports = told(5)[:1:-1]
    word = "evilish" if name in {"body", "fulltext"} else "evil"
    pks, tickets = [one.pk for one in reports], sorted(one.ticket_id or 0 for one in reports)
    assert found(root, like(name, word)) == (pks, tickets, False, False)
    count = root.get("/api/search", {**like(name, word), "paginate": {"resultsPerPage": 0}}).get_json()
    assert (count["reportsCount"], count["reportsCountIsExact"]) == (3, False)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.usefixtures("bounds")
def test_what_is_frequent_hides_nothing_that_fulfils_the_other_conditions(root: Caller, name: str) -> None:
    (rare,) = told(1, "Spam")
    told(5)
    only = like(name, "evil", category=["Spam"])
    assert found(root, only) == ([rare.pk], [rare.ticket_id], None, False)
    assert root.ids("/api/tickets", only) == [rare.ticket_id]
    more = told(3, "Spam")
    told(4)
    pks, tickets = [one.pk for one in more[::-1]], [one.ticket_id for one in more]
    assert found(root, only) == (pks, tickets, False, False)
    assert root.ids("/api/tickets", only) == tickets


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.usefixtures("bounds")
def test_what_is_frequent_elsewhere_hides_nothing_that_one_may_see(make_caller: MakeCaller, name: str) -> None:
    clerk = make_caller("clerk", {"Spam": "Expert"})
    (rare,) = told(1, "Spam")
    told(5)
    assert found(clerk, like(name, "evil")) == ([rare.pk], [rare.ticket_id], None, False)
    assert clerk.ids("/api/reports", like(name, "evil")) == [rare.pk]
    assert clerk.ids("/api/tickets", like(name, "evil")) == [rare.ticket_id]


@pytest.mark.parametrize("name", [*TEXTS, "fulltext"])
@pytest.mark.usefixtures("bounds")
def test_exports_and_what_is_to_be_done_are_complete(root: Caller, name: str) -> None:
    word = "evilish" if name in {"body", "fulltext"} else "evil"
    reports = told(5)
    filters = json.dumps(like(name, word))
    for kind, ids in (("reports", [one.pk for one in reports]), ("tickets", [one.ticket_id for one in reports])):
        query = {"filters": filters, "form": "jsonl"}
        answer = root.client.get(f"/api/{kind}/export", query_string=query, headers={"X-Api-Token": root.token})
        assert sorted(json.loads(line)["id"] for line in answer.get_data(as_text=True).splitlines()) == ids
    todo = root.get("/api/tickets/todo", like(name, word)).get_json()
    assert (len(todo["tickets"]), todo["ticketsCount"]) == (5, 5)


@pytest.mark.usefixtures("bounds")
def test_ones_own_tickets_are_found_behind_those_of_others(root: Caller) -> None:
    (own,) = told(1)
    assert own.ticket is not None
    own.ticket.treated_by = root.user
    own.ticket.save()
    told(5)
    assert root.ids("/api/my-tickets", like("subject", "evil")) == [own.ticket_id]


@pytest.mark.parametrize("name", [*TEXTS, "fulltext", "defendant"])
@pytest.mark.usefixtures("bounds")
def test_a_search_for_what_is_frequent_costs_few_queries(
    make_caller: MakeCaller, name: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    clerk = make_caller("clerk", {"Phishing": "Expert"})
    told(12, defendant=a_defendant(email="jo@evilish.example"))
    filters = {
        **like(name, "evilish" if name in {"fulltext", "defendant"} else "evil"),
        "paginate": {"resultsPerPage": 2},
    }
    clerk.get("/api/search", like(name, "nowhere"))  # now and then, a sample of the newest texts is read
    with django_assert_max_num_queries(10):
        answer = clerk.get("/api/search", filters).get_json()
    assert (len(answer["reports"]), answer["reportsCount"]) == (2, 12 if name == "defendant" else 3)


def test_in_old_bodies_what_the_words_of_a_text_find_is_found(root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NEWEST_BODIES", 1)
    old = a_report(body="They sell Counterfeit watches, and shoes")
    a_report(body="none")
    for part in ("counterfeit", "counterf", "counterfeit watches", "sell counterfeit watc", "Watches, and shoes"):
        assert root.ids("/api/reports", like("body", part)) == [old.pk], part
    for part in ("unterfeit", "watches and"):
        assert found(root, like("body", part)) == ([], [], False, False), part


def test_without_a_search_service_the_newest_bodies_are_looked_through(root: Caller) -> None:
    report = a_report(body="They sell watches")
    before = facade("SearchServiceBase")._implementation
    facade("SearchServiceBase").set_up(None)
    try:
        assert root.ids("/api/reports", like("body", "ell watch")) == [report.pk]
    finally:
        facade("SearchServiceBase").set_up(before)


@pytest.mark.parametrize("most", [1, 1000])
def test_customers_are_found_by_parts_of_their_id_and_address(
    root: Caller, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "MAX_CUSTOMERS", most)
    customers = [a_defendant(customer_id=f"C-{n}4711", email=f"Jo{n}@mail.customer.example") for n in (1, 2)]
    tickets = [a_ticket(defendant=customer) for customer in customers]
    reports = [a_report(ticket=ticket, defendant=ticket.defendant) for ticket in tickets]
    other = a_ticket(defendant=a_defendant())
    a_report(ticket=other, defendant=other.defendant)
    for name, part in (
        ("defendant", "c-14"),
        ("defendant", "JO1"),
        ("defendantEmail", "jo1@"),
        ("defendantCustomerId", "-14"),
    ):
        expected = ([reports[0].pk], [tickets[0].pk], None, None)
        assert found(root, like(name, part)) == expected, (name, part)
    both = ([one.pk for one in reports[::-1]], [one.pk for one in tickets], None, None)
    assert found(root, like("defendant", "4711")) == both
    assert found(root, like("defendantEmail", "mail.customer")) == both
    assert found(root, like("defendantEmail", "4711")) == ([], [], None, None)


def test_any_of_several_parts_will_do(root: Caller) -> None:
    (one,) = told(1)
    other = a_report(ticket=a_ticket(), subject="quiet", defendant=a_defendant(email="jo@customer.example"))
    filters = {"where": {"like": [{"subject": ["evil"]}, {"defendant": ["jo@"]}, {"item": ["nowhere"]}]}}
    assert found(root, filters)[0] == [other.pk, one.pk]
    assert set(root.ids("/api/tickets", filters)) == {one.ticket_id}
