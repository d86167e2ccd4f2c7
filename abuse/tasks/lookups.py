"""The bell of what is asked of DNS."""

from __future__ import annotations

from abuse.controllers.lookups import look_up_due
from abuse.queues import LOOK_UP_NAMES, heard


def look_up_names() -> int:
    """Ask about the names and addresses in reports that wait; how many reports were taken."""
    heard(LOOK_UP_NAMES)  # what comes from now on is worth another one
    return look_up_due()
