"""Whether a mail or a file is a feed: the reader of the flow that looks for tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from .. import archives, categories, free_text
from ..context import ParserContext
from ..formats.finding import Finding
from ..message import Message, TextPart
from ..mime import Part
from ..values import MailKind, ParsedItem
from . import report_types, sniffing, streams
from .layout import Feed, FeedTable, Form, Layout
from .reader import Tally, table_rows

MAX_FILES = 50
"""Files of a mail that are looked at whether they are tables."""
BODY = 4_000
"""Characters of a bare file that stand for the text of a mail."""

_SURE_NAMES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
_TABLE_NAMES = (*_SURE_NAMES, ".json", ".txt", ".list", ".dat", ".data")
_FORM_WORDS = ("reporter", "complainant", "notifier", "submitter")
_TABLE_TYPES = ("text/csv", "text/tab-separated-values", "application/csv", "application/x-csv", "application/x-ndjson",
                "application/jsonl", "application/vnd.ms-excel")  # fmt: skip


def read(message: Message, context: ParserContext) -> Finding | None:
    """The feed in a mail's files, or the feed that the whole of a file without mail header is; None without one.

    Of its rows as many are read at once as `Limits.max_items` allows; `Finding.feed` gives all.
    """
    is_bare = not message.headers.fields
    tally = Tally()
    tables = list(_tables(message, context, tally, is_bare))
    items, is_whole = _first_items(tables, context, tally)
    for sentence in tally.defects:
        message.say(sentence)
    if not tables:
        return _document(message, context) if is_bare else None
    if not items and not any(table.report_type for _, table in tables):
        return None
    if is_bare:
        _keep_first_lines(message)
    unknown = tuple(dict.fromkeys(name for _, table in tables for name in table.layout.unknown_columns))
    first = tables[0][1]
    name = f"shadowserver:{first.report_type.name}" if first.report_type else f"feed:{first.layout.form}"
    if not is_whole:
        message.say("The feed has more rows than are shown here; all of them are worked on.")
    if unknown:
        message.say(f"Columns that no reader knows: {', '.join(unknown[:20])}.")
    category, times = Counter(item.category for item in items).most_common(1)[0] if items else (first.category, 0)
    # a mail with a small table is a complaint like any other; what comes without a mail, or in masses, is a feed
    kind = MailKind.FEED if is_bare or not is_whole else MailKind.ABUSE_REPORT
    if is_bare and _is_form(first):
        kind = MailKind.ABUSE_REPORT
    return Finding(
        template=name,
        kind=kind,
        kind_reason=f"it is a table of events ({first.place})",
        items=items,
        category=category,
        category_reason=f"{times} of the first {len(items)} rows are of it",
        rsit_class=first.report_type.rsit if first.report_type and first.report_type.category == category else None,
        feed=Feed(name, tuple(table for _, table in tables), unknown, is_whole),
    )


def is_report(finding: Finding) -> bool:
    """Whether a feed is of a known kind of report, which says more than any template for its sender."""
    return finding.feed is not None and any(table.report_type for table in finding.feed.tables)


def _tables(message: Message, context: ParserContext, tally: Tally, is_bare: bool) -> Iterator[tuple[Part, FeedTable]]:
    looked_at = 0
    end = time.monotonic() + context.limits.max_seconds
    parts = [message.root] if is_bare else [part for part in message.files if not part.children]
    for part in parts:
        part_name = message.filename if is_bare else part.filename
        if not is_bare and not _may_hold_tables(part):
            continue
        for file in streams.files(part, part_name, context.limits, tally.say):
            if not is_bare and not _may_be_table(file.name, part.content_type, file.member):
                continue
            for table in _tables_of(part, file, message, context, tally, is_bare):
                yield part, table
            looked_at += 1
            if looked_at == MAX_FILES or time.monotonic() > end:
                tally.say(f"Only the first {looked_at} files that may be tables are looked at.")
                return


def _may_hold_tables(part: Part) -> bool:
    name = part.filename.lower()
    if archives.is_archive(name, part.content_type):
        return True
    return part.content_type in _TABLE_TYPES or name.endswith(_TABLE_NAMES)


def _may_be_table(name: str, content_type: str, member: int | None) -> bool:
    lowered = name.lower()
    if lowered.endswith(_TABLE_NAMES) or (member is None and content_type in _TABLE_TYPES):
        return True
    return "." not in lowered.rpartition("/")[2]


def _tables_of(
    part: Part, file: streams.File, message: Message, context: ParserContext, tally: Tally, is_bare: bool
) -> list[FeedTable]:
    try:
        head = file.open()(sniffing.HEAD_BYTES)
    except archives.DAMAGED:
        tally.say("A file in an attached archive is damaged or encrypted.")
        return []
    type_name = report_types.type_name(file.name, message.subject)
    codec = streams.codec_of(head)
    tables = []
    for sniffed in sniffing.sniff(sniffing.decoded_head(head, codec), type_name, context):
        if is_bare or _is_sure(sniffed, file.name, head):
            kind = sniffed.report_type
            category = kind.category if kind else _category(file.name, head, message, context)
            category = category if category in context.categories else "Other"
            tables.append(FeedTable(part.path, file.member, _shown(file.name), codec, sniffed.layout, kind, category))
    return tables or _empty_report(part, file, head, type_name, message)


def _is_sure(sniffed: sniffing.Sniffed, name: str, head: bytes) -> bool:
    """Whether a file in a mail is meant as a table, and is no log or document that proves what the mail says."""
    match sniffed.layout.form:
        case Form.PAIRS | Form.HTML:
            return False
        case Form.JSON if head.lstrip()[:1] == b"[":
            return True
        case Form.DELIMITED if sniffed.has_names:
            return True
        case _:
            return name.lower().endswith(_SURE_NAMES)


def _shown(name: str) -> str:
    return name.rpartition("/")[2][:200]


def _empty_report(
    part: Part, file: streams.File, head: bytes, type_name: str | None, message: Message
) -> list[FeedTable]:
    """A report of a known type without events: to be said, and not to be taken for a mail that was not understood."""
    kind = report_types.by_name(type_name) if type_name and not head.strip() else None
    if kind is None or "shadowserver" not in message.subject.lower():
        return []
    return [FeedTable(part.path, file.member, _shown(file.name), "utf-8", Layout(Form.DELIMITED), kind, kind.category)]


def _category(file_name: str, head: bytes, message: Message, context: ParserContext) -> str:
    """What rows that do not say so are about: by the file's name, the subject, the mail's text, the file's heading."""
    for words in (file_name, message.subject):
        said = report_types.category_of_words(words[:200])
        if said is not None:
            return said
    text = message.body if message.headers.fields else head[:2_000].decode("utf-8", "replace")
    return categories.guess(text, context.categories)[0] or "Other"


def _is_form(table: FeedTable) -> bool:
    """Whether a JSON document is one complaint of one reporter, as web forms send it."""
    columns = table.layout.columns if table.layout.form is Form.JSON else ()
    return any(path.partition(".")[0].lower() in _FORM_WORDS for path in columns)


def _first_items(
    tables: list[tuple[Part, FeedTable]], context: ParserContext, tally: Tally
) -> tuple[tuple[ParsedItem, ...], bool]:
    """The items of the first rows, each (kind, value, port, time, category) once, and whether that was all of them."""
    most = context.limits.max_items
    kept: dict[tuple[object, ...], ParsedItem] = {}
    met = Tally()
    read = 0
    for part, table in tables:
        for row in table_rows(part, table, context, met, context.limits.max_archive_bytes):
            read += len(row.facts)  # a range of addresses is many
            if len(kept) >= most or read + met.rejected > 2 * most:
                return tuple(islice(kept.values(), most)), False
            for item in row.items(table.place):
                kept.setdefault((item.kind, item.value, item.port, item.seen_at, item.category), item)
    for sentence in met.defects:
        tally.say(sentence)
    return tuple(islice(kept.values(), most)), len(kept) <= most and not met.is_cut


def _keep_first_lines(message: Message) -> None:
    """For a bare file, its first lines are the text that people read; all of it would be each report's text."""
    text = message.body[:BODY]
    message.texts = [TextPart(message.root.path, text)]
    message.defects[:] = [sentence for sentence in message.defects if not sentence.startswith("Only the first")]


def _document(message: Message, context: ParserContext) -> Finding | None:
    """A page or document that came without a mail and is no table: searched like a text."""
    start = message.root.source[message.root.start : message.root.start + 200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"<", b"{", b"[")):
        return None
    items = free_text.find(message, context, is_answer=False)
    if not items:
        return None
    return Finding("feed:document", MailKind.FEED, "it is a document that came without a mail", items)
