"""XARF in JSON: versions 1 to 3 (`Report.SourceIp` …) and 4 (`source_identifier` …), in a part or as the whole mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .. import charset, dates, taxonomy
from ..context import ParserContext
from ..message import Message
from ..mime import Part
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .finding import Finding

MAX_REPORTS = 1_000

_JSON_TYPES = ("application/json", "application/xarf", "application/xarf+json", "application/x-xarf", "text/json")
_SNIFFED_BYTES = 65_536
_V4_PLACES = ("url", "infringing_url", "domain", "fqdn")


def read(message: Message, context: ParserContext) -> Finding | None:
    """The XARF reports in the mail; None when no part is one."""
    items: list[ParsedItem | None] = []
    first: _Report | None = None
    for part in message.root.walk():
        if part.children or not _may_be_report(part):
            continue
        for document in _documents(part, message, context):
            report = _read_v4(document) or _read_v3(document)
            if report is not None:
                first = first or report
                items.extend(report.items(f"part {part.path}", context))
    if first is None:
        return None
    offence = first.offence
    category, reason = taxonomy.category_of(first.type, first.group, context.categories)
    return Finding(
        template=f"xarf-{first.version}",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"the mail carries an XARF report, version {first.version}",
        items=building.unique(items, context.limits.max_items),
        category=category,
        category_reason=reason,
        reporter_reference=first.reference or None,
        xarf_type=offence.xarf_type if offence else first.own_type,
        rsit_class=offence.rsit_class if offence else None,
    )


class _Report:
    """The fields of one report that the desk uses, whatever the version."""

    def __init__(self, version: str, group: object, type_: object, reference: object) -> None:
        self.version = version
        self.group = _text(group)
        self.type = _text(type_)
        self.reference = _text(reference)
        self.fields: list[tuple[str, object]] = []
        self.port: object = None
        self.protocol: object = None
        self.times_of_event: tuple[object, ...] = ()
        self.count: object = None
        self.confidence: float | None = None

    @property
    def offence(self) -> taxonomy.Offence | None:
        return taxonomy.of_xarf_type(self.group, self.type) or taxonomy.of_words(self.type, self.group)

    @property
    def own_type(self) -> str | None:
        """A type that only this reporter knows, in the form of those that are known."""
        words = f"{self.group}-{self.type}".lower()
        is_word = words.replace("-", "").replace("_", "").isalnum() and words.isascii()
        return words if self.version == "4" and is_word and len(words) <= 64 else None

    def seen_at(self, context: ParserContext) -> datetime | None:
        for value in self.times_of_event:
            moment, _ = dates.parse(_text(value), context.tzdefault)
            if moment is not None:
                return moment
        return None

    def items(self, place: str, context: ParserContext) -> list[ParsedItem | None]:
        seen_at = self.seen_at(context)
        return [
            building.item(
                value,
                f"{place} {name}",
                context,
                # the port is the source's; a URL says its own
                port=self.port if name in ("source_identifier", "SourceIp") else None,
                protocol=self.protocol,
                seen_at=seen_at,
                times=building.count(self.count),
                confidence=self.confidence,
                kinds=(ItemKind.IP, ItemKind.CIDR, ItemKind.URL, ItemKind.FQDN, ItemKind.EMAIL),
            )
            for name, value in self.fields
        ]


def _read_v4(document: dict[str, Any]) -> _Report | None:
    if "xarf_version" not in document and not {"source_identifier", "report_id"} <= document.keys():
        return None
    report = _Report("4", document.get("category"), document.get("type"), document.get("report_id"))
    report.fields = [("source_identifier", document.get("source_identifier"))]
    report.fields += [(name, document[name]) for name in _V4_PLACES if document.get(name)]
    report.port = document.get("source_port")
    report.protocol = document.get("protocol")
    # of several events the last counts: who has the address now is asked for
    report.times_of_event = tuple(document.get(name) for name in ("last_seen", "timestamp", "first_seen"))
    report.count = document.get("attempt_count") or document.get("total_requests")
    report.confidence = building.share(document.get("confidence"))
    return report


def _read_v3(document: dict[str, Any]) -> _Report | None:
    content = document.get("Report")
    if not isinstance(content, dict):
        if "ReporterInfo" not in document or "Version" not in document:
            return None
        content = {}
    elif not ({"ReportType", "ReportClass"} & content.keys() or "ReporterInfo" in document):
        return None
    version = "".join(character for character in _text(document.get("Version")) if character.isalnum())[:20]
    report = _Report(
        version or "3", content.get("ReportClass"), content.get("ReportType"), content.get("ReporterCaseID")
    )
    source = content.get("Source")
    nested = source if isinstance(source, dict) else {}
    report.fields = [
        ("SourceIp", content.get("SourceIp") or content.get("SourceIP") or nested.get("IP")),
        ("SourceUrl", content.get("SourceUrl") or content.get("SourceURL") or nested.get("URL")),
        ("SourceUri", content.get("SourceUri") or content.get("Url")),
        ("SourceDomain", content.get("SourceDomain") or content.get("Domain")),
    ]
    report.port = content.get("SourcePort") or nested.get("Port")
    report.protocol = content.get("TransportProtocol") or content.get("Protocol")
    report.times_of_event = tuple(content.get(name) for name in ("LastSeen", "Date", "FirstSeen"))
    report.count = content.get("Occurrences") or content.get("AttackCount")
    return report


def _may_be_report(part: Part) -> bool:
    is_json = part.content_type in _JSON_TYPES or part.filename.lower().endswith((".json", ".xarf"))
    if not is_json and part.content_type not in ("text/plain", "application/octet-stream"):
        return False
    head, _ = part.content(_SNIFFED_BYTES)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and (
        is_json or b"xarf_version" in head or b"ReporterInfo" in head or b'"Report"' in head
    )


def _documents(part: Part, message: Message, context: ParserContext) -> Iterator[dict[str, Any]]:
    if part.size > 2 * context.limits.max_document_bytes:
        message.say(f"Part {part.path} is too large to be read as JSON.")
        return
    data, defect = part.content(context.limits.max_document_bytes)
    message.say(defect)
    text, defect = charset.decode(data, part.parameters.get("charset"))
    message.say(defect)
    try:
        content = json.loads(text.lstrip("\ufeff \t\r\n"))
    except ValueError:
        message.say(f"Part {part.path} is no valid JSON.")
        return
    except RecursionError:
        message.say(f"Part {part.path} is JSON nested too deeply.")
        return
    documents = content if isinstance(content, list) else [content]
    if len(documents) > MAX_REPORTS:
        message.say(f"Only the first {MAX_REPORTS} XARF reports are read.")
    for document in documents[:MAX_REPORTS]:
        if isinstance(document, dict):
            yield document


def _text(value: object) -> str:
    return charset.clean(str(value))[:200] if isinstance(value, str | int) else ""
