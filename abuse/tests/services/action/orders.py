"""A ticket with a customer and a service, and an order for it."""

from __future__ import annotations

from abuse.models import ServiceAction, Ticket
from abuse.services.action.orders import Order
from abuse.tests.controllers.test_tickets import make_ticket

IP = "203.0.113.7"


def a_ticket(customer: str = "c1", **service: str | None) -> Ticket:
    ticket = make_ticket(customer=customer)
    assert ticket.service is not None
    known = {"service_id": "s-42", "domain": "c1.example.org", "component_type": "VPS"}
    for name, value in {**known, **service}.items():
        setattr(ticket.service, name, value)
    ticket.service.save()
    return ticket


def a_measure(name: str = "suspend", module: str = "VPS", level: str = "1") -> ServiceAction:
    return ServiceAction.get_or_create(name=name, module=module, level=level)[0]


def an_order(ticket: Ticket | None = None, ip: str | None = IP, key: str = "k1", **service: str | None) -> Order:
    return Order("service.action", key, ticket or a_ticket("c1", **service), a_measure(), ip, "ann")
