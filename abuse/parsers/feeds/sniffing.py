"""What a file's first lines say of it: whether it is a table, how its rows are written, and what its columns are.

Every way of reading is tried on a sample, and the one by which most rows name something is taken. Names of columns go
before what stands in them.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from ipaddress import ip_address
from itertools import islice, takewhile

from .. import hosts
from ..context import ParserContext
from ..values import ItemKind
from . import cells, delimited, documents, report_types
from .columns import normalised, roles_of
from .layout import FeedTable, Form, Layout, ReportType, Role
from .rows import RowReader

HEAD_BYTES = 1 << 17
"""What is looked at of a file to tell what it is."""
SAMPLE = 100  # rows
SAMPLE_BY_CONTENT, COLUMNS_BY_CONTENT = 40, 100
"""Rows and columns that are looked into where no column is named."""
MAX_PAGE_TABLES = 20
"""Tables of a page that are read; each is a reading of the page."""
ENOUGH = 0.5  # of the sample's rows must name something

_THING_ROLES = frozenset((Role.ADDRESS, Role.URL, Role.HOST, Role.THING, Role.PATH, Role.SITE))
_LABELS = frozenset((*_THING_ROLES, Role.TIME, Role.EMAIL, Role.HASH))


@dataclass(frozen=True, slots=True)
class Sniffed:
    """How a file is to be read. `has_names`: its columns are named, so it is no accident that it looks like a table."""

    layout: Layout
    report_type: ReportType | None
    has_names: bool


def sniff(head: str, type_name: str | None, context: ParserContext) -> list[Sniffed]:
    """The tables in the file that starts with `head`, each with the best way to read it; a page may have several."""
    start = head.lstrip("\ufeff \t\r\n")[:200].lower()
    if start.startswith(("{", "[")):
        found = _json(head, context)
        return [found] if found else []
    if start.startswith("<") or "<table" in start:
        return _html(head, context)
    lines = head.split("\n")
    if len(lines) > 1 and len(head) >= HEAD_BYTES // 2:
        lines.pop()  # cut in two
    best, best_score = None, 0.0
    for candidate in _candidates(lines, type_name):
        share = _share(candidate, lines, context)
        score = share + candidate.has_names  # a header says for certain what content only suggests
        if share >= ENOUGH and score > best_score:
            best, best_score = candidate, score
    if best is None:
        # a header without any rows
        best = next((one for one in _candidates(lines, type_name) if one.has_names and one.report_type), None)
    return [best] if best else []


def _share(candidate: Sniffed, lines: Sequence[str], context: ParserContext) -> float:
    rows = list(islice(delimited.rows(lines, candidate.layout), SAMPLE))
    return share_of(candidate, rows, context)


def share_of(candidate: Sniffed, rows: Sequence[Sequence[str]], context: ParserContext) -> float:
    """How many of the rows name something when read so, 0 to 1."""
    unrestricted = replace(context, networks_to_ignore=(), domain_to_ignore=())
    reader = RowReader(FeedTable("", None, "", "", candidate.layout, candidate.report_type, "Other"), unrestricted)
    return sum(reader.read(row) is not None for row in rows) / len(rows) if rows else 0.0


def _candidates(lines: Sequence[str], type_name: str | None) -> Iterator[Sniffed]:
    for delimiter in delimited.DELIMITERS:
        rows = _sample(lines, delimiter)
        if _is_regular(rows):
            yield from _readings([row for _, row in rows], _skips(rows), delimiter, lines, type_name)
    pairs = [found for line in lines[:SAMPLE] if not delimited.is_comment(line) and (found := delimited.pairs(line))]
    if pairs:
        columns = tuple(dict.fromkeys(name for found in pairs for name in found))[: delimited.MAX_CELLS]
        named = zip(columns, roles_of(columns), strict=True)
        roles = tuple(Role.TIME if name == "lead" else role for name, role in named)
        if _THING_ROLES & set(roles):
            yield Sniffed(Layout(Form.PAIRS, columns=columns, roles=roles), None, True)
    listed = [(number, row) for number, line in enumerate(lines[:400]) if (row := delimited.blanks(line))][:SAMPLE]
    if listed and _is_list([row for _, row in listed]):
        roles = roles_by_content([row for _, row in listed])
        yield Sniffed(Layout(Form.BLANKS, roles=roles), None, False)


def _sample(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """The first rows and the number of lines before each."""
    found = []
    for number, line in enumerate(lines):
        if not line.strip() or delimited.is_comment(line, delimiter):
            continue
        try:
            row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            row = line.split(delimiter)
        found.append((number, row))
        if len(found) == SAMPLE:
            break
    return found


def _skips(rows: Sequence[tuple[int, list[str]]]) -> list[int]:
    return [number for number, _ in rows]


def _is_regular(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether most rows have the same number of cells, and more than one."""
    if not rows:
        return False
    width, times = Counter(len(row) for _, row in rows).most_common(1)[0]
    return (width > 1 and times * 2 >= len(rows)) or (len(rows[0][1]) > 3 and len(rows) < 4)


def _is_list(rows: Sequence[list[str]]) -> bool:
    """Whether lines parted by blanks are columns and no prose: one or two cells, or the same number in every line."""
    widths = {len(row) for row in rows}
    return max(widths) <= 2 or (len(widths) == 1 and len(rows) > 1)


def _readings(
    rows: list[list[str]], numbers: list[int], delimiter: str, lines: Sequence[str], type_name: str | None
) -> Iterator[Sniffed]:
    for position, row in enumerate(rows[:5]):
        named = _named(row, delimiter, numbers[position] + 1, type_name)
        if named is not None:
            yield named
            return
    width = Counter(map(len, rows)).most_common(1)[0][0]
    for number, line in enumerate(lines[: numbers[0]]):
        if delimited.is_comment(line):
            row = next(csv.reader([line.lstrip("#;/ \t")], delimiter=delimiter, skipinitialspace=True), [])
            named = _named(row, delimiter, number + 1, type_name) if len(row) == width else None
            if named is not None:
                yield named
                return
    yield Sniffed(Layout(Form.DELIMITED, delimiter, roles=roles_by_content(rows)), None, False)


def _named(row: Sequence[str], delimiter: str, skip: int, type_name: str | None) -> Sniffed | None:
    """The reading by a row of column names; None when it names none."""
    columns = tuple(normalised(cell) for cell in row[: delimited.MAX_CELLS])
    filled = [cell.strip() for cell in row if cell.strip()]
    if len(filled) < 2 or any(_is_value(cell) for cell in filled):
        return None
    kind = report_types.report_type(columns, type_name)
    roles = report_types.roles_in(columns, kind) if kind else roles_of(columns)
    if kind is None and not _THING_ROLES & set(roles):
        return None
    if kind is None and len([role for role in roles if role is not Role.UNKNOWN]) < 2:
        return None
    return Sniffed(Layout(Form.DELIMITED, delimiter, columns, roles, skip), kind, True)


def _is_value(cell: str) -> bool:
    """Whether a cell is data and no column's name."""
    if cell.isdecimal() or len(cell) > 60:
        return True
    fact = cells.thing(cell)
    return fact is not None and fact.kind is not ItemKind.FQDN


def roles_by_content(rows: Sequence[Sequence[str]]) -> tuple[Role, ...]:
    """The roles of unnamed columns, by what stands in them. Of addresses the first column is the accused's."""
    rows = rows[:SAMPLE_BY_CONTENT]
    width = max(map(len, rows))
    roles: list[Role] = []
    for index in range(min(width, COLUMNS_BY_CONTENT)):
        column = [row[index].strip() for row in rows if index < len(row) and row[index].strip(" -")]
        roles.append(_role_by_content(column))
    addresses = [index for index, role in enumerate(roles) if role is Role.ADDRESS]
    for index in addresses[1:]:
        is_range = index == addresses[0] + 1 and _are_ranges(rows, addresses[0])
        roles[index] = Role.RANGE_END if is_range else Role.KNOWN
    times = [index for index, role in enumerate(roles) if role is Role.TIME]
    for index in times[1:]:
        roles[index] = Role.KNOWN
    if _THING_ROLES & set(roles):
        roles = [Role.KNOWN if role in (Role.EMAIL, Role.HASH) else role for role in roles]
    return tuple(roles)


def _role_by_content(column: Sequence[str]) -> Role:
    found = Counter(_looks_like(cell) for cell in column)
    found.pop(None, None)
    if sum(found.values()) * 10 < len(column) * 6 or not found:
        return Role.KNOWN
    role, times = found.most_common(1)[0]
    if times * 10 >= sum(found.values()) * 9:
        return role or Role.KNOWN
    return Role.THING if Role.TIME not in found else Role.KNOWN


def _looks_like(cell: str) -> Role | None:
    fact = cells.thing(cell)
    if fact is None:
        is_dated = len(cell) >= 8 and any(mark in cell for mark in "-/.:") and any(map(str.isdecimal, cell))
        is_epoch = cell.isdecimal() and len(cell) == 10 and cell[0] in "12"
        if (is_dated or is_epoch) and cells.moment(cell, UTC) is not None:
            return Role.TIME
        return None
    match fact.kind:
        case ItemKind.IP | ItemKind.CIDR:
            return Role.ADDRESS
        case ItemKind.URL:
            return Role.URL
        case ItemKind.FQDN:
            return Role.HOST if hosts.has_public_suffix(fact.value) and " " not in cell else None
        case ItemKind.EMAIL:
            return Role.EMAIL
        case _:
            return Role.HASH


def _are_ranges(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether the column after `index` holds the ends of ranges that start in it."""
    pairs = [(cells.address(row[index]), cells.address(row[index + 1])) for row in rows if len(row) > index + 1]
    both = [(int(ip_address(first)), int(ip_address(last))) for first, last in pairs if first and last]
    return bool(both) and all(first <= last < first + (1 << 24) for first, last in both)


def _json(head: str, context: ParserContext) -> Sniffed | None:
    flats = list(islice((flat for value in documents.objects([head]) for flat in documents.flat_rows(value)), SAMPLE))
    return json_layout(flats, context)


def json_layout(flats: Sequence[documents.Flat], context: ParserContext) -> Sniffed | None:
    """How the rows of a JSON document are read, by a sample of them; None when they name nothing."""
    columns = tuple(dict.fromkeys(path for flat in flats for path in flat))[:2_000]
    if not columns:
        return None
    names = tuple(documents.role_of_path(path) for path in columns)
    best = _best_of_each(columns, names)
    candidate = Sniffed(Layout(Form.JSON, columns=columns, roles=best), None, True)
    rows = [documents.json_cells(flat, columns) for flat in flats]
    if _THING_ROLES & set(best) and share_of(candidate, rows, context) >= ENOUGH:
        return candidate
    roles = roles_by_content(rows)
    by_content = Sniffed(Layout(Form.JSON, columns=columns, roles=roles), None, False)
    return by_content if share_of(by_content, rows, context) >= ENOUGH else None


def _best_of_each(paths: Sequence[str], roles: Sequence[Role]) -> tuple[Role, ...]:
    """Like `columns.roles_of`, for paths: of several addresses, times and ports the least deep one is taken."""
    single = (Role.ADDRESS, Role.TIME, Role.PORT, Role.PROTOCOL)
    best: dict[Role, tuple[int, int, int]] = {}
    for index, (path, role) in enumerate(zip(paths, roles, strict=True)):
        if role in single:
            rank = (path.count("."), documents.rank_of_path(path), index)
            best[role] = min(best.get(role, rank), rank)
    return tuple(Role.KNOWN if role in single and best[role][2] != index else role for index, role in enumerate(roles))


def _html(head: str, context: ParserContext) -> list[Sniffed]:
    """Each table of a page that names something."""
    tables: dict[int, list[list[str]]] = {}
    for number, row in documents.table_rows([head]):
        if number < MAX_PAGE_TABLES and any(row):
            tables.setdefault(number, []).append(row)
    found = ((number, _html_table(rows, context)) for number, rows in tables.items())
    return [
        replace(one, layout=replace(one.layout, form=Form.HTML, table=number))
        for number, one in found
        if one is not None
    ]


def _html_table(rows: list[list[str]], context: ParserContext) -> Sniffed | None:
    for number, row in enumerate(rows[:10]):
        named = _named(row, ",", number + 1, None)
        if named is not None and share_of(named, rows[number + 1 :][:SAMPLE], context) >= ENOUGH:
            return named
    skip = 0 if any(_looks_like(cell) is not None for cell in rows[0]) else 1
    sample = rows[skip:][:SAMPLE]
    if not sample:
        return None
    by_content = Sniffed(Layout(Form.HTML, roles=roles_by_content(sample), skip=skip), None, False)
    return by_content if share_of(by_content, sample, context) >= ENOUGH else None


def decoded_head(data: bytes, codec: str) -> str:
    """The first part of a file as text."""
    return data.decode(codec, "replace").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def html_rows(lines: Iterable[str], layout: Layout) -> Iterator[Sequence[str]]:
    """The rows of the one table of a page that the layout is of."""
    until = takewhile(lambda found: found[0] <= layout.table, documents.table_rows(lines))
    kept = (row for number, row in until if number == layout.table and any(row))
    return islice(kept, layout.skip, None)
