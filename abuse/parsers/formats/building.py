"""From values of machine-readable fields to items, the same way for every format."""

from __future__ import annotations

from datetime import datetime

import re2

from .. import charset, hosts, urls
from ..context import ParserContext
from ..values import ItemKind, ParsedItem

_EMAIL = re2.compile(r"[^\s<>@\"]{1,128}@([^\s<>@\"]{1,253})")
_HASH = re2.compile(
    r"(?:(?i:md5|sha1|sha256|sha512):)?([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})"
)
_ADDRESS_AND_PORT = re2.compile(r"(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([0-9A-Fa-f:.]+)\]):(\d{1,5})")


def item(
    value: object,
    place: str,
    context: ParserContext,
    *,
    port: object = None,
    protocol: object = None,
    seen_at: datetime | None = None,
    times: int | None = None,
    confidence: float | None = None,
    kinds: tuple[ItemKind, ...] = (ItemKind.IP, ItemKind.CIDR, ItemKind.URL, ItemKind.FQDN),
) -> ParsedItem | None:
    """One field value as an item; None when it is none of `kinds`, or of a network or domain the desk ignores.

    Private addresses are kept: a machine that states a source address means it.
    """
    if not isinstance(value, str) or not 0 < len(value) <= 8_192:
        return None
    raw = charset.clean(value.strip())  # JSON can state what is no character
    found_port = port_number(port)
    with_port = _ADDRESS_AND_PORT.fullmatch(raw)
    text = raw
    if with_port:
        text = with_port.group(1) or with_port.group(2)
        found_port = found_port or port_number(with_port.group(3))
    recognised = _recognise(text)
    if recognised is None or recognised[0] not in kinds:
        return None
    kind, normal, url_port = recognised
    result = ParsedItem(
        kind,
        normal,
        raw[:500],
        place,
        found_port or url_port,
        _protocol_name(protocol),
        seen_at,
        times=times,
        confidence=confidence,
    )
    if kind is not ItemKind.HASH and not hosts.is_wanted_host((result.host or "").partition("/")[0], context):
        return None
    return result


def _recognise(text: str) -> tuple[ItemKind, str, int | None] | None:
    address = hosts.ip(text)
    if address is not None:
        return ItemKind.IP, address, None
    if "/" in text:
        network = hosts.cidr(text)
        if network is not None:
            return ItemKind.CIDR, network, None
        single, slash, length = text.partition("/")
        if slash and length in ("32", "128") and (address := hosts.ip(single)):
            return ItemKind.IP, address, None
    url = urls.normalise(text)
    if url is not None:
        return ItemKind.URL, url.value, url.port
    if _EMAIL.fullmatch(text):
        return ItemKind.EMAIL, text.lower(), None
    if digest := _HASH.fullmatch(text):
        return ItemKind.HASH, digest.group(1).lower(), None
    name = hosts.name(urls.refang(text))
    return (ItemKind.FQDN, name, None) if name else None


def port_number(value: object) -> int | None:
    """A TCP or UDP port of 1 to 65535 given as number or text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 5:
        return None
    return int(text) if 0 < int(text) < 65536 else None


def count(value: object) -> int | None:
    """How often something was seen, given as number or text; None when that is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        return None
    return int(text) if 0 < int(text) <= 2_000_000_000 else None


def share(value: object, whole: float = 1.0) -> float | None:
    """A confidence from 0 to 1, given as a number from 0 to `whole`; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= whole:
        return None
    return float(value) / whole


def _protocol_name(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    return text if text.isalnum() and len(text) <= 20 else None


def unique(items: list[ParsedItem | None], limit: int) -> tuple[ParsedItem, ...]:
    """The items that are some, each (kind, value, port) once, at most `limit`."""
    kept: dict[tuple[ItemKind, str, int | None], ParsedItem] = {}
    for entry in items:
        if entry is not None and len(kept) < limit:
            kept.setdefault((entry.kind, entry.value, entry.port), entry)
    return tuple(kept.values())
