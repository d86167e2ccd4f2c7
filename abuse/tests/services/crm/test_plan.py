"""With a hundred thousand networks the look-up still goes by its indexes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.db import connection

from abuse.services.crm.base import Query
from abuse.services.crm.default import FIND, DirectoryCRM, find_parameters

from .directory import NOW, customer

_FILL = """
INSERT INTO abuse_directorycustomer (customer_id, data, updated_at)
SELECT 'c' || n, '{"email": "c@mail.example", "creation_date": "2020-01-01T00:00:00Z"}', now()
FROM generate_series(0, 9999) AS n;
INSERT INTO abuse_directoryservice (service_id, customer_id, data)
SELECT 's' || substr(customer_id, 2), id, '{"name": "vps"}' FROM abuse_directorycustomer;
INSERT INTO abuse_directoryresource (service_id, network)
SELECT service.id, set_masklen('10.0.0.0'::inet + n * 8, 29)
FROM generate_series(0, 99999) AS n JOIN abuse_directoryservice AS service ON service.service_id = 's' || n / 10;
INSERT INTO abuse_directoryresource (service_id, domain)
SELECT id, service_id || '.example.org' FROM abuse_directoryservice;
ANALYZE abuse_directorycustomer, abuse_directoryservice, abuse_directoryresource
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 500])
def test_no_table_is_read_from_end_to_end(count: int) -> None:
    with connection.cursor() as cursor:
        for statement in _FILL.split(";"):
            cursor.execute(statement)
        queries = [Query(NOW, ip_address("10.0.0.0") + n * 1600 + 3, port=443) for n in range(count)]
        queries += [Query(NOW, host=f"www.s{n}.example.org") for n in range(count)]
        cursor.execute("EXPLAIN (FORMAT JSON) " + FIND, find_parameters(queries))
        (answer,) = cursor.fetchone()
    plan = list(nodes((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))
    assert [node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"] == []
    assert {"directory_network", "directory_domain"} <= {node.get("Index Name") for node in plan}
    matches = [customer(match) for match in DirectoryCRM().find(queries)]
    assert matches == [f"c{n * 20}" for n in range(count)] + [f"c{n}" for n in range(count)]
