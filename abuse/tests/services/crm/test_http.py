"""The CRM over HTTP, against a server that answers as docs/reference/crm-http.md says, or does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from abuse.services.crm import CRMServiceException, Query
from abuse.services.crm.http import HttpCRM
from abuse.services.facade import ServiceError
from abuse.services.signed_webhook import verify

from .directory import customer
from .servers import Asked, JsonServer, Said, json_server

AT = datetime(2026, 3, 1, 14, tzinfo=UTC)
TOKEN, SECRET = "the-token", "a secret that both sides know"
CUSTOMER = {"customerId": "c1", "email": "ann@shop.example", "creationDate": "2015-10-24", "tags": ["gold"]}
SERVICE = {"serviceId": "svc-1", "customerId": "c1", "name": "vps-1", "componentType": "VPS"}


def answering(asked: Asked) -> Said:
    """A CRM in which c1 has 203.0.113.8, its ports 1024 to 2047 in 203.0.113.9, and shop.example."""
    said = asked.json
    nobody: dict[str, Any] = {"customers": [], "services": []}
    known = {"customers": [CUSTOMER], "services": [SERVICE]}
    if said["type"] == "crm.customer":
        return Said({**known, "revenue": 12.5} if said["customerId"] == "c1" else nobody)
    if said["type"] == "crm.service":
        return Said(known if said["serviceId"] == "svc-1" else nobody)
    items = []
    for item in said["items"]:
        is_his = (
            item.get("address") == "203.0.113.8"
            or (item.get("address") == "203.0.113.9" and 1024 <= item.get("port", 0) < 2048)
            or ("." + item.get("domain", "")).endswith(".shop.example")
        )
        items.append({"id": item["id"], "serviceId": "svc-1" if is_his else None, "validFrom": None, "validTo": None})
    return Said({**(known if any(one["serviceId"] for one in items) else nobody), "items": items})


@pytest.fixture
def server() -> Iterator[JsonServer]:
    with json_server(answering) as running:
        yield running


def crm(server: JsonServer, **config: Any) -> HttpCRM:
    given = {"url": server.url("/crm"), "token": TOKEN, "plaintext": True, "pause_seconds": 0, **config}
    return HttpCRM.create(given)


def q(thing: str, at: datetime = AT, port: int | None = None) -> Query:
    try:
        return Query(at, ip_address(thing), None, port)
    except ValueError:
        return Query(at, None, thing, port)


def test_a_batch_is_one_request_with_moments_and_ports(server: JsonServer) -> None:
    zone = AT.astimezone()
    queries = [q("203.0.113.8", zone), q("203.0.113.9", port=1024), q("203.0.113.9", port=4096), q("WWW.shop.example.")]
    asking = crm(server)
    matches = asking.find([*queries, q("203.0.113.8"), Query(AT)])
    assert [customer(one) for one in matches] == ["c1", "c1", None, "c1", "c1", None]
    assert matches[0] is not None
    assert (matches[0].defendant.tags, matches[0].service.component_type) == (("gold",), "VPS")
    first, second = server.asked  # addresses, then names
    assert (first.method, first.path, first.headers["authorization"]) == ("POST", "/crm", f"Bearer {TOKEN}")
    assert first.json == {
        "version": 1,
        "type": "crm.find",
        "items": [
            {"id": 0, "at": "2026-03-01T14:00:00Z", "address": "203.0.113.8"},
            {"id": 1, "at": "2026-03-01T14:00:00Z", "address": "203.0.113.9", "port": 1024},
            {"id": 2, "at": "2026-03-01T14:00:00Z", "address": "203.0.113.9", "port": 4096},
        ],
    }
    assert second.json["items"] == [{"id": 0, "at": "2026-03-01T14:00:00Z", "domain": "www.shop.example"}]


def test_a_long_list_is_asked_for_in_batches(server: JsonServer) -> None:
    crm(server, batch_size=100).find([q(f"2001:db8::{number:x}") for number in range(250)])
    assert [len(asked.json["items"]) for asked in server.asked] == [100, 100, 50]


def test_an_item_with_address_and_name_is_looked_up_by_its_name_when_the_address_is_nobodys(server: JsonServer) -> None:
    query = Query(AT, ip_address("198.51.100.1"), "shop.example")
    assert customer(crm(server).find([query])[0]) == "c1"


def test_mapped_addresses_ports_that_are_none_and_other_networks(server: JsonServer) -> None:
    asking = crm(server, networks=["203.0.113.0/24"])
    assert customer(asking.find([q("::ffff:203.0.113.8", port=0)])[0]) == "c1"
    assert asking.find([q("198.51.100.1"), q("2001:db8::1")]) == [None, None]
    (asked,) = server.asked
    assert asked.json["items"][0] == {"id": 0, "at": "2026-03-01T14:00:00Z", "address": "203.0.113.8"}


def test_requests_are_signed(server: JsonServer) -> None:
    crm(server, token=None, secret=SECRET).find([q("203.0.113.8")])
    (asked,) = server.asked
    assert verify([SECRET.encode()], asked.headers, asked.body) == asked.headers["webhook-id"]
    assert "authorization" not in asked.headers


def held(**window: str | None) -> Callable[[Asked], Said]:
    """A CRM in which c1 has all, in this window."""

    def answer(asked: Asked) -> Said:
        items = [{"id": one["id"], "serviceId": "svc-1", **window} for one in asked.json["items"]]
        return Said({"customers": [CUSTOMER], "services": [SERVICE], "items": items})

    return answer


def test_an_answer_is_kept_for_its_time(server: JsonServer) -> None:
    server.answering = held(validFrom="2026-03-01T00:00:00Z", validTo="2026-03-02T00:00:00Z")
    asking = crm(server)
    for hours in (0, 9, -14):
        assert customer(asking.find([q("192.0.2.1", AT + timedelta(hours=hours))])[0]) == "c1"
    assert len(server.asked) == 1
    server.answering = held(validFrom="2026-03-02T00:00:00Z", validTo=None)
    asking.find([q("192.0.2.1", AT + timedelta(hours=10))])
    asking.find([q("192.0.2.1", AT + timedelta(days=100))])
    assert len(server.asked) == 2


def test_an_answer_without_a_time_is_kept_for_the_moment_alone(server: JsonServer) -> None:
    server.answering = held()
    asking = crm(server)
    asking.find([q("192.0.2.1")])
    asking.find([q("192.0.2.1")])
    assert len(server.asked) == 1
    asking.find([q("192.0.2.1", AT + timedelta(seconds=1))])
    assert len(server.asked) == 2
    server.answering = held(validFrom=None)
    asking.find([q("192.0.2.2")])
    asking.find([q("192.0.2.2", AT - timedelta(days=1))])
    assert len(server.asked) == 3
    asking.find([q("192.0.2.2", AT + timedelta(days=1))])
    assert len(server.asked) == 4


def test_that_nobody_has_it_is_kept_too(server: JsonServer) -> None:
    asking = crm(server)
    assert asking.find([q("192.0.2.1")]) == asking.find([q("192.0.2.1", AT + timedelta(days=3))]) == [None]
    assert len(server.asked) == 1
    asking = crm(server, negative_seconds=0)
    asking.find([q("192.0.2.1")])
    asking.find([q("192.0.2.1")])
    assert len(server.asked) == 3


def test_customers_and_services(server: JsonServer) -> None:
    asking = crm(server)
    info, service = asking.get_customer_infos("c1"), asking.get_service_infos("svc-1")
    assert info is not None
    assert service is not None
    assert (info.email, info.creation_date) == ("ann@shop.example", datetime(2015, 10, 24, tzinfo=UTC))
    assert [one.service_id for one in asking.get_customer_services("c1")] == [service.service_id] == ["svc-1"]
    assert asking.get_customer_revenue("c1", "vps-1") == 12.5
    assert server.asked[-1].json["serviceName"] == "vps-1"
    assert (asking.get_customer_infos("c2"), asking.get_service_infos("svc-2")) == (None, None)
    asked = len(server.asked)
    for text in ("", "a\0b", "x" * 1000):
        assert asking.get_customer_infos(text) is None
        assert asking.get_service_infos(text) is None
    assert len(server.asked) == asked


def changed(**parts: Any) -> dict[str, Any]:
    items = [{"id": 0, "serviceId": "svc-1", "validFrom": None, "validTo": None}]
    return {"customers": [CUSTOMER], "services": [SERVICE], "items": items, **parts}


ITEM = {"id": 0, "serviceId": "svc-1"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "answer: the record: []; expected"),
        ({"customers": [], "services": []}, "answer: items: missing; expected a value"),
        (changed(items=[]), "items: 'none with the id 0'; expected one for each item"),
        (changed(items=[ITEM, ITEM]), "items.1.id: '0'; expected the id of each item once"),
        (changed(items=[{**ITEM, "id": 5}]), "items.0.id: '5'; expected the id of each item once"),
        (changed(items=[{**ITEM, "id": "0"}]), "items.0.id: '0'; expected"),
        (changed(items=[{**ITEM, "serviceId": "svc-9"}]), "items.0.serviceId: 'svc-9'; expected one of services"),
        (changed(items=[{**ITEM, "validFrom": "2026-03-01"}]), "items.0.validFrom: '2026-03-01'; expected a time"),
        (changed(items=[{**ITEM, "validUntil": None}]), "items.0.validUntil: None; expected no field of this name"),
        (changed(items=[{**ITEM, "validFrom": "2026-04-01T00:00:00Z"}]), "expected a time around 2026-03-01T14:00"),
        (changed(customers=[]), "services.0.customerId: 'c1'; expected one of customers"),
        (changed(customers=[{**CUSTOMER, "email": "nobody"}]), "customers.0.email: 'nobody'; expected one e-mail"),
        (changed(customers=[{**CUSTOMER, "creationDate": None}]), "customers.0.creationDate: None; expected a time"),
        (changed(customers=[{**CUSTOMER, "isVIP": "maybe"}]), "customers.0.isVIP: 'maybe'; expected true or false"),
        (changed(services=[{"serviceId": "svc-1", "name": "x"}]), "services.0.customerId: missing; expected a value"),
        (changed(services=[{**SERVICE, "name": "a\0b"}]), "services.0.name: 'a\\x00b'; expected text without control"),
        ("sorry", "answer: the record: 'sorry'; expected"),
    ],
)
def test_a_wrong_answer_is_said_to_be_wrong_and_where(server: JsonServer, answer: Any, said: str) -> None:
    server.answering = lambda _: Said(answer)
    with pytest.raises(CRMServiceException, match=re.escape(said)) as caught:
        crm(server).find([q("203.0.113.8")])
    assert caught.value.permanent


def test_a_crm_that_is_down_is_temporary_left_alone_and_found_again(server: JsonServer) -> None:
    asking = crm(server, attempts=1, breaker_failures=2, breaker_seconds=60)
    server.answering = lambda _: Said({"error": "maintenance"}, 503)
    for _ in range(4):
        with pytest.raises(CRMServiceException) as caught:
            asking.find([q("203.0.113.8")])
        assert not caught.value.permanent
    assert len(server.asked) == 2
    assert "not asked for 60 s after 2 failures (127.0.0.1: status 503" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"token": None}, "token, secret: expected at least one"),
        ({"secret": "short", "token": None}, "secret: 5 bytes; expected at least 24"),
        ({"token": "a\nb"}, "Authorization: expected printable ASCII"),
        ({"batch_size": 0}, "batch_size: 0; expected 1 to 1000"),
        ({"networks": ["203.0.113.1/24"]}, r"config\.networks: '203\.0\.113\.1/24'; expected a network"),
        ({"plaintext": False}, "expected https"),
        ({"breaker_failures": 0}, "failures, open_seconds"),
        ({"adress": "x"}, r"config\.adress: unknown key of HttpCRM"),
    ],
)
def test_a_config_that_cannot_be_is_refused(server: JsonServer, config: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, ServiceError), match=said):
        crm(server, **config)


def test_the_documented_answer_is_one(server: JsonServer) -> None:
    """What docs/reference/crm-http.md shows is taken as it stands."""
    page = Path(__file__).parents[4] / "docs/reference/crm-http.md"
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)]
    request, answer = blocks[:2]
    server.answering = lambda asked: Said(
        {**answer, "items": [one for one in answer["items"] if one["id"] == 0]} if "address" in asked.json["items"][0]
        else {**answer, "items": [{**answer["items"][1], "id": 0}]}
    )  # fmt: skip
    moment = datetime.fromisoformat(request["items"][0]["at"])
    matches = crm(server).find([q("203.0.113.8", moment, 4711), q("www.shop.example", moment)])
    assert [customer(one) for one in matches] == ["c1001", None]
    assert [one.json["items"][0] for one in server.asked] == [request["items"][0], {**request["items"][1], "id": 0}]
