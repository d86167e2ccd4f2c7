"""Rows for the API to show."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from abuse.controllers.searching import note_reports
from abuse.models import (
    Comment,
    Defendant,
    DefendantRevision,
    Email,
    OutgoingMessage,
    Provider,
    Report,
    ReportItem,
    ReportStatus,
    Service,
    Tag,
    Ticket,
    TicketComment,
    User,
)

from ..counted import join

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_number = itertools.count(1)
CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"


def a_defendant(**details: Any) -> Defendant:
    number = next(_number)
    defendant = Defendant.create(customer_id=details.pop("customer_id", f"C-{number}"))
    values = {"email": f"c{number}@example.net", "creation_date": datetime(2024, 1, 31, tzinfo=UTC), **details}
    defendant.details = DefendantRevision.create(defendant=defendant, digest=f"{number:064}", **values)
    defendant.save(update_fields=["details"])
    return defendant


def a_service(name: str = "vps.example.net") -> Service:
    return Service.create(key=f"{next(_number):064}", name=name, component_type="VPS")


def a_provider(email: str = "reporter@example.com", **fields: Any) -> Provider:
    return Provider.get_or_create(email=email, defaults=fields)[0]


def a_ticket(category: str = "Phishing", **fields: Any) -> Ticket:
    number = next(_number)
    public_id = "".join(CONSONANTS[(number // 20**place) % 20] for place in range(10))
    values = {
        "public_id": public_id,
        "creation_date": START,
        "modification_date": START + timedelta(minutes=number),
        **fields,
    }
    return Ticket.create(category_id=category, **values)


def a_report(category: str = "Phishing", *, ticket: Ticket | None = None, **fields: Any) -> Report:
    number = next(_number)
    values: dict[str, Any] = {
        "body": f"body {number}",
        "subject": f"subject {number}",
        "received_date": START + timedelta(minutes=number),
        "created_at": START + timedelta(minutes=number, seconds=5),
        "filename": f"{number:064}",
        "status": ReportStatus.ATTACHED if ticket else ReportStatus.NEW,
        **fields,
    }
    values.setdefault("provider", a_provider())
    report = Report.create(category_id=category, ticket=ticket, **values)
    join(ticket)
    note_reports([report.pk])
    return report


def an_item(report: Report, raw_item: str = "192.0.2.7", item_type: str = "IP", **fields: Any) -> ReportItem:
    network = raw_item if item_type in {"IP", "CIDR"} else None
    item = ReportItem.create(
        report=report, raw_item=raw_item, item_type=item_type, network=network, date=START, **fields
    )
    note_reports([report.pk])
    return item


def a_comment(ticket: Ticket, user: User, text: str = "a remark") -> TicketComment:
    return TicketComment.create(ticket=ticket, comment=Comment.create(user=user, comment=text, date=START))


def a_tag(name: str, tag_type: Tag.Type = Tag.Type.TICKET) -> Tag:
    return Tag.get_or_create(codename=name, tag_type=tag_type, defaults={"name": name})[0]


def a_mail(state: str = "failed", **fields: Any) -> Email:
    """A mail that came in; of bytes that came before, the same one."""
    number = next(_number)
    values = {
        "state": state, "size": 30, "source": "imap://mail.example.net/INBOX", "subject": f"mail {number}",
        "received_at": START + timedelta(minutes=number), "last_delivered_at": START, "next_attempt_at": START,
    }  # fmt: skip
    sha256 = fields.pop("sha256", f"{number:064}")
    return Email.get_or_create(sha256=sha256, defaults={**values, **fields})[0]


def an_outgoing_mail(state: str = "failed", **fields: Any) -> OutgoingMessage:
    number = next(_number)
    values = {
        "dedupe_key": str(number), "message_id": f"<{number}@example.net>", "category": "Other", "state": state,
        "sender": "abuse@example.net", "recipient": "owner@customer.example", "subject": f"mail {number}",
        "body": "Hello", "created_at": START, "next_attempt_at": START, **fields,
    }  # fmt: skip
    return OutgoingMessage.create(**values)
