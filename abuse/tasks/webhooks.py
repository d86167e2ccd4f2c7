"""The bell of the webhooks."""

from __future__ import annotations

from abuse.controllers.webhook_sending import send_due
from abuse.queues import SEND_WEBHOOKS, heard


def send_webhooks() -> int:
    """Send the events that wait; how many were taken."""
    heard(SEND_WEBHOOKS)  # what happens from now on is worth another one
    return send_due()
