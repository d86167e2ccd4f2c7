"""From the bytes of a mail to a `ParsedEmail`: the one place that says what is tried, and in which order."""

from __future__ import annotations

from dataclasses import replace

from . import categories, free_text, kinds
from . import message as messages
from .charset import clean
from .context import ParserContext
from .formats import READERS, Finding
from .message import Message
from .values import MailKind, ParsedEmail, ParsedItem

_NEVER_REPORTS = (MailKind.BOUNCE, MailKind.MDN, MailKind.AUTO_REPLY, MailKind.NEWSLETTER, MailKind.SPAM)
_SEARCHED_KINDS = (MailKind.ABUSE_REPORT, MailKind.REPLY_TO_TICKET)
_FORWARDED_MARK = "---------- Forwarded message ----------"


def parse(raw: bytes | memoryview, context: ParserContext) -> ParsedEmail:
    """Read one mail of any quality.

    A machine-readable report beats the text around it. Without one the mail's own marks (bounce, receipt, auto-reply,
    answer) decide what it is, and only complaints and answers are searched for items. Never raises on what a mail
    contains; what was wrong with it, and every bound that was reached, stands in `defects`. Takes time and memory
    linear in the size of the mail and within `context.limits`.
    """
    message = messages.read(_as_bytes(raw), context.limits)
    verdict = kinds.of_headers(message, context)
    finding = None if verdict and verdict[0] in (MailKind.BOUNCE, MailKind.MDN) else _read_report(message, context)
    if finding is not None:
        kind, reason, items = finding.kind, finding.kind_reason, finding.items
    else:
        items = ()
        if verdict is None or verdict[0] is MailKind.REPLY_TO_TICKET:
            items = free_text.find(message, context, is_answer=verdict is not None)
        kind, reason = verdict or kinds.of_content(message, items)
        items = items if kind in _SEARCHED_KINDS else ()
    category, category_reason = _category(message, finding, kind, context)
    return _assemble(message, context, finding, kind, reason, items, category, category_reason)


def _as_bytes(raw: bytes | memoryview) -> bytes:
    # the bytes behind a view of all of them need no second copy
    if isinstance(raw, memoryview):
        return raw.obj if isinstance(raw.obj, bytes) and len(raw.obj) == raw.nbytes else bytes(raw)
    return raw


def _read_report(message: Message, context: ParserContext) -> Finding | None:
    for read in READERS:
        finding = read(message, context)
        if finding is not None:
            return finding
    return None


def _category(
    message: Message, finding: Finding | None, kind: MailKind, context: ParserContext
) -> tuple[str | None, str]:
    if finding is not None and finding.category is not None:
        return finding.category, finding.category_reason
    if kind in _NEVER_REPORTS:
        return None, "it is no complaint"
    if kind is not MailKind.ABUSE_REPORT:
        return "Other", "it is no complaint"
    text = f"{message.subject}\n{message.body}"
    guessed, reason = categories.guess(text, context.categories)
    return guessed or "Other", reason


def _assemble(
    message: Message,
    context: ParserContext,
    finding: Finding | None,
    kind: MailKind,
    reason: str,
    items: tuple[ParsedItem, ...],
    category: str | None,
    category_reason: str,
) -> ParsedEmail:
    headers = message.headers
    date, date_defect = messages.date(headers, context.tzdefault)
    message.say(date_defect)
    identifiers = messages.message_ids(headers.get("message-id"), limit=1)
    attachments = messages.attachments(message)
    tickets = kinds.ticket_addresses(headers, context)
    body = "\n\n".join(
        [message.body] + [f"{_FORWARDED_MARK}\n{message.forwarded_text(inner)}" for inner in message.inner]
    )
    return ParsedEmail(
        provider=clean(messages.provider(headers)),
        recipients=tuple(clean(address) for address in dict.fromkeys(messages.recipients(headers) + tickets)),
        subject=clean(message.subject),
        body=clean(body).strip("\n"),
        date=date,
        kind=kind,
        kind_reason=clean(reason),
        category=category,
        category_reason=clean(category_reason),
        items=tuple(_clean_item(item) for item in items),
        attachments=tuple(replace(file, filename=clean(file.filename)) for file in attachments),
        headers=tuple((name, clean(value)) for name, value in headers.decoded()),
        message_id=clean(identifiers[0]) if identifiers else None,
        in_reply_to=tuple(clean(i) for i in messages.message_ids(headers.get("in-reply-to"))),
        references=tuple(clean(i) for i in messages.message_ids(headers.get("references"))),
        template=finding.template if finding else "default",
        reporter_reference=clean(finding.reporter_reference) if finding and finding.reporter_reference else None,
        defects=tuple(clean(sentence) for sentence in message.defects),
    )


def _clean_item(item: ParsedItem) -> ParsedItem:
    value = clean(item.value)
    raw = clean(item.raw)
    return item if value == item.value and raw == item.raw else replace(item, value=value, raw=raw)
