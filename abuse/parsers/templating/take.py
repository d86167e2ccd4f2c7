"""From the places a rule points at to items: de-fanged and checked as in free text, with what stands beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address
from time import monotonic

import re2

from .. import dates, extraction, hosts, urls
from ..context import ParserContext
from ..formats import building
from ..values import ItemKind, ParsedItem
from . import sources, tables
from .compiled import Rule, Source, Template
from .sources import Piece
from .texts import View

MAX_WORDS = 10_000  # of one piece
MAX_KNOWN = 1_000  # texts whose items are remembered
_WORD_KINDS = (ItemKind.FQDN, ItemKind.EMAIL, ItemKind.HASH)
_PORT = re2.compile(r"\d{1,5}")
_PROTOCOL = re2.compile(r"[A-Za-z][A-Za-z0-9]{0,19}")
_BETWEEN_WORDS = re2.compile(r"[\s,;|<>\"'`]+")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one rule gave: items, and what it found but had to leave, each with the reason."""

    rule: Rule
    items: tuple[ParsedItem, ...]
    left: tuple[tuple[str, str], ...] = ()
    places: int = 0  # how many places matched, whether or not a value stood there

    @property
    def is_dated(self) -> bool:
        """Whether the rule says where the times stand; an item without one then has none."""
        return self.rule.time is not None or any(item.seen_at for item in self.items)


def take(rule: Rule, template: Template, view: View, context: ParserContext, deadline: float = math.inf) -> Taken:
    """Apply one rule to a mail; past `deadline` (of `time.monotonic`) it keeps what it has."""
    worker = _Taker(rule, template, view, context, deadline)
    for texts in worker.texts():
        for place, data in texts:
            worker.read(data, place)
        if worker.items:
            break
    return Taken(rule, tuple(worker.items), tuple(worker.left), worker.places)


class _Taker:
    """The state of one rule on one mail."""

    def __init__(self, rule: Rule, template: Template, view: View, context: ParserContext, deadline: float) -> None:
        self.deadline = deadline
        self.rule = rule
        self.template = template
        self.view = view
        self.context = context
        self.items: list[ParsedItem] = []
        self.left: list[tuple[str, str]] = []
        self.places = 0
        self._converted: dict[str, list[ParsedItem]] = {}

    def texts(self) -> Iterator[list[tuple[str, bytes]]]:
        """The texts to read: the files asked for, or the text and, while it gives nothing, its other forms."""
        if self.rule.files is not None:
            yield self.view.files(self.rule.files)
            return
        yield [("", self.view.body)]
        if self.rule.source is None or self.rule.source.way not in ("subject", "header"):
            yield self.view.other_forms()

    def read(self, data: bytes, place: str) -> None:
        rule = self.rule
        data = self.view.decoded(data, rule.decode)
        if rule.table is None:
            data = self.view.searched(data)
        where = f"template {self.template.name}: {rule.words}{' ' + place if place else ''}"
        if rule.table is not None:
            found = list(self._rows(data))
        elif rule.source is None:
            for start, end in sources.blocks(rule.block, data):
                if self._is_done:
                    return
                self.places += 1
                self._read_all(data, start, end, where)
            return
        else:
            found = list(self._pieces(rule.source, data))
        self.places += len(found)
        starts = [piece.start for piece in found]
        ports = self._beside(rule.port, data, starts)
        protocols = self._beside(rule.protocol, data, starts)
        times = self._beside(rule.time, data, starts)
        for piece, port, protocol, time in zip(found, ports, protocols, times, strict=True):
            items = self._convert(piece, where)
            if items:
                self._keep(items, piece.port or port, piece.protocol or protocol, piece.time or time)
            else:
                self._leave(piece.text, "no value of the kind asked for stands there")
            if self._is_done:
                return

    def _pieces(self, source: Source, data: bytes) -> Iterator[Piece]:
        in_mail = sources.of_mail(source, self.view)
        if in_mail is not None:
            yield from in_mail
            return
        for start, end in sources.blocks(self.rule.block, data):
            yield from sources.of_text(source, data, start, end)

    def _convert(self, piece: Piece, where: str) -> list[ParsedItem]:
        # reports repeat one value in line after line
        key = f"{piece.is_weak}{where}{piece.text}"
        if key not in self._converted:
            if len(self._converted) >= MAX_KNOWN:
                self._converted.clear()
            self._converted[key] = convert(piece, self.rule, where, self.context, say=self.view.message.say)
        return self._converted[key]

    def _rows(self, data: bytes) -> Iterator[Piece]:
        rule, table = self.rule, self.rule.table
        assert table is not None  # noqa: S101 - asked for by the caller
        for start, end in sources.blocks(rule.block, data):
            text = data[start:end].decode("utf-8", "ignore")
            for number, row in enumerate(tables.rows(table, text, is_file=rule.files is not None)):
                for column in table.column:
                    if row.get(column.lower()):
                        yield Piece(
                            row[column.lower()],
                            start + number,
                            port=_field(rule.port, row),
                            protocol=_field(rule.protocol, row),
                            time=_field(rule.time, row),
                        )

    def _read_all(self, data: bytes, start: int, end: int, where: str) -> None:
        """Everything of the rule's kinds in a block."""
        piece = Piece(data[start:end].decode("utf-8", "ignore"), start)
        items = self._convert(piece, where)
        (port,), (protocol,), (time,) = (
            self._beside(source, data, [start]) for source in (self.rule.port, self.rule.protocol, self.rule.time)
        )
        self._keep(items, port, protocol, time)

    def _beside(self, source: Source | str | int | None, data: bytes, starts: Sequence[int]) -> list[str | None]:
        if source is None:
            return [None] * len(starts)
        if not isinstance(source, Source):
            return [str(source)] * len(starts)
        pieces: Iterable[Piece] = ()
        if source.way != "column":
            in_mail = sources.of_mail(source, self.view)
            pieces = sources.of_text(source, data, 0, len(data)) if in_mail is None else in_mail
        return sources.beside(starts, pieces)

    def _keep(self, items: Iterable[ParsedItem], port: str | None, protocol: str | None, time: str | None) -> None:
        zone = self.template.zone or self.view.written[1] or self.context.tzdefault
        seen_at = moment(time, self.template.spec.time.formats or (), zone) if time else None
        if time and seen_at is None:
            self._leave(time, "the time cannot be read")
        category = self.rule.category if self.rule.category in self.context.categories else None
        for item in items:
            reason = unwanted(item, self.template)
            if reason is not None:
                self._leave(item.value, reason)
                continue
            if self._is_full:
                return
            self.items.append(
                replace(
                    item,
                    port=item.port or port_number(port),
                    protocol=item.protocol or protocol_name(protocol),
                    seen_at=seen_at,
                    category=category,
                )
            )

    @property
    def _is_full(self) -> bool:
        return len(self.items) >= (self.context.limits.max_items if self.rule.many else 1)

    @property
    def _is_done(self) -> bool:
        return self._is_full or monotonic() > self.deadline

    def _leave(self, text: str, reason: str) -> None:
        if len(self.left) < 20:
            self.left.append((text[:200], reason))


def convert(
    piece: Piece, rule: Rule, place: str, context: ParserContext, say: Callable[[str], None] = lambda _: None
) -> list[ParsedItem]:
    """The items of the rule's kinds in a piece of text, de-fanged and checked, in order of kinds."""
    text = piece.text.strip()
    if piece.is_weak:  # "IP addresses of our customers": what follows a mere blank may be a sentence
        text = text.split(None, 1)[0] if text else ""
    if not text:
        return []
    if not any(map(str.isspace, text)):
        whole = building.item(text.strip("()"), place, context, kinds=rule.kinds)
        if whole is not None:
            return [whole]
    items = [item for item in extraction.extract(text, place, context, say) if item.kind in rule.kinds]
    wants_url = ItemKind.URL in rule.kinds and not any(item.kind is ItemKind.URL for item in items)
    kinds = tuple(kind for kind in _WORD_KINDS if kind in rule.kinds)
    if not rule.reads_names:
        kinds = tuple(kind for kind in kinds if kind is not ItemKind.FQDN)
    if kinds or wants_url:
        known = {(item.kind, item.value) for item in items}
        for item in _words(text, kinds, wants_url, place, context):
            if (item.kind, item.value) not in known:
                known.add((item.kind, item.value))
                items.append(item)
    return items


def _words(
    text: str, kinds: tuple[ItemKind, ...], wants_url: bool, place: str, context: ParserContext
) -> Iterator[ParsedItem]:
    """Names, mail addresses and hashes among the words of a text, and URLs that lack their scheme."""
    for word in _BETWEEN_WORDS.split(text)[:MAX_WORDS]:
        word = word.strip("()[]{}.:")
        if not 3 < len(word) <= 4_000 or "://" in word:
            continue
        item = building.item(word, place, context, kinds=kinds) if kinds else None
        if item is not None and (item.kind is not ItemKind.FQDN or hosts.has_public_suffix(item.value)):
            yield item
        elif wants_url and "/" in word and "." in word.partition("/")[0]:
            url = urls.normalise("http://" + word)
            if url is not None and hosts.has_public_suffix(url.host) and hosts.is_wanted_host(url.host, context):
                yield ParsedItem(ItemKind.URL, url.value, word[:500], place, url.port)


def unwanted(item: ParsedItem, template: Template) -> str | None:
    """Why the template's `ignore` leaves an item out; None when it does not."""
    host = (item.host or "").partition("/")[0]
    address = hosts.ip(host)
    if address is not None:
        for network in template.ignored_networks:
            if ip_address(address) in network:
                return f"ignore.ips has {network}"
    elif host:
        for domain in template.ignored_domains:
            if hosts.is_below(host, domain):
                return f"ignore.domains has {domain}"
    if item.kind is ItemKind.URL:
        for pattern in template.ignored_urls:
            if pattern.search(item.value.encode("utf-8", "replace")):
                return f"ignore.urls has {pattern.pattern.decode().removeprefix('(?im)')}"
    if item.kind is ItemKind.CIDR and any(str(network) == item.value for network in template.ignored_networks):
        return f"ignore.ips has {item.value}"
    return None


def port_number(text: str | None) -> int | None:
    """The first number in a text that is a port."""
    for match in _PORT.finditer(text[:200]) if text else ():
        number = building.port_number(match.group())
        if number is not None:
            return number
    return None


def protocol_name(text: str | None) -> str | None:
    found = _PROTOCOL.search(text[:200]) if text else None
    return found.group().lower() if found else None


def moment(text: str, formats: Iterable[str], zone: tzinfo) -> datetime | None:
    """The moment a text names, in UTC, by the template's formats and else by those that are always read."""
    text = text.strip().strip("\"'[]<>(),")[:120].strip()
    for form in formats:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    return dates.parse(text, zone)[0]


def _field(source: Source | int | str | None, row: tables.Row) -> str | None:
    return row.get(source.name) if isinstance(source, Source) and source.way == "column" else None


def first_value(source: Source, view: View) -> str | None:
    """The first text a source names that is not empty, for references and categories."""
    in_mail = sources.of_mail(source, view)
    if in_mail is not None:
        return next((piece.text.strip() for piece in in_mail if piece.text.strip()), None)
    for data in _all_forms(view):
        for piece in sources.of_text(source, data, 0, len(data)):
            if piece.text.strip():
                return piece.text.strip()
    return None


def _all_forms(view: View) -> Iterator[bytes]:
    yield view.body
    yield from (data for _, data in view.other_forms())
