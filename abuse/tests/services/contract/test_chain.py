"""Several CRM services behind one name."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from abuse.services.crm import CRMServiceException, Query
from abuse.services.crm.chain import ChainCRM
from abuse.services.facade import ServiceError

from .links import Known

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def link(things: dict[str, dict[str, Any]], *, fails: str = "", revenue: float = 0, **options: Any) -> dict[str, Any]:
    config = {"things": things, "fails": fails, "revenue": revenue}
    return {"class": "abuse.tests.services.contract.links.Known", "config": config, **options}


def chain(*links: dict[str, Any]) -> ChainCRM:
    return ChainCRM.create({"links": list(links)})


def asked(crm: ChainCRM, place: int) -> list[object]:
    service = crm._links[place].service
    assert isinstance(service, Known)
    return service.asked


def find(crm: ChainCRM, *things: str) -> list[Any]:
    matches = crm.find([Query(NOW, ip_address(thing)) for thing in things])
    return [None if match is None else match.defendant for match in matches]


def ids(crm: ChainCRM, *things: str) -> list[str | None]:
    return [None if one is None else one.customer_id for one in find(crm, *things)]


FULL = {"email": "a@x.example", "spare_email": "b@x.example", "phone": "1", "tags": ("t",)}


def test_the_first_that_knows_a_thing_says_whose_it_is() -> None:
    crm = chain(
        link({A: {"customer_id": "one"}}, enrich=[]), link({A: {"customer_id": "x"}, B: {"customer_id": "two"}})
    )
    assert ids(crm, A, B, C) == ["one", "two", None]


def test_what_is_owned_and_complete_is_not_asked_for_again() -> None:
    crm = chain(link({A: {"customer_id": "one", **FULL}}), link({B: {"customer_id": "two"}}))
    assert ids(crm, B, A) == ["two", "one"]
    assert (asked(crm, 0), asked(crm, 1)) == ([B, A], [B])
    assert ids(crm, A) == ["one"]
    assert asked(crm, 1) == [B]


def test_later_links_fill_what_is_empty_and_replace_nothing() -> None:
    later = {"customer_id": "elsewhere", "email": "abuse@x.example", "phone": "2", "name": "N", "tags": ("gold",)}
    crm = chain(
        link({A: {"customer_id": "one", "phone": "1"}}), link({A: later}), link({A: {**later, "email": "late@x"}})
    )
    (customer,) = find(crm, A)
    assert (customer.customer_id, customer.email, customer.phone) == ("one", "abuse@x.example", "1")
    assert (customer.tags, customer.name) == (("gold",), None)


def test_each_link_fills_what_it_is_told_to() -> None:
    later = {"customer_id": "elsewhere", "email": "abuse@x.example", "name": "N"}
    crm = chain(link({A: {"customer_id": "one"}}), link({A: later}, enrich=["name"]))
    (customer,) = find(crm, A)
    assert (customer.email, customer.name) == ("", "N")
    crm = chain(link({A: {"customer_id": "one"}}), link({A: later}, enrich=[]))
    (customer,) = find(crm, A)
    assert (customer.email, asked(crm, 1)) == ("", [])


def test_a_customer_is_the_same_whichever_of_his_things_something_is_known_of() -> None:
    his = {"customer_id": "one"}
    crm = chain(link({A: his, B: his}), link({B: {"customer_id": "y", "email": "abuse@x.example"}}))
    assert [one.email for one in find(crm, A, B)] == ["abuse@x.example", "abuse@x.example"]


def test_a_link_may_be_asked_by_the_customers_id() -> None:
    his = {"customer_id": "one"}
    crm = chain(link({A: his, B: his}), link({C: {**his, "email": "abuse@x.example"}}, by="customer"))
    assert [one and one.email for one in find(crm, A, B)] == ["abuse@x.example", "abuse@x.example"]
    assert asked(crm, 1) == ["one"]
    info = crm.get_customer_infos("one")
    assert info is not None
    assert info.email == "abuse@x.example"
    assert ids(crm, C) == ["one"]


@pytest.mark.parametrize("fails", ["busy", "broken"])
def test_a_link_that_may_fail_stops_no_other(fails: str) -> None:
    crm = chain(link({A: {"customer_id": "x"}}, fails=fails, optional=True), link({A: {"customer_id": "one"}}))
    assert ids(crm, A) == ["one"]
    info = crm.get_customer_infos("one")
    assert info is not None
    crm = chain(link({A: {"customer_id": "one"}}), link({}, fails=fails, optional=True))
    assert ids(crm, A, B) == ["one", None]


def test_a_link_that_may_not_fail_stops_all_and_is_named() -> None:
    crm = chain(link({}), link({}, fails="busy"))
    with pytest.raises(CRMServiceException, match=r"^links\.1 \(Known\): busy$") as caught:
        ids(crm, A)
    assert not caught.value.permanent
    crm = chain(link({}, fails="broken"))
    with pytest.raises(CRMServiceException, match=r"links\.0 \(Known\): Known\.find: KeyError: 'x'") as caught:
        ids(crm, A)
    assert caught.value.permanent


def test_services_and_revenue_of_all_links() -> None:
    one, two = {"customer_id": "one"}, {"customer_id": "two"}
    crm = chain(link({A: one}), link({A: one, B: two}, revenue=7))
    assert [service.service_id for service in crm.get_customer_services("one")] == ["s-one"]
    assert crm.get_customer_services("three") == []
    service = crm.get_service_infos("s-two")
    assert service is not None
    assert service.name == "vps of two"
    assert crm.get_service_infos("s-three") is None
    assert crm.get_customer_revenue("one") == 7


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ([], "links: expected a list of 1 to 10 links"),
        ([{}] * 11, "links: expected a list of 1 to 10 links"),
        (["x"], r"links\.0\.class: 'x'; expected a link"),
        ([{"class": "abuse.nowhere.CRM"}], r"links\.0\.class: 'abuse\.nowhere\.CRM'; it cannot be imported"),
        ([{"class": "abuse.services.crm.base.CRMServiceBase"}], "it lacks find, get_customer_infos"),
        ([{"class": "abuse.services.crm.chain.ChainCRM"}], "expected a CRM service that is no chain"),
        ([{"class": "abuse.services.storage.default.FilesystemStorage"}], "expected a CRM service"),
        ([link({}, optionl=True)], r"links\.0\.optionl: 'True'; expected only by, class, config, enrich, optional"),
        ([link({}, optional="yes")], r"links\.0\.optional: 'yes'; expected true or false"),
        ([link({}, by="name")], r"links\.0\.by: 'name'; expected item or customer"),
        ([link({}), link({}, enrich=["customer_id"])], r"links\.1\.enrich: .*; expected some of address"),
        ([{**link({}), "config": {"thing": {}}}], r"links\.0: config\.thing: unknown key of Known"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_with_the_key(links: list[Any], said: str) -> None:
    with pytest.raises((ValueError, ServiceError), match=said):
        ChainCRM.create({"links": links})
