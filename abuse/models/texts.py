"""Mail texts and the presets that put texts and actions together."""

from __future__ import annotations

from django.db import models

from .base import Model
from .people import Role


class MailTemplate(Model):
    """A text for one purpose (`codename`), recipient type and language."""

    class RecipientType(models.TextChoices):
        DEFENDANT = "Defendant"
        PLAINTIFF = "Plaintiff"
        OTHER = "Other"
        MASS_CONTACT = "MassContact"

    codename = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    lang = models.CharField(max_length=8, default="EN")
    subject = models.CharField(max_length=1023)
    body = models.TextField()
    recipient_type = models.CharField(max_length=32, choices=RecipientType, default=RecipientType.DEFENDANT)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["codename", "recipient_type", "lang"], name="template_once_per_language")
        ]

    def __str__(self) -> str:
        return f"{self.codename} ({self.lang})"


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
