"""Rows that checks work with; they are gone when the check is over."""

from __future__ import annotations

import secrets

from django.utils import timezone

from abuse.models import (
    Category,
    Defendant,
    DefendantRevision,
    Provider,
    Report,
    ReportStatus,
    Service,
    Ticket,
    User,
)

CUSTOMER_ADDRESS = "contract-check@customer.invalid"
REPORTER_ADDRESS = "contract-check@reporter.invalid"


def a_report() -> Report:
    """A report about a customer, in a ticket."""
    now = timezone.now()
    name = f"contract-check-{secrets.token_hex(8)}"
    category = Category.get_or_create(name="Phishing", defaults={"label": "Phishing"})[0]
    provider = Provider.get_or_create(email=REPORTER_ADDRESS)[0]
    defendant = Defendant.create(customer_id=name)
    defendant.details = DefendantRevision.create(
        defendant=defendant, digest=name, email=CUSTOMER_ADDRESS, creation_date=now
    )
    defendant.save()
    service = Service.create(key=secrets.token_hex(32), name=name, service_id=name, component_type="VPS")
    ticket = Ticket.create(
        public_id="".join(secrets.choice("BCDFGHJKLM") for _ in range(10)),
        defendant=defendant,
        service=service,
        category=category,
        creation_date=now,
        modification_date=now,
        attached_reports_count=1,
    )
    return Report.create(
        provider=provider,
        category=category,
        defendant=defendant,
        service=service,
        ticket=ticket,
        status=ReportStatus.ATTACHED,
        received_date=now,
        created_at=now,
        filename=secrets.token_hex(32),
    )


def a_ticket() -> Ticket:
    """An open ticket of a customer with a service."""
    return Ticket.get(reports=a_report())


def a_user() -> User:
    """A user without any right."""
    return User.objects.create(username=f"contract-check-{secrets.token_hex(8)}")
