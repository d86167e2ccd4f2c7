"""Copyright notices in the XML of the Automated Copyright Notice System, 1.x and 2.0."""

from __future__ import annotations

from .. import dates
from ..context import ParserContext
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .carriers import Document
from .finding import Finding
from .xmltree import Element

ROOT = "Infringement"
MAX_SOURCES = 1_000

_XARF_TYPE_OF_TRANSFER = {"P2P": "copyright-p2p", "USENET": "copyright-usenet"}


def read(document: Document, context: ParserContext) -> Finding | None:
    """The notice in an `Infringement` document; None when the document is none."""
    notice = document.xml
    source = notice.first("Source") if notice is not None and notice.name == ROOT else None
    if notice is None or source is None:
        return None
    items: list[ParsedItem | None] = []
    for each, _ in zip(notice.all("Source"), range(MAX_SOURCES), strict=False):
        items += _items(each, document.place, context)
    work = notice.value("Content", "Item", "Title") or notice.value("Content", "Item", "FileName")
    owner = notice.value("Complainant", "Entity")
    about = " ".join(words for words in (f"about {work[:100]!r}" if work else "", f"of {owner[:60]}" if owner else ""))
    return Finding(
        template="acns",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"{document.place} is an ACNS copyright notice {about}".strip(),
        items=building.unique(items, context.limits.max_items),
        category="Copyright",
        category_reason="it is an ACNS copyright notice",
        reporter_reference=notice.value("Case", "ID")[:200] or None,
        xarf_type=_xarf_type(source),
        rsit_class="fraud",
    )


def _items(source: Element, place: str, context: ParserContext) -> list[ParsedItem | None]:
    seen_at, _ = dates.parse(source.value("TimeStamp"), context.tzdefault)
    protocol = _protocol(source)
    address = building.item(
        source.value("IP_Address") or source.value("IPAddress"),
        f"{place} Source/IP_Address",
        context,
        port=source.value("Port"),
        protocol=protocol,
        seen_at=seen_at,
        kinds=(ItemKind.IP,),
    )
    names = [
        building.item(source.value(name), f"{place} Source/{name}", context, seen_at=seen_at, kinds=(kind,))
        for name, kind in (("URL_Base", ItemKind.URL), ("URL", ItemKind.URL))
    ]
    if address is None:  # beside the address the name is only how it resolves
        name = source.value("DNS_Name")
        names.append(building.item(name, f"{place} Source/DNS_Name", context, seen_at=seen_at, kinds=(ItemKind.FQDN,)))
    return [address, *names]


def _protocol(source: Element) -> str | None:
    subtype = source.first("SubType")
    stated = subtype.attributes.get("Protocol", "") if subtype is not None else ""
    return stated or source.value("Type") or None


def _xarf_type(source: Element) -> str:
    subtype = source.first("SubType")
    base = subtype.attributes.get("BaseType", "") if subtype is not None else ""
    known = _XARF_TYPE_OF_TRANSFER.get(base.upper())
    if known is None and source.value("Type").lower() in ("bittorrent", "p2p", "edonkey", "gnutella"):
        known = "copyright-p2p"
    return known or "copyright-copyright"
