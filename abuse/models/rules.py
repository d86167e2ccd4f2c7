"""Business rules as stored, and the trace of every decision."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .defendants import Defendant, Service
from .emails import Email
from .reports import Report
from .tickets import Ticket


class RulesType(models.TextChoices):
    REPORT = "Report"
    EMAIL_REPLY = "EmailReply"
    CDN_REQUEST = "CDNRequest"


class RuleMode(models.TextChoices):
    LIVE = "live", "Acts"
    SHADOW = "shadow", "Only records what it would do"


class BusinessRules(Model):
    """A rule. `document` is the text it was written as, byte for byte; `config` is what was read from it.

    `limits` caps its actions: {action: {"hour": n, "day": n, "customer_day": n}}; over a cap a person decides.
    """

    name = models.CharField(max_length=255)
    order_id = models.PositiveIntegerField(help_text="lower comes first")
    rules_type = models.CharField(max_length=32, choices=RulesType)
    is_active = models.BooleanField(default=True)
    config = models.JSONField()
    document = models.TextField(blank=True, default="")
    mode = models.CharField(max_length=16, choices=RuleMode, default=RuleMode.LIVE)
    limits = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["rules_type", "order_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["name", "rules_type"], name="rule_name_once_per_type"),
            models.CheckConstraint(condition=Q(rules_type__in=RulesType.values), name="rules_type_known"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.name}"


class BusinessRulesVersion(Model):
    """A rule as it was: every version stays, so that one can go back and a decision can be read later."""

    business_rules = models.ForeignKey(BusinessRules, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    document = models.TextField()
    order_id = models.PositiveIntegerField()
    is_active = models.BooleanField()
    user = models.ForeignKey(
        "abuse.User", on_delete=models.PROTECT, null=True, blank=True, related_name="rule_versions"
    )
    date = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business_rules", "version"], name="rule_version_once")]

    def __str__(self) -> str:
        return f"{self.business_rules_id} version {self.version}"


class RuleActionUse(Model):
    """One run of a capped action, to be counted."""

    business_rules = models.ForeignKey(BusinessRules, on_delete=models.CASCADE, related_name="action_uses")
    action = models.CharField(max_length=128)
    defendant = models.ForeignKey(
        Defendant, on_delete=models.PROTECT, null=True, blank=True, related_name="action_uses"
    )
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="action_uses")
    date = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["business_rules", "action", "date"], name="action_use_counted")]

    def __str__(self) -> str:
        return f"{self.action} at {self.date:%Y-%m-%d %H:%M}"


class BusinessRulesHistory(Model):
    """One decision: which rule fired, or that none did, with the facts looked at (`trace`)."""

    business_rules = models.ForeignKey(
        BusinessRules, on_delete=models.PROTECT, null=True, blank=True, related_name="applications"
    )
    rule_version = models.PositiveIntegerField(null=True, blank=True)
    rules_type = models.CharField(max_length=32, choices=RulesType)
    defendant = models.ForeignKey(Defendant, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    email = models.ForeignKey(Email, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    trace = models.JSONField(default=dict)
    is_shadow = models.BooleanField(default=False, help_text="what a rule in shadow mode would have done")
    date = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["defendant", "service", "business_rules", "date"], name="decision_rule_applied")
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d %H:%M} {self.business_rules_id}"
