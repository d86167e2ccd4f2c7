"""What must hold for everything the parsers return, whatever they were given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from ipaddress import ip_address, ip_network

from abuse.parsers import ItemKind, Limits, ParsedEmail, ParsedItem, ParserContext
from abuse.parsers.summary import to_json

MAX_RAW = 500  # characters of an item's text as it stood in the mail
MAX_VALUE = 20_000
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}")
# Readers of templates catch what fails, so that the mail is read all the same; here that is a finding.
_CAUGHT = ("failed; the log says why", "could not be tried")
# What ends by the clock may end elsewhere the next time.
_BY_THE_CLOCK = ("costs too much", "they were stopped")


class Violation(AssertionError):
    """Something does not hold. The message says what, and for which value."""


def check(parsed: ParsedEmail, context: ParserContext) -> None:
    """Raises `Violation` when a parsed mail is not as the rest of the desk expects it."""
    for where, text in strings(parsed, "mail"):
        check_text(where, text)
    _check_counts(parsed, context.limits)
    _expect(parsed.date is None or _is_utc(parsed.date), "date is not UTC", parsed.date)
    _expect(bool(parsed.provider), "provider is empty", parsed.provider)
    _expect(
        parsed.category is None or parsed.category in context.categories, "category is none of ours", parsed.category
    )
    for item in parsed.items:
        check_item(item, context)
    for sentence in parsed.defects:
        _expect(not any(words in sentence for words in _CAUGHT), "a template failed", sentence)
    json.dumps(to_json(parsed), allow_nan=False)


def check_item(item: ParsedItem, context: ParserContext) -> None:
    """Raises `Violation` when an item cannot be stored, looked up or shown."""
    for where, text in strings(item, "item"):
        check_text(where, text)
    _expect(0 < len(item.value) <= MAX_VALUE, "an item's value is empty or too long", item.value[:200])
    _expect(len(item.raw) <= MAX_RAW, "raw is too long", item.raw)
    _expect(item.port is None or 0 < item.port < 65_536, "port is out of range", item.port)
    _expect(item.times is None or 0 < item.times < 1 << 31, "times is out of range", item.times)
    _expect(item.confidence is None or 0 <= item.confidence <= 1, "confidence is out of range", item.confidence)
    _expect(item.seen_at is None or _is_utc(item.seen_at), "seen_at is not UTC", item.seen_at)
    _expect(item.category is None or item.category in context.categories, "category is none of ours", item.category)
    _expect(_is_of_its_kind(item), f"the value is no {item.kind.value}", item.value)


def is_by_the_clock(parsed: ParsedEmail) -> bool:
    """Whether the reading stopped because of the time it took, so that it may differ from another one."""
    return any(words in sentence for sentence in parsed.defects for words in _BY_THE_CLOCK)


def check_text(where: str, text: str) -> None:
    """Raises `Violation` for what PostgreSQL and JSON cannot store: NUL and lone surrogates."""
    if "\0" in text:
        raise Violation(f"{where} has a NUL: {text[:200]!r}")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Violation(f"{where} has a lone surrogate: {text[:200]!r}") from None


def strings(value: object, where: str) -> Iterator[tuple[str, str]]:
    """Every text in a value, with the names that lead to it."""
    if isinstance(value, str):
        if not isinstance(value, Enum):
            yield where, value
    elif isinstance(value, tuple):
        for entry in value:
            yield from strings(entry, where)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name), f"{where}.{field.name}")


def _check_counts(parsed: ParsedEmail, limits: Limits) -> None:
    size = sum(len(file.content) for file in parsed.attachments)
    for words, count, most in (
        ("items", len(parsed.items), limits.max_items),
        ("attachments", len(parsed.attachments), limits.max_attachments),
        ("bytes of attachments", size, limits.max_attachment_bytes),
        ("header fields", len(parsed.headers), limits.max_headers),
        ("defects", len(parsed.defects), 3 * limits.max_parts + 100),
        ("characters of body", len(parsed.body), 4 * limits.max_text_bytes + 100_000 * (limits.max_messages + 1)),
    ):
        _expect(count <= most, f"more {words} than allowed", (count, most))


def _is_of_its_kind(item: ParsedItem) -> bool:
    match item.kind:
        case ItemKind.IP:
            return _is_address(item.value)
        case ItemKind.CIDR:
            return _is_network(item.value)
        case ItemKind.HASH:
            return _DIGEST.fullmatch(item.value) is not None
        case ItemKind.EMAIL:
            return "@" in item.value and item.host is not None
        case ItemKind.URL:
            return "://" in item.value and bool(item.host)
        case ItemKind.FQDN:
            return "." in item.value and item.value == item.value.lower() and len(item.value) <= 253


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return str(ip_network(text)) == text
    except ValueError:
        return False


def _is_utc(moment: datetime) -> bool:
    offset = moment.utcoffset()
    return offset is not None and not offset


def _expect(holds: bool, words: str, value: object) -> None:
    if not holds:
        raise Violation(f"{words}: {value!r}")
