"""The durable inbox: one row for each mail that came in, with its fate."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .statuses import EmailState


class Email(Model):
    """A received mail. The bytes lie in the storage under `sha256`; the row is the queue entry and its fate.

    `claim` and `next_attempt_at` cover the time between claiming a mail and locking its row for the work; after that
    the row lock itself tells other workers to keep off, and vanishes with the worker.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField(help_text="bytes")
    source = models.CharField(max_length=512, help_text="where it came from, for people")
    envelope_sender = models.CharField(max_length=512, null=True, blank=True)
    envelope_recipients = models.JSONField(default=list, blank=True)
    submitter = models.CharField(
        max_length=255, blank=True, default="", help_text="whose report it is for certain: he handed it in by the API"
    )
    received_at = models.DateTimeField()
    last_delivered_at = models.DateTimeField()
    deliveries = models.PositiveIntegerField(default=1)

    state = models.CharField(max_length=16, choices=EmailState, default=EmailState.RECEIVED)
    reason = models.TextField(blank=True, default="", help_text="why it ended so")
    error = models.TextField(blank=True, default="", help_text="the last failure")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claim = models.UUIDField(null=True, blank=True)
    postponed_since = models.DateTimeField(
        null=True, blank=True, help_text="since when it waits for the customer database, which cannot answer"
    )
    done_at = models.DateTimeField(null=True, blank=True)

    kind = models.CharField(max_length=32, blank=True, default="")
    provider = models.CharField(max_length=255, blank=True, default="")
    subject = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(max_length=998, null=True, blank=True)
    template = models.CharField(max_length=128, blank=True, default="")
    defects = models.JSONField(default=list, blank=True)
    authentication = models.JSONField(
        default=dict, blank=True, help_text="SPF, DKIM, DMARC and ARC of the sender: what was found, and by whom"
    )
    content_key = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        help_text="SHA-256 of Message-ID, sender, subject and content: the same mail over two ways",
    )
    duplicate_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="duplicates")
    ticket = models.ForeignKey("abuse.Ticket", on_delete=models.PROTECT, null=True, blank=True, related_name="answers")

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=[EmailState.RECEIVED, EmailState.PROCESSING]),
                name="email_waiting",
            ),
            models.Index(fields=["state", "received_at"], name="email_state"),
            models.Index(fields=["message_id"], name="email_message_id"),
            models.Index(fields=["provider", "received_at"], name="email_provider"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["content_key"],
                condition=Q(state__in=[EmailState.PROCESSED, EmailState.ANSWER, EmailState.IGNORED]),
                name="email_content_once",
            ),
            models.CheckConstraint(condition=Q(state__in=EmailState.values), name="email_state_known"),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk} ({self.sha256[:12]})"
