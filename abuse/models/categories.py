"""What kind of abuse a report or ticket is about."""

from __future__ import annotations

from django.db import models

from .base import Model


class Category(Model):
    """A kind of abuse; the name is the key and never changes."""

    name = models.CharField(max_length=32, primary_key=True)
    label = models.CharField(max_length=255, unique=True)
    description = models.CharField(max_length=255)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def lower(self) -> str:
        """The lower-case name, so that a rule variable can say `report.category.lower()`."""
        return self.name.lower()


class ReportThreshold(Model):
    """How many waiting reports on one (customer, category, service) within `interval` days open a ticket."""

    category = models.OneToOneField(Category, on_delete=models.PROTECT, related_name="threshold")
    threshold = models.PositiveIntegerField()
    interval = models.PositiveIntegerField(help_text="days")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(threshold__gte=1), name="threshold_positive"),
            models.CheckConstraint(
                condition=models.Q(interval__gte=1, interval__lte=3650), name="threshold_interval_days"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.threshold} in {self.interval} days"
