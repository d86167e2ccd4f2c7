"""What is fuzzed: each target runs a part of the parsers on bytes, and raises when something does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_network
from itertools import islice
from zoneinfo import ZoneInfo

from abuse.parsers import (
    ItemKind,
    Limits,
    ParsedEmail,
    ParserContext,
    charset,
    dates,
    eventtimes,
    extraction,
    header,
    hosts,
    htmltext,
    parse,
    replies,
    urls,
)
from abuse.parsers.feeds import cells
from abuse.parsers.feeds.reader import FeedReader
from abuse.parsers.templating import TemplateSet, load, read_directory

from . import ROOT
from .invariants import Violation, check, check_item, check_text, is_by_the_clock

Target = Callable[[bytes], None]

MAX_ROWS = 2_000  # of a feed that are read again
MAX_TEXT = 500_000  # bytes of a text that many readers get, and of a mail that is read twice
_SENT = datetime(2025, 3, 4, 8, 15, tzinfo=UTC)
_NAMES = ("", "feed.csv", "2025-03-04-scan_ssh-isp.csv", "list.txt", "events.json", "page.html", "report.xml.gz")


@cache
def contexts() -> tuple[ParserContext, ...]:
    """The desks that mails are read for: one as it is used, one that says nothing, one with bounds that bite soon."""
    desk = ParserContext(
        fqdn_re=r"(?:.*\.)?isp\.example\.net",
        networks_to_ignore=(ip_network("198.51.100.0/28"), ip_network("2001:db8:ff::/48")),
        domain_to_ignore=("ignored.example",),
        ticket_domains=("isp.example.net",),
        # far from UTC and with summer time: what adds hours at the ends of the calendar shows
        tzdefault=ZoneInfo("Pacific/Auckland"),
        now=_SENT,
        templates=load(None)[0],
    )
    tight = Limits(
        max_text_bytes=3_000,
        max_header_bytes=1_500,
        max_headers=15,
        max_parts=6,
        max_depth=3,
        max_messages=2,
        max_items=5,
        max_candidates=20,
        max_attachments=2,
        max_attachment_bytes=2_000,
        max_archive_bytes=5_000,
        max_archive_members=3,
        max_document_bytes=4_000,
        max_feed_bytes=20_000,
        max_feed_rows=20,
    )
    return desk, ParserContext(), replace(desk, limits=tight)


@cache
def own_templates() -> ParserContext:
    """A desk whose templates use every way of taking, for any sender."""
    read = read_directory(ROOT / "fuzz" / "templates")
    if read.faults:
        raise ValueError(f"the fuzzer's own templates are faulty: {'; '.join(map(str, read.faults))}")
    return replace(contexts()[0], templates=TemplateSet(read.templates))


def mail(data: bytes) -> None:
    """The whole flow on a mail; most are read for the desk as it is used, some for the others."""
    turn = _choice(data, 10)
    _read(data, contexts()[turn if turn < 3 else 0], "", twice=turn in (2, 3))


def feed(data: bytes) -> None:
    """The flow on a file that came without a mail."""
    context = contexts()[0 if _choice(data, 4) else 2]
    _read(data, context, _NAMES[_choice(data, len(_NAMES))], twice=not _choice(data, 5))


def template(data: bytes) -> None:
    """The flow on a mail that templates with every way of taking are for."""
    _read(data, own_templates(), "", twice=not _choice(data, 5))


def text(data: bytes) -> None:
    """Each reader of texts by itself."""
    words = charset.decode(data[:MAX_TEXT])[0]
    context = contexts()[0]
    items = [*extraction.extract(words, "body", context), *extraction.weak_names(words, "body", context)]
    for item in eventtimes.with_times(items, words, sent=_SENT, sent_zone=context.tzdefault):
        check_item(item, context)
    for normal in (words, header.decode_value(data), header.decode_words(words), charset.decode(data, "utf-7")[0]):
        check_text("decoded text", normal)
    header.addresses(words)
    header.parse_parameters(words)
    htmltext.to_text(words)
    added = replies.new_text(words)
    if len(added) > len(words):
        raise Violation(f"the new text is longer than the text: {added[:200]!r}")
    replies.quotes_a_mail(words)
    replies.quoted_addresses(words)
    for line in words.split("\n")[:40]:
        _cell(line)


def _cell(line: str) -> None:
    """The readers of single values, on one line."""
    context = contexts()[0]
    for moment in (dates.parse(line, context.tzdefault)[0], cells.moment(line, context.tzdefault)):
        if moment is not None and moment.utcoffset() is None:
            raise Violation(f"a time without zone of {line!r}")
    cells.port(line)
    cells.protocol(line)
    for fact in (cells.thing(line), cells.network_or_address(line)):
        if fact is not None and fact.kind is ItemKind.IP and hosts.ip(fact.value) is None:
            raise Violation(f"{fact.value!r} of {line!r} is no address")
    cells.url(line)
    urls.normalise(line)
    hosts.name(line)
    hosts.ip(line)
    hosts.cidr(line)


def _read(data: bytes, context: ParserContext, filename: str, *, twice: bool) -> None:
    parsed = parse(data, context, filename)
    check(parsed, context)
    if parsed.feed is not None:
        _read_again(data, parsed, context)
    if twice and len(data) <= MAX_TEXT:  # the bound on time is for one reading
        check_text("new text", replies.new_text(parsed.body))
        again = parse(data, context, filename)
        if again != parsed and not is_by_the_clock(parsed) and not is_by_the_clock(again):
            raise Violation("the same mail was read in another way the second time")


def _read_again(data: bytes, parsed: ParsedEmail, context: ParserContext) -> None:
    assert parsed.feed is not None  # noqa: S101 - asked for by the caller
    reader = FeedReader(data, parsed.feed, context)
    known = {(item.kind, item.value) for item in parsed.items}
    for item in islice(reader, MAX_ROWS):
        check_item(item, context)
        if parsed.feed.is_whole and (item.kind, item.value) not in known:
            raise Violation(f"{item.value!r} is in the feed, and not in the mail that is said to have all of it")
    if reader.tally.rows > context.limits.max_feed_rows:
        raise Violation(f"{reader.tally.rows} rows were read of a feed")


def _choice(data: bytes, count: int) -> int:
    """A number below `count` that depends on the input alone, so that a saved input goes the same way again."""
    return (len(data) + sum(data[:64])) % count


TARGETS: Mapping[str, Target] = {"mail": mail, "feed": feed, "template": template, "text": text}
