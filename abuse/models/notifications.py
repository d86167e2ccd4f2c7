"""What one user is to be told: rows, so that nothing is lost and everything can be read again."""

from __future__ import annotations

from django.db import models

from .base import Model
from .people import User
from .tickets import Ticket


class Notification(Model):
    """Something that happened to a ticket of a user, or to a webhook.

    `shown_at`: when he was told; `read_at`: when he put it away.
    """

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", "The ticket was given to him"
        ANSWERED = "answered", "Somebody answered on his ticket"
        ALARM = "alarm", "His ticket wants attention"
        MENTIONED = "mentioned", "A remark on a ticket names him"
        WEBHOOK = "webhook", "A subscription of his was switched off"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=16, choices=Kind)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications")
    message = models.CharField(max_length=255)
    date = models.DateTimeField()
    shown_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "date"], name="notification_of_user"),
            models.Index(fields=["user"], condition=models.Q(shown_at__isnull=True), name="notification_to_show"),
        ]

    def __str__(self) -> str:
        return self.message
