"""The addresses that the desk writes from, and how they are known again when somebody writes back.

A ticket is written to as `ticket+<publicId>.<Category>.<token>@<domain>`. The token proves that the address was given
out by the desk: it is a keyed hash of ticket and category, so a reporter's address is none for the customer's part of
the conversation. It does not cover to whom it was given, so that a colleague may answer in his place and that all
mails of one conversation have one address. Without the token, or with another one, the address still names the
ticket, and proves nothing.

A report that is in no ticket yet is written about from `ticket+r<number>.<token>@<domain>`, the number being its own.

A mail's envelope is sent from `<bounce mailbox>+<id>.<token>@<its domain>`: so a bounce that quotes nothing at all
still says which mail it returns.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from .base import CATEGORIES

TOKEN_LENGTH = 13
"""Characters of 5 bits: 65 bits. More would not fit into the 64 characters of a local part with everything else."""

_LOCAL = re.compile(
    r"ticket\+(?P<public_id>[a-z]{10})\.(?P<category>[a-z]{1,16})(?:\.(?P<token>[a-z0-9]{1,64}))?", re.IGNORECASE
)
_REPORT = re.compile(r"ticket\+r(?P<number>[0-9]{1,18})\.(?P<token>[a-z2-7]{13})", re.IGNORECASE)
_BOUNCE = re.compile(r"(?P<number>[0-9]{1,18})\.(?P<token>[a-z2-7]{13})", re.IGNORECASE)
# No @ or control character inside, one @, a host: what SMTP can carry. Delivery itself is the proof that it exists.
_ADDRESS = re.compile(r"[^\s@<>,;:\\\"()\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\\\"()\[\]\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True)
class TicketAddress:
    """What such an address names. `proven`: it bears the token that the desk gave it."""

    public_id: str
    category: str
    proven: bool = False


def ticket_address(public_id: str, category: str, domain: str) -> str:
    """The address of one part of a ticket's conversation, with its token."""
    return f"ticket+{public_id}.{category}.{_ticket_token(public_id, category)}@{domain}"


def read_ticket_address(address: str, domain: str) -> TicketAddress | None:
    """What a ticket address names, in whatever case; None when it is none of ours, or names no part of one."""
    local, _, host = address.strip().rpartition("@")
    if host.lower() != domain.lower():
        return None
    match = _LOCAL.fullmatch(local)
    if match is None or match["category"].title() not in CATEGORIES:
        return None
    public_id, category = match["public_id"].upper(), match["category"].title()
    proven = hmac.compare_digest((match["token"] or "").lower(), _ticket_token(public_id, category))
    return TicketAddress(public_id, category, proven)


def report_address(report_id: int, domain: str) -> str:
    """The address that answers about a report go to, with its token."""
    return f"ticket+r{report_id}.{_token('report', str(report_id))}@{domain}"


def read_report_address(address: str, domain: str) -> int | None:
    """The number of the report that such an address is about; None when it is none, or a forged one."""
    local, _, host = address.strip().rpartition("@")
    match = _REPORT.fullmatch(local) if host.lower() == domain.lower() else None
    if match is None or not hmac.compare_digest(match["token"].lower(), _token("report", str(int(match["number"])))):
        return None
    return int(match["number"])


def is_own_address(address: str, domain: str) -> bool:
    """Whether an address is one that answers to the desk go to."""
    local, _, host = address.strip().lower().rpartition("@")
    is_of_report = host == domain.lower() and _REPORT.fullmatch(local) is not None
    return is_of_report or read_ticket_address(address, domain) is not None


def bounce_address(mailbox: str, number: int) -> str:
    """The envelope sender of the mail of that number, below the mailbox for bounces."""
    local, _, host = mailbox.rpartition("@")
    return f"{local}{'.' if '+' in local else '+'}{number}.{_token('bounce', str(number))}@{host}"


def read_bounce_address(address: str, mailbox: str) -> int | None:
    """The number of the mail whose envelope had this sender; None when it is no such address, or a forged one."""
    local, _, host = address.strip().rpartition("@")
    mailbox_local, _, mailbox_host = mailbox.rpartition("@")
    start = f"{mailbox_local}{'.' if '+' in mailbox_local else '+'}".lower()
    if host.lower() != mailbox_host.lower() or not local.lower().startswith(start):
        return None
    match = _BOUNCE.fullmatch(local[len(start) :])
    if match is None or not hmac.compare_digest(match["token"].lower(), _token("bounce", str(int(match["number"])))):
        return None
    return int(match["number"])


def is_address(text: str) -> bool:
    """Whether a text is one e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


def _ticket_token(public_id: str, category: str) -> str:
    return _token("ticket", f"{public_id.upper()}.{category.title()}")


def _token(purpose: str, text: str) -> str:
    digest = hmac.digest(_key(str(settings.SECRET_KEY), purpose), text.encode(), hashlib.sha256)
    return base64.b32encode(digest).decode("ascii")[:TOKEN_LENGTH].lower()


@lru_cache(maxsize=8)
def _key(secret: str, purpose: str) -> bytes:
    """A key for one purpose alone, so that no token is ever one of another kind."""
    return hmac.digest(secret.encode(), f"cerberus address of a {purpose}".encode(), hashlib.sha256)
