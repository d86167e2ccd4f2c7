"""Mails of ours that came back: which one it was, and what the server said that did not take it."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from abuse.models import History, OutgoingMessage, Ticket, User
from abuse.models.fields import clipped
from abuse.parsers.values import ParsedEmail, Returned

from .history import record

QUOTED = 200
"""Characters of our mail that must stand in the bounce: its start, since servers cut what they return."""
MAX_MAILS = 50


def note_bounce(
    ticket: Ticket, bounce: ParsedEmail, *, category: str, message_id: str | None, email_id: int, actor: User
) -> OutgoingMessage | None:
    """Write down, with the mail of ours that it is about and in the locked ticket's history, that it came back.

    `message_id`: of the mail of ours, where the bounce names one; else it is found by whom it was for and what it
    quotes. The mail, or None when nothing tells which one it was. A mail that is only late has not come back.
    """
    returned = bounce.returned or Returned()
    lost = find_returned(ticket, bounce, category=category, message_id=message_id)
    if lost is not None and returned.is_final:
        mark_bounced(lost, returned, email_id=email_id)
    record(
        History.Type.BOUNCE_EMAIL, actor=actor, ticket=ticket, new=lost.recipient if lost else returned.recipient,
        email=email_id, message_id=lost.message_id if lost else None, status=returned.status,
        diagnostic=returned.diagnostic[:300], final=returned.is_final,
    )  # fmt: skip
    return lost


def mark_bounced(message: OutgoingMessage, returned: Returned, *, email_id: int) -> None:
    """The first bounce of a mail says when and why it came back; later ones change nothing."""
    OutgoingMessage.filter(pk=message.pk, bounced_at__isnull=True).update(
        bounced_at=timezone.now(),
        bounce_status=clipped(returned.status, 16),
        bounce_diagnostic=returned.diagnostic,
        bounce_email_id=email_id,
    )


def find_returned(
    ticket: Ticket, bounce: ParsedEmail, *, category: str, message_id: str | None = None
) -> OutgoingMessage | None:
    """The mail of a ticket that a bounce is about; None when nothing tells."""
    mails = OutgoingMessage.filter(ticket=ticket)
    if message_id is not None:
        named = mails.filter(message_id=message_id).first()
        if named is not None:
            return named
    returned = bounce.returned or Returned()
    part = list(mails.filter(category=category).order_by("-created_at", "-pk")[:MAX_MAILS])
    mine = [mail for mail in part if returned.recipient and mail.recipient.lower() == returned.recipient]
    if len(mine) == 1:
        return mine[0]
    bounced = _squeezed(bounce.body)
    for mail in mine or part:
        start = _squeezed(mail.body)[:QUOTED]
        if start and start in bounced:
            return mail
    return mine[0] if mine else None


def note_bounces_without_ticket(bounces: list[tuple[int, tuple[int, ...], tuple[str, ...], Returned]]) -> None:
    """Mark mails of ours that belong to no ticket; each bounce as its mail's id, and the numbers and ids it names."""
    numbers = {number for _, found, _, _ in bounces for number in found}
    identifiers = {identifier for _, _, found, _ in bounces for identifier in found}
    if not numbers and not identifiers:
        return
    rows = OutgoingMessage.filter(Q(pk__in=numbers) | Q(message_id__in=identifiers), ticket__isnull=True)
    known: dict[int | str, OutgoingMessage] = {}
    for row in rows:
        known[row.pk] = known[row.message_id] = row
    for email_id, found_numbers, found_ids, returned in bounces:
        lost = next((known[name] for name in (*found_numbers, *found_ids) if name in known), None)
        if lost is not None and returned.is_final:
            mark_bounced(lost, returned, email_id=email_id)


def _squeezed(text: str) -> str:
    return " ".join(text.replace(">", " ").split())
