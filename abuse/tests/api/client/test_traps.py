"""What trips a server that has to serve the older client unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.models import News, Provider, Resolution, Tag, Ticket

from ..conftest import Caller
from ..rows import a_defendant, a_provider, a_report, a_tag, a_ticket, an_item
from .wire import encoded, get, ok, send

pytestmark = pytest.mark.django_db

COUNTED = {
    "/search": "ticketsCount",
    "/tickets/todo": "ticketsCount",
    "/providers": "providersCount",
    "/news": "newsCount",
}
BARE = ("/tickets", "/reports", "/my-tickets")


@pytest.fixture
def boss(make_caller: Any) -> Caller:
    caller: Caller = make_caller("boss", {"Phishing": "Expert"}, role="admin")
    return caller


@pytest.fixture
def rows(boss: Caller) -> list[Ticket]:
    tickets = [a_ticket(treated_by=boss.user) for _ in range(12)]
    for number, ticket in enumerate(tickets):
        a_report(ticket=ticket, provider=a_provider(f"r{number:02}@x.example"))
        News.create(author=boss.user, title=str(number), content="x", date=ticket.creation_date)
    return tickets


def sizes(boss: Caller, path: str, filters: object) -> int:
    answer = get(boss, path, filters)
    lists = [answer] if isinstance(answer, list) else [value for value in answer.values() if isinstance(value, list)]
    return max(len(one) for one in lists)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("path", [*COUNTED, *BARE])
def test_trap_1_a_page_size_is_a_number_or_a_text_and_0_counts_only(boss: Caller, path: str) -> None:
    for size in (11, "11"):
        assert sizes(boss, path, {"paginate": {"resultsPerPage": size, "currentPage": 1}}) == 11
    assert sizes(boss, path, {"paginate": {"resultsPerPage": 0, "currentPage": 1}}) == 0
    if path in COUNTED:
        there_are = Provider.count() if path == "/providers" else 12
        assert get(boss, path, {"paginate": {"resultsPerPage": 0, "currentPage": 1}})[COUNTED[path]] == there_are >= 12


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("path", [*COUNTED, *BARE, "/mass-contact"])
def test_trap_2_a_page_may_lack_its_numbers(boss: Caller, path: str) -> None:
    expected = 0 if path == "/mass-contact" else 10
    for paginate in ({}, {"resultsPerPage": 10}, {"currentPage": 1}):
        assert sizes(boss, path, {"paginate": paginate}) == expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("path", ["/search", "/tickets/todo", "/my-tickets", "/providers", "/news", "/mass-contact"])
def test_trap_3_a_field_that_cannot_be_sorted_by_is_passed_over(boss: Caller, path: str) -> None:
    for field in ("creationDate", "nonsense", "user__password"):
        get(boss, path, {"sortBy": {field: -1}})
    assert send(boss, "GET", "/tickets", query=encoded({"sortBy": {"nonsense": 1}})).status_code == 400


@pytest.mark.usefixtures("rows")
def test_trap_4_some_lists_are_bare_and_some_are_counted(boss: Caller) -> None:
    for path in BARE:
        assert isinstance(get(boss, path), list), path
    for path, count in COUNTED.items():
        assert isinstance(get(boss, path)[count], int), path
    report = a_report()
    assert get(boss, f"/reports/{report.pk}/items") == {"items": [], "itemsCount": 0}


def test_trap_5_what_is_deleted_answers_with_an_object_but_resolutions_and_presets(boss: Caller) -> None:
    resolution = Resolution.create(codename="x")
    tag = a_tag("x")
    preset = ok(boss, "POST", "/presets", {"name": "x"})["id"]
    assert isinstance(ok(boss, "DELETE", f"/resolutions/{resolution.pk}"), list)
    assert isinstance(ok(boss, "DELETE", f"/presets/{preset}"), list)
    assert isinstance(ok(boss, "DELETE", f"/tags/{tag.pk}"), dict)


def test_trap_6_whole_objects_come_back_with_fields_of_the_clients_own(boss: Caller) -> None:
    ticket = a_ticket(treated_by=boss.user, defendant=a_defendant())
    report = a_report()
    for path in (f"/tickets/{ticket.pk}", f"/reports/{report.pk}"):
        whole = {**get(boss, path), "creationDate": "2026-01-01T12:00:00.000Z", "unknown": {"x": [1]}, "id": "nonsense"}
        answer = ok(boss, "PUT", path, whole)
        assert isinstance(answer["creationDate"], int)


def test_trap_7_stray_queries_are_passed_over(boss: Caller) -> None:
    news = News.create(author=boss.user, title="a", content="b", date=a_ticket().creation_date)
    ok(boss, "DELETE", f"/news/{news.pk}", query="author=boss&content=b&date=1&title=a")
    tag = a_tag("vip", Tag.Type.DEFENDANT)
    ok(boss, "POST", f"/defendants/{a_defendant().pk}/tags", {"id": tag.pk}, query=f"Id={tag.pk}")


def test_trap_8_plus_is_a_blank_and_empty_filters_are_legal(boss: Caller) -> None:
    report = a_report(ticket=a_ticket(), subject="one two")
    an_item(report, "192.0.2.1")
    assert "+" in encoded({"where": {"like": [{"subject": ["one two"]}]}})
    assert [row["id"] for row in get(boss, "/reports", {"where": {"like": [{"subject": ["one two"]}]}})] == [report.pk]
    for path in (*COUNTED, *BARE, "/emailTemplates", f"/reports/{report.pk}/items", "/mass-contact", "/presets"):
        get(boss, path, {})


@pytest.mark.usefixtures("no_presets")
def test_trap_9_there_is_one_group_of_presets_at_least(boss: Caller) -> None:
    assert get(boss, "/presets") == [{"groupId": 0, "presets": []}]
    assert {row["name"] for row in get(boss, "/profiles")} == {"Read-only", "Beginner", "Advanced", "Expert"}
