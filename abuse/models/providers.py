"""Where complaints come from."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from .base import Model
from .categories import Category
from .statuses import Priority
from .tags import Tag


class Provider(Model):
    """A sender of complaints. The key is the lower-case address, or a pattern such as `*@reporter.example`."""

    email = models.CharField(max_length=255, primary_key=True)
    name = models.CharField(max_length=255, null=True, blank=True)
    lang = models.CharField(max_length=8, null=True, blank=True, help_text="in which he is written to; English if null")
    trusted = models.BooleanField(default=False)
    parseable = models.BooleanField(default=False)
    default_category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="default_of_providers"
    )
    api_key = models.CharField(max_length=255, null=True, blank=True)
    priority = models.CharField(max_length=32, choices=Priority, default=Priority.NORMAL)
    tags = models.ManyToManyField(Tag, related_name="providers", blank=True)
    # What he is told by machine; null: as MAIL.reporters says.
    mail_acknowledge = models.BooleanField(null=True, blank=True)
    mail_already_known = models.BooleanField(null=True, blank=True)
    mail_question = models.BooleanField(null=True, blank=True)
    mail_outcome = models.BooleanField(null=True, blank=True)
    mail_misrouted = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ["email"]
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="provider_lower_case")]

    def __str__(self) -> str:
        return self.email
