"""A small ISP, and mails to its abuse address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from django.utils import timezone

from abuse.config import current
from abuse.controllers.inbox import receive
from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService, Email, Provider
from abuse.pipeline.inbox import work

Deliver = Callable[..., Email]


@pytest.fixture
def isp() -> None:
    """Two customers: c1 at 203.0.113.1 and its domain, c2 at 203.0.113.2 (and at 203.0.113.9 since November)."""
    now = timezone.now()
    for name, networks in (("c1", ["203.0.113.1/32", "2001:db8:1::/48"]), ("c2", ["203.0.113.2/32"])):
        customer = DirectoryCustomer.create(
            customer_id=name,
            data={
                "email": f"{name}@customer.example",
                "creation_date": "2020-01-01T00:00:00+00:00",
                "lang": "EN",
                "country": "FR",
            },
            updated_at=now,
        )
        service = DirectoryService.create(customer=customer, service_id=f"s-{name}", data={"name": f"vps-{name}"})
        for network in networks:
            DirectoryResource.create(service=service, network=network)
        DirectoryResource.create(service=service, domain=f"{name}.example.org")
    november = datetime(2026, 11, 1, tzinfo=UTC)
    services = {service.customer.customer_id: service for service in DirectoryService.all().select_related("customer")}
    DirectoryResource.create(service=services["c1"], network="203.0.113.9/32", valid_to=november)
    DirectoryResource.create(service=services["c2"], network="203.0.113.9/32", valid_from=november)


@pytest.fixture
def trusted() -> Provider:
    return Provider.create(email="cert@trusted.example", trusted=True, priority="High")


def make_mail(
    text: str,
    *,
    sender: str = "jo@reporter.example",
    to: str = "abuse@example.net",
    subject: str = "Abuse",
    date: str = "Mon, 23 Nov 2026 10:00:00 +0000",
    message_id: str | None = None,
    **headers: str,
) -> bytes:
    """A plain mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Date"] = sender, to, subject, date
    mail["Message-ID"] = message_id or f"<{abs(hash((text, sender, to, subject, date)))}@reporter.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@pytest.fixture
def deliver() -> Deliver:
    """Take in a mail and work it off; its row."""

    def run(raw: bytes | str, **options: str) -> Email:
        data = make_mail(raw, **options) if isinstance(raw, str) else raw
        receipt = receive(data, source="test", ring=False)
        work(current())
        return Email.get(pk=receipt.email_id)

    return run
