"""Addresses and names: what is one, its normal form, and whether the desk wants to hear of it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import re2
import tldextract

from .context import ParserContext

# Snapshot of the public suffix list that ships with the package: no download, no cache on disk.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

# RFC 2606 and 6761 names, and onion (RFC 7686): no public suffixes, but real in reports.
_SPECIAL_TLDS = frozenset(("example", "test", "onion"))
_LABEL = re2.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ALPHABETIC = re2.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
_NEVER = [
    ipaddress.ip_network(block)
    for block in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32")
] + [ipaddress.ip_network(block) for block in ("::/128", "::1/128", "fe80::/10", "ff00::/8")]
_PRIVATE = [
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_IPV6_UNICAST = ipaddress.ip_network("2000::/3")


def ip(text: str) -> str | None:
    """The normal form of an IPv4 or IPv6 address; None when it is none.

    Brackets, zone ("%eth0"), "IPv6:" and leading zeros of octets are dropped; an IPv4-mapped address gives IPv4.
    """
    text = text.strip().strip("[]()<>,;\"'").partition("%")[0]
    return _ip(text) if len(text) <= 60 else None


# Logs name the same things over and over. What is remembered is short.
@lru_cache(maxsize=4096)
def _ip(text: str) -> str | None:
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    if ":" not in text and "." in text:
        octets = text.split(".")
        if len(octets) != 4 or not all(octet.isdecimal() and octet.isascii() and len(octet) <= 3 for octet in octets):
            return None
        if max(int(octet) for octet in octets) > 255:
            return None
        return ".".join(str(int(octet)) for octet in octets)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def cidr(text: str) -> str | None:
    """The normal form of a network of more than one address; None when it is none."""
    address, slash, length = text.strip().partition("/")
    normal = ip(address)
    if not slash or normal is None or not length.isdecimal() or len(length) > 3:
        return None
    try:
        network = ipaddress.ip_network(f"{normal}/{int(length)}", strict=False)
    except ValueError:
        return None
    return str(network) if network.num_addresses > 1 else None


def name(text: str) -> str | None:
    """The normal form of a host name: lower case, no trailing dot, IDNs in A-label form; None when it is none."""
    host = text.strip().rstrip(".").lower()
    return _name(host) if 3 < len(host) <= 253 and "." in host else None


@lru_cache(maxsize=4096)
def _name(host: str) -> str | None:
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:  # empty or over-long label, forbidden character
            return None
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or not _ALPHABETIC.fullmatch(labels[-1]):
        return None
    return host


@lru_cache(maxsize=4096)
def _extract(host: str) -> tuple[str, str]:
    found = _suffixes(host)
    return found.suffix, found.top_domain_under_public_suffix


def has_public_suffix(host: str) -> bool:
    """Whether a normal name lies under a real top-level domain (or a reserved one that reports use)."""
    return host.rpartition(".")[2] in _SPECIAL_TLDS or bool(_extract(host)[0] and _extract(host)[1])


def is_public_suffix(host: str) -> bool:
    """Whether a normal name is no more than a suffix under which others register ("co.uk")."""
    return _extract(host)[0] == host


def registered_domain(host: str) -> str:
    """The domain its owner registered ("a.b.example.co.uk" → "example.co.uk"); the last two labels if unknown."""
    return _extract(host)[1] or ".".join(host.split(".")[-2:])


@lru_cache(maxsize=4096)
def is_private(address: str) -> bool:
    """Whether an address or network is of a range that is not routed between operators (RFC 1918, 6598, 4193)."""
    return _within(address, _PRIVATE)


@lru_cache(maxsize=4096)
def is_global_ipv6(address: str) -> bool:
    """Whether it is an IPv6 address that can be somebody's: unicast, global or unique local."""
    return ":" in address and _within(address, [_IPV6_UNICAST, _PRIVATE[-1]])


def _within(address: str, blocks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    first = ipaddress.ip_address(address.partition("/")[0])
    return any(first.version == block.version and first in block for block in blocks)


@lru_cache(maxsize=4096)
def _is_never_reported(address: str) -> bool:
    return _within(address, _NEVER)


def is_public(address: str) -> bool:
    """Whether it is a unicast address that operators route among themselves."""
    return not is_private(address) and not _is_never_reported(address)


def is_wanted_address(address: str, context: ParserContext) -> bool:
    """Whether an address or network may become an item: a unicast one, in no network the desk ignores."""
    if _is_never_reported(address):
        return False
    if not context.networks_to_ignore:
        return True
    first: IPv4Address | IPv6Address = ipaddress.ip_address(address.partition("/")[0])
    return not any(first.version == block.version and first in block for block in context.networks_to_ignore)


def is_wanted_host(host: str, context: ParserContext) -> bool:
    """Whether a host name or address may become an item: below no domain and in no network the desk ignores."""
    host = host.strip("[]")
    address = ip(host)
    if address is not None:
        return is_wanted_address(address, context)
    return not any(is_below(host, domain) for domain in context.domain_to_ignore)


def is_below(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or a name below it."""
    domain = domain.lower().strip(".")
    return bool(domain) and (host == domain or host.endswith("." + domain))
