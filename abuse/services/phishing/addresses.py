"""Which addresses may be asked about a reported page: public unicast ones, whatever spelling hides the others."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from .base import PhishingServiceException

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The special-purpose registry of RFC 6890 and its updates, multicast, and what clouds answer their guests on. Not left
# to `is_global`: its meaning has changed between releases of Python, and cloud services live on addresses it calls so.
_REFUSED_V4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local, where clouds answer their guests",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved or broadcast",
    "168.63.129.16/32": "a cloud's service to its guests",
}
_REFUSED_V6 = {
    "2001::/23": "protocol assignments",
    "2001:db8::/32": "documentation",
    "3fff::/20": "documentation",
}
_V4 = [(ip_network(block), meaning) for block, meaning in _REFUSED_V4.items()]
_V6 = [(ip_network(block), meaning) for block, meaning in _REFUSED_V6.items()]
_UNICAST_V6 = IPv6Network("2000::/3")

_COMPATIBLE = IPv6Network("::/96")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_TRANSLATED_LOCALLY = IPv6Network("64:ff9b:1::/48")
_TEREDO = IPv6Network("2001::/32")
_LOW_32 = 0xFFFF_FFFF


class RefusedTarget(PhishingServiceException):
    """The page is not looked at, because of where it is. Permanent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def check_address(address: Address, *, allowed: Sequence[Network] = (), refused: Sequence[Network] = ()) -> None:
    """Whether an address may be asked.

    :param allowed: networks of a laboratory that may be asked although they are not public.
    :param refused: networks of one's own that may not, although they are.
    :raises RefusedTarget: when it may not.
    """
    for one in (address, *embedded(address)):
        if _within(one, refused):
            raise RefusedTarget(f"address {address}: is in a network that the settings refuse")
    if _within(address, allowed):
        return
    meaning = _special(address)
    if meaning is not None:
        raise RefusedTarget(f"address {address}: {meaning}; expected a public one")


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for, or leads to.

    IPv4-mapped and -compatible (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380: its server and its client), NAT64
    (RFC 6052, 8215) and ISATAP (RFC 5214).
    """
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address in _TEREDO:
        return (IPv4Address(number >> 64 & _LOW_32), IPv4Address(number & _LOW_32 ^ _LOW_32))
    is_isatap = number >> 32 & 0xFCFF_FFFF == 0x5EFE
    if address in _COMPATIBLE or address in _TRANSLATED or address in _TRANSLATED_LOCALLY or is_isatap:
        return (IPv4Address(number & _LOW_32),)
    return ()


def _special(address: Address) -> str | None:
    """Why an address is not a public one; None when it is."""
    if isinstance(address, IPv4Address):
        return next((meaning for block, meaning in _V4 if address in block), None)
    inner = embedded(address)
    for one in inner:
        meaning = _special(one)
        if meaning is not None:
            return f"it stands for {one}: {meaning}"
    if address.ipv4_mapped is not None or address in _TRANSLATED:
        return None
    if address not in _UNICAST_V6:
        return "not global unicast"
    return next((meaning for block, meaning in _V6 if address in block), None)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == block.version and address in block for block in networks)
