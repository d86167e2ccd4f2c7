"""The bell of the inbox."""

from __future__ import annotations

from abuse.config import current
from abuse.pipeline.claims import waiting_count
from abuse.pipeline.inbox import work
from abuse.queues import ring

SECONDS = 600
"""One job works no longer than that, so that other queues get their turn and memory is given back."""


def work_the_inbox() -> int:
    """Work off the mails that wait; how many came to an end."""
    settled = work(current(), seconds=SECONDS)
    if waiting_count():
        ring()
    return settled
