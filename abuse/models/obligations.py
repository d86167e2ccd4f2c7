"""What the desk still has to do at a moment. Rows, so that no restart forgets them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .reports import Report
from .statuses import DeadlineState
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
