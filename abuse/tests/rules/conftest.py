"""Reports, tickets and customers for the tests of rules, made without mails."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers.history import robot
from abuse.models import (
    Defendant,
    DefendantRevision,
    Provider,
    Report,
    ReportItem,
    Service,
    Tag,
    Ticket,
    User,
)
from abuse.models.fields import as_network

_numbers = itertools.count(1)


def make_defendant(customer_id: str = "C1", **details: Any) -> Defendant:
    """A customer, 100 days old unless said otherwise."""
    defendant = Defendant.create(customer_id=customer_id)
    values: dict[str, Any] = {
        "email": f"{customer_id.lower()}@customer.example",
        "creation_date": timezone.now() - timedelta(days=100, hours=1),
        "country": "fr",
        "legal_form": "Individual",
        "lang": "EN",
    }
    defendant.details = DefendantRevision.create(
        defendant=defendant, digest=f"{next(_numbers):064}", **values | details
    )
    defendant.save()
    return defendant


def make_service(name: str = "vps-1", **values: Any) -> Service:
    return Service.create(key=f"{next(_numbers):064}", **{"name": name, "component_type": "VPS", **values})


def make_provider(email: str = "jo@reporter.example", *, tags: tuple[str, ...] = (), **values: Any) -> Provider:
    provider, _ = Provider.objects.update_or_create(email=email, defaults=values)
    for codename in tags:
        tag, _ = Tag.get_or_create(codename=codename, tag_type="Provider", defaults={"name": codename})
        provider.tags.add(tag)
    return provider


def make_report(
    *,
    defendant: Defendant | None = None,
    service: Service | None = None,
    provider: Provider | None = None,
    items: tuple[tuple[str, str], ...] = (),
    **values: Any,
) -> Report:
    """A new report of the category Spam, received now."""
    now = timezone.now()
    report = Report.create(
        **{
            "body": "Spam from 203.0.113.1.",
            "subject": "Spam",
            "category_id": "Spam",
            "received_date": now,
            "created_at": now,
            "filename": f"{next(_numbers):064}",
            "provider": provider or make_provider(),
            "defendant": defendant,
            "service": service,
            **values,
        }
    )
    for kind, raw in items:
        network = as_network(raw) if kind in {"IP", "CIDR"} else None
        ReportItem.create(report=report, item_type=kind, raw_item=raw, network=network, date=now)
    return report


def make_ticket(report: Report, **values: Any) -> Ticket:
    """A ticket with a report in it."""
    from abuse.controllers.tickets import create_ticket

    ticket = create_ticket(report, actor=robot())
    if values:
        Ticket.filter(pk=ticket.pk).update(**values)
        ticket.refresh_from_db()
    return ticket


@pytest.fixture
def defendant(db: None) -> Defendant:
    return make_defendant()


@pytest.fixture
def service(db: None) -> Service:
    return make_service()


@pytest.fixture
def actor(db: None) -> User:
    return robot()
