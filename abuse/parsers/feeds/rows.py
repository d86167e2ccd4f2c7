"""Rows: from the cells of one line to what a report is made of. Runs a million times for one mail; read it so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address, summarize_address_range
from typing import NamedTuple

from .. import extraction, hosts
from ..context import ParserContext
from ..values import ItemKind, ParsedItem
from . import cells
from .cells import Fact
from .columns import SINGLE
from .layout import FeedTable, Role
from .report_types import category_by_tags, category_of_words

MAX_RANGE_NETWORKS = 64
"""Networks that one row's range of addresses is written as; a range that needs more is no sensible one."""

MAX_DETAILS = 2_000
"""Characters of a cell of free text that are searched."""

MAX_THINGS = 20
"""Columns besides the addresses that are looked at in every row."""
MAX_WORDS = 100
"""Characters of a cell that says what happened."""

_DESCRIPTIONS = frozenset((Role.PORT, Role.PROTOCOL, Role.TIME, Role.CLOCK, Role.CATEGORY))


class Row(NamedTuple):
    """One event: the things it is about (usually one), what it is called, and when it was."""

    facts: tuple[Fact, ...]
    category: str
    seen_at: datetime | None
    protocol: str | None

    def items(self, place: str) -> Iterator[ParsedItem]:
        """The items that the row makes."""
        for kind, value, raw, port in self.facts:
            yield ParsedItem(kind, value, raw[:500], place, port, self.protocol, self.seen_at, self.category)


class RowReader:
    """Reads the rows of one table. `read` gives None for a row that names nothing, as headings and totals do."""

    def __init__(self, table: FeedTable, context: ParserContext) -> None:
        layout = table.layout
        self._zone: tzinfo = UTC if table.report_type is not None else context.tzdefault
        self._context = context
        self._ignores = bool(context.networks_to_ignore or context.domain_to_ignore)
        self._type = table.report_type
        self._category = table.category
        self._width = len(layout.columns) or len(layout.roles)
        by_role: dict[Role, list[int]] = {}
        for index, role in enumerate(layout.roles):
            by_role.setdefault(role, []).append(index)
        self._addresses = self._with_ports(by_role, layout.columns)
        self._range_end = _first(by_role, Role.RANGE_END)
        self._things = sorted(
            (index, role)
            for role in (Role.URL, Role.HOST, Role.EMAIL, Role.HASH, Role.THING)
            for index in by_role.get(role, ())
        )[:MAX_THINGS]
        self._path, self._site = _first(by_role, Role.PATH), _first(by_role, Role.SITE)
        if self._path is not None and self._site is None and Role.HOST in by_role:
            self._site = by_role[Role.HOST][0]
        self._details = tuple(by_role.get(Role.DETAILS, ()))
        self._names = tuple(by_role.get(Role.REVERSE_NAME, ()))
        self._time, self._clock = _first(by_role, Role.TIME), _first(by_role, Role.CLOCK)
        self._protocol = _first(by_role, Role.PROTOCOL)
        self._words = tuple(by_role.get(Role.CATEGORY, ()))

    @staticmethod
    def _with_ports(by_role: dict[Role, list[int]], columns: tuple[str, ...]) -> tuple[tuple[int, int | None], ...]:
        """The address columns, each with the column of its port: of the same name, else the only one."""
        addresses, ports = by_role.get(Role.ADDRESS, []), by_role.get(Role.PORT, [])
        pairs = []
        for index in addresses:
            stem = columns[index].replace(".", "_").removesuffix("_ip") if columns else ""
            same = [port for port in ports if columns and columns[port].replace(".", "_") == f"{stem}_port"]
            pairs.append((index, same[0] if same else ports[0] if ports and len(addresses) == 1 else None))
        return tuple(pairs)

    def read(self, row: Sequence[str]) -> Row | None:
        """The row's facts. A row of fewer cells than there are columns is read as far as it goes.

        Of a row of more, because a text in it has the delimiter, the last cells are read when the first name nothing.
        """
        found = self._read(row)
        if found is None and len(row) > self._width and self._fits(tail := row[-self._width :]):
            return self._read(tail)
        return found

    def _fits(self, row: Sequence[str]) -> bool:
        """Whether address and time stand where they should."""
        has_time = self._time is None or self._moment(row, self._width) is not None
        return has_time and any(cells.address(row[index]) is not None for index, _ in self._addresses)

    def _read(self, row: Sequence[str]) -> Row | None:
        facts: list[Fact] = []
        size = len(row)
        for index, port_index in self._addresses:
            if index < size:
                text = row[index]
                value = cells.address(text)
                port = cells.port(row[port_index]) if port_index is not None and port_index < size else None
                if value is not None:
                    facts.append(Fact(ItemKind.IP, value, text, port))
                elif text:
                    self._add_other_address(facts, text, port)
        if self._range_end is not None and self._range_end < size and facts:
            facts = _range(facts[0], row[self._range_end]) or facts
        for index, role in self._things:
            if index < size and row[index]:
                self._add_thing(facts, row[index], role)
        if self._site is not None and self._site < size:
            path = row[self._path] if self._path is not None and self._path < size else ""
            self._add_site(facts, row[self._site], path)
        for index in self._details:
            if index < size and len(row[index]) > 3:
                self._add_details(facts, row[index])
        if not facts:
            for index in self._names:
                if index < size and (name := cells.name(row[index])):
                    facts.append(Fact(ItemKind.FQDN, name, row[index], None))
        if facts and self._ignores:
            facts = [fact for fact in facts if self._is_wanted(fact)]
        if not facts:
            return None
        protocol = row[self._protocol] if self._protocol is not None and self._protocol < size else ""
        return Row(tuple(facts), self._category_of(row, size), self._moment(row, size), cells.protocol(protocol))

    def _add_other_address(self, facts: list[Fact], text: str, port: int | None) -> None:
        fact = cells.thing(text)
        if fact is not None and fact.kind is not ItemKind.HASH and fact.kind is not ItemKind.EMAIL:
            facts.append(fact if fact.port is not None or port is None else fact._replace(port=port))

    def _add_thing(self, facts: list[Fact], text: str, role: Role) -> None:
        if role is Role.URL:
            found = cells.url(text)
            if found is None and "." in text and " " not in text and "://" not in text:
                found = cells.url(f"http://{text}")
            if found is not None:
                facts.append(Fact(ItemKind.URL, found[0], text, found[1]))
            return
        fact = cells.thing(text)
        if fact is None:
            return
        if any(fact.value == known.value for known in facts):
            return
        facts.append(fact)
        if role is Role.HOST and fact.kind is ItemKind.URL:
            host = cells.name(ParsedItem(ItemKind.URL, fact.value).host or "")
            if host:
                facts.append(Fact(ItemKind.FQDN, host, text, None))

    def _add_site(self, facts: list[Fact], site: str, path: str) -> None:
        """The URL that a site and the path beside it make; the site's name is accused, too."""
        site, path = site.strip(), path.strip()
        written = f"http://{site}{path}" if path.startswith("/") and site else path
        if written and (found := cells.url(written)) is not None:
            facts.append(Fact(ItemKind.URL, found[0], f"{site}{path}", found[1]))
        name = cells.name(site.partition(":")[0]) if site else None
        if name is not None and not any(fact.value == name for fact in facts):
            facts.append(Fact(ItemKind.FQDN, name, site, None))

    def _add_details(self, facts: list[Fact], text: str) -> None:
        for item in extraction.extract(text[:MAX_DETAILS], "", self._context, is_record=True):
            if item.kind in (ItemKind.URL, ItemKind.FQDN) and not any(fact.value == item.value for fact in facts):
                facts.append(Fact(item.kind, item.value.rstrip(";"), item.raw, item.port))

    def _category_of(self, row: Sequence[str], size: int) -> str:
        for index in self._words:
            if index < size and row[index]:
                words = row[index][:MAX_WORDS]
                said = category_by_tags(self._type, words) if self._type else category_of_words(words)
                if said is not None:
                    return said if said in self._context.categories else "Other"
        return self._category

    def _moment(self, row: Sequence[str], size: int) -> datetime | None:
        if self._time is None or self._time >= size:
            return None
        text = row[self._time]
        if self._clock is not None and self._clock < size:
            text = f"{text.strip()} {row[self._clock].strip()}"
        return cells.moment(text, self._zone) if text else None

    def _is_wanted(self, fact: Fact) -> bool:
        if fact.kind is ItemKind.HASH:
            return True
        host = fact.value if fact.kind is ItemKind.IP else ParsedItem(fact.kind, fact.value).host or ""
        return hosts.is_wanted_host(host.partition("/")[0], self._context)


def _first(by_role: dict[Role, list[int]], role: Role) -> int | None:
    assert role in SINGLE or role in _DESCRIPTIONS  # noqa: S101 - a role of which a table has one column
    return by_role[role][0] if role in by_role else None


def _range(first: Fact, last_text: str) -> list[Fact] | None:
    """The networks from `first` to the address in `last_text`; None when that is no range upwards."""
    last_value = cells.address(last_text)
    if last_value is None or first.kind is not ItemKind.IP:
        return None
    start, end = ip_address(first.value), ip_address(last_value)
    if start.version != end.version or int(start) >= int(end):
        return None
    networks: list[Fact] = []
    for network in summarize_address_range(start, end):
        if len(networks) == MAX_RANGE_NETWORKS:
            return None
        kind = ItemKind.CIDR if network.num_addresses > 1 else ItemKind.IP
        value = str(network) if kind is ItemKind.CIDR else str(network.network_address)
        networks.append(Fact(kind, value, f"{first.raw} - {last_text}", None))
    return networks
