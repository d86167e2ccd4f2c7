"""A ticket's conversation as it stands in the database, for people to read."""

from __future__ import annotations

from abuse.models import OutgoingMessage, ReceivedMessage, Ticket

from . import files
from .base import ConversationMail

BOUNCED = "bounced"


def of_ticket(ticket: Ticket) -> list[ConversationMail]:
    """All mails of a ticket, oldest first, with their files. Four queries."""
    sent = OutgoingMessage.filter(ticket=ticket).prefetch_related("attachments")
    received = ReceivedMessage.filter(ticket=ticket).prefetch_related("attachments")
    mails = [*(_of_ours(row) for row in sent), *(_of_others(row) for row in received)]
    return sorted(mails, key=lambda mail: mail.created)


def _of_ours(row: OutgoingMessage) -> ConversationMail:
    bounced = row.bounced_at is not None
    reason = f"{row.bounce_status} {row.bounce_diagnostic}".strip() if bounced else row.error
    return ConversationMail(
        sender=row.sender,
        recipient=row.recipient,
        created=row.created_at,
        subject=row.subject,
        body=row.body,
        category=row.category,
        attachments=tuple(files.of_row(file) for file in row.attachments.all()),
        fate=BOUNCED if bounced else str(row.state),
        fate_reason=reason,
        new_text=row.body,
        message_id=row.message_id,
    )


def _of_others(row: ReceivedMessage) -> ConversationMail:
    return ConversationMail(
        sender=row.sender,
        recipient=row.recipient,
        created=row.date,
        subject=row.subject,
        body=row.body,
        category=row.category,
        attachments=tuple(files.of_row(file) for file in row.attachments.all()),
        authentic=row.authentic,
        new_text=row.new_text,
        message_id=row.message_id,
        email_id=row.email_id,
        kind=row.kind,
    )
