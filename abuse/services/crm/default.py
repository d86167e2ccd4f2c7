"""The CRM service that works out of the box: answers from the built-in directory that `import-customers` fills."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, time
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from django.db import Error as DatabaseError
from django.db import connection

from abuse.models.directory import directory_domain

from .base import CRMServiceBase, CRMServiceException, DefendantInfo, Match, Query, ServiceInfo

# Who holds each address and each name asked for: the best row of each customer, the best customer first.
#
# `floor` is the longest network that is somebody's as a whole: what is wider stands behind it and cannot be meant.
# Sub-queries rather than joins, because the planner thinks that a `>>=` matches thousands of rows and would read
# whole tables to join them; it never matches more than a handful. LIMIT bounds what a badly shared address costs.
FIND = """
SELECT found.n, found.by_address, found.shared, found.bits, found.thing, found.port_from, found.port_to,
       found.valid_from, found.valid_to, known.*
FROM (
    SELECT asked.n, true AS by_address, holder.*
    FROM unnest(%(n)s::int[], %(address)s::text[]::inet[], %(port)s::int[], %(at)s::timestamptz[])
         AS asked (n, address, port, at)
    CROSS JOIN LATERAL (
        SELECT row_number() OVER (ORDER BY bits DESC, width, valid_from DESC NULLS LAST, id DESC) AS place,
               width < 65536 AS shared, bits, width, network::text AS thing, port_from, port_to,
               valid_from, valid_to, service_id
        FROM (
            SELECT DISTINCT ON (customer_id) *
            FROM (
                SELECT resource.*, masklen(network) AS bits, coalesce(port_to - port_from, 65536) AS width,
                       max(masklen(network)) FILTER (WHERE port_from IS NULL) OVER () AS floor,
                       (SELECT service.customer_id FROM abuse_directoryservice AS service
                        WHERE service.id = resource.service_id) AS customer_id
                FROM abuse_directoryresource AS resource
                WHERE network >>= asked.address
                  AND (valid_from IS NULL OR valid_from <= asked.at) AND (valid_to IS NULL OR asked.at < valid_to)
                  AND (port_from IS NULL OR asked.port IS NULL OR asked.port BETWEEN port_from AND port_to)
            ) AS holding
            WHERE bits >= coalesce(floor, 0)
            ORDER BY customer_id, bits DESC, width, valid_from DESC NULLS LAST, id DESC
        ) AS holder
        ORDER BY place
        LIMIT 5
    ) AS holder
    UNION ALL
    SELECT asked.n, false, holder.*
    FROM unnest(%(host_n)s::int[], %(suffixes)s::text[], %(host_at)s::timestamptz[]) AS asked (n, suffixes, at)
    CROSS JOIN LATERAL (
        SELECT row_number() OVER (ORDER BY bits DESC, valid_from DESC NULLS LAST, id DESC) AS place,
               false, bits, 65536, domain, NULL::int, NULL::int, valid_from, valid_to, service_id
        FROM (
            SELECT DISTINCT ON (customer_id) *
            FROM (
                SELECT resource.*, length(domain) AS bits,
                       (SELECT service.customer_id FROM abuse_directoryservice AS service
                        WHERE service.id = resource.service_id) AS customer_id
                FROM abuse_directoryresource AS resource
                WHERE domain = ANY(string_to_array(asked.suffixes, ' '))
                  AND (valid_from IS NULL OR valid_from <= asked.at) AND (valid_to IS NULL OR asked.at < valid_to)
            ) AS holding
            ORDER BY customer_id, bits DESC, valid_from DESC NULLS LAST, id DESC
        ) AS holder
        ORDER BY place
        LIMIT 5
    ) AS holder
) AS found
CROSS JOIN LATERAL (
    SELECT customer.customer_id, customer.data, service.service_id, service.data
    FROM abuse_directoryservice AS service
    JOIN abuse_directorycustomer AS customer ON customer.id = service.customer_id
    WHERE service.id = found.service_id
    LIMIT 1
) AS known
ORDER BY found.n, found.by_address DESC, found.place
"""

_DEFENDANT_FIELDS = frozenset(field.name for field in fields(DefendantInfo)) - {"customer_id", "creation_date", "tags"}
_MOMENTS = frozenset({"creation_date", "expiration_date"})
_SERVICE_FIELDS = frozenset(field.name for field in fields(ServiceInfo)) - {"service_id"}


class _Holding(NamedTuple):
    """One customer's claim on the thing asked for; the columns of FIND."""

    n: int
    by_address: bool
    shared: bool
    bits: int
    thing: str
    port_from: int | None
    port_to: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    customer_id: str
    customer_data: str
    service_id: str
    service_data: str


class DirectoryCRM(CRMServiceBase):
    """Customers, services and who had which network or domain when, from this database's own directory.

    An address belongs to the longest network around it that somebody had at that moment; within that, to the narrowest
    range of ports. A name belongs to the longest domain it lies under. Port 0 is nobody's source port (RFC 6335) and
    counts as unknown. Without a port, an address that several customers share by ports is nobody's: better no customer
    than the wrong one.
    """

    def __init__(self) -> None:
        super().__init__()

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        """See `CRMServiceBase`: one statement for any number of queries.

        :raises ValueError: when a query's moment has no zone.
        """
        parameters = find_parameters(queries)
        if not parameters["n"] and not parameters["host_n"]:
            return [None] * len(queries)
        by_address: dict[int, list[_Holding]] = defaultdict(list)
        by_host: dict[int, list[_Holding]] = defaultdict(list)
        for row in _rows(FIND, parameters):
            holding = _Holding(*row)
            (by_address if holding.by_address else by_host)[holding.n].append(holding)
        reader = _Reader()
        matches: list[Match | None] = []
        for n, query in enumerate(queries):
            match = _decide(by_address[n], _port(query), reader) if n in by_address else None
            if match is None and n in by_host:
                match = _decide(by_host[n], None, reader)
            matches.append(match)
        return matches

    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        sql = "SELECT customer_id, data FROM abuse_directorycustomer WHERE customer_id = %s"
        rows = _rows(sql, [_text(customer_id)])
        return _Reader().defendant(*rows[0]) if rows else None

    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        sql = "SELECT service_id, data FROM abuse_directoryservice WHERE service_id = %s"
        rows = _rows(sql, [_text(service_id)])
        return _Reader().service(*rows[0]) if rows else None

    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        rows = _rows(
            "SELECT service.service_id, service.data FROM abuse_directoryservice AS service"
            " JOIN abuse_directorycustomer AS customer ON customer.id = service.customer_id"
            " WHERE customer.customer_id = %s ORDER BY service.service_id",
            [_text(customer_id)],
        )
        reader = _Reader()
        return [reader.service(*row) for row in rows]


def find_parameters(queries: Sequence[Query]) -> dict[str, list[Any]]:
    """The arrays of FIND. A host that cannot be anybody's is left out.

    :raises ValueError: when a query's moment has no zone.
    """
    parameters: dict[str, list[Any]] = {
        name: [] for name in ("n", "address", "port", "at", "host_n", "suffixes", "host_at")
    }
    for n, query in enumerate(queries):
        if query.at.utcoffset() is None:
            raise ValueError(f"at: {query.at.isoformat()} has no zone; expected an aware datetime")
        if query.address is not None:
            parameters["n"].append(n)
            parameters["address"].append(_plain(query.address))
            parameters["port"].append(_port(query))
            parameters["at"].append(query.at)
        host = directory_domain(query.host) if query.host is not None else None
        if host is not None:
            labels = host.split(".")
            parameters["host_n"].append(n)
            parameters["suffixes"].append(" ".join(".".join(labels[start:]) for start in range(len(labels) - 1)))
            parameters["host_at"].append(query.at)
    return parameters


def _plain(address: IPv4Address | IPv6Address) -> str:
    """The address as PostgreSQL reads it: IPv4-mapped ones (RFC 4291) as IPv4, without the scope that inet lacks."""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)


def _port(query: Query) -> int | None:
    return query.port if query.port is not None and 0 < query.port <= 65535 else None


def _text(identifier: str) -> str:
    """PostgreSQL's text has no NUL, so nothing is called so; a space is no customer's or service's id either."""
    return " " if "\x00" in identifier else identifier


def _rows(sql: str, parameters: Any) -> list[tuple[Any, ...]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
    except DatabaseError as error:
        raise CRMServiceException(f"the customer directory cannot be read: {error}") from error


def _decide(holdings: Sequence[_Holding], port: int | None, reader: _Reader) -> Match | None:
    """The first of the claims, unless it is a share of an address whose other shares might be meant as well."""
    best, others = holdings[0], holdings[1:]
    if best.shared and port is None and others:
        return None
    rivals = [other.customer_id for other in others if (other.bits, _width(other)) == (best.bits, _width(best))]
    reason = _reason(best)
    if rivals:
        reason += f"; ambiguous: also {', '.join(rivals)}"
    return Match(
        defendant=reader.defendant(best.customer_id, best.customer_data),
        service=reader.service(best.service_id, best.service_data),
        reason=reason,
    )


def _width(holding: _Holding) -> int | None:
    if holding.port_from is None or holding.port_to is None:
        return None
    return holding.port_to - holding.port_from


def _reason(holding: _Holding) -> str:
    """Such as `203.0.113.8/29 since 2026-03-01` or `198.51.100.200 ports 1024-5055 since 2026-03-01 until …`."""
    words = [holding.thing]
    if holding.port_from is not None:
        words.append(f"ports {holding.port_from}-{holding.port_to}")
    if holding.valid_from is not None:
        words.append(f"since {_moment(holding.valid_from)}")
    if holding.valid_to is not None:
        words.append(f"until {_moment(holding.valid_to)}")
    return " ".join(words)


def _moment(moment: datetime) -> str:
    """A day when it is midnight UTC, else to the second."""
    utc = moment.astimezone(UTC)
    return utc.date().isoformat() if utc.time() == time(0) else utc.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Reader:
    """Stored JSON to values; one customer that a batch names many times is read once."""

    def __init__(self) -> None:
        self._defendants: dict[str, DefendantInfo] = {}
        self._services: dict[str, ServiceInfo] = {}

    def defendant(self, customer_id: str, data: str) -> DefendantInfo:
        known = self._defendants.get(customer_id)
        if known is None:
            known = self._defendants[customer_id] = _defendant(customer_id, data)
        return known

    def service(self, service_id: str, data: str) -> ServiceInfo:
        known = self._services.get(service_id)
        if known is None:
            known = self._services[service_id] = _service(service_id, data)
        return known


def _defendant(customer_id: str, data: str) -> DefendantInfo:
    try:
        stored = json.loads(data)
        created = datetime.fromisoformat(stored["creation_date"])
        if created.utcoffset() is None:
            raise ValueError("creation_date has no zone")
        known = {name: value for name, value in stored.items() if name in _DEFENDANT_FIELDS and value is not None}
        return DefendantInfo(customer_id=customer_id, creation_date=created, **known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CRMServiceException(
            f"directory customer {customer_id}: the stored data cannot be read ({error!r}); import the customer again",
            permanent=True,
        ) from error


def _service(service_id: str, data: str) -> ServiceInfo:
    try:
        stored = json.loads(data)
        known = {name: value for name, value in stored.items() if name in _SERVICE_FIELDS and value is not None}
        for name in _MOMENTS & set(known):
            known[name] = datetime.fromisoformat(known[name])
        return ServiceInfo(service_id=service_id, **known)
    except (TypeError, ValueError, AttributeError) as error:
        raise CRMServiceException(
            f"directory service {service_id}: the stored data cannot be read ({error!r}); import the customer again",
            permanent=True,
        ) from error
