"""Who did what through the API, and who read what was not meant for everybody."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models import QuerySet

from .base import Model
from .people import User


class AuditEntry(Model):
    """One call that wrote, or that read evidence. No body, no text and no secret is in it.

    `about`: the ids in the path, such as `ticket_id=42 comment_id=7`. `status`: what was answered. `user` is null where
    nobody was logged in.
    """

    date = models.DateTimeField()
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries")
    token = models.BigIntegerField(null=True, blank=True, help_text="the id that the token has or had")
    address = models.GenericIPAddressField(null=True, blank=True)
    method = models.CharField(max_length=8)
    endpoint = models.CharField(max_length=128)
    about = models.CharField(max_length=255, blank=True)
    status = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["date"], name="audit_date"),
            models.Index(fields=["user", "date"], name="audit_user"),
            models.Index(fields=["about", "date"], name="audit_about"),
        ]

    @classmethod
    def between(cls, since: int | None, until: int | None) -> QuerySet[AuditEntry]:
        """The entries from one moment until before another, in seconds since 1970; None: no bound."""
        rows = cls.all()
        if since is not None:
            rows = rows.filter(date__gte=datetime.fromtimestamp(since, UTC))
        return rows if until is None else rows.filter(date__lt=datetime.fromtimestamp(until, UTC))

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d %H:%M} {self.user} {self.method} {self.endpoint} {self.about}: {self.status}"
