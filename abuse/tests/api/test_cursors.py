"""Pages by cursor: nothing twice, nothing missed, no counting off of rows."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

from abuse.api.reports import REPORTS
from abuse.api.tickets import TICKETS
from abuse.models import News, Tag, Ticket

from .conftest import Caller, MakeUser
from .rows import START, a_defendant, a_provider, a_report, a_tag, a_ticket, an_item

pytestmark = pytest.mark.django_db
SIZE = 3


def link_of(answer: Any) -> str | None:
    link = answer.headers.get("Link")
    if link is None:
        return None
    address, relation = link.split("; ")
    assert relation == 'rel="next"'
    return str(address[1:-1])


def followed(caller: Caller, path: str, filters: dict[str, Any]) -> list[list[Any]]:
    """The ids on the pages that one gets by following the links."""
    pages: list[list[Any]] = []
    answer = caller.get(path, {"paginate": {"resultsPerPage": SIZE}, **filters})
    while True:
        assert answer.status_code == 200, answer.get_data(as_text=True)
        pages.append([row["id"] for row in answer.get_json()])
        link = link_of(answer)
        if link is None:
            return pages
        answer = caller.get(link)
        assert len(pages) < 50


@pytest.fixture
def many(make_user: MakeUser) -> list[Ticket]:
    owners = [None, make_user("ann"), make_user("bob"), None]
    made = []
    for number, owner in zip(range(10), itertools.cycle(owners), strict=False):
        ticket = a_ticket(treated_by=owner, priority=["Low", "High", "Normal"][number % 3], creation_date=START)
        for _ in range(number % 3):
            a_report(ticket=ticket, subject=None if number % 2 else f"s{number % 4}")
        made.append(ticket)
    return made


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("name", sorted(TICKETS.sorts))
def test_each_order_of_tickets_is_gone_through_once(
    root: Caller, many: list[Ticket], name: str, direction: int
) -> None:
    order = {"sortBy": {name: direction}}
    whole = root.ids("/api/tickets", {"paginate": {"resultsPerPage": 250}, **order})
    pages = followed(root, "/api/tickets", order)
    assert list(itertools.chain(*pages)) == whole
    assert [len(page) for page in pages] == [3, 3, 3, 1]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 10])
def test_pages_by_number_begin_and_end_anywhere_between_those_with_and_without_an_owner(
    root: Caller, many: list[Ticket], size: int, direction: int
) -> None:
    order = {"sortBy": {"treatedBy": direction}}
    whole = root.ids("/api/tickets", {"paginate": {"resultsPerPage": 250}, **order})
    names = [ticket.treated_by.username if ticket.treated_by else "~" for ticket in many]
    assert [names[[ticket.pk for ticket in many].index(pk)] for pk in whole] == sorted(names, reverse=direction < 0)
    pages = [
        root.ids("/api/tickets", {"paginate": {"resultsPerPage": size, "currentPage": number}, **order})
        for number in range(1, 12)
    ]
    assert list(itertools.chain(*pages)) == whole


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("name", sorted(REPORTS.sorts))
def test_each_order_of_reports_is_gone_through_once(
    root: Caller, many: list[Ticket], name: str, direction: int
) -> None:
    a_report()
    order = {"sortBy": {name: direction}}
    whole = root.ids("/api/reports", {"paginate": {"resultsPerPage": 250}, **order})
    assert len(whole) == 10
    assert list(itertools.chain(*followed(root, "/api/reports", order))) == whole


def test_orders_by_several_things_with_and_without_values(root: Caller, many: list[Ticket]) -> None:
    for first, second in itertools.product([1, -1], repeat=2):
        order = {"sortBy": {"treatedBy": first, "priority": second, "attachedReportsCount": -1}}
        whole = root.ids("/api/tickets", {"paginate": {"resultsPerPage": 250}, **order})
        assert list(itertools.chain(*followed(root, "/api/tickets", order))) == whole


def test_the_order_of_reports_without_a_wish(root: Caller, many: list[Ticket]) -> None:
    whole = root.ids("/api/reports", {"paginate": {"resultsPerPage": 250}})
    assert list(itertools.chain(*followed(root, "/api/reports", {}))) == whole


def test_a_cursor_works_with_conditions(root: Caller, many: list[Ticket]) -> None:
    condition = {"where": {"in": [{"priority": ["High", "Low"]}]}, "queryFields": ["priority"]}
    whole = root.ids("/api/tickets", {"paginate": {"resultsPerPage": 250}, **condition})
    assert len(whole) == 7
    assert list(itertools.chain(*followed(root, "/api/tickets", condition))) == whole


def test_rows_that_come_and_go_meanwhile_move_no_others(root: Caller, many: list[Ticket]) -> None:
    order = {"sortBy": {"creationDate": -1, "id": -1}}
    first = root.get("/api/tickets", {"paginate": {"resultsPerPage": SIZE}, **order})
    for _ in range(4):
        a_ticket(creation_date=START.replace(year=2027))  # before all others, in this order
    seen = [row["id"] for row in first.get_json()]
    Ticket.filter(pk=seen[-1]).update(status="Closed")  # the row that the cursor stands on
    link = link_of(first)
    while link is not None:
        answer = root.get(link)
        seen += [row["id"] for row in answer.get_json()]
        link = link_of(answer)
    assert seen == [ticket.pk for ticket in reversed(many)]


def test_a_page_far_behind_counts_off_nothing(root: Caller, many: list[Ticket]) -> None:
    link = link_of(root.get("/api/reports", {"paginate": {"resultsPerPage": SIZE}}))
    assert link is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(root.get(link).get_json()) == SIZE
    texts = " ".join(query["sql"] for query in queries)
    assert "OFFSET" not in texts
    assert '"abuse_report"."received_date" <= ' in texts, "an index can begin where the page does"


def test_from_a_page_by_number_one_can_go_on_by_cursor(root: Caller, many: list[Ticket]) -> None:
    answer = root.get("/api/tickets", {"paginate": {"resultsPerPage": SIZE, "currentPage": 2}})
    link = link_of(answer)
    assert link is not None
    third = root.ids("/api/tickets", {"paginate": {"resultsPerPage": SIZE, "currentPage": 3}})
    assert [row["id"] for row in root.get(link).get_json()] == third
    last = root.get("/api/tickets", {"paginate": {"resultsPerPage": SIZE, "currentPage": 4}})
    assert (len(last.get_json()), link_of(last)) == (1, None)
    assert link_of(root.get("/api/tickets", {"paginate": {"resultsPerPage": 10}})) is None, "all are on this page"


def test_a_cursor_that_is_none_of_this_list_and_order_is_refused_by_name(root: Caller, many: list[Ticket]) -> None:
    link = link_of(root.get("/api/tickets", {"paginate": {"resultsPerPage": SIZE}, "sortBy": {"id": -1}}))
    assert link is not None
    cursor = json.loads(parse_qs(urlsplit(link).query)["filters"][0])["paginate"]["cursor"]
    forged = signing.dumps(["tickets.list_tickets Ticket []", [1]], salt="another")
    for path, filters in (
        ("/api/tickets", {"sortBy": {"id": 1}, "paginate": {"cursor": cursor}}),
        ("/api/tickets", {"sortBy": {"priority": -1}, "paginate": {"cursor": cursor}}),
        ("/api/reports", {"sortBy": {"id": -1}, "paginate": {"cursor": cursor}}),
        ("/api/my-tickets", {"sortBy": {"id": -1}, "paginate": {"cursor": cursor}}),
        ("/api/tickets", {"sortBy": {"id": -1}, "paginate": {"cursor": cursor[:-1]}}),
        ("/api/tickets", {"paginate": {"cursor": forged}}),
        ("/api/tickets", {"paginate": {"cursor": ""}}),
        ("/api/search", {"paginate": {"cursor": "x"}}),
        ("/api/tickets/todo", {"paginate": {"cursor": "x"}}),
    ):
        assert root.refusal(path, filters, 409).startswith("filters.paginate.cursor: "), path
    assert root.refusal("/api/tickets", {"paginate": {"cursor": 5}}).startswith("filters.paginate.cursor: ")


@pytest.mark.parametrize(
    ("path", "rows", "count"),
    [
        ("/api/providers", "providers", 5),
        ("/api/news", "news", 5),
        ("/api/rules", "rules", None),
        ("/api/tickets/todo", "tickets", 10),
        ("/api/audit", "entries", 5),
        ("/api/reports/{report}/items", "items", 5),
    ],
)
def test_lists_that_are_objects_name_the_next_page(
    root: Caller, many: list[Ticket], path: str, rows: str, count: int | None
) -> None:
    report = a_report(defendant=a_defendant())
    for number in range(5):
        a_provider(f"r{number}@x.example")
        News.create(title="x", content="x", author=root.user, date=START)
        an_item(report, f"192.0.2.{number}")
        root.client.post("/api/users/me/tokens", json={}, headers={"X-Api-Token": root.token})
    path = path.format(report=report.pk)
    whole = root.get(path, {"paginate": {"resultsPerPage": 250}}).get_json()
    assert "next" not in whole
    assert len(whole[rows]) >= (count or 4)
    seen: list[Any] = []
    paginate: dict[str, Any] = {"resultsPerPage": 2}
    while True:
        answer = root.get(path, {"paginate": paginate})
        page = answer.get_json()
        seen += page[rows]
        assert ("next" not in page) == (link_of(answer) is None)
        if "next" not in page:
            break
        paginate["cursor"] = page["next"]
    assert seen == whole[rows]


def test_a_search_has_a_cursor_for_each_of_its_lists(root: Caller, many: list[Ticket]) -> None:
    first = root.get("/api/search", {"paginate": {"resultsPerPage": 4}}).get_json()
    assert (len(first["tickets"]), len(first["reports"])) == (4, 4)
    second = root.get("/api/search", {"paginate": {"resultsPerPage": 4, "cursor": first["reportsNext"]}}).get_json()
    assert second["tickets"] == []
    assert (second["ticketsCount"], second["reportsCount"]) == (first["ticketsCount"], first["reportsCount"])
    whole = root.ids("/api/reports", {"paginate": {"resultsPerPage": 250}})
    assert [row["id"] for row in [*first["reports"], *second["reports"]]] == whole[:8]
    third = root.get("/api/search", {"paginate": {"resultsPerPage": 4, "cursor": first["ticketsNext"]}}).get_json()
    assert [row["id"] for row in third["tickets"]] == [ticket.pk for ticket in many[4:8]]
    assert third["reports"] == []


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("hours", ["0000000", "0011222", "5001234", "6543210"])
def test_pages_of_what_is_to_do_go_by_tags_where_all_else_is_equal(root: Caller, size: int, hours: str) -> None:
    expected = []
    for number, (level, hour) in enumerate(zip([1, 4, None, 2, 4, 0, 3], hours, strict=True)):
        ticket = a_ticket(status="Open", modification_date=START + timedelta(hours=int(hour)))
        if level is not None:
            tag = a_tag(f"level {number}", Tag.Type.REPORT)
            Tag.filter(pk=tag.pk).update(level=level)
            a_report(ticket=ticket).tags.add(tag)
        expected.append((hour, -(level or 0), ticket.pk))
    whole = [pk for *_, pk in sorted(expected)]
    by_number: list[int] = []
    by_cursor: list[int] = []
    paginate: dict[str, Any] = {}
    for page in range(1, 7 // size + 2):
        numbered = root.get("/api/tickets/todo", {"paginate": {"resultsPerPage": size, "currentPage": page}}).get_json()
        by_number += [ticket["id"] for ticket in numbered["tickets"]]
    while paginate.get("cursor", "first"):
        answer = root.get("/api/tickets/todo", {"paginate": {"resultsPerPage": size, **paginate}}).get_json()
        by_cursor += [ticket["id"] for ticket in answer["tickets"]]
        assert answer["ticketsCount"] == 7
        paginate = {"cursor": answer.get("next")}
    assert (by_number, by_cursor) == (whole, whole)


def test_words_of_any_kind_are_in_a_cursor_and_no_sql_is(root: Caller) -> None:
    tag = a_tag("x")
    for name in ("' OR 1=1 --", "%", "é", "\\", '"', "Z", "a"):
        report = a_report(subject=name)
        report.tags.add(tag)
    order = {"sortBy": {"subject": 1}, "where": {"in": [{"reportTag": ["x"]}]}}
    whole = root.ids("/api/reports", {"paginate": {"resultsPerPage": 250}, **order})
    assert list(itertools.chain(*followed(root, "/api/reports", order))) == whole
    assert len(whole) == 7
