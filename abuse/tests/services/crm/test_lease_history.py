"""For any history of leases the database answers as a reading of the rules in plain Python does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abuse.models import DirectoryResource
from abuse.services.crm.base import Match, Query
from abuse.services.crm.default import DirectoryCRM

from .directory import service_of

START = datetime(2026, 1, 1, tzinfo=UTC)
BEGINNING = datetime.min.replace(tzinfo=UTC)
WHOLE = 1 << 16


@dataclass(frozen=True)
class Lease:
    customer: str
    network: IPv4Network | IPv6Network
    since: datetime | None
    until: datetime | None
    ports: range | None

    def held(self, query: Query) -> bool:
        assert query.address is not None
        return (
            query.address.version == self.network.version
            and query.address in self.network
            and (self.since is None or self.since <= query.at)
            and (self.until is None or query.at < self.until)
            and (self.ports is None or query.port is None or query.port in self.ports)
        )

    @property
    def width(self) -> int:
        return WHOLE if self.ports is None else len(self.ports)


def expected(leases: Sequence[Lease], query: Query) -> tuple[str, str, set[str]] | None:
    """Customer, network and ports, other customers with an equal claim; None when nobody, or nobody alone, had it."""
    held = [(number, lease) for number, lease in enumerate(leases) if lease.held(query)]
    if not held:
        return None
    longest_whole = max((lease.network.prefixlen for _, lease in held if lease.ports is None), default=0)
    meant = [(number, lease) for number, lease in held if lease.network.prefixlen >= longest_whole]
    _, best = max(
        meant, key=lambda pair: (pair[1].network.prefixlen, -pair[1].width, pair[1].since or BEGINNING, pair[0])
    )
    customers = {lease.customer for _, lease in meant}
    if query.port is None and best.ports is not None and len(customers) > 1:
        return None
    equal = {
        lease.customer
        for _, lease in meant
        if (lease.network.prefixlen, lease.width) == (best.network.prefixlen, best.width)
    }
    ports = "" if best.ports is None else f" ports {best.ports[0]}-{best.ports[-1]}"
    return best.customer, f"{best.network}{ports}", equal - {best.customer}


def found(match: Match | None) -> tuple[str, str, set[str]] | None:
    if match is None:
        return None
    claim, _, others = match.reason.partition("; ambiguous: also ")
    thing = claim.partition(" since")[0].partition(" until")[0]
    return match.defendant.customer_id, thing, set(others.split(", ")) - {""}


# A small world, so that nearly every two leases meet: 4 addresses of each family, 8 days, 6 ports, 4 customers.
addresses = st.integers(0, 3).flatmap(
    lambda last: st.sampled_from([ip_address(f"203.0.113.{last}"), ip_address(f"2001:db8::{last:x}")])
)
days = st.integers(0, 8).map(lambda number: START + timedelta(days=number))


@st.composite
def a_lease(draw: st.DrawFn) -> Lease:
    address: IPv4Address | IPv6Address = draw(addresses)
    host_bits = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 8, 24]))
    since, until = draw(st.none() | days), draw(st.none() | days)
    if since is not None and until is not None and since >= until:
        since, until = until, since + timedelta(hours=1)
    first, last = sorted((draw(st.integers(1, 6)), draw(st.integers(1, 6))))
    return Lease(
        customer=draw(st.sampled_from(["c1", "c2", "c3", "c4"])),
        network=ip_network((int(address) >> host_bits << host_bits, address.max_prefixlen - host_bits)),
        since=since,
        until=until,
        ports=draw(st.sampled_from([None, range(first, last + 1)])),
    )


queries = st.builds(Query, at=days, address=addresses, port=st.none() | st.integers(1, 7))


@pytest.mark.django_db
# The examples share a transaction, and each replaces what the one before it wrote.
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leases=st.lists(a_lease(), max_size=12), asked=st.lists(queries, min_size=1, max_size=20))
def test_the_database_answers_as_the_rules_say(leases: list[Lease], asked: list[Query]) -> None:
    DirectoryResource.all().delete()
    services = {customer: service_of(customer) for customer in ("c1", "c2", "c3", "c4")}
    DirectoryResource.objects.bulk_create(
        DirectoryResource(
            service=services[lease.customer],
            network=lease.network,
            valid_from=lease.since,
            valid_to=lease.until,
            port_from=None if lease.ports is None else lease.ports[0],
            port_to=None if lease.ports is None else lease.ports[-1],
        )
        for lease in leases
    )
    answers = [found(match) for match in DirectoryCRM().find(asked)]
    assert answers == [expected(leases, query) for query in asked]
