"""Whether we still understand a reporter: what his mails gave of late, and warnings when that changes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .emails import Email
from .providers import Provider


class ReporterReading(Model):
    """What one template read in one day's mails of one reporter."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="readings")
    template = models.CharField(max_length=128)
    day = models.DateField()
    mails = models.PositiveIntegerField(default=0)
    empty = models.PositiveIntegerField(default=0, help_text="mails that gave no item")
    items = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "template", "day"], name="reading_once_a_day")]

    def __str__(self) -> str:
        return f"{self.provider_id} on {self.day}: {self.empty} of {self.mails} empty"


class DriftAlarm(Model):
    """A known reporter whose mails give nothing, or whose feed has unknown columns; with a mail to look at."""

    class Kind(models.TextChoices):
        NO_ITEMS = "no_items", "Mails give nothing any more"
        UNKNOWN_COLUMNS = "unknown_columns", "The feed has new columns"
        NO_MAILS = "no_mails", "Mails stopped coming"

    kind = models.CharField(max_length=32, choices=Kind)
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="drift_alarms")
    template = models.CharField(max_length=128, blank=True, default="")
    email = models.ForeignKey(Email, on_delete=models.PROTECT, null=True, blank=True, related_name="drift_alarms")
    message = models.TextField()
    details = models.JSONField(default=dict, blank=True)
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "provider", "template"],
                condition=Q(settled_at__isnull=True),
                name="one_open_drift_alarm",
            ),
        ]

    def __str__(self) -> str:
        return self.message
