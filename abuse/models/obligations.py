"""What the desk still has to do: deadlines and outgoing messages. Rows, so that no restart forgets them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .reports import Report
from .statuses import DeadlineState, OutboxState
from .tickets import Ticket


class Deadline(Model):
    """Something that falls due at a moment: `ticket-workflow` carries it out once."""

    class Kind(models.TextChoices):
        REPORT_TIMEOUT = "report_timeout", "Archive a report that is still new"
        SNOOZE = "snooze", "Wake a ticket that waits for an answer"
        PAUSE = "pause", "End a pause"
        REMINDER = "reminder", "Remind the customer"
        SERVICE_ACTION = "service_action", "Apply an action to the service"
        TASK = "task", "Run a task that a rule asked for"

    kind = models.CharField(max_length=32, choices=Kind)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="deadlines")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="deadlines")
    due_at = models.DateTimeField()
    payload = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=DeadlineState, default=DeadlineState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    result = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(state=DeadlineState.PENDING), name="deadline_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "report"],
                condition=Q(state=DeadlineState.PENDING, kind="report_timeout"),
                name="one_timeout_per_report",
            ),
            models.UniqueConstraint(
                fields=["kind", "ticket"],
                condition=Q(state=DeadlineState.PENDING, kind__in=["snooze", "pause"]),
                name="one_clock_per_ticket",
            ),
            models.CheckConstraint(
                condition=Q(ticket__isnull=False) | Q(report__isnull=False), name="deadline_about_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.due_at:%Y-%m-%d %H:%M}"


class OutgoingMessage(Model):
    """The outbox: a mail written in the transaction that caused it, sent after the commit, by whoever comes first.

    `dedupe_key` makes the same cause write the same mail once.
    """

    dedupe_key = models.CharField(max_length=255, unique=True)
    message_id = models.CharField(max_length=255, unique=True)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="outgoing")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="outgoing")
    category = models.CharField(max_length=32, help_text="Defendant, Plaintiff, Other or MassContact")
    sender = models.CharField(max_length=512)
    recipient = models.CharField(max_length=512)
    subject = models.CharField(max_length=1023)
    body = models.TextField()
    template_codename = models.CharField(max_length=255, blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=OutboxState, default=OutboxState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state=OutboxState.PENDING), name="outgoing_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient}"


class ReceivedMessage(Model):
    """A mail in a ticket's conversation. `authentic`: it came from an address that the ticket knows."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="received")
    email = models.ForeignKey("abuse.Email", on_delete=models.PROTECT, null=True, blank=True, related_name="received")
    category = models.CharField(max_length=32)
    sender = models.CharField(max_length=512)
    recipient = models.CharField(max_length=512)
    subject = models.CharField(max_length=1023, blank=True)
    body = models.TextField(blank=True)
    authentic = models.BooleanField(default=False)
    date = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["email", "ticket", "category"], name="answer_once_per_ticket")]

    def __str__(self) -> str:
        return f"{self.subject} from {self.sender}"
