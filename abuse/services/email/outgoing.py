"""Rows of the outbox: one mail, or one text to many."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from abuse.models import OutboxState, OutgoingMessage, Report, Ticket
from abuse.models.fields import clipped

from .addresses import ticket_address
from .texts import WrittenText, write_for_each


def digest_of(dedupe_key: str) -> str:
    """What stands in the column `dedupe_key`."""
    return hashlib.sha256(dedupe_key.encode()).hexdigest()


def new_message_id(domain: str) -> str:
    """A Message-ID that no other mail has."""
    return f"<{uuid.uuid4()}@{domain}>"


def columns(
    *, message_id: str, ticket: Ticket | None, report: Report | None, category: str, sender: str, recipient: str,
    subject: str, body: str, body_html: str, template_codename: str, auto_submitted: str,
) -> dict[str, Any]:  # fmt: skip
    """The columns of a mail that is to be sent now."""
    now = timezone.now()
    return {
        "message_id": message_id,
        "ticket": ticket,
        "report": report,
        "category": category,
        "sender": sender,
        "recipient": recipient,
        "subject": clipped(" ".join(subject.split()), 1023),
        "body": body,
        "body_html": body_html or None,
        "template_codename": template_codename,
        "headers": {"Auto-Submitted": auto_submitted},
        "state": OutboxState.PENDING,
        "next_attempt_at": now,
        "created_at": now,
    }


def write_to_reporters(
    ticket: Ticket, codename: str, reports: Sequence[Report], *, cause: str, domain: str
) -> list[str]:
    """One text to many reporters, in one statement; the Message-IDs.

    :raises TextError: when there is no such text, or it cannot be filled in.
    """
    texts: Sequence[WrittenText] = write_for_each(ticket, codename, reports)
    rows = [
        OutgoingMessage(
            dedupe_key=digest_of(f"{codename}:{cause}:{report.provider_id}"),
            **columns(
                message_id=new_message_id(domain), ticket=ticket, report=report,
                category=text.recipient_type.title(),
                sender=ticket_address(ticket.public_id, text.recipient_type.title(), domain),
                recipient=report.provider_id, subject=text.subject, body=text.body, body_html=text.body_html,
                template_codename=codename, auto_submitted="auto-generated",
            ),
        )
        for report, text in zip(reports, texts, strict=True)
    ]  # fmt: skip
    OutgoingMessage.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return [row.message_id for row in rows]
