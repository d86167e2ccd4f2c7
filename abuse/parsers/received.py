"""The address a message was handed in from, by its Received fields."""

from __future__ import annotations

import re2

from . import hosts
from .header import Headers

_FROM_CLAUSE = re2.compile(r"(?is)^\s*(?:\(?(?:qmail|nullmailer)[^)]*\)|from\s.*?)(?:\bby\s|$)")
_BRACKETED = re2.compile(r"(?i)[\[(](?:ipv6:)?([0-9a-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})|[0-9a-f]*:[0-9a-f:]+)[\])]")
_BARE = re2.compile(r"\b(\d{1,3}(?:\.\d{1,3}){3})\b")
MAX_HOPS = 50


def handing_over_address(headers: Headers) -> str | None:
    """The address that handed the message to the one who complains: the newest hop that names a public address.

    Older hops, below it, are the sender's own words and can be forged; hops on top with private addresses are inside
    the receiver's own network. X-Originating-IP serves when no hop names an address.
    """
    for value in headers.get_all("received")[:MAX_HOPS]:
        address = address_of_hop(value)
        if address is not None and hosts.is_public(address):
            return address
    for name in ("x-originating-ip", "x-sender-ip", "x-source-ip"):
        address = hosts.ip(headers.get(name))
        if address and hosts.is_public(address):
            return address
    return None


def address_of_hop(value: str) -> str | None:
    """The client's address in one Received value: the bracketed one of its "from" clause; None when it names none."""
    clause = _FROM_CLAUSE.search(value[:2_000])
    if clause is None:
        return None
    found = [hosts.ip(match.group(1)) for match in _BRACKETED.finditer(clause.group())]
    usable = [address for address in found if address and not address.startswith("127.") and address != "::1"]
    if usable:
        return usable[-1]
    bare = _BARE.search(clause.group())
    return hosts.ip(bare.group(1)) if bare else None
