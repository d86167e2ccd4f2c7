"""What is asked about, read as it may be passed on: addresses and the hosts of URLs."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from ..phishing.addresses import Address, RefusedTarget, check_address
from ..phishing.targets import read_host
from .base import ReputationServiceException


def read_address(text: str) -> Address:
    """:raises ReputationServiceException: permanent, for what is no address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        raise ReputationServiceException(f"ip: {text[:80]!r}; expected an address", permanent=True) from None
    if getattr(address, "scope_id", None):
        raise ReputationServiceException(f"ip: {text[:80]!r}; expected an address without a zone", permanent=True)
    return getattr(address, "ipv4_mapped", None) or address


def is_public(address: Address) -> bool:
    """Whether anybody but the desk may be told of an address."""
    try:
        check_address(address)
    except RefusedTarget:
        return False
    return True


def host_of(url: str) -> str | Address:
    """The host of a URL.

    :raises ReputationServiceException: permanent, for what has none.
    """
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        return read_host(parts.hostname or "", bracketed="[" in parts.netloc)
    except (ValueError, RefusedTarget) as error:
        raise ReputationServiceException(f"url: {url[:80]!r}: {error}", permanent=True) from None
