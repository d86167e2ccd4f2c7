"""What a mail of ours answers: the Message-IDs of its conversation, so that programs show them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from abuse.models import OutboxState, OutgoingMessage, ReceivedMessage

Key = tuple[int | None, str, str]
"""Ticket, part of the conversation, and the address it is led with."""
_NOT_SENT = (OutboxState.FAILED, OutboxState.CANCELLED)


def threads_of(messages: Sequence[OutgoingMessage]) -> Mapping[int, tuple[str, ...]]:
    """The Message-IDs of what was written before, oldest first, by the id of the mail. Two queries for all of them.

    An acknowledgement begins with the complaint that it is for. `messages` must have `report__email` at hand.
    """
    tickets = {message.ticket_id for message in messages if message.ticket_id is not None}
    if not tickets:
        return {}
    told: dict[Key, list[tuple[datetime, str]]] = {}
    sent = OutgoingMessage.filter(ticket_id__in=tickets, recipient__in={message.recipient for message in messages})
    for row in sent.exclude(state__in=_NOT_SENT).only("ticket_id", "category", "recipient", "created_at", "message_id"):
        told.setdefault(_key(row, row.recipient), []).append((row.created_at, row.message_id))
    received = ReceivedMessage.filter(ticket_id__in=tickets).exclude(message_id="")
    for came in received.only("ticket_id", "category", "sender", "date", "message_id"):
        told.setdefault(_key(came, came.sender), []).append((came.date, came.message_id))
    found = {}
    for message in messages:
        before = [one for one in told.get(_key(message, message.recipient), ()) if one[0] < message.created_at]
        found[message.pk] = tuple(dict.fromkeys([*_complaint(message), *(name for _, name in sorted(before))]))
    return found


def _key(row: OutgoingMessage | ReceivedMessage, address: str) -> Key:
    return (row.ticket_id, row.category, address.lower())


def _complaint(message: OutgoingMessage) -> list[str]:
    report = message.report
    if report is None or report.email is None or message.recipient.lower() != report.provider_id.lower():
        return []
    identifier = report.email.message_id
    return [f"<{identifier}>"] if identifier and not set(identifier) & set("<> \t\r\n") else []
