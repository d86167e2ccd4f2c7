"""Telling operators what happens to their tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from abuse.models import Notification, Ticket, User
from abuse.models.questions import Sight, sight_of

from .events import tell_of_notification

KEPT = timedelta(days=90)
MAX_SHOWN = 20
"""At once; the others come with the next question."""

_WORDS = {
    Notification.Kind.ASSIGNED: "{ticket} ({category}) was assigned to you by {actor}",
    Notification.Kind.ANSWERED: "{ticket} ({category}): an answer has come",
    Notification.Kind.ALARM: "{ticket} ({category}) needs your attention",
    Notification.Kind.MENTIONED: "{actor} names you in a remark on {ticket} ({category})",
}


@transaction.atomic(savepoint=False)
def notify(user: User | None, kind: Notification.Kind, ticket: Ticket, *, actor: User) -> None:
    """Tell somebody what happened to a ticket.

    Nobody and the robot are told nothing, nor who did it himself, nor who may not see the ticket.
    """
    if user is None or user.is_robot or user.pk == actor.pk or not sight_of(user).may_see_ticket(ticket):
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


def told(user: User, sight: Sight) -> QuerySet[Notification]:
    """What somebody was told and what waits for him, but for tickets that he may not see any more."""
    own = Notification.filter(user=user)
    return own if sight.sees_all else own.filter(Q(ticket__isnull=True) | Q(ticket__in=sight.tickets().values("pk")))


@transaction.atomic
def show_new(user: User, sight: Sight) -> Sequence[Notification]:
    """What somebody was not told yet, oldest first; he has been told then. What is older than KEPT goes away."""
    waiting = told(user, sight).filter(shown_at__isnull=True).select_for_update(skip_locked=True, of=("self",))
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
