"""The address under which a ticket is written to: `ticket+<publicId>.<Category>@<domain>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .base import CATEGORIES

_LOCAL = re.compile(r"ticket\+(?P<public_id>[a-z]{10})\.(?P<category>[a-z]{1,16})(?:\.[a-z0-9]{1,64})?", re.IGNORECASE)
# No @ or control character inside, one @, a host: what SMTP can carry. Delivery itself is the proof that it exists.
_ADDRESS = re.compile(r"[^\s@<>,;:\\\"()\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\\\"()\[\]\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True)
class TicketAddress:
    """What such an address names."""

    public_id: str
    category: str


def ticket_address(public_id: str, category: str, domain: str) -> str:
    """The address of one part of a ticket's conversation."""
    return f"ticket+{public_id}.{category}@{domain}"


def read_ticket_address(address: str, domain: str) -> TicketAddress | None:
    """What a ticket address names; None when it is none of ours, or names no part of a conversation."""
    local, _, host = address.strip().rpartition("@")
    if host.lower() != domain.lower():
        return None
    match = _LOCAL.fullmatch(local)
    if match is None or match["category"].title() not in CATEGORIES:
        return None
    return TicketAddress(match["public_id"].upper(), match["category"].title())


def is_address(text: str) -> bool:
    """Whether a text is one e-mail address."""
    return _ADDRESS.fullmatch(text) is not None
