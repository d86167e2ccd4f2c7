"""Feedback reports: ARF (RFC 5965, 6590, 6591, 6692) and the complaint mails of Microsoft's JMRP."""

from __future__ import annotations

import re2

from .. import dates, header, hosts, mime
from ..context import ParserContext
from ..message import Message
from ..mime import Part
from ..received import handing_over_address
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .finding import Finding

# Feedback types of RFC 5965, 6430 and 6591 and of senders before them, to the desk's categories.
CATEGORY_OF_TYPE = {
    "abuse": "Spam",
    "spam": "Spam",
    "complaint": "Spam",
    "opt-out": "Spam",
    "opt-out-list": "Spam",
    "unsubscribe": "Spam",
    "fraud": "Phishing",
    "phishing": "Phishing",
    "phish": "Phishing",
    "virus": "Malware",
    "malware": "Malware",
}
_FIELD = re2.compile(r"(?im)^feedback-type[ \t]*:")
_OTHER_FIELD = re2.compile(
    r"(?im)^(?:user-agent|version|source-ip|arrival-date|received-date|original-mail-from)[ \t]*:"
)
_JMRP_SUBJECT = re2.compile(r"(?i)^complaint about message from \[?([0-9a-f.:]+)")
_SNIFFED_BYTES = 4_096
_SNIFFED_TYPES = ("text/plain", "application/octet-stream", "text/rfc822-headers", "message/delivery-status")


def read(message: Message, context: ParserContext) -> Finding | None:
    """The feedback report in the mail, by its part and not by words in the text; None when there is none."""
    part = _report_part(message)
    if part is None:
        return _read_jmrp(message, context)
    data, defect = part.content(context.limits.max_document_bytes)
    message.say(defect)
    fields = mime.read_fields(data, context.limits)
    feedback_type = fields.get("feedback-type").lower().partition(";")[0].strip() or "abuse"
    items = _items(fields, message, part, context)
    is_auth_failure = feedback_type == "auth-failure" or "auth-failure" in fields
    kind = MailKind.AUTH_FAILURE_REPORT if is_auth_failure else MailKind.FEEDBACK_REPORT
    return Finding(
        template="feedback-report",
        kind=kind,
        kind_reason=f"part {part.path} is a feedback report of type {feedback_type[:40]!r}",
        items=items,
        category=CATEGORY_OF_TYPE.get(feedback_type, "Other"),
        category_reason=f"Feedback-Type is {feedback_type[:40]!r}",
        reporter_reference=(fields.get("report-id") or fields.get("original-envelope-id"))[:200] or None,
    )


def _report_part(message: Message) -> Part | None:
    """The message/feedback-report part, also when it is labelled as something else or sent as a file."""
    mislabelled = None
    for part in message.root.walk():
        if part.content_type == "message/feedback-report":
            return part
        if mislabelled is None and not part.children and part.content_type in _SNIFFED_TYPES:
            head = part.content(_SNIFFED_BYTES)[0].decode("latin-1").replace("\r", "\n")
            if _FIELD.search(head[:1_000]) and _OTHER_FIELD.search(head):
                mislabelled = part
    return mislabelled


def _items(fields: header.Headers, message: Message, part: Part, context: ParserContext) -> tuple[ParsedItem, ...]:
    seen_at, _ = dates.parse(fields.get("arrival-date") or fields.get("received-date"), context.tzdefault)
    found = [
        building.item(
            value,
            f"part {part.path} Source-IP",
            context,
            port=fields.get("source-port"),
            seen_at=seen_at,
            kinds=(ItemKind.IP, ItemKind.CIDR),
        )
        for value in fields.get_all("source-ip") + fields.get_all("source")
    ]
    for value in fields.get_all("reported-uri") + fields.get_all("uri"):
        found.append(
            building.item(value, f"part {part.path} Reported-URI", context, seen_at=seen_at, kinds=(ItemKind.URL,))
        )
    for value in fields.get_all("reported-domain"):
        found.append(
            building.item(value, f"part {part.path} Reported-Domain", context, seen_at=seen_at, kinds=(ItemKind.FQDN,))
        )
    if not any(entry is not None and entry.kind in (ItemKind.IP, ItemKind.CIDR) for entry in found):
        found.append(source_of_original(message, context))
    return building.unique(found, context.limits.max_items)


def source_of_original(message: Message, context: ParserContext) -> ParsedItem | None:
    """The address that the complained-about message came from, by its own header."""
    for headers, place in original_headers(message):
        address = handing_over_address(headers)
        if address and hosts.is_wanted_address(address, context):
            seen_at, _ = dates.parse(headers.get("date"), context.tzdefault)
            return ParsedItem(ItemKind.IP, address, address, f"{place} Received", seen_at=seen_at)
    return None


def original_headers(message: Message) -> list[tuple[header.Headers, str]]:
    """The header blocks of the messages inside, and of parts that carry headers only."""
    found = [(inner.headers, f"message {inner.path}") for inner in message.inner]
    for part in message.root.walk():
        if part.content_type == "text/rfc822-headers":
            data, _ = part.content(message.limits.max_header_bytes)
            found.append((mime.read_fields(data, message.limits), f"part {part.path}"))
    return found


def _read_jmrp(message: Message, context: ParserContext) -> Finding | None:
    """Hotmail's form: a fixed subject with the address, and the message complained about as only part."""
    subject = _JMRP_SUBJECT.search(message.subject)
    if subject is None or not message.inner:
        return None
    item = building.item(subject.group(1), "subject", context, kinds=(ItemKind.IP,))
    return Finding(
        template="jmrp",
        kind=MailKind.FEEDBACK_REPORT,
        kind_reason="the subject is that of a junk mail reporting programme and the message is inside",
        items=building.unique([item or source_of_original(message, context)], context.limits.max_items),
        category="Spam",
        category_reason="a junk mail reporting programme complains about spam",
    )
