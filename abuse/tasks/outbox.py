"""The bell of the outbox."""

from __future__ import annotations

from abuse.controllers.relaying import send_due
from abuse.queues import SEND_THE_OUTBOX, heard


def send_the_outbox() -> int:
    """Send the mails that wait; how many were sent."""
    heard(SEND_THE_OUTBOX)  # what is written from now on is worth another one
    return send_due()
