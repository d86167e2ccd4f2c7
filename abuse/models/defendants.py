"""The customers complained about, and what they rent, as the CRM told it."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from .base import Model
from .people import User
from .tags import Tag


class Comment(Model):
    """A remark of an operator on a ticket or a customer."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="written_comments")
    comment = models.TextField(max_length=65535)
    date = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.comment[:80]


class Defendant(Model):
    """A customer. What is known of him today is `details`; what was known before stays in the revisions."""

    customer_id = models.CharField(max_length=255, unique=True)
    details = models.ForeignKey(
        "abuse.DefendantRevision", on_delete=models.PROTECT, null=True, blank=True, related_name="current_of"
    )
    refreshed_at = models.DateTimeField(null=True, blank=True)
    tags = models.ManyToManyField(Tag, related_name="defendants", blank=True)

    class Meta:
        indexes = [GinIndex(fields=["customer_id"], opclasses=["gin_trgm_ops"], name="customer_id_part")]

    def __str__(self) -> str:
        return self.customer_id


class DefendantRevision(Model):
    """A snapshot of one customer's data. `digest` is the SHA-256 of all of it, so that the same data is kept once."""

    defendant = models.ForeignKey(Defendant, on_delete=models.PROTECT, related_name="revisions")
    digest = models.CharField(max_length=64)
    email = models.CharField(max_length=255, db_index=True)
    spare_email = models.CharField(max_length=255, null=True, blank=True)
    firstname = models.CharField(max_length=255, null=True, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)
    organisation = models.CharField(max_length=255, null=True, blank=True)
    legal_form = models.CharField(max_length=255, null=True, blank=True)
    address = models.CharField(max_length=1024, null=True, blank=True)
    zip = models.CharField(max_length=255, null=True, blank=True)
    city = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=255, null=True, blank=True)
    country = models.CharField(max_length=32, null=True, blank=True)
    billing_country = models.CharField(max_length=32, null=True, blank=True)
    lang = models.CharField(max_length=32, null=True, blank=True)
    phone = models.CharField(max_length=255, null=True, blank=True)
    creation_date = models.DateTimeField(help_text="when the customer's account was made")
    is_vip = models.BooleanField(default=False)
    is_gs = models.BooleanField(default=False)
    is_internal = models.BooleanField(default=False)

    class Meta:
        indexes = [GinIndex(fields=["email"], opclasses=["gin_trgm_ops"], name="customer_email_part")]
        constraints = [models.UniqueConstraint(fields=["defendant", "digest"], name="revision_once_per_defendant")]

    def __str__(self) -> str:
        return f"{self.defendant_id}: {self.email}"


class DefendantHistory(Model):
    """When a customer's data changed to which revision."""

    defendant = models.ForeignKey(Defendant, on_delete=models.PROTECT, related_name="history")
    revision = models.ForeignKey(DefendantRevision, on_delete=models.PROTECT, related_name="history")
    date = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.defendant_id} at {self.date}"


class DefendantComment(Model):
    defendant = models.ForeignKey(Defendant, on_delete=models.PROTECT, related_name="comments")
    comment = models.OneToOneField(Comment, on_delete=models.CASCADE, related_name="defendant_comment")

    def __str__(self) -> str:
        return str(self.comment)


class Service(Model):
    """A product that a defendant rents. `key` is the SHA-256 of its CRM id, or of all that is known of it."""

    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=2048)
    domain = models.CharField(max_length=2048, null=True, blank=True)
    component_type = models.CharField(max_length=256, null=True, blank=True)
    component_sub_type = models.CharField(max_length=256, null=True, blank=True)
    reference = models.CharField(max_length=256, null=True, blank=True)
    service_id = models.CharField(max_length=256, null=True, blank=True, db_index=True)

    def __str__(self) -> str:
        return self.name
