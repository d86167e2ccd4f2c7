"""Reports, tickets and customers for the tests of rules, made without mails."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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
from abuse.rules.catalogues import catalogue
from abuse.rules.engine.document import parse_config
from abuse.rules.engine.run import run_actions

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


Do = Callable[..., Any]

ITEMS = (("IP", "203.0.113.1"), ("URL", "http://c1.example/x"), ("URL", "http://c1.example/y"))


@pytest.fixture
def defendant(db: None) -> Defendant:
    return make_defendant()


@pytest.fixture
def service(db: None) -> Service:
    return make_service()


@pytest.fixture
def actor(db: None) -> User:
    return robot()


@pytest.fixture
def reported(defendant: Defendant, service: Service) -> Report:
    return make_report(
        defendant=defendant,
        service=service,
        items=ITEMS,
        body="Dear all,\nsee http://c1.example/x and write to jo@reporter.example\nregards",
    )


@pytest.fixture
def do(reported: Report, actor: User) -> Do:
    """Run one action on the report as a rule does, with the ticket that it is in or could join; what it returned."""

    def run(name: str, *, ticket: Ticket | None = None, on: Report | None = None, **params: Any) -> Any:
        known = catalogue("Report")
        document = {
            "conditions": {"all": [{"name": "has_defendant", "operator": "is_true"}]},
            "actions": [{"name": name, "params": params}],
        }
        rule = parse_config(document, known)
        (trace,) = run_actions(rule, known.build_actions(on or reported, ticket, "EN", actor=actor))
        return trace.result

    return run
