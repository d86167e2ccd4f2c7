"""What rules put off: each is run once its deadline has come, and again when the process dies before its end."""

from __future__ import annotations

from abuse.controllers.history import robot
from abuse.pipeline import again, blocking, misrouted, timeouts


def ticket_timeout(ticket_id: int, module: str | None = None, level: str | None = None) -> str:
    """The customer let the time pass: close the ticket if its pages are down, else act on the service."""
    return timeouts.ticket_timeout(ticket_id, module=module, level=level)


def block_urls(report_id: int) -> str:
    """Have the phishing service block each page that a report names."""
    return blocking.block_urls(report_id)


def decide_again(report_id: int, trusted: bool = False) -> str:
    """Let the Report rules decide on a report whose customer has become known.

    `trusted`: a person vouched for it before; else whoever sent it is trusted as he was.
    """
    fired = again.decide_again(report_id, actor=robot(), trusted=trusted)
    return fired or "no rule matched"


def settle_misrouted(report_id: int) -> str:
    """Ask the registries whose the addresses of a report are, and tell its reporter whom to write to."""
    return misrouted.settle(report_id)
