"""What is asked of a reporter about his report."""

from __future__ import annotations

from django.db import models

from .base import Model
from .emails import Email
from .reports import Report


class ReporterQuestion(Model):
    """The one question to a reporter about data that his report lacks; the report waits for it until `waits_until`.

    `missing` are words of `MissingData`. `answer` is what he wrote, without quotes; `answer_email` the whole mail.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Asked"
        ANSWERED = "answered", "Answered"
        UNCLEAR = "unclear", "Answered without what was asked"
        UNANSWERED = "unanswered", "Not answered in time"
        NEEDLESS = "needless", "Not needed any more"

    report = models.OneToOneField(Report, on_delete=models.CASCADE, related_name="question")
    state = models.CharField(max_length=16, choices=State, default=State.ASKED)
    missing = models.JSONField()
    asked_at = models.DateTimeField()
    waits_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="when the report stopped waiting")
    answer = models.TextField(blank=True, default="")
    answer_email = models.ForeignKey(Email, on_delete=models.PROTECT, null=True, blank=True, related_name="questions")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["asked", "answered", "unclear", "unanswered", "needless"]),
                name="question_state_known",
            )
        ]

    def __str__(self) -> str:
        return f"question about report {self.report_id}"
