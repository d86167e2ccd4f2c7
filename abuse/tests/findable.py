"""Rows to be found."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from abuse.controllers.searching import note_reports
from abuse.models import Defendant, DefendantRevision, Provider, Report, ReportStatus, Ticket

from .counted import join

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_number = itertools.count(1)
_CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"


def a_defendant(customer_id: str, email: str = "customer@customer.example", **details: Any) -> Defendant:
    defendant = Defendant.create(customer_id=customer_id)
    values = {"digest": f"{next(_number):064}", "email": email, "creation_date": START, **details}
    defendant.details = DefendantRevision.create(defendant=defendant, **values)
    defendant.save(update_fields=["details"])
    return defendant


def a_provider(email: str = "reporter@reports.example") -> Provider:
    return Provider.get_or_create(email=email)[0]


def a_ticket(category: str = "Phishing", **fields: Any) -> Ticket:
    number = next(_number)
    public_id = "".join(_CONSONANTS[(number // 20**place) % 20] for place in range(10))
    values = {"public_id": public_id, "creation_date": START, "modification_date": START, **fields}
    return Ticket.create(category_id=category, **values)


def a_report(category: str = "Phishing", *, ticket: Ticket | None = None, **fields: Any) -> Report:
    """A report, made findable as the desk does it."""
    number = next(_number)
    values: dict[str, Any] = {
        "body": f"body {number}",
        "subject": f"subject {number}",
        "received_date": START + timedelta(minutes=number),
        "created_at": START + timedelta(minutes=number),
        "filename": f"{number:064}",
        "status": ReportStatus.ATTACHED if ticket else ReportStatus.NEW,
        **fields,
    }
    values.setdefault("provider", a_provider())
    report = Report.create(category_id=category, ticket=ticket, **values)
    join(ticket)
    note_reports([report.pk])
    return report
