"""Indicators and sightings in STIX 2.0 and 2.1 bundles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import re2

from .. import dates, taxonomy
from ..context import ParserContext
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .carriers import Document
from .finding import Finding

MAX_OBJECTS = 20_000
MAX_PATTERN = 20_000

# An observation of a pattern: [ipv4-addr:value = '203.0.113.9'], [file:hashes.'SHA-256' = '…']
_COMPARISON = re2.compile(
    r"(?i)\b(ipv4-addr:value|ipv6-addr:value|domain-name:value|url:value|email-addr:value|"
    r"network-traffic:src_ref\.value|file:hashes\.(?:'[A-Za-z0-9-]{1,20}'|[A-Za-z0-9_]{1,20}))"
    r"[ \t\r\n]*(?:=|ISSUBSET)[ \t\r\n]*'((?:[^'\\]|\\.)+)'"
)
_NEGATED = re2.compile(r"(?i)\bNOT[ \t]+$")
_KINDS = (ItemKind.IP, ItemKind.CIDR, ItemKind.URL, ItemKind.FQDN, ItemKind.EMAIL, ItemKind.HASH)
_OBSERVABLES = frozenset(("ipv4-addr", "ipv6-addr", "domain-name", "url", "email-addr"))


def read(document: Document, context: ParserContext) -> Finding | None:
    """What a STIX bundle points at; None when the document is none, or names nothing.

    Observables count by themselves only where no indicator and no observation says what is meant.
    """
    bundle = document.json
    if bundle is None or bundle.get("type") != "bundle" or not isinstance(bundle.get("objects"), list):
        return None
    objects = [entry for entry in _list(bundle["objects"])[:MAX_OBJECTS] if isinstance(entry, dict)]
    items: list[ParsedItem | None] = []
    for entry in objects:
        if entry.get("type") == "indicator":
            items += _of_indicator(entry, document.place, context)
        elif entry.get("type") == "observed-data":
            items += _of_observation(entry, objects, document.place, context)
    if not any(items):
        items += [_of_observable(entry, None, None, document.place, context) for entry in objects]
    kept = building.unique(items, context.limits.max_items)
    if not kept:
        return None
    offence = taxonomy.of_words(*_type_words(objects))
    return Finding(
        template="stix",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"{document.place} is a STIX bundle with {len(kept)} things to act on",
        items=kept,
        category=offence.category if offence and offence.category in context.categories else None,
        category_reason=f"its indicators say {offence.xarf_type}" if offence else "",
        reporter_reference=_text(bundle.get("id")) or None,
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )


def _of_indicator(entry: dict[str, Any], place: str, context: ParserContext) -> Iterator[ParsedItem | None]:
    if entry.get("revoked") is True or entry.get("pattern_type", "stix") != "stix":
        return
    pattern = entry.get("pattern")
    if not isinstance(pattern, str):
        return
    pattern = pattern[:MAX_PATTERN]
    for match in _COMPARISON.finditer(pattern):
        if _NEGATED.search(pattern[max(0, match.start() - 10) : match.start()]):
            continue
        yield building.item(
            match.group(2).replace("\\'", "'").replace("\\\\", "\\"),
            f"{place} indicator {match.group(1)}",
            context,
            seen_at=_time(entry, context, "valid_from", "created"),
            confidence=building.share(entry.get("confidence"), 100),
            kinds=_KINDS,
        )


def _of_observation(
    entry: dict[str, Any], objects: list[dict[str, Any]], place: str, context: ParserContext
) -> Iterator[ParsedItem | None]:
    seen_at = _time(entry, context, "last_observed", "first_observed")
    times = building.count(entry.get("number_observed"))
    inline = entry.get("objects")
    wanted = {_text(reference) for reference in _list(entry.get("object_refs"))}
    observed = list(inline.values()) if isinstance(inline, dict) else []
    observed += [one for one in objects if _text(one.get("id")) in wanted] if wanted else []
    for one in observed[:MAX_OBJECTS]:
        if isinstance(one, dict):
            yield _of_observable(one, seen_at, times, place, context)


def _of_observable(
    entry: dict[str, Any], seen_at: datetime | None, times: int | None, place: str, context: ParserContext
) -> ParsedItem | None:
    type_ = _text(entry.get("type"))
    if type_ not in _OBSERVABLES:
        return None
    return building.item(entry.get("value"), f"{place} {type_}", context, seen_at=seen_at, times=times, kinds=_KINDS)


def _type_words(objects: list[dict[str, Any]]) -> Iterator[str]:
    for entry in objects:
        if entry.get("type") in ("indicator", "malware", "attack-pattern", "infrastructure", "campaign"):
            for name in ("indicator_types", "labels", "malware_types", "infrastructure_types"):
                for word in _list(entry.get(name)):
                    yield _text(word)
            if entry["type"] == "malware":
                yield "malware"
            # "SSH brute force from 203.0.113.9": the words of a name are tried one by one, and in pairs
            words = _text(entry.get("name")).split()[:20]
            yield from words
            yield from (first + second for first, second in pairwise(words))


def _time(entry: dict[str, Any], context: ParserContext, *names: str) -> datetime | None:
    for name in names:
        moment, _ = dates.parse(_text(entry.get(name)), context.tzdefault)
        if moment is not None:
            return moment
    return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
