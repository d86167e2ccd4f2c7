"""Importing customers: the directory says what the file says, all of it or nothing, and says what it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abuse.controllers.customers_file import read_customers
from abuse.controllers.directory import Counts, ImportResult, import_customers
from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService
from abuse.services.crm.default import DirectoryCRM
from abuse.services.crm.records import CustomerRecord, Fault, read_record

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).parents[3] / "demo" / "customers.json"


def record(customer_id: str, *services: dict[str, Any], **fields: Any) -> CustomerRecord:
    document = {"customerId": customer_id, "email": f"{customer_id}@mail.example", "creationDate": "2020-01-01"}
    made = read_record("here", {**document, **fields, "services": services})
    assert isinstance(made, CustomerRecord), made
    return made


def service(service_id: str | None, *things: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
    resources = [{"network": thing} if isinstance(thing, str) else thing for thing in things]
    return {"serviceId": service_id, "name": "vps", **fields, "resources": resources}


def stored() -> dict[str, dict[str, set[str]]]:
    """Customer → service → networks and domains."""
    return {
        customer.customer_id: {
            service.service_id: {str(resource) for resource in service.resources.all()}
            for service in customer.services.all()
        }
        for customer in DirectoryCustomer.all()
    }


def rows() -> list[tuple[Any, ...]]:
    """Every row with its id: what a second import must not touch."""
    return [
        *DirectoryCustomer.all().order_by("id").values_list(),
        *DirectoryService.all().order_by("id").values_list(),
        *DirectoryResource.all().order_by("id").values_list(),
    ]


def faults(*records: CustomerRecord | Fault, **options: bool) -> list[str]:
    before = rows()
    result = import_customers(records, **options)
    assert rows() == before
    assert result == ImportResult(faults=result.faults)
    return [str(fault) for fault in result.faults]


def test_the_first_import_adds_all() -> None:
    result = import_customers(read_customers(DEMO))
    assert result.faults == ()
    assert result.customers == Counts(added=300)
    assert result.services == Counts(added=DirectoryService.count())
    assert result.resources == Counts(added=DirectoryResource.count())
    assert DirectoryCustomer.count() == 300


def test_the_second_import_touches_no_row() -> None:
    import_customers(read_customers(DEMO))
    before = rows()
    result = import_customers(read_customers(DEMO))
    assert result.customers == Counts(unchanged=300)
    assert result.services == Counts(unchanged=DirectoryService.count())
    assert result.resources == Counts(unchanged=DirectoryResource.count())
    assert rows() == before


def test_what_is_imported_is_what_the_crm_answers() -> None:
    import_customers([record("c1", service("s1", domain="lee.example"), name="Lee", isVIP=True, country="GB")])
    crm = DirectoryCRM()
    customer, product = crm.get_customer_infos("c1"), crm.get_service_infos("s1")
    assert customer is not None
    assert product is not None
    assert (customer.email, customer.name, customer.is_vip, customer.is_gs) == ("c1@mail.example", "Lee", True, False)
    assert customer.creation_date == datetime(2020, 1, 1, tzinfo=UTC)
    assert (product.name, product.domain, product.reference) == ("vps", "lee.example", None)


def test_changes_are_counted_and_the_rest_left_alone() -> None:
    import_customers(
        [
            record("c1", service("s1", "203.0.113.0/29", "203.0.113.8/29"), service("s1b", "203.0.113.16/29")),
            record("c2", service("s2", "203.0.113.24/29"), name="Old"),
            record("c3", service("s3", "203.0.113.32/29")),
        ]
    )
    result = import_customers(
        [
            record("c1", service("s1", "203.0.113.8/29", "203.0.113.40/29")),
            record("c2", service("s2", "203.0.113.24/29", name="server"), name="New"),
            record("c4", service("s4")),
        ]
    )
    assert result == ImportResult(
        customers=Counts(added=1, changed=1, unchanged=1),
        services=Counts(added=1, changed=1, unchanged=1),
        resources=Counts(added=1, unchanged=2, removed=1),
    )
    assert stored() == {
        "c1": {"s1": {"203.0.113.8/29", "203.0.113.40/29"}, "s1b": {"203.0.113.16/29"}},
        "c2": {"s2": {"203.0.113.24/29"}},
        "c3": {"s3": {"203.0.113.32/29"}},
        "c4": {"s4": set()},
    }
    assert DirectoryCustomer.get(customer_id="c2").data["name"] == "New"
    assert DirectoryService.get(service_id="s2").data == {"name": "server"}


def test_replace_removes_what_the_file_does_not_name() -> None:
    import_customers(
        [
            record("c1", service("s1", "203.0.113.0/29"), service("s1b", "203.0.113.8/29")),
            record("c2", service("s2", "203.0.113.16/29", "203.0.113.24/29")),
        ]
    )
    result = import_customers([record("c1", service("s1", "203.0.113.0/29"))], replace=True)
    assert result == ImportResult(
        customers=Counts(unchanged=1, removed=1),
        services=Counts(unchanged=1, removed=2),
        resources=Counts(unchanged=1, removed=3),
    )
    assert stored() == {"c1": {"s1": {"203.0.113.0/29"}}}


def test_replacing_all_by_nothing_is_refused() -> None:
    import_customers([record("c1")])
    assert faults(replace=True) == ["the file: customers: none; expected at least one customer to replace all others"]
    assert import_customers([]) == ImportResult()


@pytest.mark.parametrize("replace", [False, True])
def test_a_dry_run_says_the_same_and_writes_nothing(replace: bool) -> None:
    import_customers([record("c1", service("s1", "203.0.113.0/29")), record("c2", service("s2", "203.0.113.8/29"))])
    new = [record("c1", service("s1", "203.0.113.8/29"), name="New"), record("c3", service("s3"))]
    before = rows()
    result = import_customers(new, dry_run=True, replace=replace)
    assert rows() == before
    assert result.customers == Counts(added=1, changed=1, removed=int(replace))
    assert len(result.warnings) == int(not replace)
    assert import_customers(new, replace=replace) == result


def test_a_fault_stops_all_of_it() -> None:
    import_customers([record("c0")])
    fault = Fault("line 3", "email", "'x'", "expected more")
    assert faults(record("c1"), fault, record("c2")) == ["line 3: email: 'x'; expected more"]


def test_at_most_fifty_faults_and_no_reading_on() -> None:
    taken = 0

    def endless() -> Iterator[Fault]:
        nonlocal taken
        while True:
            taken += 1
            yield Fault("line", "email", "x", "y")

    assert len(import_customers(endless()).faults) == 50
    assert taken == 50


def test_an_error_of_the_source_writes_nothing() -> None:
    def broken() -> Iterator[CustomerRecord]:
        yield record("c1")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        import_customers(broken())
    assert stored() == {}


def test_a_customer_may_come_in_parts() -> None:
    parts = [
        record("c1", service("s1", "203.0.113.0/29")),
        record("c2", service("s2")),
        record("c1", service("s1", "203.0.113.0/29", "203.0.113.8/29"), service("s1b", "203.0.113.16/29")),
    ]
    result = import_customers(parts)
    assert result == ImportResult(customers=Counts(added=2), services=Counts(added=3), resources=Counts(added=3))
    assert stored()["c1"] == {"s1": {"203.0.113.0/29", "203.0.113.8/29"}, "s1b": {"203.0.113.16/29"}}


def test_parts_that_contradict_each_other_are_told_by_field() -> None:
    assert faults(
        record("c1", service("s1", reference="r"), name="Ann"),
        record("c1", service("s1", domain="a.example"), name="Bob", isVIP=True),
        record("c2", service("s1", reference="r")),
    ) == [
        "customer c1: is_vip: True; expected None as in the first record of this customer",
        "customer c1: name: 'Bob'; expected 'Ann' as in the first record of this customer",
        "service s1: domain: 'a.example'; expected None as in the first record of this service",
        "service s1: reference: None; expected 'r' as in the first record of this service",
        "service s1: customerId: 'c2'; expected 'c1' as in the first record of this service",
    ]


def test_a_service_without_id_is_known_by_customer_and_name() -> None:
    records = [record("c1", service(None, "203.0.113.0/29"), service(None, name="mail")), record("c2", service(None))]
    import_customers(records)
    assert stored() == {"c1": {"c1/vps": {"203.0.113.0/29"}, "c1/mail": set()}, "c2": {"c2/vps": set()}}
    assert import_customers(records).services == Counts(unchanged=3)
    assert faults(record("c" * 200, service(None, name="n" * 100))) == [
        f"customer {'c' * 200}: serviceId: missing; expected one,"
        " as the customer's id and the name together exceed 256 characters"
    ]


def test_a_service_that_moves_is_said() -> None:
    import_customers([record("c1", service("s1", "203.0.113.0/29")), record("c2")])
    result = import_customers([record("c2", service("s1", "203.0.113.0/29"))])
    assert result.services == Counts(changed=1)
    assert result.resources == Counts(unchanged=1)
    assert result.warnings == ("service s1: moves from customer c1 to c2, with all it had in the past",)
    assert stored() == {"c1": {}, "c2": {"s1": {"203.0.113.0/29"}}}


def lease(network: str, since: str | None, until: str | None, ports: tuple[int, int] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"network": network}
    for key, moment in (("validFrom", since), ("validTo", until)):
        if moment:
            found[key] = f"{moment}T00:00:00Z"
    if ports:
        found["portFrom"], found["portTo"] = ports
    return found


@pytest.mark.parametrize(
    ("mine", "yours", "warning"),
    [
        (lease("203.0.113.8", None, None), lease("203.0.113.8", None, None),
         "203.0.113.8/32: both customer {} and customer {} have it from the beginning"),
        (lease("203.0.113.8", None, "2026-02-02"), lease("203.0.113.8", "2026-02-01", None),
         "203.0.113.8/32: both customer c1 and customer c2 have it from 2026-02-01T00:00:00+00:00"),
        (lease("203.0.113.8", "2026-02-01", "2026-02-03"), lease("203.0.113.8", "2026-01-01", "2026-12-31"),
         "203.0.113.8/32: both customer c2 and customer c1 have it from 2026-02-01T00:00:00+00:00"),
        (lease("203.0.113.8", None, None, (1, 9)), lease("203.0.113.8", "2026-02-01", None, (1, 9)),
         "203.0.113.8/32 ports 1-9: both customer c1 and customer c2 have it from 2026-02-01T00:00:00+00:00"),
        ({"domain": "a.example"}, {"domain": "a.example", "validFrom": "2026-02-01T00:00:00Z"},
         "a.example: both customer c1 and customer c2 have it from 2026-02-01T00:00:00+00:00"),
        (lease("203.0.113.8", None, "2026-02-01"), lease("203.0.113.8", "2026-02-01", None), None),
        (lease("203.0.113.8", None, None, (1, 9)), lease("203.0.113.8", None, None, (10, 19)), None),
        (lease("203.0.113.8", None, None, (1, 9)), lease("203.0.113.8", None, None), None),
        (lease("203.0.113.8/31", None, None), lease("203.0.113.8", None, None), None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_one_file", [True, False])
def test_overlaps_of_two_customers_are_said(
    mine: dict[str, Any], yours: dict[str, Any], warning: str | None, in_one_file: bool
) -> None:
    first, second = record("c1", service("s1", mine)), record("c2", service("s2", yours))
    if in_one_file:
        result = import_customers([first, second])
    else:
        assert import_customers([first]).warnings == ()
        result = import_customers([second])
    if warning is None:
        assert result.warnings == ()
    else:
        (said,) = result.warnings
        assert said in (warning.format("c1", "c2"), warning.format("c2", "c1"))


def test_overlaps_of_one_customer_are_his_own_affair() -> None:
    services = service("s1", "203.0.113.8"), service("s1b", "203.0.113.8")
    assert import_customers([record("c1", *services)]).warnings == ()


def test_an_overlap_is_found_behind_a_long_lease_of_the_same_customer() -> None:
    mine = service("s1", lease("203.0.113.8", "2026-01-01", None), lease("203.0.113.8", "2026-03-01", None))
    yours = service("s2", lease("203.0.113.8", "2026-02-01", "2026-04-01"))
    result = import_customers([record("c1", mine), record("c2", yours)])
    assert [warning.partition(" have")[0] for warning in result.warnings] == [
        "203.0.113.8/32: both customer c1 and customer c2",  # from February
        "203.0.113.8/32: both customer c2 and customer c1",  # from March
    ]


def test_an_overlap_with_a_lease_that_began_long_before_is_found() -> None:
    mine = service("s1", lease("203.0.113.8", "2026-01-01", None), lease("203.0.113.8", "2026-02-01", "2026-03-01"))
    yours = service("s2", lease("203.0.113.8", "2026-04-01", "2026-05-01"))
    result = import_customers([record("c1", mine), record("c2", yours)])
    assert result.warnings == (
        "203.0.113.8/32: both customer c1 and customer c2 have it from 2026-04-01T00:00:00+00:00",
    )


def test_text_of_any_kind_comes_back_as_it_was() -> None:
    name = "Zoë \\N \"quoted\" \\t 'single' 🦊 %s {} $1"
    import_customers(
        [record("c\\1", service("s\\1", {"domain": "a.example"}, name=name), name=name, email="c@mail.example")]
    )
    customer = DirectoryCRM().get_customer_infos("c\\1")
    assert customer is not None
    assert customer.name == name
    assert stored() == {"c\\1": {"s\\1": {"a.example"}}}


def many(count: int) -> Iterable[CustomerRecord]:
    return (record(f"c{n}", service(f"s{n}", f"10.{n // 256}.{n % 256}.0/24")) for n in range(count))


def test_more_than_a_batch() -> None:
    assert import_customers(many(12_001)).customers == Counts(added=12_001)
    assert DirectoryResource.count() == 12_001
    assert import_customers(many(12_001)).resources == Counts(unchanged=12_001)
