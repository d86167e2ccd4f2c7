"""Campaigns."""

from __future__ import annotations

import time

from abuse.controllers import campaigns
from abuse.utils.stopping import is_asked_to_stop

SECONDS = 600
"""One job works no longer than that; the sweeper rings again while addresses wait."""


def work_off() -> int:
    """Write to the customers behind the addresses that wait; how many addresses were settled."""
    settled, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end and not is_asked_to_stop():
        done = campaigns.work_off()
        settled += done
        if done == 0:
            break
    return settled
