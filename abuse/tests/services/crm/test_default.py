"""Who had it: the built-in directory's answers, one rule a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any

import pytest

from abuse.controllers.directory import import_customers
from abuse.models import DirectoryCustomer, DirectoryService
from abuse.services.crm.base import CRMServiceException, DefendantInfo, Query, ServiceInfo
from abuse.services.crm.default import DirectoryCRM
from abuse.services.crm.records import CustomerRecord, read_record

from .directory import NOW, customer, day, hold, service_of

pytestmark = pytest.mark.django_db


def who(
    address: str | None = None, *, host: str | None = None, port: int | None = None, at: datetime = NOW
) -> str | None:
    return customer(DirectoryCRM().find([Query(at, ip_address(address) if address else None, host, port)])[0])


def reason(address: str | None = None, **rest: Any) -> str:
    (match,) = DirectoryCRM().find([Query(NOW, ip_address(address) if address else None, **rest)])
    assert match is not None
    return match.reason


def test_the_longest_network_wins() -> None:
    hold("isp", "203.0.113.0/24")
    hold("c1", "203.0.113.8/29")
    hold("c2", "203.0.113.9")
    assert [who(f"203.0.113.{last}") for last in (7, 8, 9, 15, 16)] == ["isp", "c1", "c2", "c1", "isp"]
    assert who("198.51.100.1") is None


def test_ipv6_and_mapped_and_scoped_addresses() -> None:
    hold("c1", "203.0.113.8/29")
    hold("c6", "2001:db8:1::/48")
    assert who("2001:db8:1:ffff::1") == "c6"
    assert who("2001:db8:2::1") is None
    assert who("::ffff:203.0.113.9") == "c1"
    assert who("2001:db8:1::1%eth0") == "c6"


def test_a_lease_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    hold("old", "203.0.113.8", since="2026-01-01", until="2026-02-01")
    hold("new", "203.0.113.8", since="2026-02-01")
    instant = timedelta(microseconds=1)
    assert who("203.0.113.8", at=day("2026-01-01") - instant) is None
    assert who("203.0.113.8", at=day("2026-01-01")) == "old"
    assert who("203.0.113.8", at=day("2026-02-01") - instant) == "old"
    assert who("203.0.113.8", at=day("2026-02-01")) == "new"
    east = timezone(timedelta(hours=9))
    assert who("203.0.113.8", at=datetime(2026, 2, 1, 8, 59, tzinfo=east)) == "old"
    assert who("203.0.113.8", at=datetime(2026, 2, 1, 9, 0, tzinfo=east)) == "new"


def test_an_expired_longer_network_does_not_hide_the_shorter() -> None:
    hold("isp", "203.0.113.0/24")
    hold("gone", "203.0.113.8/32", until="2026-01-01")
    assert who("203.0.113.8") == "isp"


def test_a_reseller_answers_for_all_that_none_of_his_customers_has() -> None:
    hold("reseller", "203.0.113.0/24")
    hold("reseller", "reseller.example.org")
    hold("shop", "203.0.113.8/29", since="2026-03-01", until="2026-05-01")
    hold("cgnat-a", "203.0.113.64", ports=(1024, 2047))
    hold("cgnat-b", "203.0.113.64", ports=(2048, 4095))
    hold("shop", "shop.reseller.example.org")
    asked = [
        ("203.0.113.9", "2026-04-01", None, "shop"), ("203.0.113.9", "2026-02-28", None, "reseller"),
        ("203.0.113.9", "2026-05-01", None, "reseller"), ("203.0.113.16", "2026-04-01", None, "reseller"),
        ("203.0.113.64", "2026-04-01", 1500, "cgnat-a"), ("203.0.113.64", "2026-04-01", 4095, "cgnat-b"),
        ("203.0.113.64", "2026-04-01", 9000, "reseller"), ("203.0.113.64", "2026-04-01", None, None),
    ]  # fmt: skip
    queries = [Query(day(at), ip_address(address), None, port) for address, at, port, _ in asked]
    assert [customer(match) for match in DirectoryCRM().find(queries)] == [wanted for *_, wanted in asked]
    names = ["www.shop.reseller.example.org", "other.reseller.example.org"]
    matches = DirectoryCRM().find([Query(day("2026-04-01"), None, name) for name in names])
    assert [customer(match) for match in matches] == ["shop", "reseller"]


def test_a_shared_address_goes_by_port() -> None:
    hold("c1", "198.51.100.200", ports=(1024, 5055))
    hold("c2", "198.51.100.200", ports=(5056, 9087))
    assert [who("198.51.100.200", port=port) for port in (1023, 1024, 5055, 5056, 9088)] == [
        None, "c1", "c1", "c2", None,
    ]  # fmt: skip


@pytest.mark.parametrize("port", [None, 0, -1, 65536, 2**40])
def test_without_a_usable_port_a_shared_address_is_nobodys(port: int | None) -> None:
    hold("c1", "198.51.100.200", ports=(0, 5055))
    hold("c2", "198.51.100.200", ports=(5056, 65535))
    assert who("198.51.100.200", port=port) is None


def test_without_a_port_the_only_holder_is_meant() -> None:
    hold("c1", "198.51.100.200", ports=(1024, 5055))
    hold("c1", "198.51.100.200", ports=(5056, 9087))
    hold("gone", "198.51.100.200", ports=(9088, 9999), until="2026-01-01")
    assert who("198.51.100.200") == "c1"


def test_without_a_port_the_owner_of_the_other_ports_might_be_meant_too() -> None:
    hold("isp", "198.51.100.0/24")
    hold("c1", "198.51.100.200", ports=(1024, 5055))
    assert who("198.51.100.200") is None
    assert who("198.51.100.200", port=1024) == "c1"
    assert who("198.51.100.200", port=80) == "isp"


def test_what_lies_behind_a_whole_network_is_not_meant() -> None:
    hold("behind", "198.51.100.0/24")
    hold("c1", "198.51.100.200/31")
    hold("c1", "198.51.100.200", ports=(1024, 5055))
    assert who("198.51.100.200") == "c1"


def test_many_shares_of_one_customer_do_not_hide_another() -> None:
    for first in range(1, 11):
        hold("c1", "198.51.100.200", ports=(first * 10, first * 10 + 9))
    hold("c2", "198.51.100.200", ports=(1000, 60000))
    assert who("198.51.100.200") is None


def test_the_narrowest_range_of_ports_wins() -> None:
    hold("wide", "198.51.100.200", ports=(1, 65535))
    hold("whole", "198.51.100.200")
    hold("narrow", "198.51.100.200", ports=(100, 200))
    assert who("198.51.100.200", port=150) == "narrow"
    assert who("198.51.100.200", port=300) == "wide"
    assert who("198.51.100.200", port=0) is None


def test_each_customer_is_judged_by_his_narrowest_range() -> None:
    hold("c1", "198.51.100.200", ports=(1, 1000), since="2026-03-01")
    hold("c1", "198.51.100.200", ports=(100, 199), since="2026-01-01")
    hold("c2", "198.51.100.200", ports=(100, 299), since="2026-02-01")
    assert reason("198.51.100.200", port=150) == "198.51.100.200/32 ports 100-199 since 2026-01-01"


def test_two_claims_are_decided_and_said() -> None:
    hold("late", "203.0.113.8/29", since="2026-03-01")
    hold("early", "203.0.113.8/29", since="2026-01-01")
    hold("always", "203.0.113.8/29")
    assert reason("203.0.113.9") == "203.0.113.8/29 since 2026-03-01; ambiguous: also early, always"
    hold("same-day", "203.0.113.8/29", since="2026-03-01")
    assert who("203.0.113.9") == "same-day"


def test_two_services_of_one_customer_are_not_ambiguous() -> None:
    hold("c1", "203.0.113.8/29")
    hold("c1", "203.0.113.8/29", since="2026-01-01")
    assert reason("203.0.113.9") == "203.0.113.8/29 since 2026-01-01"


def test_reasons() -> None:
    hold("c1", "203.0.113.8/29", since="2026-03-01")
    hold("c2", "198.51.100.200", ports=(1024, 5055), since="2026-03-01T14:00:05", until="2027-01-01")
    hold("c3", "shop.example.org")
    assert reason("203.0.113.8") == "203.0.113.8/29 since 2026-03-01"
    assert (
        reason("198.51.100.200", port=2000)
        == "198.51.100.200/32 ports 1024-5055 since 2026-03-01T14:00:05Z until 2027-01-01"
    )
    assert reason(host="www.shop.example.org") == "shop.example.org"


def test_the_longest_domain_wins() -> None:
    hold("org", "example.org")
    hold("shop", "shop.example.org", since="2026-01-01", until="2026-07-01")
    assert who(host="www.a.shop.example.org") == "shop"
    assert who(host="shop.example.org") == "shop"
    assert who(host="www.a.shop.example.org", at=day("2026-07-01")) == "org"
    assert who(host="myshop.example.org") == "org"
    assert who(host="example.net") is None


def test_two_claims_on_a_domain_are_decided_and_said() -> None:
    hold("early", "example.org", since="2026-01-01")
    hold("late", "example.org", since="2026-02-01")
    hold("wide", "www.example.org", until="2026-01-01")
    assert reason(host="www.example.org") == "example.org since 2026-02-01; ambiguous: also early"


def test_spellings_of_a_host() -> None:
    hold("c1", "xn--mnchen-3ya.example")
    for host in ("MÜNCHEN.example", "www.münchen.example.", "_dmarc.xn--mnchen-3ya.EXAMPLE"):
        assert who(host=host) == "c1"


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "..",
        "localhost",
        "a..example",
        "example.org\x00",
        "a b.example",
        "203.0.113.8",
        "-a.example",
        "\ud800.example",
        "a" * 64 + ".example",
        "a." * 200 + "example",
        "ü" * 100_000,
        "%s.example",
        "example.org' OR '1'='1",
    ],
)
def test_a_host_that_is_none_is_nobodys_and_spoils_no_batch(host: str) -> None:
    hold("c1", "example.org")
    bad, good = DirectoryCRM().find([Query(NOW, host=host), Query(NOW, host="example.org")])
    assert (customer(bad), customer(good)) == (None, "c1")


def test_the_address_speaks_before_the_host() -> None:
    hold("by-address", "203.0.113.8")
    hold("by-host", "example.org")
    assert who("203.0.113.8", host="example.org") == "by-address"
    assert who("203.0.113.9", host="example.org") == "by-host"
    hold("shared", "198.51.100.200", ports=(1, 2))
    hold("sharer", "198.51.100.200", ports=(3, 4))
    assert who("198.51.100.200", host="example.org") == "by-host"


def test_one_statement_answers_in_order(django_assert_num_queries: Any) -> None:
    for number in range(20):
        hold(f"c{number}", f"203.0.113.{number}")
        hold(f"c{number}", f"d{number}.example.org")
    queries = [Query(NOW, address=ip_address(f"203.0.113.{number}")) for number in reversed(range(30))]
    queries += [Query(NOW, host=f"www.d{number}.example.org") for number in range(30)]
    with django_assert_num_queries(1):
        answers = DirectoryCRM().find(queries)
    expected: list[str | None] = [f"c{number}" if number < 20 else None for number in range(30)]
    assert [customer(answer) for answer in answers] == expected[::-1] + expected


def test_nothing_to_ask_costs_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert DirectoryCRM().find([]) == []
        assert DirectoryCRM().find([Query(NOW, host="localhost"), Query(NOW)]) == [None, None]


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at: 2026-01-01T00:00:00 has no zone; expected an aware datetime"):
        DirectoryCRM().find([Query(datetime(2026, 1, 1), host="example.org")])  # noqa: DTZ001


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_time(at: datetime) -> None:
    hold("c1", "203.0.113.8")
    hold("c2", "203.0.113.9", since="2026-01-01", until="2026-02-01")
    assert who("203.0.113.8", at=at) == "c1"
    assert who("203.0.113.9", at=at) is None


def test_all_that_is_known() -> None:
    service = service_of("c1")
    service.customer.data |= {
        "spare_email": "c1@spare.example", "firstname": "Ann", "name": "Lee", "organisation": "Lee Ltd",
        "legal_form": "ltd", "address": "1 Road", "zip": "1000", "city": "York", "state": "NY", "country": "GB",
        "billing_country": "IE", "lang": "EN", "phone": "+44", "is_vip": True, "is_gs": True, "is_internal": True,
        "a_field_of_a_later_version": 1,
    }  # fmt: skip
    service.customer.save()
    service.data |= {"domain": "lee.example", "component_type": "VPS", "component_sub_type": "x", "reference": None}
    service.save()
    expected = DefendantInfo(
        "c1", "c1@mail.example", datetime(2020, 1, 1, tzinfo=UTC), "c1@spare.example", "Ann", "Lee", "Lee Ltd",
        "ltd", "1 Road", "1000", "York", "NY", "GB", "IE", "EN", "+44", True, True, True,
    )  # fmt: skip
    crm = DirectoryCRM()
    assert crm.get_customer_infos("c1") == expected
    assert crm.get_service_infos("service-c1") == ServiceInfo("vps of c1", "service-c1", "lee.example", "VPS", "x")
    hold("c1", "203.0.113.8")
    (match,) = crm.find([Query(NOW, ip_address("203.0.113.8"))])
    assert match is not None
    assert (match.defendant, match.service) == (expected, crm.get_service_infos("service-c1"))


def test_the_services_of_a_customer() -> None:
    owner = service_of("c1").customer
    DirectoryService.create(service_id="a-second", customer=owner, data={"name": "mail"})
    service_of("c2")
    services = DirectoryCRM().get_customer_services("c1")
    assert [(service.service_id, service.name) for service in services] == [
        ("a-second", "mail"),
        ("service-c1", "vps of c1"),
    ]


@pytest.mark.parametrize("unknown", ["nobody", "", "c1\x00"])
def test_who_is_unknown(unknown: str) -> None:
    service_of("c1")
    crm = DirectoryCRM()
    assert crm.get_customer_infos(unknown) is None
    assert crm.get_service_infos(unknown) is None
    assert crm.get_customer_services(unknown) == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"email": "a@b.example"},
        {"email": "a@b.example", "creation_date": "2020-01-01"},
        {"creation_date": "2020-01-01T00:00:00Z"},
    ],
)
def test_stored_data_that_cannot_be_read_is_said(data: Any) -> None:
    DirectoryCustomer.create(customer_id="c1", data=data, updated_at=NOW)
    with pytest.raises(CRMServiceException, match="directory customer c1: the stored data cannot be read") as caught:
        DirectoryCRM().get_customer_infos("c1")
    assert caught.value.permanent


def test_a_database_that_cannot_answer_is_said() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE abuse_directoryresource")
    with pytest.raises(CRMServiceException, match="the customer directory cannot be read") as caught:
        DirectoryCRM().find([Query(NOW, host="example.org")])
    assert not caught.value.permanent


def test_the_settings_build_it() -> None:
    assert isinstance(DirectoryCRM.create({}), DirectoryCRM)


def test_how_a_service_stands_is_known_from_the_file() -> None:
    service = {
        "serviceId": "s9", "name": "vps", "creationDate": "2024-11-02", "expirationDate": "2027-01-01T00:00:00+01:00",
        "autorenew": False, "state": "suspended",
    }  # fmt: skip
    customer = {"customerId": "c9", "email": "c9@x.example", "creationDate": "2020-01-31", "services": [service]}
    record = read_record("record 1", customer)
    assert isinstance(record, CustomerRecord)
    assert import_customers([record], dry_run=False).faults == ()
    (info,) = DirectoryCRM().get_customer_services("c9")
    assert (info.creation_date, info.expiration_date) == (
        datetime(2024, 11, 2, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC),
    )  # fmt: skip
    assert (info.autorenew, info.state) == (False, "suspended")
