"""The bell of the outbox."""

from __future__ import annotations

from abuse.controllers.outbox import send_due


def send_the_outbox() -> int:
    """Send the mails that wait; how many were sent."""
    return send_due()
