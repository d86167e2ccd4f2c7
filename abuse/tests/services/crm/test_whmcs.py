"""WHMCS as a CRM, against a server that answers as its API does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from abuse.services.crm import CRMServiceException, Query
from abuse.services.crm.whmcs import WhmcsCRM
from abuse.services.crm.whmcs_products import PAGE

from .directory import customer
from .servers import Asked, JsonServer, Said, json_server
from .worlds import DOMAIN, Whmcs, whmcs_product

AT = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.fixture
def world() -> Whmcs:
    return Whmcs()


@pytest.fixture
def server(world: Whmcs) -> Iterator[JsonServer]:
    with json_server(world) as running:
        yield running


def crm(server: JsonServer, **config: Any) -> WhmcsCRM:
    given = {"url": server.url(), **Whmcs.CREDENTIALS, "plaintext": True, "pause_seconds": 0, **config}
    return WhmcsCRM.create(given)


def found(asking: WhmcsCRM, *things: str, at: datetime = AT) -> list[str | None]:
    queries = [Query(at, ip_address(one)) if one[0].isdigit() else Query(at, None, one) for one in things]
    return [customer(match) for match in asking.find(queries)]


def listings(server: JsonServer) -> list[Asked]:
    return [
        asked for asked in server.asked if asked.form["action"] == "GetClientsProducts" and "clientid" not in asked.form
    ]


def test_addresses_networks_and_domains_of_products(server: JsonServer) -> None:
    things = (
        "203.0.113.5",
        "203.0.113.200",
        "2001:db8:1::9",
        DOMAIN,
        f"www.{DOMAIN}",
        "198.51.100.77",
        "other.example.org",
    )
    assert found(crm(server), *things) == ["7", "7", "7", "7", "7", None, None]


def test_what_is_terminated_or_of_two_clients_or_the_servers_own_is_nobodys(server: JsonServer) -> None:
    assert found(crm(server), "198.51.100.9", "198.51.100.8") == [None, None]
    products = [whmcs_product(1, 7, serverip="203.0.113.250")]
    server.answering = Whmcs(products)
    assert found(crm(server), "203.0.113.250") == [None]


def test_a_product_is_its_clients_from_its_registration_on(server: JsonServer) -> None:
    asking = crm(server)
    assert found(asking, "203.0.113.5", at=datetime(2019, 12, 31, 23, 59, tzinfo=UTC)) == [None]
    assert found(asking, "203.0.113.5", at=datetime(2020, 1, 1, tzinfo=UTC)) == ["7"]


def test_the_customer_is_the_client_and_the_service_his_product(server: JsonServer) -> None:
    (match,) = crm(server).find([Query(AT, ip_address("203.0.113.5"))])
    assert match is not None
    info, service = match.defendant, match.service
    assert (info.customer_id, info.email, info.firstname, info.name) == ("7", "c7@mail.example", "Ann", "Lee")
    assert (info.organisation, info.address, info.country, info.lang) == ("Lee Ltd", "1 Mill Road, Back", "FR", "FR")
    assert (info.phone, info.creation_date) == ("+33.199008739", datetime(2020, 1, 1, tzinfo=UTC))
    assert (service.service_id, service.name, service.component_type) == ("11", DOMAIN, "VPS")
    assert match.reason == "WHMCS product 11"


def test_services_and_what_they_cost(server: JsonServer) -> None:
    asking = crm(server)
    assert [service.service_id for service in asking.get_customer_services("7")] == ["11", "15"]
    assert asking.get_customer_revenue("7") == 22.5
    assert asking.get_customer_revenue("7", DOMAIN) == 12.5
    assert asking.get_customer_revenue("7", "nothing") == 0
    service = asking.get_service_infos("15")
    assert service is not None
    assert service.name == "Backup"
    assert asking.get_service_infos("99") is None
    asked = len(server.asked)
    for text in ("07", "-7", "٧", "7 OR 1=1", "9" * 30):
        assert (asking.get_customer_infos(text), list(asking.get_customer_services(text))) == (None, [])
    assert len(server.asked) == asked
    assert asking.get_customer_infos("99") is None


def test_all_pages_are_read_and_once_for_all_questions(server: JsonServer) -> None:
    asking = crm(server)
    for _ in range(3):
        found(asking, "203.0.113.5", DOMAIN)
    assert [asked.form["limitstart"] for asked in listings(server)] == ["0", "2", "4"]
    assert {asked.form["limitnum"] for asked in listings(server)} == {str(PAGE)}
    assert sum(asked.form["action"] == "GetClientsDetails" for asked in server.asked) == 1


def test_the_products_are_read_anew_in_time(server: JsonServer, world: Whmcs) -> None:
    asking = crm(server)
    assert found(asking, "198.51.100.77") == [None]
    world.products.append(whmcs_product(20, 8, dedicatedip="198.51.100.77"))
    assert found(asking, "198.51.100.77") == [None]
    start = asking._index._clock()
    asking._index._clock = lambda: start + 901
    assert found(asking, "198.51.100.77") == ["8"]


def test_when_they_cannot_be_read_anew_the_old_ones_serve_for_a_day(
    server: JsonServer, caplog: pytest.LogCaptureFixture
) -> None:
    asking = crm(server, attempts=1)
    assert found(asking, "203.0.113.5") == ["7"]
    server.answering = lambda _: Said("down", 503)
    start = asking._index._clock()
    asking._index._clock = lambda: start + 3600
    with caplog.at_level(logging.WARNING):
        assert found(asking, "203.0.113.5") == ["7"]
    assert "the products of WHMCS are those of 60 minutes ago" in caplog.text
    asking._index._clock = lambda: start + 86_401
    with pytest.raises(CRMServiceException, match="503"):
        found(asking, "203.0.113.5")


def test_a_reading_that_takes_too_long_goes_on_from_where_it_was(server: JsonServer) -> None:
    asking = crm(server, seconds=0)
    for done in (2, 4):
        with pytest.raises(CRMServiceException, match=f"{done} of 5 products were read") as caught:
            found(asking, "203.0.113.5")
        assert not caught.value.permanent
    assert [asked.form["limitstart"] for asked in listings(server)] == ["0", "2"]
    asking._index._seconds = 30
    asking._seconds = 30
    assert found(asking, "203.0.113.5") == ["7"]
    assert [asked.form["limitstart"] for asked in listings(server)] == ["0", "2", "4"]


def test_other_processes_take_what_one_has_read(server: JsonServer, tmp_path: Path) -> None:
    file = tmp_path / "products.json"
    assert found(crm(server, file=str(file)), "203.0.113.5") == ["7"]
    assert file.stat().st_mode & 0o777 == 0o600
    server.asked.clear()
    assert found(crm(server, file=str(file)), "203.0.113.200", f"www.{DOMAIN}") == ["7", "7"]
    assert listings(server) == []
    file.write_text("{")
    assert found(crm(server, file=str(file)), "203.0.113.5") == ["7"]
    assert len(listings(server)) == 3
    assert list(tmp_path.glob("products*")) == [file]


def test_more_products_than_allowed_are_refused(server: JsonServer) -> None:
    with pytest.raises(CRMServiceException, match=r"more than 3 products; see config\.max_products") as caught:
        found(crm(server, max_products=3), "203.0.113.5")
    assert caught.value.permanent


def test_nonsense_in_a_product_is_its_own_matter(server: JsonServer) -> None:
    server.answering = Whmcs(
        [
            whmcs_product(1, 7, dedicatedip="not an address", assignedips="0.0.0.0/0\n::/0\n198.51.100.1|198.51.100.2"),
            whmcs_product(2, 8, domain="../../etc/passwd", regdate="31/12/2020", dedicatedip="198.51.100.3"),
        ]
    )
    assert found(crm(server), "198.51.100.1", "198.51.100.2", "198.51.100.3", "192.0.2.1") == ["7", "7", "8", None]


@pytest.mark.parametrize(
    ("answer", "said", "permanent"),
    [
        (Said({"result": "error", "message": "Invalid IP 192.0.2.1"}, 403), "status 403", True),
        (Said({"result": "error", "message": "Command not found"}), "result: 'error' (Command not found)", True),
        (Said({"message": "?"}), "GetClientsProducts: result: 'None' (?); expected 'success'", True),
        (Said([1]), "GetClientsProducts: [1]; expected an object", True),
        (Said("", 429, {"Retry-After": "300"}), "status 429", False),
        (Said("", 500), "status 500", False),
        (Said({"result": "success", "totalresults": "x"}), "totalresults: 'x'; expected a whole number", True),
        (
            Said({"result": "success", "totalresults": 1, "products": {"product": [{"id": 1}]}}),
            "products.product.0: clientid: missing; expected a value", True,
        ),
    ],
)  # fmt: skip
def test_errors_say_what_was_wrong(server: JsonServer, answer: Said, said: str, permanent: bool) -> None:
    server.answering = lambda _: answer
    with pytest.raises(CRMServiceException) as caught:
        found(crm(server, attempts=1), "203.0.113.5")
    assert said in str(caught.value)
    assert caught.value.permanent is permanent
    assert "the-secret" not in str(caught.value)


def test_wrong_credentials_and_paths_are_refused(server: JsonServer) -> None:
    with pytest.raises(CRMServiceException, match="Authentication Failed"):
        found(crm(server, secret="other"), "203.0.113.5")
    with pytest.raises(ValueError, match=r"file: 'products\.json'; expected an absolute path"):
        crm(server, file="products.json")
