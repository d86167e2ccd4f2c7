"""Reports: one provider and one category, found in one mail, maybe with a customer, a service and items."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, HashIndex
from django.db import models
from django.db.models import Q

from .base import Model
from .categories import Category
from .defendants import Defendant, Service
from .emails import Email
from .fields import NetworkField
from .providers import Provider
from .statuses import ReportStatus
from .tags import Tag

BODY_LIMIT = 200_000
"""Characters of a mail's text kept with a report; the whole mail is in the storage."""


class AttachedDocument(Model):
    """A file from a mail or an operator. `filename` is the storage key, `name` is the sender's word."""

    name = models.CharField(max_length=255, null=True, blank=True)
    filename = models.CharField(max_length=1023)
    filetype = models.CharField(max_length=255)
    size = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name or self.filename


class Report(Model):
    """One complaint of one category about at most one (defendant, service)."""

    class TreatedMode(models.TextChoices):
        NONE = "NONE"
        MANUAL = "MANU"
        AUTOMATIC = "AUTO"

    body = models.TextField(blank=True)
    subject = models.TextField(null=True, blank=True)
    # Where a key has no index of its own, one below begins with it.
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="reports", db_index=False)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="reports", db_index=False)
    defendant = models.ForeignKey(
        Defendant, on_delete=models.PROTECT, null=True, blank=True, related_name="reports", db_index=False
    )
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")
    ticket = models.ForeignKey(
        "abuse.Ticket", on_delete=models.PROTECT, null=True, blank=True, related_name="reports", db_index=False
    )
    email = models.ForeignKey(Email, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")
    received_date = models.DateTimeField(help_text="the date of the mail")
    created_at = models.DateTimeField()
    status = models.CharField(max_length=32, choices=ReportStatus, default=ReportStatus.NEW)
    filename = models.CharField(max_length=1023, help_text="storage key of the raw mail")
    reporter_reference = models.CharField(max_length=255, null=True, blank=True)
    xarf_type = models.CharField(max_length=64, null=True, blank=True, help_text="category-type of XARF v4")
    rsit_class = models.CharField(max_length=64, null=True, blank=True, help_text="class of the RSIT taxonomy")
    authentication = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text="whether the sender's domain was authenticated: pass, fail or none",
    )
    ask_again_at = models.DateTimeField(
        null=True, blank=True, help_text="when the customer database is asked again whose the reported things are"
    )
    asked_again = models.PositiveSmallIntegerField(default=0, help_text="how often it was")
    look_up_at = models.DateTimeField(
        null=True, blank=True, help_text="when DNS is asked about the names and addresses in it"
    )
    no_answer_reason = models.CharField(
        max_length=255, blank=True, default="", help_text="why no machine may answer its sender; empty: one may"
    )
    missing_data = models.JSONField(
        default=list, blank=True, help_text="what it lacks so that its customer can be found: port, time, zone, item"
    )
    treated_mode = models.CharField(max_length=4, choices=TreatedMode, default=TreatedMode.NONE)
    tags = models.ManyToManyField(Tag, related_name="reports", blank=True)
    attachments = models.ManyToManyField(AttachedDocument, related_name="reports", blank=True)

    class Meta:
        indexes = [
            # Category and status are what lists leave rows out by: those that are far from the page need not be read.
            models.Index(fields=["-received_date", "-id"], include=["category", "status"], name="report_newest"),
            models.Index(fields=["-ticket", "id"], include=["category", "status"], name="report_ticket_down"),
            models.Index(fields=["-category", "id"], include=["status"], name="report_category_down"),
            models.Index(fields=["-status", "id"], include=["category"], name="report_status_down"),
            models.Index(fields=["-provider", "id"], include=["category", "status"], name="report_provider_down"),
            models.Index(fields=["status", "-received_date"], name="report_status"),
            models.Index(fields=["provider", "id"], include=["ticket"], name="report_of_provider"),
            # Whoever has ids of reports, because of a tag, an item or a word, need not read the reports themselves.
            models.Index(fields=["id"], include=["ticket", "category", "status", "received_date"], name="report_links"),
            models.Index(fields=["category", "id"], name="report_category"),
            models.Index(fields=["ticket", "id"], name="report_ticket"),
            models.Index(fields=["status", "id"], name="report_status_id"),
            models.Index(fields=["created_at", "id"], name="report_created_id"),
            # For counts: small, as a pair is stored once with the places of all its rows.
            models.Index(fields=["status", "category"], name="report_figures"),
            models.Index(fields=["defendant", "status", "category"], name="report_of_defendant"),
            GinIndex(fields=["subject"], opclasses=["gin_trgm_ops"], name="report_subject_part"),
            models.Index(
                fields=["ask_again_at"],
                condition=Q(ask_again_at__isnull=False, defendant__isnull=True, ticket__isnull=True),
                name="report_ask_again",
            ),
            models.Index(fields=["look_up_at"], condition=Q(look_up_at__isnull=False), name="report_look_up"),
            models.Index(
                fields=["defendant", "category", "service", "received_date"],
                condition=Q(status=ReportStatus.NEW),
                name="report_waiting",
            ),
        ]
        constraints = [
            # One mail gives one report for each (defendant, service, category): nothing can double it.
            models.UniqueConstraint(
                fields=["email", "defendant", "service", "category"],
                name="report_once_per_mail",
                nulls_distinct=False,
                condition=Q(email__isnull=False),
            ),
            models.CheckConstraint(condition=Q(status__in=ReportStatus.values), name="report_status_known"),
            models.CheckConstraint(
                condition=~Q(status=ReportStatus.ATTACHED) | Q(ticket__isnull=False), name="attached_report_has_ticket"
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.pk}"


class ReportItem(Model):
    """An address, network, URL, name or hash in a report, normalised, with the reporter's own spelling beside it."""

    class Type(models.TextChoices):
        IP = "IP"
        CIDR = "CIDR"
        URL = "URL"
        FQDN = "FQDN"
        EMAIL = "EMAIL"
        HASH = "HASH"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="items")
    item_type = models.CharField(max_length=8, choices=Type)
    raw_item = models.CharField(max_length=4095, help_text="the normalised value")
    original = models.CharField(max_length=4095, blank=True, help_text="as it stood in the mail")
    place = models.CharField(max_length=255, blank=True, help_text="where in the mail it stood")
    network = NetworkField(
        null=True, blank=True, help_text="address or network of IP and CIDR items, or of a URL's host"
    )
    fqdn = models.CharField(max_length=255, null=True, blank=True, db_index=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    protocol = models.CharField(max_length=32, null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="event time as reported")
    times = models.PositiveIntegerField(null=True, blank=True, help_text="how often it was seen, as reported")
    confidence = models.FloatField(null=True, blank=True, help_text="0 to 1, as reported or as read")
    ip_reverse = models.CharField(max_length=255, null=True, blank=True)
    ip_reverse_resolved = models.GenericIPAddressField(null=True, blank=True)
    fqdn_resolved = models.GenericIPAddressField(null=True, blank=True)
    fqdn_resolved_reverse = models.CharField(max_length=255, null=True, blank=True)
    date = models.DateTimeField()

    class Meta:
        indexes = [
            HashIndex(fields=["raw_item"], name="item_raw"),
            GinIndex(fields=["raw_item"], opclasses=["gin_trgm_ops"], name="item_part"),
            models.Index(fields=["network"], name="item_network"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(port__isnull=True) | Q(port__gte=0, port__lte=65535), name="item_port"),
        ]

    def __str__(self) -> str:
        return self.raw_item


class UrlStatus(Model):
    """One look at a reported URL."""

    class State(models.TextChoices):
        UP = "UP"
        DOWN = "DOWN"
        UNKNOWN = "UNKNOWN"

    item = models.ForeignKey(ReportItem, on_delete=models.CASCADE, related_name="url_statuses")
    direct_status = models.CharField(max_length=10, choices=State)
    proxied_status = models.CharField(max_length=10, choices=State, null=True, blank=True)
    http_code = models.PositiveIntegerField(null=True, blank=True)
    score = models.PositiveIntegerField(null=True, blank=True, help_text="0 up … 100 down")
    is_phishing = models.BooleanField(null=True, blank=True)
    date = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.item_id}: {self.direct_status}"


class ItemScreenshotFeedback(Model):
    """Whether the defendant has looked at a screenshot shown to him."""

    item = models.ForeignKey(ReportItem, on_delete=models.CASCADE, related_name="screenshot_feedback")
    token = models.CharField(max_length=256)
    is_viewed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "token"], name="screenshot_feedback_once")]

    def __str__(self) -> str:
        return self.token
