"""NetBox as a CRM, against a server that answers as its REST API does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from abuse.services.crm import CRMServiceException, Query
from abuse.services.crm.netbox import NetboxCRM

from .directory import customer
from .servers import JsonServer, Said, json_server
from .worlds import DOMAIN, Netbox, netbox_address

AT = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.fixture
def world() -> Netbox:
    return Netbox()


@pytest.fixture
def server(world: Netbox) -> Iterator[JsonServer]:
    with json_server(world) as running:
        yield running


def crm(server: JsonServer, **config: Any) -> NetboxCRM:
    given = {"url": server.url(), "token": Netbox.TOKEN, "plaintext": True, "pause_seconds": 0, **config}
    return NetboxCRM.create(given)


def found(asking: NetboxCRM, *things: str) -> list[str | None]:
    queries = [Query(AT, ip_address(one)) if one[0].isdigit() else Query(AT, None, one) for one in things]
    return [customer(match) for match in asking.find(queries)]


def test_an_address_is_its_tenants_else_that_of_the_longest_prefix_with_one(server: JsonServer) -> None:
    things = ("203.0.113.77", "203.0.113.5", "203.0.113.7", "203.0.113.200", "203.0.112.9", "198.51.100.1", "192.0.2.1")
    assert found(crm(server), *things) == ["c2", "c1", "c1", "c1", "c2", None, None]


def test_an_address_or_name_of_two_tenants_is_nobodys(server: JsonServer) -> None:
    assert found(crm(server), "203.0.113.66", "twice.example.org") == [None, None]


def test_names_are_those_of_addresses(server: JsonServer) -> None:
    assert found(crm(server), f"WWW.{DOMAIN}", DOMAIN, "mail.c2.example.org") == ["c1", None, "c2"]


def test_the_customer_is_the_tenant_with_his_best_contacts(server: JsonServer) -> None:
    (match,) = crm(server).find([Query(AT, ip_address("203.0.113.7"))])
    assert match is not None
    info, service = match.defendant, match.service
    assert (info.customer_id, info.organisation, info.tags) == ("c1", "Customer c1", ("gold",))
    assert (info.email, info.spare_email, info.name) == (
        "contact33@mail.example", "contact32@mail.example", "Contact 33",
    )  # fmt: skip
    assert info.creation_date == datetime(2020, 1, 1, tzinfo=UTC)
    assert (service.name, service.service_id, service.component_type) == ("203.0.113.0/24", "prefix-1", "Prefix")
    assert match.reason == "NetBox 203.0.113.0/24"


def test_a_tenant_without_contacts_has_no_address_to_write_to(server: JsonServer) -> None:
    info = crm(server).get_customer_infos("c2")
    assert info is not None
    assert (info.email, info.creation_date.year) == ("", 1970)


def test_the_customers_id_may_be_a_custom_field_and_tenants_without_it_are_none(server: JsonServer) -> None:
    asking = crm(server, customer_field="cf_number")
    assert found(asking, "203.0.113.7", "203.0.113.77") == ["1001", None]
    info = asking.get_customer_infos("1001")
    assert info is not None
    assert info.organisation == "Customer c1"
    assert [one.service_id for one in asking.get_customer_services("1001")] == ["prefix-1", "address-22", "address-23"]


def test_services_are_known_by_their_id(server: JsonServer) -> None:
    asking = crm(server)
    service = asking.get_service_infos("address-21")
    assert service is not None
    assert (service.name, service.reference) == ("mail.c2.example.org", "203.0.113.77/24")
    for text in ("address-999", "prefix-x", "device-1", "prefix-"):
        assert asking.get_service_infos(text) is None


def test_all_pages_are_read_and_links_to_elsewhere_are_not_followed(server: JsonServer) -> None:
    """The server gives one row a page, and names another host for the next one."""
    assert len(crm(server).get_customer_services("c2")) == 3
    offsets = [asked.query["offset"] for asked in server.asked if asked.path.endswith("/ip-addresses/")]
    assert offsets == [["0"], ["1"]]


def test_what_is_asked_once_is_not_asked_again(server: JsonServer) -> None:
    asking = crm(server)
    found(asking, "203.0.113.7", "203.0.113.200")
    asked = len(server.asked)
    assert found(asking, "203.0.113.7", "203.0.113.200") == ["c1", "c1"]
    assert len(server.asked) == asked
    assert sum(one.path.endswith("/tenants/") for one in server.asked) == 1


def test_only_ones_own_networks_and_the_global_table_are_asked_for(server: JsonServer, world: Netbox) -> None:
    assert found(crm(server, networks=["203.0.113.0/24"]), "203.0.112.9", "198.51.100.1") == [None, None]
    assert server.asked == []
    world.rows["ipam/ip-addresses"] = [{**netbox_address(1, "10.0.0.1/8", 5, ""), "vrf": {"id": 9}}]
    assert found(crm(server), "10.0.0.1") == [None]
    assert found(crm(server, vrf_id=9), "10.0.0.1") == ["c1"]
    assert found(crm(server, vrf_id=""), "10.0.0.1") == ["c1"]


def test_a_batch_that_takes_too_long_goes_on_from_where_it_was(server: JsonServer) -> None:
    asking = crm(server, seconds=0.0)
    things = [f"203.0.113.{number}" for number in range(100, 104)]
    with pytest.raises(CRMServiceException, match="0 of 4 things were looked up in 0 s") as caught:
        found(asking, *things)
    assert not caught.value.permanent
    patient = crm(server)
    patient._prefix(things[0])
    asked = len(server.asked)
    assert found(patient, things[0]) == ["c1"]
    assert all("contains" not in one.query for one in server.asked[asked:])


@pytest.mark.parametrize(
    ("answer", "said", "permanent"),
    [
        (Said({"detail": "Invalid token"}, 403), "status 403", True),
        (Said({"detail": "slow down"}, 429, {"Retry-After": "120"}), "status 429", False),
        (Said("x", 502), "status 502", False),
        (Said([]), "/api/ipam/ip-addresses/: the record", True),
        (Said({"count": "many", "results": []}), "count: 'many'; expected a whole number", True),
        (Said({"count": 1, "results": [{"id": "x", "address": "203.0.113.7"}]}), "results.0: id: 'x'; expected", True),
        (Said({"count": 1, "results": [{"id": 1}]}), "results.0: address: missing; expected a value", True),
    ],
)
def test_errors_say_what_was_wrong(server: JsonServer, answer: Said, said: str, permanent: bool) -> None:
    server.answering = lambda _: answer
    with pytest.raises(CRMServiceException) as caught:
        found(crm(server, attempts=1), "203.0.113.7")
    assert said in str(caught.value)
    assert caught.value.permanent is permanent


def test_a_pause_that_netbox_asks_for_is_kept(server: JsonServer, world: Netbox) -> None:
    refused: list[int] = []

    def once(asked: Any) -> Said:
        if not refused:
            refused.append(1)
            return Said({"detail": "slow down"}, 429, {"Retry-After": "0"})
        return world(asked)

    server.answering = once
    assert found(crm(server), "203.0.113.7") == ["c1"]


def test_tokens_of_both_kinds(server: JsonServer) -> None:
    with pytest.raises(CRMServiceException, match="403"):
        found(crm(server, token="nbt_abc.def"), "203.0.113.7")
    assert server.asked[0].headers["authorization"] == "Bearer nbt_abc.def"


def test_a_field_that_is_none_is_refused(server: JsonServer) -> None:
    with pytest.raises(ValueError, match="customer_field: 'number'; expected id, slug, name or cf_"):
        crm(server, customer_field="number")
