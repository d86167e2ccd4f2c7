"""Tags, and the filters that put them on incoming reports."""

from __future__ import annotations

from django.db import models

from .base import Model

# Tags with a meaning that the default rules know.
AUTOARCHIVE = "distrust:0:autoarchive"
ATTACH_IF_EXISTS = "distrust:1:attach_if_exists"
NO_PHISHTOCHECK = "distrust:2:no_phishtocheck"
NEVER_AUTO_ACK = "never_auto_ack"


class Tag(Model):
    """A label for defendants, tickets, reports, providers or news. `level` sorts the todo queue."""

    class Type(models.TextChoices):
        DEFENDANT = "Defendant"
        TICKET = "Ticket"
        REPORT = "Report"
        PROVIDER = "Provider"
        NEWS = "News"

    codename = models.CharField(max_length=256)
    name = models.CharField(max_length=255)
    tag_type = models.CharField(max_length=32, choices=Type)
    level = models.SmallIntegerField(default=0)

    class Meta:
        ordering = ["tag_type", "name"]
        constraints = [
            models.UniqueConstraint(fields=["codename", "tag_type"], name="tag_codename_once_per_type"),
            models.UniqueConstraint(fields=["name", "tag_type"], name="tag_name_once_per_type"),
        ]

    def __str__(self) -> str:
        return self.name


class EmailFilter(Model):
    """A case-insensitive substring that a part of an incoming mail must hold."""

    class Scope(models.TextChoices):
        PROVIDER = "Provider"
        RECIPIENTS = "Recipients"
        SUBJECT = "Subject"
        BODY = "Body"

    scope = models.CharField(max_length=32, choices=Scope)
    value = models.CharField(max_length=1024)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "value"], name="email_filter_once")]

    def __str__(self) -> str:
        return f"{self.scope} holds {self.value}"


class EmailFilterTag(Model):
    """Tags for every mail that passes all of the filters. Without filters it tags nothing."""

    name = models.CharField(max_length=1024, unique=True)
    filters = models.ManyToManyField(EmailFilter, related_name="filter_tags", blank=True)
    tags = models.ManyToManyField(Tag, related_name="filter_tags", blank=True)

    def __str__(self) -> str:
        return self.name
