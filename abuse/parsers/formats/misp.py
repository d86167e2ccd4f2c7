"""Events of the threat sharing platform MISP, as it exports them in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .. import dates, taxonomy
from ..context import ParserContext
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .carriers import Document
from .finding import Finding

MAX_ATTRIBUTES = 20_000

# Attribute types that accuse; of two values ("ip-src|port") the accused thing is the first.
_KIND_OF_TYPE = {
    "ip-src": ItemKind.IP,
    "ip-dst": ItemKind.IP,
    "ip-src|port": ItemKind.IP,
    "ip-dst|port": ItemKind.IP,
    "domain": ItemKind.FQDN,
    "hostname": ItemKind.FQDN,
    "domain|ip": ItemKind.FQDN,
    "hostname|port": ItemKind.FQDN,
    "url": ItemKind.URL,
    "uri": ItemKind.URL,
    "email-src": ItemKind.EMAIL,
    "md5": ItemKind.HASH,
    "sha1": ItemKind.HASH,
    "sha256": ItemKind.HASH,
}


def read(document: Document, context: ParserContext) -> Finding | None:
    """What a MISP event points at; None when the document is none. Attributes not meant for detection are left out."""
    content = document.json
    event = content.get("Event") if content is not None else None
    if not isinstance(event, dict) or not isinstance(event.get("Attribute"), list):
        return None
    attributes = list(_attributes(event))[:MAX_ATTRIBUTES]
    # "to_ids" says that an attribute is to be acted on; an event that sets it nowhere means all of them
    if any(attribute.get("to_ids") is True for attribute in attributes):
        attributes = [attribute for attribute in attributes if attribute.get("to_ids") is True]
    items = building.unique(
        [_item(attribute, document.place, context) for attribute in attributes], context.limits.max_items
    )
    offence = taxonomy.of_words(*_words(event))
    return Finding(
        template="misp",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"{document.place} is a MISP event with {len(items)} things to act on",
        items=items,
        category=offence.category if offence and offence.category in context.categories else None,
        category_reason=f"its tags say {offence.xarf_type}" if offence else "",
        reporter_reference=_text(event.get("uuid")) or None,
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )


def _attributes(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    objects = event.get("Object")
    for holder in [event, *(objects if isinstance(objects, list) else [])]:
        found = holder.get("Attribute") if isinstance(holder, dict) else None
        for attribute in found if isinstance(found, list) else []:
            if isinstance(attribute, dict) and attribute.get("deleted") is not True:
                yield attribute


def _item(attribute: dict[str, Any], place: str, context: ParserContext) -> ParsedItem | None:
    type_ = _text(attribute.get("type"))
    kind = _KIND_OF_TYPE.get(type_)
    if kind is None:
        return None
    value = attribute.get("value")
    value, _, second = value.partition("|") if isinstance(value, str) and "|" in type_ else (value, "", "")
    seen_at, _ = dates.parse(_text(attribute.get("last_seen")) or _text(attribute.get("timestamp")), context.tzdefault)
    kinds = (ItemKind.IP, ItemKind.CIDR) if kind is ItemKind.IP else (kind,)
    port = second if type_.endswith("port") else None
    return building.item(value, f"{place} {type_}", context, port=port, seen_at=seen_at, kinds=kinds)


def _words(event: dict[str, Any]) -> Iterator[str]:
    tags = event.get("Tag")
    for tag in tags if isinstance(tags, list) else []:
        name = _text(tag.get("name")) if isinstance(tag, dict) else ""
        # rsit:fraud="phishing", tlp:white
        yield name.rpartition("=")[2].strip('"')
    words = _text(event.get("info")).split()[:20]
    yield from words
    yield from (first + second for first, second in pairwise(words))


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
