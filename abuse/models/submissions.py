"""Reports that came in through the API: who handed in what, and the receipt that he was given."""

from __future__ import annotations

from django.db import models

from .base import Model
from .emails import Email
from .people import User


class Submission(Model):
    """One document that a user handed in, and the mail that it became.

    `receipt` is unguessable: whoever has it may ask what became of the report, and nothing else. `sha256` is that of
    the bytes as they were sent, so the same document gets the same receipt again.
    """

    receipt = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="submissions")
    email = models.ForeignKey(Email, on_delete=models.PROTECT, related_name="submissions")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "sha256"], name="submission_once")]

    def __str__(self) -> str:
        return f"submission of mail {self.email_id} by user {self.user_id}"
