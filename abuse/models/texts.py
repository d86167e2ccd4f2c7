"""Mail texts and the presets that put texts and actions together."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Self

from django.db import models

from .base import Model
from .people import Role, User


class MailTemplate(Model):
    """A text for one purpose (`codename`), recipient type and language.

    A partial is no mail: it is a piece that other texts include. `shipped_digest` is that of the text that `initdb` put
    here: a row whose own digest still is that one was not edited, and follows what is shipped.
    """

    class RecipientType(models.TextChoices):
        DEFENDANT = "Defendant"
        PLAINTIFF = "Plaintiff"
        OTHER = "Other"
        MASS_CONTACT = "MassContact"
        PARTIAL = "Partial"

    codename = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    lang = models.CharField(max_length=8, default="EN")
    subject = models.CharField(max_length=1023)
    body = models.TextField()
    body_html = models.TextField(blank=True, default="", help_text="the same as HTML, sent beside the plain text")
    recipient_type = models.CharField(max_length=32, choices=RecipientType, default=RecipientType.DEFENDANT)
    version = models.PositiveIntegerField(default=1)
    shipped_digest = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["codename", "recipient_type", "lang"], name="template_once_per_language")
        ]

    def __str__(self) -> str:
        return f"{self.codename} ({self.lang})"

    @property
    def digest(self) -> str:
        """SHA-256 of what stands in the text now."""
        return text_digest(self.name, self.subject, self.body, self.body_html)


def text_digest(name: str, subject: str, body: str, body_html: str = "") -> str:
    """SHA-256 of a text's parts."""
    return hashlib.sha256("\0".join((name, subject, body, body_html)).encode()).hexdigest()


class MailTemplateVersion(Model):
    """A text as it was: every version stays, with who wrote it and when. No `user`: it came with Cerberus."""

    template = models.ForeignKey(
        MailTemplate, on_delete=models.SET_NULL, null=True, blank=True, related_name="versions"
    )
    codename = models.CharField(max_length=255)
    recipient_type = models.CharField(max_length=32, choices=MailTemplate.RecipientType)
    lang = models.CharField(max_length=8)
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    subject = models.CharField(max_length=1023)
    body = models.TextField()
    body_html = models.TextField(blank=True, default="")
    is_deletion = models.BooleanField(default=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="text_versions")
    date = models.DateTimeField()

    class Meta:
        ordering = ["codename", "recipient_type", "lang", "-version", "-id"]
        indexes = [models.Index(fields=["codename", "recipient_type", "lang"], name="text_version_of")]
        constraints = [models.UniqueConstraint(fields=["template", "version", "is_deletion"], name="text_version_once")]

    def __str__(self) -> str:
        return f"{self.codename} ({self.lang}) version {self.version}"

    @classmethod
    def of(cls, row: MailTemplate, *, user: User | None, date: datetime, is_deletion: bool = False) -> Self:
        """The version that a text is now."""
        return cls(
            template=row, codename=row.codename, recipient_type=row.recipient_type, lang=row.lang, version=row.version,
            name=row.name, subject=row.subject, body=row.body, body_html=row.body_html, is_deletion=is_deletion,
            user=user, date=date,
        )  # fmt: skip


class TicketAction(Model):
    """One of the ways to interact with a ticket."""

    codename = models.CharField(max_length=255, unique=True)

    def __str__(self) -> str:
        return self.codename


class TicketActionParams(Model):
    """A parameter of an interaction, such as `snoozeDuration` = 172800."""

    codename = models.CharField(max_length=255)
    value = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.codename}={self.value}"


class TicketWorkflowPresetConfig(Model):
    action = models.ForeignKey(TicketAction, on_delete=models.PROTECT, related_name="preset_configs")
    params = models.ManyToManyField(TicketActionParams, related_name="preset_configs", blank=True)

    def __str__(self) -> str:
        return str(self.action)


class TicketWorkflowPreset(Model):
    """A button: mail texts and an action. `group_id` and `order_id` say where it stands."""

    codename = models.CharField(max_length=256, unique=True)
    name = models.CharField(max_length=256)
    templates = models.ManyToManyField(MailTemplate, related_name="presets", blank=True)
    config = models.ForeignKey(
        TicketWorkflowPresetConfig, on_delete=models.PROTECT, null=True, blank=True, related_name="presets"
    )
    group_id = models.PositiveSmallIntegerField(null=True, blank=True)
    order_id = models.PositiveSmallIntegerField(null=True, blank=True)
    roles = models.ManyToManyField(Role, related_name="presets", blank=True)

    def __str__(self) -> str:
        return self.name
