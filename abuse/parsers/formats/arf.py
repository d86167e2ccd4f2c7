"""Feedback reports: ARF (RFC 5965, 6430, 6590, 6591, 6692, 9477) and the complaint mails of Microsoft's JMRP."""

from __future__ import annotations

import re2

from .. import dates, header, hosts, mime, taxonomy
from ..context import ParserContext
from ..message import Message
from ..mime import Part
from ..received import handing_over_address
from ..values import ItemKind, MailKind, ParsedItem
from . import building
from .finding import Finding

# Feedback types of RFC 5965 and of senders before it, as words of XARF 4.
_WORD_OF_TYPE = {
    "abuse": "spam",
    "spam": "spam",
    "complaint": "spam",
    "opt-out": "spam",
    "opt-out-list": "spam",
    "unsubscribe": "spam",
    "fraud": "phishing",
    "phishing": "phishing",
    "phish": "phishing",
    "virus": "malware",
    "malware": "malware",
}
# What RFC 6591 adds on the failure, for people to read.
_FAILURE_FIELDS = ("auth-failure", "identity-alignment", "delivery-result", "reported-domain", "dkim-domain")
_FIELD = re2.compile(r"(?im)^feedback-type[ \t]*:")
_OTHER_FIELD = re2.compile(
    r"(?im)^(?:user-agent|version|source-ip|arrival-date|received-date|original-mail-from)[ \t]*:"
)
_FAILURE_SUBJECT = re2.compile(r"(?i)\bdmarc (?:failure|forensic) report\b")
_FAILURE_SOURCE = re2.compile(r"(?im)^[ \t]*(?:sender |source )?ip(?: address)?[ \t]*:[ \t]*\[?([0-9a-f.:]+)")
_FAILURE_DATE = re2.compile(r"(?im)^[ \t]*(?:received|arrival)[ -]date[ \t]*:[ \t]*(.{10,60})$")
_COMMENT = re2.compile(r"\([^()]*\)")
_JMRP_FIELDS = ("x-hmxmroriginalrecipient", "x-hmxmroriginalrcpt")
_JMRP_SUBJECT = re2.compile(r"(?i)^complaint about message from \[?([0-9a-f.:]+)")
_SNIFFED_BYTES = 4_096
_SNIFFED_TYPES = ("text/plain", "application/octet-stream", "text/rfc822-headers", "message/delivery-status")


def read(message: Message, context: ParserContext) -> Finding | None:
    """The feedback report in the mail, by its part and not by words in the text; None when there is none."""
    part = _report_part(message)
    if part is None:
        return _read_jmrp(message, context) or _read_failure_in_words(message, context)
    data, defect = part.content(context.limits.max_document_bytes)
    message.say(defect)
    fields = mime.read_fields(data, context.limits)
    feedback_type = fields.get("feedback-type").lower().partition(";")[0].strip() or "abuse"
    reason = f"part {part.path} is a feedback report of type {feedback_type[:40]!r}"
    if feedback_type == "not-spam":
        # the recipient takes back that it was spam: nobody is accused, so nothing is an item
        reason += " (RFC 6430), which accuses nobody"
        return Finding("feedback-report", MailKind.FEEDBACK_REPORT, reason, category="Other", category_reason=reason)
    is_failure = feedback_type == "auth-failure" or "auth-failure" in fields
    failure = ", ".join(f"{name.title()} {fields.get(name)[:60]}" for name in _FAILURE_FIELDS if name in fields)
    offence = offence_of_type(feedback_type)
    return Finding(
        template="feedback-report",
        kind=MailKind.AUTH_FAILURE_REPORT if is_failure else MailKind.FEEDBACK_REPORT,
        kind_reason=f"{reason} ({failure})" if is_failure and failure else reason,
        items=_items(fields, message, part, context, is_failure=is_failure),
        category=offence.category if offence else "Other",
        category_reason=f"Feedback-Type is {feedback_type[:40]!r}",
        reporter_reference=_reference(fields, message),
        xarf_type=offence.xarf_type if offence else None,
        rsit_class=offence.rsit_class if offence else None,
    )


def offence_of_type(feedback_type: str) -> taxonomy.Offence | None:
    """The offence that a Feedback-Type speaks of; None for "other", for "auth-failure" and for what is not known."""
    return taxonomy.of_word(_WORD_OF_TYPE.get(feedback_type.strip().lower(), ""))


def _reference(fields: header.Headers, message: Message) -> str | None:
    """What the reporter calls the report; else the identifier that RFC 9477 lets the sender of the mail choose."""
    stated = fields.get("report-id") or fields.get("feedback-id") or fields.get("original-envelope-id")
    if not stated:
        stated = message.headers.get("cfbl-feedback-id") or next(
            (found for headers, _ in original_headers(message) if (found := headers.get("cfbl-feedback-id"))), ""
        )
    return stated[:200] or None


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


def _items(
    fields: header.Headers, message: Message, part: Part, context: ParserContext, *, is_failure: bool
) -> tuple[ParsedItem, ...]:
    seen_at, _ = dates.parse(fields.get("arrival-date") or fields.get("received-date"), context.tzdefault)
    times = building.count(_COMMENT.sub("", fields.get("incidents")))
    found = [
        building.item(
            _COMMENT.sub("", value),
            f"part {part.path} Source-IP",
            context,
            port=_COMMENT.sub("", fields.get("source-port")),
            seen_at=seen_at,
            times=times,
            kinds=(ItemKind.IP, ItemKind.CIDR),
        )
        for field in ("source-ip", "source")
        for value in fields.get_all(field)
    ]
    # a domain whose authentication failed is the one that was forged, and so the victim
    named = [("Reported-URI", "reported-uri", ItemKind.URL), ("Reported-URI", "uri", ItemKind.URL)]
    named += [] if is_failure else [("Reported-Domain", "reported-domain", ItemKind.FQDN)]
    for label, field, kind in named:
        for value in fields.get_all(field):
            place = f"part {part.path} {label}"
            found.append(building.item(value.strip(" <>"), place, context, seen_at=seen_at, times=times, kinds=(kind,)))
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


def _read_failure_in_words(message: Message, context: ParserContext) -> Finding | None:
    """A DMARC failure report of mail servers that write it for people, without a part for machines."""
    if not _FAILURE_SUBJECT.search(message.subject[:300]):
        return None
    text = message.body[:20_000]
    source, received = _FAILURE_SOURCE.search(text), _FAILURE_DATE.search(text)
    if source is None:
        return None
    seen_at, _ = dates.parse(received.group(1), context.tzdefault) if received else (None, False)
    item = building.item(source.group(1), "body", context, seen_at=seen_at, kinds=(ItemKind.IP,))
    return Finding(
        template="dmarc-failure",
        kind=MailKind.AUTH_FAILURE_REPORT,
        kind_reason="subject and text are those of a DMARC failure report",
        items=building.unique([item], context.limits.max_items),
        category="Other",
        category_reason="a mail failed to authenticate, which says nothing of its content",
    )


def _read_jmrp(message: Message, context: ParserContext) -> Finding | None:
    """Hotmail's form: the message complained about as only part, with fields or a subject of its own.

    In an older form it is the mail itself, with the same fields above those that it was sent with.
    """
    is_itself = "x-reporter-ip" in message.headers  # the other fields are in whatever Hotmail delivers
    if is_itself and any(name in message.headers for name in _JMRP_FIELDS):
        return _jmrp([_source_below(message.headers, context)], context)
    if not message.inner:
        return None
    subject = _JMRP_SUBJECT.search(message.subject)
    original = message.inner[0].headers
    if subject is None and not any(name in original for name in _JMRP_FIELDS):
        return None
    item = building.item(subject.group(1), "subject", context, kinds=(ItemKind.IP,)) if subject else None
    source = source_of_original(message, context)
    if item is not None and source is not None and item.value == source.value:
        item = source  # the same address, and the message says when
    return _jmrp([item or source], context)


def _source_below(headers: header.Headers, context: ParserContext) -> ParsedItem | None:
    """The address that handed the message to the service: the Received fields above its mark are later ones."""
    number = next(number for number, (name, _) in enumerate(headers.fields) if name.lower() in _JMRP_FIELDS)
    address = handing_over_address(header.Headers(headers.fields[number:]))
    if address is None or not hosts.is_wanted_address(address, context):
        return None
    seen_at, _ = dates.parse(headers.get("date"), context.tzdefault)
    return ParsedItem(ItemKind.IP, address, address, "Received", seen_at=seen_at)


def _jmrp(items: list[ParsedItem | None], context: ParserContext) -> Finding:
    return Finding(
        template="jmrp",
        kind=MailKind.FEEDBACK_REPORT,
        kind_reason="it has the form of a junk mail reporting programme",
        items=building.unique(items, context.limits.max_items),
        category="Spam",
        category_reason="a junk mail reporting programme complains about spam",
        xarf_type="messaging-spam",
        rsit_class="abusive-content",
    )
