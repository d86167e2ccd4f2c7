"""When it happened: the times that a free-text complaint states beside what it points at.

A log line that names an item dates it; the newest such line counts, with the port that it names. Where no line
does both, the time that the text states by itself dates all items. Times without a zone are in the one that the text
states for its log, else in that of the mail's Date: a log is in the local time of the machine that sends the mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import re2

from . import charset, dates
from .values import ItemKind, ParsedItem

MAX_LINE = 2_000
MAX_STAMPS = 5_000
MAX_OCCURRENCES = 2_000
"""Per mail: more lines than that say nothing new, and the time for them is bounded."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_ZONE = r"(?:[ \t]*(?:Z\b|[+-]\d{2}:?\d{2}\b|(?:\(?(?:UTC|GMT)(?:[ ]?[+-]\d{1,2}(?::?\d{2})?)?|\(?[A-Z]{3,4})\b))?"
_STAMP = re2.compile(
    rf"(?i)\b(?:\d{{4}}[-/]\d{{2}}[-/]\d{{2}}[T \t_]{{1,2}}{_CLOCK}{_ZONE}"
    rf"|\d{{1,2}}/{_MONTH}/\d{{4}}:{_CLOCK}{_ZONE}"
    rf"|(?:[a-z]{{3}},[ ])?\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}},?[ ]{{1,2}}(?:at[ ])?{_CLOCK}{_ZONE}"
    rf"|\d{{1,2}}\.\d{{1,2}}\.\d{{4}},?[ \t]+(?:um[ ]|à[ ]|at[ ]|-[ ])?{_CLOCK}{_ZONE}"
    rf"|{_MONTH}[ ]{{1,2}}\d{{1,2}},?[ ](?:\d{{4}},?[ ](?:at[ ])?)?{_CLOCK}{_ZONE})"
)
_SYSLOG = re2.compile(rf"(?i)({_MONTH})[ ]{{1,2}}(\d{{1,2}}),?[ ](\d{{1,2}}:\d{{2}}(?::\d{{2}})?)")
_WORDS_WITHIN = re2.compile(r"(?i)[ ,](?:um|à|at|-)[ ]")
_STATED_ZONE = re2.compile(
    r"(?i)(?:time ?zone|zeitzone|fuseau horaire|zona horaria|timestamps?|times?|time|zeit(?:en)?|czas|heures?|hora)"
    r"[^\n+-]{0,40}?\(?((?:UTC|GMT)?[ ]?[+-]\d{1,2}(?::?\d{2})?|\bUTC\b|\bGMT\b|\bCES?T\b|\bE[SD]T\b|\bP[SD]T\b)"
)
_PORT_AFTER = re2.compile(r"^\]?(?::|#|[ \t]+\(?(?:source[ -]|src[ -]?)?port[ \t=:]{1,3})(\d{1,5})\b")
_PORT_NAMED = re2.compile(r"(?i)\b(?:spt|sport|src_?port|source[ _-]?port)[\"' \t]*[=:][\"' \t]*(\d{1,5})\b")


@dataclass(frozen=True, slots=True)
class _Event:
    when: datetime
    port: int | None
    zone_known: bool


def with_times(
    items: Sequence[ParsedItem], text: str, *, sent: datetime | None, sent_zone: tzinfo | None
) -> tuple[ParsedItem, ...]:
    """The items with the time, and where a line says so the port, of their newest event in the text.

    `sent` is when the mail was written: it gives logs without a year theirs. Items that have a time already keep it.
    """
    if not items or not _might_hold_a_time(text):
        return tuple(items)
    reader = _Reader(text, sent, sent_zone)
    if not reader.stamps:
        return tuple(items)
    events = reader.events([item for item in items if item.seen_at is None])
    own = reader.only_time() if not events else None
    dated = []
    for item in items:
        event = events.get(item.raw) or events.get(item.value)
        if item.seen_at is not None:
            dated.append(item)
        elif event is not None:
            dated.append(replace(item, seen_at=event.when, port=event.port or item.port, zone_known=event.zone_known))
        elif own is not None:
            dated.append(replace(item, seen_at=own, zone_known=reader.states_zone(own)))
        else:
            dated.append(item)
    return tuple(dated)


def _might_hold_a_time(text: str) -> bool:
    return ":" in text and _STAMP.search(charset.searchable(text)) is not None


class _Reader:
    """The times of one text, by line."""

    def __init__(self, text: str, sent: datetime | None, sent_zone: tzinfo | None) -> None:
        self.text = text
        self.sent = sent
        stated = _STATED_ZONE.search(text)
        self.zone = _zone(stated.group(1)) if stated else sent_zone or UTC
        self._without_zone: set[datetime] = set()
        self._is_zone_stated = stated is not None
        self.stamps = list(self._stamps())

    def _stamps(self) -> Iterator[tuple[int, datetime]]:
        for number, match in enumerate(_STAMP.finditer(charset.searchable(self.text))):
            if number >= MAX_STAMPS:
                return
            start, end = match.span()
            when = self._read(self.text[start:end])
            if when is not None:
                yield start, when

    def states_zone(self, when: datetime) -> bool:
        """Whether the text says in which zone a time of it is, beside it or for all of them."""
        return when not in self._without_zone

    def _read(self, stamp: str) -> datetime | None:
        stamp = stamp.replace("_", " ").replace("\t", " ")
        if " " in stamp:
            stamp = _WORDS_WITHIN.sub(" ", stamp)
        match = _SYSLOG.match(stamp) if stamp[0].isalpha() else None
        if match and self.sent is not None:
            month, day, clock = match.groups()
            rest = stamp[match.end() :]
            when, has_zone = dates.parse(f"{day} {month[:3]} {self.sent.year} {clock}{rest}", self.zone)
            if when is not None and when - self.sent > timedelta(days=2):  # December's log, read in January
                when, _ = dates.parse(f"{day} {month[:3]} {self.sent.year - 1} {clock}{rest}", self.zone)
        else:
            when, has_zone = dates.parse(stamp.replace(",", "."), self.zone)
            if when is None:
                when, has_zone = dates.parse(stamp, self.zone)
        if when is None or when.year < 1990 or (self.sent is not None and when - self.sent > timedelta(days=1)):
            return None
        if not has_zone and not self._is_zone_stated:
            self._without_zone.add(when)
        else:
            self._without_zone.discard(when)
        return when

    def events(self, items: Sequence[ParsedItem]) -> dict[str, _Event]:
        """The newest event of each item that stands in a line with a time, by the item's text."""
        by_line: dict[int, datetime] = {}
        for start, when in self.stamps:
            line = self.text.rfind("\n", 0, start) + 1
            by_line[line] = max(when, by_line.get(line, when))
        newest: dict[str, _Event] = {}
        left = MAX_OCCURRENCES
        for item in items:
            for name in dict.fromkeys((item.raw, item.value)):
                if not name:
                    continue
                position = self.text.find(name)
                while position >= 0 and left > 0:
                    left -= 1
                    self._look_at(item, name, position, by_line, newest)
                    position = self.text.find(name, position + len(name))
        return newest

    def _look_at(
        self, item: ParsedItem, name: str, position: int, by_line: dict[int, datetime], newest: dict[str, _Event]
    ) -> None:
        end = position + len(name)
        # 203.0.113.1 is no part of 203.0.113.14
        if self.text[end : end + 1].isalnum() or (position > 0 and self.text[position - 1].isalnum()):
            return
        line = self.text.rfind("\n", 0, position) + 1
        when = by_line.get(line)
        if when is None or position - line > MAX_LINE:
            return
        known = newest.get(name)
        if known is None or when >= known.when:
            port = self._port(line, end) if item.kind in (ItemKind.IP, ItemKind.FQDN) else None
            same = known.port if known and known.when == when else None
            newest[name] = _Event(when, port or same, self.states_zone(when))

    def _port(self, line: int, end: int) -> int | None:
        line_end = self.text.find("\n", end)
        rest = self.text[end : min(end + 60, line_end if line_end >= 0 else len(self.text))]
        match = _PORT_AFTER.match(rest)
        if match is None:
            whole = self.text[line : line_end if line_end >= 0 else len(self.text)][:MAX_LINE]
            match = _PORT_NAMED.search(whole)
        port = int(match.group(1)) if match else 0
        return port if 0 < port < 65536 else None

    def only_time(self) -> datetime | None:
        """The time that the text states by itself: the newest, where all that it states lie within a day."""
        moments = [when for _, when in self.stamps]
        return max(moments) if max(moments) - min(moments) <= timedelta(days=1) else None


def _zone(name: str) -> tzinfo:
    name = name.upper().replace(" ", "")
    known, _ = dates.parse(f"1 Jan 2020 12:00:00 {name if not name.startswith(('UTC', 'GMT')) else name[3:] or 'UTC'}")
    if known is None:
        return UTC
    offset = datetime(2020, 1, 1, 12, tzinfo=UTC) - known
    return timezone(offset) if offset else UTC


def stated_times(line: str, text: str) -> list[datetime]:
    """The times in a line whose zone is known: it stands beside them, or `text` states it for all."""
    stated = _STATED_ZONE.search(text)
    reader = _Reader(line, None, _zone(stated.group(1)) if stated else None)
    return [when for _, when in reader.stamps if stated or reader.states_zone(when)]
