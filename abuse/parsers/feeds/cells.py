"""From the text of a cell to an item's value, fast for what is written plainly and exact for the rest."""

from __future__ import annotations

import socket
import string
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

import re2

from .. import dates, hosts, urls
from ..values import ItemKind, host_of_url

_EMPTY = frozenset(("", "-", "?", "none", "null", "n/a", "na", "nan", "unknown", "0.0.0.0", "::", "."))  # noqa: S104 - no bind
_EMAIL = re2.compile(r"[^\s<>@\"]{1,128}@([^\s<>@\"]{1,253})")
_HASH = re2.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128}")
_ADDRESS_AND_PORT = re2.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_PLAIN_PATH = string.ascii_letters + string.digits + "/._-=&?%+~,;:@!$*"
_URL_LIKE = re2.compile(r"(?i)(h[tx]{2}ps?|ftps?)(://[^\s<>\"]+)")
_SCHEMELESS = re2.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z]{2,24}(?::\d{1,5})?/[^\s<>\"]*")
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6", "47": "gre", "50": "esp", "132": "sctp"}
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Fact(NamedTuple):
    """One thing a row is about: what becomes a `ParsedItem` when somebody wants one."""

    kind: ItemKind
    value: str
    raw: str
    port: int | None


def address(text: str) -> str | None:
    """The normal form of an IPv4 or IPv6 address; None when it is none, or stands for none (0.0.0.0)."""
    try:
        if ":" in text:
            normal = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
            # mapped and compatible addresses are spelt in more than one way
            return (hosts.ip(text) if "." in normal else normal) if normal != "::" else None
        socket.inet_pton(socket.AF_INET, text)
        return text if text != "0.0.0.0" else None  # noqa: S104 - a placeholder in feeds
    except (OSError, ValueError):  # ValueError: a NUL in it
        return hosts.ip(text) if len(text) < 80 and text.strip().lower() not in _EMPTY else None


def port(text: str) -> int | None:
    """A port of 1 to 65535; None when it is none."""
    if text.isdecimal() and len(text) <= 5 and text.isascii():
        return int(text) if 0 < int(text) < 65536 else None
    return None


def protocol(text: str) -> str | None:
    """The protocol's name in lower case, IANA numbers named; None for anything that is no short word."""
    return _protocol(text) if len(text) <= 30 else None


# Whatever is remembered is short: a million long cells must not stay in memory.
@lru_cache(maxsize=256)
def _protocol(text: str) -> str | None:
    word = text.strip().lower()
    return _NUMBERS.get(word) or (word if word.isalnum() and len(word) <= 20 and not word.isdecimal() else None)


def moment(text: str, zone: tzinfo) -> datetime | None:
    """The time in UTC; one without zone is in `zone`. Also reads milliseconds since 1970 and Windows file times."""
    return _moment(text, zone) if len(text) <= 80 else None


@lru_cache(maxsize=131_072)  # a day has 86,400 seconds, and feeds are of a day
def _moment(text: str, zone: tzinfo) -> datetime | None:
    if len(text) == 19 and text[4] == "-" and text[13] == ":":
        try:
            return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):  # looks alike only, or is no moment in UTC
            return None
    text = text.strip()
    if text.isdecimal() and text.isascii():
        if len(text) == 13:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        if len(text) == 18:
            return _FILETIME_EPOCH + timedelta(microseconds=int(text) // 10)
        if len(text) not in (9, 10):
            return None
    return dates.parse(text, zone)[0]


@lru_cache(maxsize=65_536)
def _is_plain(host: str) -> bool:
    return host.isascii() and (hosts.name(host) == host or hosts.ip(host) == host) and ":" not in host


def name(text: str) -> str | None:
    """The normal form of a host name with a dot in it, de-fanged; None when it is none."""
    return _name(text) if 3 < len(text) <= 500 and "." in text else None


@lru_cache(maxsize=65_536)
def _name(text: str) -> str | None:
    text = text.strip()
    if text.startswith("@"):
        return None
    return hosts.name(urls.refang(text).removeprefix("*."))


def url(text: str) -> tuple[str, int | None] | None:
    """The normal form of a URL and the port it states; None when it is none. A host alone needs a path to be one."""
    scheme, _, rest = text.partition("://")
    if scheme in ("http", "https"):
        # what urls.normalise would leave as it is, told at a tenth of its price
        host, _, path = rest.partition("/")
        if (
            not path.strip(_PLAIN_PATH)
            and (not path or path[-1].isalnum() or path[-1] == "/")
            and len(host) < 256
            and _is_plain(host)
        ):
            return text, None
    text = text.strip().strip("\"'<>")
    if len(text) > 8_192 or "." not in text:
        return None
    found = urls.normalise(text)
    if found is not None:
        return found.value, found.port
    if (like := _URL_LIKE.fullmatch(text)) is not None:
        # a machine that writes a URL whose host cannot exist means it all the same
        meant = like.group(1).lower().replace("xx", "tt") + urls.refang(like.group(2))
        return (meant, None) if host_of_url(meant) else None
    if _SCHEMELESS.fullmatch(text) and (found := urls.normalise("http://" + text)) is not None:
        return found.value, found.port
    return None


def thing(text: str) -> Fact | None:
    """Whatever the cell is: address, network, URL, e-mail address, hash or name; None when it is nothing of these."""
    text = text.strip()
    if not text or text.lower() in _EMPTY or len(text) > 8_192:
        return None
    normal = address(text)
    if normal is not None:
        return Fact(ItemKind.IP, normal, text, None)
    if "/" in text and (network := network_or_address(text)) is not None:
        return network
    if with_port := _ADDRESS_AND_PORT.fullmatch(text):
        normal = hosts.ip(with_port.group(1))
        return Fact(ItemKind.IP, normal, text, port(with_port.group(2))) if normal else None
    if found := url(text):
        return Fact(ItemKind.URL, found[0], text, found[1])
    if _EMAIL.fullmatch(text):
        return Fact(ItemKind.EMAIL, text.lower(), text, None)
    if _HASH.fullmatch(text):
        return Fact(ItemKind.HASH, text.lower(), text, None)
    found_name = name(text)
    return Fact(ItemKind.FQDN, found_name, text, None) if found_name else None


def network_or_address(text: str) -> Fact | None:
    """A network "a.b.c.d/n", or the one address it holds."""
    block = hosts.cidr(text)
    if block is not None:
        return Fact(ItemKind.CIDR, block, text, None)
    single, _, length = text.strip().partition("/")
    normal = address(single) if length in ("32", "128") else None
    return Fact(ItemKind.IP, normal, text, None) if normal else None
