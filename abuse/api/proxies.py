"""From where a request comes: its address, its scheme and its origin, as far as they can be believed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import request

from abuse.config import current

MAX_HOPS = 20
"""Addresses of X-Forwarded-For that are looked at, from the right."""


def caller_address() -> str | None:
    """The address of who calls; None where there is none, as on a Unix socket.

    Behind trusted proxies it is the right-most address of X-Forwarded-For that is none of theirs: what stands left of
    it was sent by the caller, who may write there whatever he likes.
    """
    address = _address(request.remote_addr or "")
    if address is None or not _is_trusted(address):
        return str(address) if address else None
    hops = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
    for hop in reversed(hops[-MAX_HOPS:]):
        before = _address(hop.strip())
        if before is None:
            break
        address = before
        if not _is_trusted(before):
            break
    return str(address)


def is_secure() -> bool:
    """Whether the caller speaks TLS, with us or with a trusted proxy."""
    if request.is_secure:
        return True
    address = _address(request.remote_addr or "")
    if address is None or not _is_trusted(address):
        return False
    return request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower() == "https"


def is_foreign_origin(origin: str) -> bool:
    """Whether an Origin header names neither this server nor an allowed one."""
    if origin in current().API.allowed_origins:
        return False
    return origin.lower() != f"{'https' if is_secure() else 'http'}://{request.host}".lower()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in current().API.trusted_proxies)
