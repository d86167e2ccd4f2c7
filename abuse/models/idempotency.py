"""Calls that their senders marked with a key, so that sending one again does not do it again."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .base import Model
from .people import User


class IdempotentCall(Model):
    """A call that came with a key, and its first answer once there is one; `status` is null until then.

    `fingerprint`: SHA-256 over what was asked, so that a key is not used for something else by mistake. `body` is null
    where the answer was too large to be kept.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="idempotent_calls")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    content_type = models.CharField(max_length=255, blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)
    body = models.BinaryField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotent_call_once"),
            models.CheckConstraint(
                condition=Q(status__isnull=False) | Q(body__isnull=True), name="idempotent_answer_has_status"
            ),
        ]

    def __str__(self) -> str:
        return f"call {self.key!r} of user {self.user_id}"
