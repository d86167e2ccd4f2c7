"""The customers file is read record by record, and each fault says where, what and what instead."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from abuse.controllers.customers_file import COLUMNS, read_customers
from abuse.services.crm.records import CustomerRecord, Fault, ResourceRecord

ANN: dict[str, Any] = {"customerId": "c1", "email": "ann@mail.example", "creationDate": "2015-10-24T11:56:00Z"}
DEMO = Path(__file__).parents[3] / "demo"


def read(tmp_path: Path, content: str | bytes) -> list[CustomerRecord | Fault]:
    path = tmp_path / "customers"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_customers(path))


def faults(tmp_path: Path, content: str | bytes) -> list[str]:
    return [str(record) for record in read(tmp_path, content) if isinstance(record, Fault)]


def customer_faults(tmp_path: Path, **fields: Any) -> list[str]:
    return faults(tmp_path, json.dumps({"customers": [{**ANN, **fields}]}))


def resource(tmp_path: Path, **fields: Any) -> ResourceRecord:
    document = {"customers": [{**ANN, "services": [{"name": "vps", "resources": [fields]}]}]}
    (record,) = read(tmp_path, json.dumps(document))
    assert isinstance(record, CustomerRecord), record
    return record.services[0].resources[0]


def resource_faults(tmp_path: Path, **fields: Any) -> list[str]:
    return customer_faults(tmp_path, services=[{"name": "vps", "resources": [fields]}])


def test_the_demo_files() -> None:
    customers = list(read_customers(DEMO / "customers.json"))
    assert len(customers) == 300
    assert all(isinstance(record, CustomerRecord) for record in customers)
    rows = list(read_customers(DEMO / "customers-sample.csv"))
    assert rows
    assert all(isinstance(record, CustomerRecord) for record in rows)


def test_the_examples_of_the_reference_are_one_customer(tmp_path: Path) -> None:
    page = (DEMO.parent / "docs" / "reference" / "customers-file.md").read_text(encoding="utf-8")
    (from_json,) = read(tmp_path, page.partition("```json\n")[2].partition("```")[0])
    rows = read(tmp_path, page.partition("```csv\n")[2].partition("```")[0])
    assert isinstance(from_json, CustomerRecord)
    resources: list[ResourceRecord] = []
    for row in rows:
        assert isinstance(row, CustomerRecord), row
        resources += row.services[0].resources
        without = {"services": {0: {"resources"}}}
        assert row.model_dump(exclude=without) == from_json.model_dump(exclude=without)
    assert tuple(resources) == from_json.services[0].resources
    for column in COLUMNS:
        assert f"`{column}`" in page


def test_json_and_csv_say_the_same(tmp_path: Path) -> None:
    service = {
        "serviceId": "s1", "name": "vps-1", "domain": "ann.example", "componentType": "VPS",
        "componentSubType": "vps-2024", "reference": "r-1", "creationDate": "2024-11-02", "autorenew": True,
        "expirationDate": "2027-01-01T00:00:00+01:00", "state": "active",
        "resources": [{"network": "198.51.100.200/32", "validFrom": "2024-11-02T18:00:00Z",
                       "validTo": "2027-01-01T00:00:00+01:00", "portFrom": 1024, "portTo": 5055}],
    }  # fmt: skip
    customer = {
        "customerId": "c1", "email": "ann@mail.example", "spareEmail": "ann@spare.example", "firstname": "Ann",
        "name": "Lee", "organisation": "Lee, Ltd", "address": "1 Road\n2nd floor", "zip": "01000", "city": "Zürich",
        "state": "ZH", "country": "CH", "billingCountry": "DE", "lang": "DE", "phone": "+41", "legalForm": "ltd",
        "creationDate": "2015-10-24T11:56:00Z", "isVIP": True, "isGS": False, "isInternal": True, "services": [service],
    }  # fmt: skip
    row = (
        'c1,ann@mail.example,ann@spare.example,Ann,Lee,"Lee, Ltd","1 Road\n2nd floor",01000,Zürich,ZH,CH,DE,DE,+41,ltd,'
        "2015-10-24T11:56:00Z,true,false,true,s1,vps-1,ann.example,VPS,vps-2024,r-1,2024-11-02,"
        "2027-01-01T00:00:00+01:00,true,active,198.51.100.200/32,,"
        "2024-11-02T18:00:00Z,2027-01-01T00:00:00+01:00,1024,5055"
    )
    columns = (
        "customer_id,email,spare_email,firstname,name,organisation,address,zip,city,state,country,billing_country,lang,"
        "phone,legal_form,creation_date,is_vip,is_gs,is_internal,service_id,service_name,service_domain,component_type,"
        "component_sub_type,reference,service_creation_date,service_expiration_date,service_autorenew,service_state,"
        "network,domain,valid_from,valid_to,port_from,port_to"
    )
    assert set(columns.split(",")) == set(COLUMNS)
    from_json = read(tmp_path, "\ufeff \n" + json.dumps({"customers": [customer]}))
    from_csv = read(tmp_path, f"\ufeff{columns}\r\n{row}\r\n")
    assert from_json == from_csv
    (record,) = from_json
    assert isinstance(record, CustomerRecord)
    assert (record.address, record.city, record.is_vip, record.is_gs) == ("1 Road 2nd floor", "Zürich", True, False)
    assert record.services[0].resources[0] == ResourceRecord(
        network="198.51.100.200", valid_from="2024-11-02T18:00:00Z", valid_to="2026-12-31T23:00:00Z",
        port_from=1024, port_to=5055,
    )  # fmt: skip


def test_a_row_without_service_is_a_customer_alone(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "customer_id,email,creation_date,service_name,network\nc1,a@b.example,2020-01-31,,\n")
    assert isinstance(record, CustomerRecord)
    assert record.services == ()
    assert record.creation_date == datetime(2020, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"email": "ann"}, "email: 'ann'; expected one e-mail address such as name@example.org"),
        ({"email": "a@b.example, c@d.example"}, "email: 'a@b.example, c@d.example'; expected one e-mail address"),
        ({"email": None}, "email: None; expected text"),
        ({"spareEmail": "x\r\nBcc: y"}, "spareEmail: 'x Bcc: y'; expected one e-mail address"),
        ({"name": "a\x00b"}, r"name: 'a\x00b'; expected text without control characters"),
        ({"name": "\ud800"}, r"name: '\ud800'; expected text without control characters"),
        ({"name": ["a"]}, "name: ['a']; expected text"),
        ({"country": "x" * 33}, f"country: '{'x' * 33}'; expected at most 32 characters"),
        ({"isVIP": "perhaps"}, "isVIP: 'perhaps'; expected true or false"),
        ({"creationDate": "2020-13-01"}, "creationDate: '2020-13-01'; expected a day such as 2026-03-01"),
        ({"creationDate": "20200101"}, "creationDate: '20200101'; expected a time with its zone such as"),
        ({"creationDate": 1577836800}, "creationDate: 1577836800; expected a time with its zone such as"),
        ({"validTo": "2020"}, "validTo: '2020'; expected no field of this name"),
        ({"services": {}}, "services: {}; expected a list"),
        ({"services": [7]}, "services.0: 7; expected an object"),
        ({"services": [{"serviceId": "s1"}]}, "services.0.name: missing; expected a value"),
    ],
)
def test_faults_of_a_customer(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    (fault,) = customer_faults(tmp_path, **fields)
    assert fault.startswith(f"record 1 (customer 'c1'): {expected}")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"network": "203.0.113.9/29"},
            ".network: '203.0.113.9/29'; expected a network without host bits; 203.0.113.8/29 ",
        ),
        (
            {"network": "2001:db8::1/64"},
            ".network: '2001:db8::1/64'; expected a network without host bits; 2001:db8::/64 was",
        ),
        ({"network": "203.0.113.256"}, ".network: '203.0.113.256'; expected a network or address such as"),
        ({"network": 3405803784}, ".network: 3405803784; expected a network or address such as"),
        ({"network": "fe80::1%eth0"}, ".network: 'fe80::1%eth0'; expected a network or address such as"),
        ({"network": "::/0"}, ".network: '::/0'; expected a network smaller than the whole Internet"),
        ({"network": "::ffff:0:0/96"}, ".network: '::ffff:0:0/96'; expected a network smaller than the whole Internet"),
        ({"domain": "org"}, ".domain: 'org'; expected a domain of two labels or more"),
        ({"domain": "203.0.113.8"}, ".domain: '203.0.113.8'; expected a domain of two labels or more"),
        (
            {"network": "203.0.113.8", "domain": "a.example"},
            ": {'network': '203.0.113.8', 'domain': 'a.example'}; expected either",
        ),
        ({}, ": {}; expected either a network or a domain"),
        ({"network": "203.0.113.8", "portFrom": 5}, ": {'network': '203.0.113.8', 'portFrom': 5}; expected both ports"),
        ({"domain": "a.example", "portFrom": 5, "portTo": 6}, "; expected ports only with a network"),
        ({"network": "203.0.113.8", "portFrom": 6, "portTo": 5}, "; expected the first port not to be above the last"),
        (
            {"network": "203.0.113.8", "portFrom": 1, "portTo": 65536},
            ".portTo: 65536; expected less than or equal to 65535",
        ),
        ({"network": "203.0.113.8", "portFrom": "x", "portTo": 5}, ".portFrom: 'x'; expected a whole number"),
        ({"domain": "a.example", "validFrom": "2026-03-01"}, ".validFrom: '2026-03-01'; expected a time with its zone"),
        (
            {"domain": "a.example", "validTo": "9999-12-31T23:00:00-05:00"},
            ".validTo: '9999-12-31T23:00:00-05:00'; expected a time",
        ),
        (
            {"domain": "a.example", "validFrom": "2026-03-01T00:00:00Z", "validTo": "2026-03-01T01:00:00+01:00"},
            "; expected the start of validity to be before its end",
        ),
    ],
)
def test_faults_of_a_resource(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    (fault,) = resource_faults(tmp_path, **fields)
    assert fault.startswith("record 1 (customer 'c1'): services.0.resources.0")
    assert expected in fault


def test_spellings_become_one(tmp_path: Path) -> None:
    assert resource(tmp_path, network="::ffff:203.0.113.0/120").network == ip_network("203.0.113.0/24")
    assert resource(tmp_path, network=" 203.0.113.8 ").network == ip_network("203.0.113.8/32")
    assert resource(tmp_path, network="2001:DB8:0::/48").network == ip_network("2001:db8::/48")
    assert resource(tmp_path, domain="Shop.MÜNCHEN.example.").domain == "shop.xn--mnchen-3ya.example"


def test_all_faults_of_all_records_are_told(tmp_path: Path) -> None:
    document = {"customers": [{**ANN, "email": "x", "isGS": 7}, ANN, {"customerId": "c3", "email": "y@z.example"}]}
    good = [record for record in read(tmp_path, json.dumps(document)) if isinstance(record, CustomerRecord)]
    assert [record.customer_id for record in good] == ["c1"]
    assert faults(tmp_path, json.dumps(document)) == [
        "record 1 (customer 'c1'): email: 'x'; expected one e-mail address such as name@example.org",
        "record 1 (customer 'c1'): isGS: 7; expected true or false",
        "record 3 (customer 'c3'): creationDate: missing; expected a value",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{}", "the file: JSON: '}'; expected \"customers\""),
        ('{"clients": []}', "the file: JSON: 'clients'; expected \"customers\""),
        ('{"customers": {}}', "the file: JSON: '{'; expected ["),
        ('{"customers": [', "record 1: JSON: the end of the file; expected an object"),
        ('{"customers": [5]}', "record 1: JSON: '5'; expected an object"),
        (
            '{"customers": [{"customerId": "c1", oops}]}',
            'record 1: JSON: \'"customerId": "c1", oops}]}\'; expected JSON (Expec',
        ),
        ('{"customers": [{"customerId": "c1"', 'record 1: JSON: \'{"customerId": "c1"\'; expected JSON'),
        ('{"customers": []', "the file: JSON: the end of the file; expected }"),
        ('{"customers": []} {}', "the file: JSON: '{'; expected the end of the file"),
        ('{"customers": [{"a":' + "[" * 100_000, "record 1: JSON: the record; expected an object of JSON"),
        ('{"customers": [{"a":' + "9" * 5_000 + "}]}", "record 1: JSON: the record; expected an object of JSON"),
    ],
)
def test_what_is_not_json(tmp_path: Path, content: str, expected: str) -> None:
    (fault,) = faults(tmp_path, content)
    assert fault.startswith(expected)


def test_records_before_a_broken_one_are_read(tmp_path: Path) -> None:
    first, second = read(tmp_path, f'{{"customers": [{json.dumps(ANN)} {json.dumps(ANN)}]}}')
    assert isinstance(first, CustomerRecord)
    assert str(second) == "after record 1: JSON: '{'; expected , or ]"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "",
            [
                "line 1: customer_id: missing; expected a column of this name",
                "line 1: email: missing; expected a column of this name",
                "line 1: creation_date: missing; expected a column of this name",
            ],
        ),
        (
            "customer_id;email;creation_date\n",
            ["line 1: header: 'customer_id;email;creation_date'; expected columns of"],
        ),
        ("customer_id,email,creation_date,email\n", ["line 1: header: 'email'; expected each column once"]),
        (
            "customer_id,email,creation_date\nc1,a@b.example\n",
            ["line 2: the row: 2 values; expected 3, as many as columns"],
        ),
        (
            'customer_id,email,creation_date\n\nc1,"a"b,2020-01-01\n',
            ["line 3: CSV: ',' expected after '\"'; expected comma-sep"],
        ),
        (
            "customer_id,email,creation_date,network\nc1,a@b.example,2020-01-01,203.0.113.9/29\n",
            [
                "line 2 (customer 'c1'): service_name: missing; expected a value",
                "line 2 (customer 'c1'): network: '203.0.113.9/29'; expected a network without host bits",
            ],
        ),
        (
            "customer_id,email,creation_date,service_name,port_from\nc1,a@b.example,2020-01-01,vps,7\n",
            ["line 2 (customer 'c1'): the resource: {'portFrom': '7'}; expected either a network or a domain"],
        ),
        (
            "customer_id,email,creation_date,is_vip\n,x,,7\n",
            [
                "line 2: customer_id: missing",
                "line 2: email: 'x'",
                "line 2: creation_date: missing",
                "line 2: is_vip: '7'",
            ],
        ),
    ],
)
def test_faults_of_a_csv_file(tmp_path: Path, content: str, expected: list[str]) -> None:
    found = faults(tmp_path, content)
    assert len(found) == len(expected)
    for fault, beginning in zip(found, expected, strict=True):
        assert fault.startswith(beginning)


def test_what_is_not_utf_8(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, b"customer_id,email,creation_date\nc1,\xe9@b.example,2020-01-01\n")
    assert fault == r"the file: encoding: b'\xe9'; expected UTF-8 (invalid continuation byte)"


def test_a_long_file_is_never_held_in_full(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("w", encoding="utf-8") as file:
        file.write('{"customers": [')
        file.writelines(json.dumps({**ANN, "address": "x" * 1000}) + "," for _ in range(10_000))
        file.write(json.dumps(ANN) + "]}")
    assert path.stat().st_size > 10_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_customers(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 10_001
    assert peak < 4_000_000


def test_a_record_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    services = [{"name": f"vps-{number}", "reference": "x" * 200} for number in range(5_000)]
    first, second = read(tmp_path, json.dumps({"customers": [{**ANN, "services": services}, ANN]}))
    assert isinstance(first, CustomerRecord)
    assert len(first.services) == 5_000
    assert isinstance(second, CustomerRecord)
