"""Incidents in the Incident Object Description Exchange Format: version 1 (RFC 5070) and 2 (RFC 7970)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .. import categories, dates, taxonomy
from ..context import ParserContext
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .carriers import Document
from .finding import Finding
from .xmltree import Element

ROOT = "IODEF-Document"
MAX_SYSTEMS = 10_000

# The roles of a System that the incident came from; "target", "sensor" and "watchlist" are not accused.
_ACCUSED = frozenset(("source", "infrastructure", "intermediate", "infrastructure-node"))
_OTHER_ROLES = frozenset(("target", "sensor", "intermediate"))
_OBSERVED_KINDS = (ItemKind.IP, ItemKind.CIDR, ItemKind.URL, ItemKind.FQDN, ItemKind.EMAIL)
_TIMES = ("DetectTime", "StartTime", "EndTime", "GenerationTime", "ReportTime")
_WORDS_OF_TYPE = {
    "recon": "reconnaissance",
    "admin": "remote_compromise",
    "user": "remote_compromise",
    "takeover-system": "remote_compromise",
    "takeover-account": "remote_compromise",
    "dos": "ddos",
    "availability-system": "ddos",
    "social-engineering": "phishing",
    "fraud": "fraud",
    "file": "malware",
}


def read(document: Document, context: ParserContext) -> Finding | None:
    """The incidents in an IODEF document; None when the document is none."""
    root = document.xml
    if root is None or root.name != ROOT or root.first("Incident") is None:
        return None
    items: list[ParsedItem | None] = []
    for incident in root.all("Incident"):
        items += _items(incident, document.place, context)
    first = root.first("Incident")
    assert first is not None  # noqa: S101 - looked at above
    offence = taxonomy.of_words(*_type_words(first))
    category, reason = _category(first, offence, context)
    return Finding(
        template="iodef",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"{document.place} is an IODEF document",
        items=building.unique(items, context.limits.max_items),
        category=category,
        category_reason=reason,
        reporter_reference=first.value("IncidentID")[:200] or None,
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )


def _items(incident: Element, place: str, context: ParserContext) -> Iterator[ParsedItem | None]:
    known_time = _time(incident, context)
    accused = [(event, system) for event, system in _systems(incident) if _role(system) in _ACCUSED]
    if not accused:
        accused = [(event, system) for event, system in _systems(incident) if _role(system) not in _OTHER_ROLES]
    for event, system in accused[:MAX_SYSTEMS]:
        seen_at = _time(event, context) or known_time
        yield from _of_system(system, seen_at, place, context)
    for indicator in incident.below("Indicator"):
        seen_at = _time(indicator, context) or known_time
        for observable in indicator.all("Observable"):
            yield from _of_observable(observable, seen_at, place, context)


def _systems(incident: Element) -> Iterator[tuple[Element, Element]]:
    """Each System of a flow, with the event it is part of."""
    for event in incident.below("EventData"):
        for system in event.all("Flow", "System"):
            yield event, system


def _role(system: Element) -> str:
    return system.attributes.get("category", "").lower()


def _time(element: Element, context: ParserContext) -> datetime | None:
    for name in _TIMES:
        moment, _ = dates.parse(element.value(name), context.tzdefault)
        if moment is not None:
            return moment
    return None


def _of_system(
    system: Element, seen_at: datetime | None, place: str, context: ParserContext
) -> Iterator[ParsedItem | None]:
    times = _times(system)
    for node in system.all("Node"):
        addresses = list(node.all("Address"))
        for address in addresses:
            yield building.item(
                address.text,
                f"{place} System/Node/Address",
                context,
                # a Service of the accused side says from which port it came
                port=system.value("Service", "Port"),
                seen_at=seen_at,
                times=times,
                kinds=_OBSERVED_KINDS,
            )
        if not addresses:
            for name in [*node.all("NodeName"), *node.all("DomainData", "Name")]:
                yield building.item(
                    name.text,
                    f"{place} System/Node name",
                    context,
                    seen_at=seen_at,
                    times=times,
                    kinds=(ItemKind.FQDN,),
                )


def _of_observable(
    observable: Element, seen_at: datetime | None, place: str, context: ParserContext
) -> Iterator[ParsedItem | None]:
    for element in observable.below("Address", "Name", "BulkObservableList"):
        for word in element.text.split()[:MAX_SYSTEMS]:
            yield building.item(word, f"{place} Observable", context, seen_at=seen_at, kinds=_OBSERVED_KINDS)
    for element in observable.below("DigestValue"):
        yield building.item(element.text, f"{place} Observable", context, seen_at=seen_at, kinds=(ItemKind.HASH,))


def _times(system: Element) -> int | None:
    return building.count(system.value("Counter"))


def _type_words(incident: Element) -> Iterator[str]:
    names = ("Impact", "SystemImpact", "BusinessImpact", "IncidentCategory", "Classification", "Reference")
    for element in incident.below(*names):
        for word in (element.attributes.get("type", ""), element.attributes.get("ext-type", ""), element.text):
            word = word.strip().lower()
            yield _WORDS_OF_TYPE.get(word, word)


def _category(incident: Element, offence: taxonomy.Offence | None, context: ParserContext) -> tuple[str | None, str]:
    """None where the document says nothing known: then the mail around it may."""
    if offence is not None and offence.category in context.categories:
        return offence.category, f"its assessment says {offence.xarf_type}"
    texts = [element.text for element in incident.below("Description", "Impact", "Method", "ClassName")]
    return categories.guess("\n".join(texts), context.categories)
