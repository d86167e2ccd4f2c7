"""Rows of the directory for tests, a line each."""

from __future__ import annotations

from datetime import UTC, datetime

from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService
from abuse.services.crm.base import Match

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def service_of(customer_id: str) -> DirectoryService:
    """The customer's one service, made with him when he is new."""
    customer, _ = DirectoryCustomer.get_or_create(
        customer_id=customer_id,
        defaults={
            "data": {"email": f"{customer_id}@mail.example", "creation_date": "2020-01-01T00:00:00Z"},
            "updated_at": NOW,
        },
    )
    service, _ = DirectoryService.get_or_create(
        service_id=f"service-{customer_id}", customer=customer, defaults={"data": {"name": f"vps of {customer_id}"}}
    )
    return service


def hold(
    customer_id: str,
    thing: str,
    *,
    since: str | None = None,
    until: str | None = None,
    ports: tuple[int, int] | None = None,
) -> None:
    """The customer has a network (it has a colon or begins with a digit and has no letter) or else a domain."""
    is_network = ":" in thing or thing[0].isdigit()
    first, last = ports or (None, None)
    DirectoryResource.create(
        service=service_of(customer_id),
        network=thing if is_network else None,
        domain=None if is_network else thing,
        valid_from=day(since) if since else None,
        valid_to=day(until) if until else None,
        port_from=first,
        port_to=last,
    )


def customer(match: Match | None) -> str | None:
    return None if match is None else match.defendant.customer_id
