"""The customer directory over the API."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService

from .conftest import Caller, MakeCaller

pytestmark = pytest.mark.django_db


def send(caller: Caller, method: str, path: str, body: Any = None) -> TestResponse:
    return caller.client.open(path, method=method, json=body, headers={"X-Api-Token": caller.token})


def customer(name: str, *resources: dict[str, Any]) -> dict[str, Any]:
    service = {"serviceId": f"svc {name}", "name": f"vps of {name}", "resources": list(resources)}
    return {
        "customerId": name, "email": f"{name}@mail.example", "name": name.upper(), "isVIP": name == "ann",
        "creationDate": "2020-01-01T00:00:00Z", "services": [service],
    }  # fmt: skip


@pytest.fixture
def filled(root: Caller) -> Caller:
    answer = send(
        root, "POST", "/api/customers/import",
        {"customers": [
            customer("ann", {"network": "192.0.2.0/28", "validTo": "2025-01-01T00:00:00Z"}, {"domain": "ann.example"}),
            customer("bob", {"network": "192.0.2.0/24", "portFrom": 1, "portTo": 9}),
        ]},
    )  # fmt: skip
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["customers"] == {"added": 2, "changed": 0, "unchanged": 0, "removed": 0}
    assert answer.get_json()["resources"]["added"] == 3
    return root


def found(caller: Caller, **where: Any) -> list[str]:
    answer = caller.get("/api/customers", {"where": where}).get_json()
    assert answer["customersCount"] == len(answer["customers"])
    return [row["customerId"] for row in answer["customers"]]


def test_customers_are_found_by_what_they_are_called_and_what_they_have(filled: Caller) -> None:
    (row,) = filled.get("/api/customers", {"where": {"like": [{"email": ["ANN@"]}]}}).get_json()["customers"]
    assert isinstance(row.pop("updated"), int)
    assert row == {
        "customerId": "ann", "email": "ann@mail.example", "firstname": None, "name": "ANN", "organisation": None,
        "services": 1,
    }  # fmt: skip
    assert found(filled) == ["ann", "bob"]
    assert found(filled, like=[{"name": ["BO"]}]) == ["bob"]
    assert found(filled, like=[{"service": ["vps of a"]}]) == ["ann"]
    for item, expected in [
        ("192.0.2.7", ["ann", "bob"]), ("192.0.2.99", ["bob"]), ("192.0.2.0/25", ["bob"]),
        ("WWW.Ann.Example.", ["ann"]),
        ("example", []), ("2001:db8::1", []), ("' OR 1=1", []),
    ]:  # fmt: skip
        assert found(filled, **{"in": [{"item": [item]}]}) == expected, item
    page = filled.get("/api/customers", {"paginate": {"resultsPerPage": 1, "currentPage": 2}}).get_json()
    assert ([row["customerId"] for row in page["customers"]], page["customersCount"]) == (["bob"], 2)
    filled.refusal("/api/customers", {"where": {"like": [{"data__phone": ["1"]}]}})


def test_a_customer_is_shown_as_the_file_has_him_and_can_be_sent_back(filled: Caller) -> None:
    shown = filled.get("/api/customers/ann").get_json()
    assert shown["customer"] == {
        "customerId": "ann", "email": "ann@mail.example", "name": "ANN", "isVIP": True,
        "creationDate": "2020-01-01T00:00:00Z",
        "services": [
            {
                "serviceId": "svc ann", "name": "vps of ann",
                "resources": [
                    {"network": "192.0.2.0/28", "validTo": "2025-01-01T00:00:00Z"}, {"domain": "ann.example"},
                ],
            }
        ],
    }  # fmt: skip
    assert (shown["resourcesCount"], shown["isWhole"]) == (2, True)
    before = list(DirectoryResource.all().order_by("pk").values())
    assert send(filled, "PUT", "/api/customers/ann", shown).get_json() == shown
    assert list(DirectoryResource.all().order_by("pk").values()) == before
    shown["customer"]["email"] = "new@mail.example"
    shown["customer"]["services"][0]["resources"].pop()
    answer = send(filled, "PUT", "/api/customers/ann", shown).get_json()
    assert (answer["customer"]["email"], answer["resourcesCount"]) == ("new@mail.example", 1)
    assert found(filled, **{"in": [{"item": ["ann.example"]}]}) == []
    assert DirectoryCustomer.get(customer_id="bob").services.get().resources.count() == 1


def test_a_dry_run_says_what_would_change_and_changes_nothing(filled: Caller) -> None:
    body = {"customers": [customer("ann"), customer("carol", {"network": "198.51.100.1"})]}
    answer = send(filled, "POST", "/api/customers/import?dryRun=true", body).get_json()
    assert answer["customers"] == {"added": 1, "changed": 0, "unchanged": 1, "removed": 0}
    assert (answer["resources"]["added"], answer["resources"]["removed"]) == (1, 2)
    assert (DirectoryCustomer.count(), DirectoryService.count(), DirectoryResource.count()) == (2, 2, 3)


def test_what_is_wrong_is_refused_whole_and_named(filled: Caller) -> None:
    wrong = customer("carol", {"network": "198.51.100.1/24", "validUntil": "x"})
    answer = send(filled, "POST", "/api/customers/import", {"customers": [customer("dave"), wrong]})
    assert answer.status_code == 409
    assert "services.0.resources.0.network" in answer.get_json()["message"]
    assert "record 2" in answer.get_json()["message"]
    assert DirectoryCustomer.count() == 2
    assert send(filled, "PUT", "/api/customers/other", {"customer": customer("dave")}).status_code == 409
    assert filled.get("/api/customers/nobody").status_code == 404


def test_operators_read_and_administrators_write(filled: Caller, make_caller: MakeCaller) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    assert found(reader) == ["ann", "bob"]
    assert send(reader, "PUT", "/api/customers/ann", {"customer": customer("ann")}).status_code == 403
    assert send(reader, "POST", "/api/customers/import", {"customers": [customer("x")]}).status_code == 403
    stranger = make_caller("stranger", {})
    assert stranger.get("/api/customers").status_code == 403
