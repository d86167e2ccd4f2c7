"""Fill the customer directory: compare a document with what is stored, write the difference, all of it or nothing."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from abuse.services.crm.records import CustomerRecord, Fault, ResourceRecord, ServiceRecord, shown

from .late import ask_again_soon

MAX_FAULTS = 50
MAX_WARNINGS = 50
_BATCH = 5_000  # records held in memory before they go to the database

MAX_SERVICE_ID = 256
_Row = tuple[str | int | datetime | None, ...]

_STAGE = """
CREATE TEMPORARY TABLE incoming_customer (customer_id text, data jsonb);
CREATE TEMPORARY TABLE incoming_service (service_id text, customer_id text, data jsonb);
CREATE TEMPORARY TABLE incoming_resource (
    service_id text, network inet, domain text, port_from int, port_to int, valid_from timestamptz, valid_to timestamptz
)
"""
_FIRST_SAID = {
    "customer": "SELECT data FROM incoming_customer WHERE customer_id = %s",
    "service": "SELECT data FROM incoming_service WHERE service_id = %s",
}
_UNSTAGE = "DROP TABLE incoming_customer, incoming_service, incoming_resource"

# One writer at a time; readers go on. Two imports at once would each see half of the other's difference.
_LOCK = """
LOCK TABLE abuse_directorycustomer, abuse_directoryservice, abuse_directoryresource IN SHARE ROW EXCLUSIVE MODE
"""

_CHANGE_CUSTOMERS = """
UPDATE abuse_directorycustomer AS stored SET data = incoming.data, updated_at = %s
FROM incoming_customer AS incoming
WHERE stored.customer_id = incoming.customer_id AND stored.data IS DISTINCT FROM incoming.data
"""
_ADD_CUSTOMERS = """
INSERT INTO abuse_directorycustomer (customer_id, data, updated_at)
SELECT customer_id, data, %s FROM incoming_customer AS incoming
WHERE NOT EXISTS (SELECT FROM abuse_directorycustomer AS stored WHERE stored.customer_id = incoming.customer_id)
"""
_CHANGE_SERVICES = """
UPDATE abuse_directoryservice AS stored SET data = incoming.data, customer_id = customer.id
FROM incoming_service AS incoming
JOIN abuse_directorycustomer AS customer ON customer.customer_id = incoming.customer_id
WHERE stored.service_id = incoming.service_id
  AND (stored.data IS DISTINCT FROM incoming.data OR stored.customer_id <> customer.id)
"""
_ADD_SERVICES = """
INSERT INTO abuse_directoryservice (service_id, customer_id, data)
SELECT incoming.service_id, customer.id, incoming.data
FROM incoming_service AS incoming
JOIN abuse_directorycustomer AS customer ON customer.customer_id = incoming.customer_id
WHERE NOT EXISTS (SELECT FROM abuse_directoryservice AS stored WHERE stored.service_id = incoming.service_id)
"""
# A row as text makes NULLs comparable by a hash: a service may have a hundred thousand leases.
_REMOVE_RESOURCES = """
DELETE FROM abuse_directoryresource AS stored
USING abuse_directoryservice AS service
JOIN incoming_service ON incoming_service.service_id = service.service_id
WHERE stored.service_id = service.id AND NOT EXISTS (
    SELECT FROM incoming_resource AS incoming
    WHERE incoming.service_id = service.service_id
      AND ROW(incoming.network, incoming.domain, incoming.port_from, incoming.port_to,
              incoming.valid_from, incoming.valid_to)::text
        = ROW(stored.network, stored.domain, stored.port_from, stored.port_to, stored.valid_from, stored.valid_to)::text
)
"""
_ADD_RESOURCES = """
INSERT INTO abuse_directoryresource (service_id, network, domain, port_from, port_to, valid_from, valid_to)
SELECT DISTINCT service.id, incoming.network, incoming.domain, incoming.port_from, incoming.port_to,
       incoming.valid_from, incoming.valid_to
FROM incoming_resource AS incoming
JOIN abuse_directoryservice AS service ON service.service_id = incoming.service_id
WHERE NOT EXISTS (
    SELECT FROM abuse_directoryresource AS stored
    WHERE stored.service_id = service.id
      AND ROW(incoming.network, incoming.domain, incoming.port_from, incoming.port_to,
              incoming.valid_from, incoming.valid_to)::text
        = ROW(stored.network, stored.domain, stored.port_from, stored.port_to, stored.valid_from, stored.valid_to)::text
)
"""
_COUNT_RESOURCES = """
SELECT count(*) FROM abuse_directoryresource AS stored
JOIN abuse_directoryservice AS service ON service.id = stored.service_id
JOIN incoming_service ON incoming_service.service_id = service.service_id
"""
_REMOVE_OTHER_RESOURCES = """
DELETE FROM abuse_directoryresource AS stored USING abuse_directoryservice AS service
WHERE stored.service_id = service.id
  AND NOT EXISTS (SELECT FROM incoming_service AS incoming WHERE incoming.service_id = service.service_id)
"""
_REMOVE_OTHER_SERVICES = """
DELETE FROM abuse_directoryservice AS stored
WHERE NOT EXISTS (SELECT FROM incoming_service AS incoming WHERE incoming.service_id = stored.service_id)
"""
_REMOVE_OTHER_CUSTOMERS = """
DELETE FROM abuse_directorycustomer AS stored
WHERE NOT EXISTS (SELECT FROM incoming_customer AS incoming WHERE incoming.customer_id = stored.customer_id)
"""

_MOVED_SERVICES = """
SELECT incoming.service_id, customer.customer_id, incoming.customer_id
FROM incoming_service AS incoming
JOIN abuse_directoryservice AS stored ON stored.service_id = incoming.service_id
JOIN abuse_directorycustomer AS customer ON customer.id = stored.customer_id
WHERE customer.customer_id <> incoming.customer_id
ORDER BY 1 LIMIT %s
"""
# Each claim against the latest end of those that began before it: a self-join would compare every two leases that an
# address ever had. Where claims of different customers overlap, at least one of them is found so.
_OVERLAPS = """
WITH claim AS (
    SELECT resource.*, service.customer_id, coalesce(network::text, domain) AS thing,
           coalesce(valid_from, '-infinity') AS begins,
           max(coalesce(valid_to, 'infinity')) OVER (
               PARTITION BY coalesce(network::text, domain), port_from, port_to
               ORDER BY coalesce(valid_from, '-infinity'), resource.id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS taken_until
    FROM abuse_directoryresource AS resource
    JOIN abuse_directoryservice AS service ON service.id = resource.service_id
    WHERE coalesce(network::text, domain) IN (SELECT coalesce(network::text, domain) FROM incoming_resource)
)
SELECT claim.thing, claim.port_from, claim.port_to,
       holder.customer_id, other.customer_id, nullif(claim.begins, '-infinity')
FROM claim
JOIN abuse_directorycustomer AS holder ON holder.id = claim.customer_id
CROSS JOIN LATERAL (
    SELECT customer.customer_id
    FROM abuse_directoryresource AS resource
    JOIN abuse_directoryservice AS service ON service.id = resource.service_id
    JOIN abuse_directorycustomer AS customer ON customer.id = service.customer_id
    WHERE (resource.network = claim.network OR resource.domain = claim.domain)
      AND resource.port_from IS NOT DISTINCT FROM claim.port_from
      AND resource.port_to IS NOT DISTINCT FROM claim.port_to
      AND service.customer_id <> claim.customer_id
      AND coalesce(resource.valid_from, '-infinity') <= claim.begins
      AND claim.begins < coalesce(resource.valid_to, 'infinity')
    LIMIT 1
) AS other
WHERE claim.taken_until > claim.begins
ORDER BY 1, 2, claim.begins, 4 LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did to one kind of row. Of the rows that the document does not name, only removals are counted."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or would do. With `faults` nothing was written and all counts are zero.

    `warnings` are things that are allowed and probably wrong. At most 50 of each are given.
    """

    customers: Counts = Counts()
    services: Counts = Counts()
    resources: Counts = Counts()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    asked_again: int = 0
    """Reports of nobody known that the customer database is asked about again because of it."""

    @property
    def is_a_change(self) -> bool:
        return any(
            counts.added or counts.changed or counts.removed
            for counts in (self.customers, self.services, self.resources)
        )


def import_customers(
    document: Iterable[CustomerRecord | Fault], *, dry_run: bool = False, replace: bool = False
) -> ImportResult:
    """Make the directory say what the document says, in one transaction.

    The resources of each service in the document become exactly those given. Services and customers that it does not
    name are left alone, unless `replace`: then they go, with their history. A customer may come in several records, as
    long as all say the same of him; so may a service. A fault in the place of a record stops the import from writing.
    `dry_run` does all of it and rolls back. After a change, reports of nobody known are soon asked about again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STAGE)
        stage = _Stage(cursor)
        faults = tuple(itertools.islice(_staged(stage, document), MAX_FAULTS))
        if not faults and replace and not stage.customers:
            faults = (Fault("the file", "customers", "none", "expected at least one customer to replace all others"),)
        if faults:
            transaction.set_rollback(True)
            return ImportResult(faults=faults)
        result = _apply(cursor, stage, replace=replace, now=timezone.now())
        if dry_run:
            transaction.set_rollback(True)
            return result
        cursor.execute(_UNSTAGE)
        return dataclasses.replace(result, asked_again=ask_again_soon()) if result.is_a_change else result


class _Stage:
    """Records on their way into the incoming tables, by COPY, a batch at a time."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self.customers: dict[str, int] = {}  # id → hash of what was said of him
        self.services: dict[str, tuple[str, int]] = {}  # id → customer's id, hash of what was said of it
        self._customer_rows: list[_Row] = []
        self._service_rows: list[_Row] = []
        self._resource_rows: list[_Row] = []

    def add(self, record: CustomerRecord) -> Iterator[Fault]:
        """Take in a record; yields where it contradicts an earlier one."""
        data = record.model_dump_json(exclude={"services", "customer_id"}, exclude_defaults=True)
        known = self.customers.get(record.customer_id)
        if known is None:
            self.customers[record.customer_id] = hash(data)
            self._customer_rows.append((record.customer_id, data))
        elif known != hash(data):
            yield from self._contradictions("customer", record.customer_id, data)
        for service in record.services:
            yield from self._add_service(record.customer_id, service)
        if max(len(self._customer_rows), len(self._service_rows), len(self._resource_rows)) >= _BATCH:
            self.flush()

    def _add_service(self, customer_id: str, service: ServiceRecord) -> Iterator[Fault]:
        service_id = service.service_id or f"{customer_id}/{service.name}"
        if len(service_id) > MAX_SERVICE_ID:
            expected = f"expected one, as the customer's id and the name together exceed {MAX_SERVICE_ID} characters"
            yield Fault(f"customer {customer_id}", "serviceId", "missing", expected)
            return
        data = service.model_dump_json(exclude={"resources", "service_id"}, exclude_defaults=True)
        known = self.services.get(service_id)
        if known is None:
            self.services[service_id] = (customer_id, hash(data))
            self._service_rows.append((service_id, customer_id, data))
        elif known[0] != customer_id:
            expected = f"expected {shown(known[0])} as in the first record of this service"
            yield Fault(f"service {service_id}", "customerId", shown(customer_id), expected)
        elif known[1] != hash(data):
            yield from self._contradictions("service", service_id, data)
        self._resource_rows.extend(_resource_row(service_id, resource) for resource in service.resources)

    def _contradictions(self, kind: Literal["customer", "service"], identifier: str, data: str) -> Iterator[Fault]:
        """In which fields the record differs from the one that came first."""
        self.flush()
        self._cursor.execute(_FIRST_SAID[kind], [identifier])
        (stored,) = self._cursor.fetchone()
        first, now = json.loads(stored), json.loads(data)
        for name in sorted(first.keys() | now.keys()):
            if first.get(name) != now.get(name):
                expected = f"expected {shown(first.get(name))} as in the first record of this {kind}"
                yield Fault(f"{kind} {identifier}", name, shown(now.get(name)), expected)

    def flush(self) -> None:
        """Send what is held in memory."""
        for statement, rows in (
            ("COPY incoming_customer FROM STDIN", self._customer_rows),
            ("COPY incoming_service FROM STDIN", self._service_rows),
            ("COPY incoming_resource FROM STDIN", self._resource_rows),
        ):
            with self._cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
            rows.clear()


def _resource_row(service_id: str, resource: ResourceRecord) -> _Row:
    network = None if resource.network is None else str(resource.network)
    return (
        service_id,
        network,
        resource.domain,
        resource.port_from,
        resource.port_to,
        resource.valid_from,
        resource.valid_to,
    )


def _staged(stage: _Stage, document: Iterable[CustomerRecord | Fault]) -> Iterator[Fault]:
    """Take in the whole document; yields what is wrong with it."""
    for record in document:
        if isinstance(record, Fault):
            yield record
        else:
            yield from stage.add(record)
    stage.flush()


def _apply(cursor: CursorWrapper, stage: _Stage, *, replace: bool, now: datetime) -> ImportResult:
    """Write the difference between the incoming tables and the directory."""

    def rows(statement: str, *parameters: datetime) -> int:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)

    cursor.execute("ANALYZE incoming_customer, incoming_service, incoming_resource")
    cursor.execute(_LOCK)
    cursor.execute(_MOVED_SERVICES, [MAX_WARNINGS])
    warnings = [
        f"service {service}: moves from customer {before} to {after}, with all it had in the past"
        for service, before, after in cursor.fetchall()
    ]
    customers_changed = rows(_CHANGE_CUSTOMERS, now)
    customers_added = rows(_ADD_CUSTOMERS, now)
    services_changed = rows(_CHANGE_SERVICES)
    services_added = rows(_ADD_SERVICES)
    resources_removed = rows(_REMOVE_RESOURCES)
    cursor.execute(_COUNT_RESOURCES)
    (resources_unchanged,) = cursor.fetchone()
    resources_added = rows(_ADD_RESOURCES)
    customers_removed = services_removed = 0
    if replace:
        resources_removed += rows(_REMOVE_OTHER_RESOURCES)
        services_removed = rows(_REMOVE_OTHER_SERVICES)
        customers_removed = rows(_REMOVE_OTHER_CUSTOMERS)
    # After a first import the planner would still believe that the tables are empty.
    cursor.execute("ANALYZE abuse_directorycustomer, abuse_directoryservice, abuse_directoryresource")
    cursor.execute(_OVERLAPS, [MAX_WARNINGS])
    warnings.extend(_overlap(*row) for row in cursor.fetchall())
    return ImportResult(
        customers=Counts(
            customers_added,
            customers_changed,
            len(stage.customers) - customers_added - customers_changed,
            customers_removed,
        ),
        services=Counts(
            services_added, services_changed, len(stage.services) - services_added - services_changed, services_removed
        ),
        resources=Counts(resources_added, 0, resources_unchanged, resources_removed),
        warnings=tuple(warnings[:MAX_WARNINGS]),
    )


def _overlap(
    thing: str, port_from: int | None, port_to: int | None, customer: str, other: str, begins: datetime | None
) -> str:
    ports = "" if port_from is None else f" ports {port_from}-{port_to}"
    since = "from the beginning" if begins is None else f"from {begins.isoformat()}"
    return f"{thing}{ports}: both customer {other} and customer {customer} have it {since}"
