"""X-ARF 0.1 and 0.2: mails with a YAML part (Reported-From, Report-Type, Source …)."""

from __future__ import annotations

from collections.abc import Iterator

import re2
import yaml

from .. import archives, charset, dates, taxonomy
from ..context import ParserContext
from ..message import Message
from ..mime import Part
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .finding import Finding

MAX_YAML_BYTES = 200_000
MAX_OPENED = 1_000  # brackets and braces in one part
MAX_REPORTS = 1_000  # BULK mails carry many

_MARKS = re2.compile(
    rb"(?im)^[ \t]*[\"']?(?:reported-from|report-type|report-id|schema-url|source-type|source)[\"']?[ \t]*:"
)
_LINE = re2.compile(r"^[ \t]*[\"']?([A-Za-z][A-Za-z0-9-]{1,40})[\"']?[ \t]*:[ \t]*(.*)$")
_TYPES = (
    "text/",
    "application/x-yaml",
    "application/yaml",
    "application/xarf",
    "application/x-xarf",
    "application/octet-stream",
)
_SNIFFED_BYTES = 8_192
_ENCRYPTED_TYPES = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")


def read(message: Message, context: ParserContext) -> Finding | None:
    """The X-ARF reports in the mail; None when no part is one."""
    items: list[ParsedItem | None] = []
    first: dict[str, str] | None = None
    place = ""
    count = 0
    for part_place, text in _texts(message, context):
        for fields in _documents(text, message):
            if "source" not in fields or not ("report-type" in fields or "category" in fields):
                continue
            count += 1
            if count > MAX_REPORTS:
                message.say(f"Only the first {MAX_REPORTS} X-ARF reports are read.")
                break
            first = first or fields
            place = place or part_place
            items.extend(_items(fields, part_place, context))
    if first is None:
        return _unreadable(message)
    report_type = first.get("report-type", "")
    offence = taxonomy.of_words(report_type, first.get("category", ""))
    category, reason = taxonomy.category_of(report_type, first.get("category", ""), context.categories)
    return Finding(
        template="x-arf",
        kind=MailKind.ABUSE_REPORT,
        kind_reason=f"{place} is an X-ARF report" + (f", the first of {count}" if count > 1 else ""),
        items=building.unique(items, context.limits.max_items),
        category=category,
        category_reason=reason,
        reporter_reference=first.get("report-id", "")[:200] or None,
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )


def _texts(message: Message, context: ParserContext) -> Iterator[tuple[str, str]]:
    """The texts that may be reports: parts, and the files in the archives of a BULK mail."""
    is_bulk = message.headers.get("x-xarf").strip().lower() == "bulk"
    for part in message.root.walk():
        if part.children:
            continue
        if is_bulk and archives.kind_of(part.content(_SNIFFED_BYTES)[0]) is not None:
            for member in archives.members(part.content()[0], context.limits, message.say):
                text, _ = charset.decode(member.content[:MAX_YAML_BYTES])
                yield f"part {part.path} archive member", text
        elif _may_be_report(part):
            data, defect = part.content(MAX_YAML_BYTES)
            message.say(defect)
            text, defect = charset.decode(data, part.parameters.get("charset"))
            message.say(defect)
            yield f"part {part.path}", text


def _unreadable(message: Message) -> Finding | None:
    """A SECURE mail that is encrypted is a report, though only its receiver's key could tell of what."""
    is_secure = message.headers.get("x-xarf").strip().lower() == "secure"
    if not is_secure or message.root.content_type not in _ENCRYPTED_TYPES:
        return None
    message.say("The X-ARF report is encrypted, so that nothing of it could be read.")
    return Finding("x-arf", MailKind.ABUSE_REPORT, "it is an X-ARF report of the SECURE form")


def _may_be_report(part: Part) -> bool:
    if not part.content_type.startswith(_TYPES) or part.content_type == "text/html":
        return False
    head, _ = part.content(_SNIFFED_BYTES)
    return len({match.group().strip().lower() for match in _MARKS.finditer(head.replace(b"\r", b"\n"))}) >= 3


def _documents(text: str, message: Message) -> Iterator[dict[str, str]]:
    """The top-level scalar fields of each YAML document, names in lower case.

    Only parse events are read: nothing is constructed, so neither tags nor aliases can do anything.
    """
    if text.count("[") + text.count("{") > MAX_OPENED:
        # the YAML scanner takes quadratic time on them, and no X-ARF field nests
        yield from _documents_by_line(text)
        return
    fields: dict[str, str] = {}
    try:
        depth = 0
        name: str | None = None
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentEndEvent):
                if fields:
                    yield fields
                fields, name = {}, None
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                depth += 1
                name = None if depth == 2 else name
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                depth -= 1
            elif depth == 1 and isinstance(event, yaml.ScalarEvent):
                if name is None:
                    name = event.value.lower()
                else:
                    fields.setdefault(name, charset.clean(event.value))
                    name = None
            elif depth == 1 and isinstance(event, yaml.AliasEvent):
                name = None
    except yaml.YAMLError:
        message.say("The X-ARF part is no valid YAML; it is read line by line.")
        yield from _documents_by_line(text)


def _documents_by_line(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() == "---":
            if fields:
                yield fields
            fields = {}
        elif match := _LINE.match(line):
            fields.setdefault(match.group(1).lower(), match.group(2).strip().strip("\"'"))
    if fields:
        yield fields


def _items(fields: dict[str, str], place: str, context: ParserContext) -> list[ParsedItem | None]:
    seen_at, _ = dates.parse(fields.get("date", ""), context.tzdefault)
    # "Port" is the attacked service's port, so it belongs to a source only when that is a URL
    source_type = fields.get("source-type", "").lower()
    is_uri = source_type in ("uri", "url")
    kinds: tuple[ItemKind, ...] = (ItemKind.IP, ItemKind.CIDR)
    if not source_type.startswith("ip"):
        kinds += (ItemKind.URL, ItemKind.FQDN, ItemKind.EMAIL)
    source = building.item(
        fields["source"],
        f"{place} Source",
        context,
        port=fields.get("source-port") or (fields.get("port") if is_uri else None),
        protocol=fields.get("protocol") or fields.get("service"),
        seen_at=seen_at,
        kinds=kinds,
    )
    link = building.item(
        fields.get("download-link"), f"{place} Download-Link", context, seen_at=seen_at, kinds=(ItemKind.URL,)
    )
    domain = building.item(fields.get("domain"), f"{place} Domain", context, seen_at=seen_at, kinds=(ItemKind.FQDN,))
    address = building.item(fields.get("ip"), f"{place} IP", context, seen_at=seen_at, kinds=(ItemKind.IP,))
    return [source, link, domain, address]
