"""From the bytes of a mail to a `ParsedEmail`: the one place that says what is tried, and in which order."""

from __future__ import annotations

from dataclasses import replace

from . import categories, free_text, kinds, taxonomy
from . import message as messages
from .charset import clean
from .context import ParserContext
from .feeds import finding as feeds
from .formats import READERS, Finding
from .message import Message
from .returned import read_returned
from .templating import apply
from .templating.apply import Reading
from .unpack import unpack
from .values import MailKind, ParsedEmail, ParsedItem, Returned

_NEVER_REPORTS = (MailKind.BOUNCE, MailKind.MDN, MailKind.AUTO_REPLY, MailKind.NEWSLETTER, MailKind.SPAM)
_STATEMENTS = (MailKind.LEGAL_REQUEST, MailKind.COUNTER_NOTICE, MailKind.RETRACTION)  # about what complaints are about
_SEARCHED_KINDS = (MailKind.ABUSE_REPORT, MailKind.REPLY_TO_TICKET, *_STATEMENTS)
_UNCATEGORISED_KINDS = (*_NEVER_REPORTS, MailKind.DMARC_AGGREGATE)
_FORWARDED_MARK = "---------- Forwarded message ----------"


def parse(raw: bytes | memoryview, context: ParserContext, filename: str = "") -> ParsedEmail:
    """Read one mail of any quality, or a file that came without a mail; `filename` is its sender's word, if known.

    A machine-readable report beats the reporter's template, and that the text as a whole. Without a report the mail's
    own marks (bounce, receipt, auto-reply, answer) decide what it is, and only complaints and answers are searched for
    items. Never raises on what a mail contains; what was wrong with it, and every bound that was reached, stands in
    `defects`. A table of events is read like a report when it is of a known kind, and else when no template reads the
    mail; of a long one only the first rows are read, see `ParsedEmail.feed`. Takes time and memory linear in the size
    of the mail and within `context.limits`.
    """
    return parse_with_reading(raw, context, filename)[0]


def parse_with_reading(
    raw: bytes | memoryview, context: ParserContext, filename: str = ""
) -> tuple[ParsedEmail, Reading, Message]:
    """As `parse`, with what the templates made of the mail and the mail as they saw it, for explanations."""
    message = messages.read(_as_bytes(raw), context.limits, filename)
    unpack(message)
    verdict = kinds.of_marks(message, context)
    finding = None if verdict and verdict[0] in (MailKind.BOUNCE, MailKind.MDN) else _read_report(message, context)
    table = feeds.read(message, context) if finding is None and verdict is None else None
    if table is not None and feeds.is_report(table):
        finding = table
    reading = apply.read(message, context, verdict[0] if verdict else None, finding)
    if finding is None and reading.winner is None:
        finding = table
    if finding is not None:
        kind, reason, items = finding.kind, finding.kind_reason, finding.items
    elif reading.winner is not None:
        kind, reason, items = _by_template(reading, verdict)
    else:
        items = ()
        if reading.may_search and (verdict is None or verdict[0] in _SEARCHED_KINDS):
            is_answer = verdict is not None and verdict[0] is MailKind.REPLY_TO_TICKET
            items = free_text.find(message, context, is_answer=is_answer)
            items = apply.without_ignored(items, reading.best)
        kind, reason = verdict or _kind_of_text(message, items, reading)
        items = items if kind in _SEARCHED_KINDS else ()
    category, category_reason = _category(message, finding, reading, kind, context)
    parsed = _assemble(message, context, finding, reading, kind, reason, items, category, category_reason)
    return parsed, reading, message


def _by_template(
    reading: Reading, verdict: tuple[MailKind, str] | None
) -> tuple[MailKind, str, tuple[ParsedItem, ...]]:
    """Kind, reason and items of a mail that a template reads."""
    assert reading.winner is not None  # noqa: S101 - asked for by the caller
    template = reading.winner.template
    kind, reason = verdict or (template.kind, f"template {template.name} reads it")
    return kind, reason, reading.winner.items


def _kind_of_text(message: Message, items: tuple[ParsedItem, ...], reading: Reading) -> tuple[MailKind, str]:
    kind, reason = kinds.of_content(message, items)
    if kind is MailKind.OTHER and reading.best is not None and not reading.may_search:
        # a known reporter wrote something new: for a person to see
        return reading.best.kind, f"template {reading.best.name} is for it, but took nothing"
    return kind, reason


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
    message: Message, finding: Finding | None, reading: Reading, kind: MailKind, context: ParserContext
) -> tuple[str | None, str]:
    if finding is not None and finding.category is not None:
        if finding.category == "Other" and reading.category is not None:
            return reading.category, reading.category_reason  # the report knows no better
        return finding.category, finding.category_reason
    if kind in _UNCATEGORISED_KINDS:
        return None, "it is no complaint"
    if reading.category is not None and kind is not MailKind.REPLY_TO_TICKET:
        return reading.category, reading.category_reason
    if kind not in (MailKind.ABUSE_REPORT, MailKind.FEED, MailKind.COUNTER_NOTICE, MailKind.RETRACTION):
        return "Other", "it is no complaint"
    guessed, reason = categories.guess(f"{message.subject}\n{message.body}", context.categories)
    if guessed is None and message.inner:
        # "see below": what is forwarded says it
        guessed, reason = categories.guess("\n".join(map(message.forwarded_text, message.inner)), context.categories)
    if guessed is None and kind is MailKind.COUNTER_NOTICE and "Copyright" in context.categories:
        return "Copyright", "counter notices are part of copyright law"
    return guessed or "Other", reason


def _assemble(
    message: Message,
    context: ParserContext,
    finding: Finding | None,
    reading: Reading,
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
    reference = (finding.reporter_reference if finding else None) or reading.reference
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
        template=finding.template if finding else reading.template,
        reporter_reference=clean(reference) if reference else None,
        defects=tuple(clean(sentence) for sentence in message.defects),
        feed=finding.feed if finding else None,
        xarf_type=finding.xarf_type if finding else None,
        rsit_class=(finding.rsit_class if finding else None) or taxonomy.class_of_category(category),
        returned=_clean_returned(read_returned(message)) if kind is MailKind.BOUNCE else None,
    )


def _clean_returned(returned: Returned) -> Returned:
    return Returned(
        recipient=clean(returned.recipient),
        action=clean(returned.action),
        status=clean(returned.status),
        diagnostic=clean(returned.diagnostic),
        message_ids=tuple(clean(one) for one in returned.message_ids),
    )


def _clean_item(item: ParsedItem) -> ParsedItem:
    value = clean(item.value)
    raw = clean(item.raw)
    return item if value == item.value and raw == item.raw else replace(item, value=value, raw=raw)
