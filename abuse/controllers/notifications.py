"""Telling operators what happens to their tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from abuse.models import Notification, Ticket, User

from .events import tell_of_notification

KEPT = timedelta(days=90)
MAX_SHOWN = 20
"""At once; the others come with the next question."""

_WORDS = {
    Notification.Kind.ASSIGNED: "{ticket} ({category}) was assigned to you by {actor}",
    Notification.Kind.ANSWERED: "{ticket} ({category}): an answer has come",
    Notification.Kind.ALARM: "{ticket} ({category}) needs your attention",
}


@transaction.atomic(savepoint=False)
def notify(user: User | None, kind: Notification.Kind, ticket: Ticket, *, actor: User) -> None:
    """Tell somebody what happened to a ticket; nobody and the robot are told nothing, nor who did it himself."""
    if user is None or user.is_robot or user.pk == actor.pk:
        return
    message = _WORDS[kind].format(ticket=f"Ticket {ticket.public_id}", category=ticket.category_id, actor=actor)
    tell_of_notification(
        Notification.create(user=user, kind=kind, ticket=ticket, message=message[:255], date=timezone.now())
    )


@transaction.atomic(savepoint=False)
def notify_of_webhook(user: User, url: str, reason: str) -> None:
    """Tell the owner of a subscription that it was switched off."""
    message = f"The webhook to {url[:100]} was switched off: {reason}"[:255]
    tell_of_notification(
        Notification.create(user=user, kind=Notification.Kind.WEBHOOK, message=message, date=timezone.now())
    )


@transaction.atomic
def show_new(user: User) -> Sequence[Notification]:
    """What somebody was not told yet, oldest first; he has been told then. What is older than KEPT goes away."""
    waiting = Notification.filter(user=user, shown_at__isnull=True).select_for_update(skip_locked=True)
    rows = list(waiting.order_by("date", "pk")[:MAX_SHOWN])
    if rows:
        now = timezone.now()
        Notification.filter(pk__in=[row.pk for row in rows]).update(shown_at=now)
        Notification.filter(user=user, date__lt=now - KEPT).delete()
    return rows


@transaction.atomic
def mark_read(notification: Notification, is_read: bool) -> None:
    """Put a notification away, or take it out again."""
    notification.read_at = timezone.now() if is_read else None
    notification.save(update_fields=["read_at"])
