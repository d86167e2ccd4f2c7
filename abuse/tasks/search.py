"""Search systems outside of the database."""

from __future__ import annotations

import time

from abuse.controllers import searching
from abuse.utils.stopping import is_asked_to_stop

SECONDS = 300
"""One job works no longer than that; the sweeper rings again while reports wait."""


def index_due() -> int:
    """Tell the search system of the reports that wait; how many it was told of."""
    indexed, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end and not is_asked_to_stop():
        done = searching.index_due()
        indexed += done
        if done == 0:
            break
    return indexed
