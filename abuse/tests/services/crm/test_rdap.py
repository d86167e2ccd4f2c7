"""The registry as a CRM, against a server that answers as RFC 9083 says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from abuse.services.crm import CRMServiceException, Query
from abuse.services.crm.rdap import RdapCRM

from .directory import customer
from .servers import JsonServer, Said, json_server
from .worlds import Rdap

AT = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[JsonServer]:
    with json_server(Rdap()) as running:
        yield running


def crm(server: JsonServer, **config: Any) -> RdapCRM:
    common = {"base_url": server.url("/rdap"), "plaintext": True, "pause_seconds": 0, "ours": ["ORG-OURS"]}
    return RdapCRM.create({**common, "networks": ["203.0.113.0/24", "192.0.2.0/24"], **config})


def found(asking: RdapCRM, *things: str, at: datetime = AT) -> list[str | None]:
    return [customer(match) for match in asking.find([Query(at, ip_address(one)) for one in things])]


def test_an_address_is_the_registrants_unless_that_is_ourselves(server: JsonServer) -> None:
    assert found(crm(server), "203.0.113.9", "192.0.2.1", "198.51.100.1") == ["c1", None, None]
    assert [asked.path for asked in server.asked] == ["/rdap/ip/203.0.113.9", "/rdap/ip/192.0.2.1"]
    assert found(crm(server, ours=[]), "192.0.2.1") == ["ORG-OURS"]


def test_he_is_written_to_where_the_registry_says_to_complain(server: JsonServer) -> None:
    (match,) = crm(server).find([Query(AT, ip_address("203.0.113.9"))])
    assert match is not None
    info, service = match.defendant, match.service
    assert (info.customer_id, info.email, info.organisation) == ("c1", "abuse@c1.example", "c1 Ltd")
    assert (info.address, info.country) == ("1 Mill Road, 44000 Nantes, France", "FR")
    assert (service.service_id, service.name, service.component_sub_type) == (
        "203.0.113.0-203.0.113.255", "NET-c1", "ASSIGNED PA",
    )  # fmt: skip
    assert match.reason == "RDAP 203.0.113.0-203.0.113.255 ASSIGNED PA"


def test_it_is_his_from_the_registration_on(server: JsonServer) -> None:
    asking = crm(server)
    assert found(asking, "203.0.113.9", at=datetime(2019, 12, 31, tzinfo=UTC)) == [None]
    assert found(asking, "203.0.113.9", at=datetime(2020, 1, 1, tzinfo=UTC)) == ["c1"]


def test_what_is_known_is_not_asked_again(server: JsonServer) -> None:
    asking = crm(server)
    for _ in range(3):
        found(asking, "203.0.113.9", "203.0.113.9", "192.0.2.1")
    assert len(server.asked) == 2


def test_names_are_not_asked_for(server: JsonServer) -> None:
    assert crm(server).find([Query(AT, None, "c1.example.org")]) == [None]
    assert server.asked == []


def test_customers_and_their_networks(server: JsonServer) -> None:
    asking = crm(server)
    info = asking.get_customer_infos("c1")
    assert info is not None
    assert info.email == "abuse@c1.example"
    assert [one.service_id for one in asking.get_customer_services("c1")] == ["203.0.113.0-203.0.113.255"]
    assert asking.get_service_infos("203.0.113.0-203.0.113.255") is not None
    assert asking.get_service_infos("203.0.113.0-203.0.113.127") is None
    assert asking.get_service_infos("nothing") is None
    assert (asking.get_customer_infos("c2"), asking.get_customer_infos("ORG-OURS")) == (None, None)


def test_a_batch_that_takes_too_long_goes_on_from_where_it_was(server: JsonServer) -> None:
    asking = crm(server, seconds=30)
    slow = Rdap()

    def answer(asked: Any) -> Said:
        time.sleep(0.15)
        return slow(asked)

    server.answering = answer
    asking._seconds = 0.2
    things = [f"203.0.113.{number}" for number in range(4)]
    with pytest.raises(CRMServiceException, match=r"of 4 things were looked up in 0\.2 s") as caught:
        found(asking, *things)
    assert not caught.value.permanent
    done = len(server.asked)
    assert 1 <= done < 4
    asking._seconds = 30
    assert found(asking, *things) == ["c1"] * 4
    assert len(server.asked) == 4


def test_errors_are_those_of_a_crm(server: JsonServer) -> None:
    server.answering = lambda _: Said({"errorCode": 503}, 503)
    with pytest.raises(CRMServiceException, match="status 503") as caught:
        found(crm(server, attempts=1), "203.0.113.9")
    assert not caught.value.permanent
    server.answering = lambda _: Said({"handle": 5})
    with pytest.raises(CRMServiceException, match=r"handle: .*RFC 9083") as caught:
        found(crm(server), "203.0.113.9")
    assert caught.value.permanent


def test_ones_own_networks_have_to_be_named(server: JsonServer) -> None:
    with pytest.raises(ValueError, match="networks: expected at least one"):
        crm(server, networks=[])
