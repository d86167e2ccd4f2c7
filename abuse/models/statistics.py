"""What happened, counted: by day, category and kind."""

from __future__ import annotations

from django.db import models

from .base import Model
from .categories import Category
from .people import User


class KpiCount(Model):
    """How often something happened on one day, and how long it took; counted from the rows that tell of it.

    `detail` says more, by kind: the reporter, the resolution, with whom a mail was exchanged, the measure.
    """

    class Kind(models.TextChoices):
        REPORTS = "reports", "Reports in, by reporter"
        TICKETS_OPENED = "tickets_opened", "Tickets opened"
        TICKETS_ASSIGNED = "tickets_assigned", "Tickets that got their first owner; the time to that"
        TICKETS_ANSWERED = "tickets_answered", "First mails about a ticket, by whom to; the time to that"
        TICKETS_CLOSED = "tickets_closed", "Tickets closed, by resolution; the time to that"
        TICKETS_REOPENED = "tickets_reopened", "Tickets reopened"
        ACTION_ERRORS = "action_errors", "Tickets that became action errors"
        ACTIONS_DONE = "actions_done", "Measures taken, by measure"
        ACTIONS_FAILED = "actions_failed", "Measures that failed, or of which nobody knows, by measure"
        MAILS_SENT = "mails_sent", "Mails written, by whom to"
        ANSWERS = "answers", "Mails received about a ticket, by whom from"
        BOUNCES = "bounces", "Mails of ours that came back"
        VERDICTS = "verdicts", "What reports turned out to be"

    day = models.DateField()
    kind = models.CharField(max_length=32, choices=Kind)
    category = models.ForeignKey(Category, on_delete=models.CASCADE, null=True, blank=True, related_name="counts")
    detail = models.CharField(max_length=255, blank=True, default="")
    operator = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="counts")
    times = models.PositiveIntegerField()
    seconds = models.BigIntegerField(null=True, blank=True, help_text="together, where it took time")
    longest = models.BigIntegerField(null=True, blank=True, help_text="seconds")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "kind", "category", "detail", "operator"], name="counted_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.category_id}: {self.times}"


class KpiDay(Model):
    """A day that is counted: when something happened on it last, and what until when is in the numbers."""

    day = models.DateField(primary_key=True)
    marked_at = models.DateTimeField()
    counted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.day}: counted at {self.counted_at}"
