"""What happens at the desk, told to other programs: events, who subscribes to them, and what became of each telling."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .people import User
from .tickets import Ticket


class Event(Model):
    """Something that happened, written in the transaction in which it did; kept for a while.

    `data` holds ids and what may be known outside. `transaction_id` is PostgreSQL's: numbers of rows are handed out
    before the commit, so whoever reads on from a row needs it to miss none. `user`: for whom alone the event is.
    `dispatched`: it was put on the list of each subscription that wants it.
    """

    class Kind(models.TextChoices):
        TICKET_CREATED = "ticket.created", "A ticket was opened"
        TICKET_STATUS_CHANGED = "ticket.status_changed", "A ticket has another status"
        TICKET_ANSWERED = "ticket.answered", "An answer came to a ticket that waited for one"
        TICKET_CLOSED = "ticket.closed", "A ticket was closed"
        TICKET_ASSIGNED = "ticket.assigned", "A ticket has another owner, or none"
        TICKET_CHANGED = "ticket.changed", "Anything else changed about a ticket"
        REPORT_CREATED = "report.created", "A report came in"
        ACTION_DONE = "action.done", "A measure on a service was taken"
        ACTION_FAILED = "action.failed", "A measure on a service was not taken, or nobody knows"
        MAIL_PARKED = "mail.parked", "A mail could not be worked off"
        WEBHOOK_TEST = "webhook.test", "Somebody tries a subscription"
        NOTIFICATION = "notification", "An operator is to be told something"

    kind = models.CharField(max_length=32, choices=Kind)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    category = models.CharField(max_length=32, null=True, blank=True)
    data = models.JSONField(default=dict)
    date = models.DateTimeField()
    transaction_id = models.BigIntegerField()
    dispatched = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["transaction_id", "id"], name="event_in_order"),
            models.Index(fields=["id"], condition=Q(dispatched=False), name="event_to_dispatch"),
            models.Index(fields=["date"], name="event_date"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Webhook(Model):
    """A subscription: events of some kinds are sent to a URL, one after the other.

    `secret` is sealed. `categories`: of these alone; null for all. Events of confidential tickets only with
    `confidential`. `failing_since`: nothing was taken since then. `busy_until`: a worker sends to it now.
    """

    url = models.CharField(max_length=2000)
    secret = models.TextField()
    kinds = models.JSONField()
    categories = models.JSONField(null=True, blank=True)
    confidential = models.BooleanField(default=False)
    description = models.CharField(max_length=255, blank=True, default="")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="webhooks")
    created_at = models.DateTimeField()
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=255, blank=True, default="")
    failures = models.PositiveIntegerField(default=0, help_text="one after the other")
    failing_since = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField()
    busy_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"webhook {self.pk} to {self.url}"


class WebhookDelivery(Model):
    """An event on its way to a subscription."""

    class State(models.TextChoices):
        PENDING = "pending", "Waits, or is tried again"
        DELIVERED = "delivered", "Was taken"
        FAILED = "failed", "Was refused several times and given up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="of HTTP, at the last attempt")
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="event_once_per_webhook")]
        indexes = [
            models.Index(fields=["webhook", "event"], condition=Q(state="pending"), name="webhook_waiting"),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} to webhook {self.webhook_id}: {self.state}"
