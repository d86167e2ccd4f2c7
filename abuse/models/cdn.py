"""Questions to content networks: which address is behind a domain."""

from __future__ import annotations

from django.db import models

from .base import Model
from .tickets import Ticket


class CdnRequest(Model):
    """One question to one network about one domain, answered in the conversation of its ticket."""

    provider = models.CharField(max_length=64, help_text="name of the network, such as cloudflare")
    domain = models.CharField(max_length=255)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="cdn_requests")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "domain"], name="one_cdn_request_per_domain")]

    def __str__(self) -> str:
        return f"{self.domain} behind {self.provider}"
