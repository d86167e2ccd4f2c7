"""How soon a ticket of a category has to be looked at and solved."""

from __future__ import annotations

from django.db import models

from .base import Model
from .categories import Category


class ServiceLevel(Model):
    """The promise for one category, in seconds from the ticket's creation; None promises nothing."""

    category = models.OneToOneField(Category, on_delete=models.PROTECT, related_name="service_level")
    first_look = models.PositiveIntegerField(null=True, blank=True, help_text="seconds")
    solution = models.PositiveIntegerField(null=True, blank=True, help_text="seconds")

    def __str__(self) -> str:
        return f"{self.category_id}: {self.first_look} s, {self.solution} s"
