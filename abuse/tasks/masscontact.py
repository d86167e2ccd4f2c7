"""Campaigns."""

from __future__ import annotations

import time

from abuse.controllers import campaign_work
from abuse.utils.stopping import is_asked_to_stop

SECONDS = 600
"""One job works no longer than that; the sweeper rings again while addresses wait."""


def work_off() -> int:
    """Write to the customers behind the addresses that wait; how often an address was brought further."""
    moved, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end and not is_asked_to_stop():
        done = campaign_work.work_off()
        moved += done
        if done == 0:
            break
    return moved
