"""Writing to many customers at once, and news for the operators."""

from __future__ import annotations

from django.db import models

from .base import Model
from .categories import Category
from .defendants import Defendant, Service
from .people import User
from .tags import Tag


class MassContact(Model):
    """A campaign."""

    campaign_name = models.CharField(max_length=256, unique=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="campaigns")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="campaigns")
    ips_count = models.PositiveIntegerField()
    subject = models.CharField(max_length=1023, default="")
    body = models.TextField(default="")
    date = models.DateTimeField()

    def __str__(self) -> str:
        return self.campaign_name


class MassContactTarget(Model):
    """One address of a campaign, and what came of it: FOUND when its customer is known and not written to yet."""

    class State(models.TextChoices):
        PENDING = "pending"
        FOUND = "found"
        MATCHED = "matched"
        NOT_MATCHED = "not_matched"
        FAILED = "failed"

    campaign = models.ForeignKey(MassContact, on_delete=models.CASCADE, related_name="targets")
    ip = models.GenericIPAddressField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    defendant = models.ForeignKey(Defendant, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    tickets_count = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "ip"], name="campaign_address_once")]
        indexes = [
            models.Index(
                fields=["campaign", "state"],
                condition=models.Q(state__in=["pending", "found"]),
                name="campaign_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.ip}: {self.state}"


class MassContactResult(Model):
    class State(models.TextChoices):
        PENDING = "Pending"
        DONE = "Done"

    campaign = models.OneToOneField(MassContact, on_delete=models.CASCADE, related_name="result")
    state = models.CharField(max_length=32, choices=State, default=State.PENDING)
    matching_count = models.PositiveIntegerField(default=0)
    not_matching_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.campaign}: {self.state}"


class News(Model):
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="news")
    title = models.CharField(max_length=1023)
    content = models.TextField(max_length=65535)
    tags = models.ManyToManyField(Tag, related_name="news", blank=True)
    date = models.DateTimeField()

    def __str__(self) -> str:
        return self.title
