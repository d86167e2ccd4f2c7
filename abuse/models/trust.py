"""What became of a reporter's reports, and how far that makes him trusted."""

from __future__ import annotations

from django.db import models

from .base import Model
from .categories import Category
from .people import User
from .providers import Provider
from .reports import Report


class ReportOutcome(Model):
    """What one report turned out to be. A later verdict replaces the earlier one."""

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        FALSE = "false", "False"
        DUPLICATE = "duplicate", "Duplicate"
        NOT_OURS = "not_ours", "Not ours"

    report = models.OneToOneField(Report, on_delete=models.CASCADE, related_name="outcome")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="outcomes")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="outcomes")
    outcome = models.CharField(max_length=16, choices=Outcome)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="verdicts")
    date = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["provider", "category", "date"], name="outcome_of_provider")]

    def __str__(self) -> str:
        return f"{self.report_id}: {self.outcome}"
