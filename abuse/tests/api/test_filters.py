"""The `filters` parameter, friendly and hostile."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from apiflask import HTTPError

from abuse.api.filters import MAX_LENGTH, read_filters
from abuse.api.item_lists import ITEMS
from abuse.api.listing import Listing
from abuse.api.reports import REPORTS
from abuse.api.tickets import TICKETS
from abuse.models import Ticket

from .conftest import Caller
from .rows import a_report, a_ticket

TEXT = '{"where":{"like":[{"subject":["a b+c%d: é, 50%25 {x}"]}]}}'


@pytest.mark.parametrize(
    "query",
    [
        quote(TEXT),
        quote_plus(TEXT),
        quote(quote(TEXT)),
        quote_plus(quote(TEXT)),
        quote(TEXT, safe=":,@$;"),
        quote_plus(TEXT, safe=":,@$;"),
    ],
)
@pytest.mark.django_db
def test_encoded_once_or_twice_it_means_the_same(root: Caller, query: str) -> None:
    report = a_report(subject="a b+c%d: é, 50%25 {x}")
    a_report(subject="a b c%d: é, 50% {x}")
    response = root.client.get(f"/api/reports?filters={query}", headers={"X-Api-Token": root.token})
    assert [row["id"] for row in response.get_json()] == [report.pk]


@pytest.mark.parametrize("text", [None, "", "{}", " { } ", "%7B%7D"])
def test_nothing_is_the_first_ten(text: str | None) -> None:
    filters = read_filters(text)
    assert (filters.paginate.start, filters.paginate.size, filters.where.is_empty) == (0, 10, True)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("nonsense", 'filters: "nonsense"; expected a JSON object, URL-encoded once or twice'),
        ("[1]", "filters: [1]; expected a valid dictionary"),
        ("[" * 20_000, "filters: "),
        ("9" * 5_000, "filters: "),
        ('{"page": 1}', "filters.page: 1; expected one of onlyUnassigned, paginate, queryFields, reverse, sortBy"),
        ('{"paginate": {"page": 1}}', "filters.paginate.page: 1; expected one of currentPage, cursor, resultsPerPage"),
        ('{"where": {"or": []}}', "filters.where.or: []; expected one of in, like"),
        ('{"paginate": {"currentPage": 0}}', "filters.paginate.currentPage: 0; expected greater than or equal to 1"),
        ('{"paginate": {"currentPage": -1}}', "filters.paginate.currentPage: -1; expected"),
        ('{"paginate": {"currentPage": 1e30}}', "filters.paginate.currentPage: 1e+30; expected"),
        ('{"paginate": {"currentPage": 1000001}}', "filters.paginate.currentPage: 1000001; expected less than"),
        ('{"paginate": {"resultsPerPage": -1}}', "filters.paginate.resultsPerPage: -1; expected greater than"),
        ('{"paginate": {"resultsPerPage": "ten"}}', 'filters.paginate.resultsPerPage: "ten"; expected'),
        ('{"paginate": {"resultsPerPage": NaN}}', "filters: "),
        ('{"sortBy": {"id": 2}}', "filters.sortBy.id: 2; expected 1 or -1"),
        ('{"sortBy": ["id"]}', 'filters.sortBy: ["id"]; expected a valid dictionary'),
        ('{"queryFields": "id"}', 'filters.queryFields: "id"; expected a valid list'),
        ('{"where": {"in": {"id": [1]}}}', "filters.where.in: "),
        ('{"where": {"in": [{"id": 1}]}}', "filters.where.in.0.id: 1; expected a valid list"),
        ('{"where": {"in": [{"id": [1.5]}]}}', "filters.where.in.0.id.0: 1.5; expected text, a whole number"),
        ('{"where": {"in": [{"id": [{}]}]}}', "filters.where.in.0.id.0: {}; expected text, a whole number"),
        (
            '{"where": {"in": [{"category": ["a\\u0000"]}]}}',
            'filters.where.in.0.category.0: "a\\u0000"; expected text wi',
        ),
        (
            '{"where": {"in": [{"category": ["\\ud800"]}]}}',
            'filters.where.in.0.category.0: "\\ud800"; expected text wi',
        ),
        ('{"where": {"like": [{"body": ["%s"]}]}}' % ("x" * 1025), "filters.where.like.0.body.0: "),
        (json.dumps({"where": {"in": [{"id": [1] * 1001}]}}), "filters.where.in.0.id: "),
        (json.dumps({"where": {"in": [{"id": [1]}] * 51}}), "filters.where.in: "),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_was_expected(filters: str, message: str) -> None:
    with pytest.raises(HTTPError) as caught:
        read_filters(filters)
    assert caught.value.status_code == 400
    assert str(caught.value.message).startswith(message)
    assert len(str(caught.value.message)) < 400


def test_what_is_too_long_has_the_status_for_it() -> None:
    with pytest.raises(HTTPError) as caught:
        read_filters(" " * (MAX_LENGTH + 1))
    assert caught.value.status_code == 414
    assert caught.value.message == f'filters: "{MAX_LENGTH + 1} characters"; expected at most {MAX_LENGTH}'


BIG = 2**63


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"where": {"in": [{"id": ["x"]}]}}, 'filters.where.in.id: "x"; expected a whole number from 1 to'),
        ({"where": {"in": [{"id": [BIG]}]}}, f"filters.where.in.id: {BIG}; expected a whole number from 1 to"),
        ({"where": {"in": [{"id": [0]}]}}, "filters.where.in.id: 0; expected"),
        ({"where": {"in": [{"id": ["²"]}]}}, 'filters.where.in.id: "\\u00b2"; expected'),
        ({"where": {"in": [{"id": [None]}]}}, "filters.where.in.id: null; expected"),
        ({"where": {"in": [{"id": [True]}]}}, "filters.where.in.id: true; expected"),
        ({"where": {"in": [{"alarm": ["yes"]}]}}, 'filters.where.in.alarm: "yes"; expected true or false'),
        ({"where": {"in": [{"category": [True]}]}}, "filters.where.in.category: true; expected text"),
        ({"where": {"in": [{"itemFqdnResolved": ["x"]}]}}, 'filters.where.in.itemFqdnResolved: "x"; expected an IP'),
        ({"where": {"like": [{"alarm": [True]}]}}, "filters.where.like.alarm: true; expected this field under"),
        ({"where": {"like": [{"subject": []}]}}, "filters.where.like.subject: []; expected a value"),
        ({"where": {"like": [{"subject": [None]}]}}, "filters.where.like.subject: null; expected text"),
    ],
)
def test_a_value_that_a_field_cannot_have_is_named(root: Caller, filters: object, message: str) -> None:
    assert root.refusal("/api/tickets", filters).startswith(message)


SECRETS = [
    "password", "treatedBy__password", "treated_by__password", "treatedBy.password", "provider__apiKey", "apiKey",
    "api_key", "provider__api_key", "providerApiKey", "treatedBy__apiTokens__digest", "pk", "ticket__treated_by",
    "reports__provider__api_key", "user", "__class__", "model_fields", "id; DROP TABLE abuse_user", "?", "-id", "",
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("path", ["/api/tickets", "/api/reports"])
def test_password_hashes_and_api_keys_can_be_neither_selected_nor_sorted_nor_filtered_by(
    root: Caller, path: str, name: str
) -> None:
    a_report(ticket=a_ticket(treated_by=root.user))
    shown = json.dumps(name)
    for part, filters in {
        "filters.queryFields": {"queryFields": ["id", name]},
        "filters.sortBy": {"sortBy": {name: 1}},
        "filters.where.in": {"where": {"in": [{name: ["x"]}]}},
        "filters.where.like": {"where": {"like": [{name: ["argon2"]}]}},
    }.items():
        message = root.refusal(path, filters)
        assert message.startswith(f"{part}: {shown}; expected one of ")
        assert "category" in message
        assert "password" not in message.removeprefix(f"{part}: {shown}")


@pytest.mark.django_db
def test_no_secret_is_in_any_answer(root: Caller) -> None:
    ticket = a_ticket(treated_by=root.user)
    report = a_report(ticket=ticket)
    report.provider.api_key = "key-of-the-reporter"
    report.provider.save()
    for path in (
        "tickets",
        f"tickets/{ticket.pk}",
        "reports",
        f"reports/{report.pk}",
        f"reports/{report.pk}/items",
        "users/me",
    ):
        text = root.get(f"/api/{path}").get_data(as_text=True)
        assert "argon2" not in text
        assert "key-of-the-reporter" not in text
        assert report.filename not in text


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "listing"), [("/api/tickets", TICKETS), ("/api/reports", REPORTS)])
def test_whatever_the_lists_allow_the_database_can_do(root: Caller, path: str, listing: Listing[Any]) -> None:
    for name in listing.sorts:
        for direction in (1, -1):
            assert root.get(path, {"sortBy": {name: direction}}).status_code == 200
    values: list[object] = ["x", 1, True, None, "192.0.2.1", BIG, "", "%\\'ü" * 256]
    for name in listing.conditions:
        for value in values:
            for kind in ("in", "like"):
                status = root.get(path, {"where": {kind: [{name: [value]}]}}).status_code
                assert status in (200, 400), (kind, name, value)


@pytest.mark.django_db
def test_filters_of_items_the_database_can_do(root: Caller) -> None:
    report = a_report()
    for name in ITEMS.sorts:
        assert root.get(f"/api/reports/{report.pk}/items", {"sortBy": {name: 1}}).status_code == 200
    for name in ITEMS.conditions:
        assert root.get(f"/api/reports/{report.pk}/items", {"where": {"in": [{name: ["1"]}]}}).status_code == 200


@pytest.mark.django_db
def test_many_conditions_at_once(root: Caller) -> None:
    ticket = a_ticket()
    filters = {"where": {"in": [{"id": [ticket.pk, *range(10**6, 10**6 + 999)]}, *([{"status": ["Open"]}] * 49)]}}
    assert root.ids("/api/tickets", filters) == [ticket.pk]
    assert Ticket.count() == 1
