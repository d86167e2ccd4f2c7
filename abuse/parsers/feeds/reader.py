"""The rows of a feed, one after the other, from the stored bytes: as often as asked, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .. import mime
from ..context import Limits, ParserContext
from ..mime import Part
from ..values import ParsedItem
from . import delimited, documents, sniffing, streams
from .columns import normalised
from .layout import Feed, FeedTable, Form, Layout, Role
from .rows import Row, RowReader

MAX_PAGE_BYTES = 5_000_000
"""Bytes of a page whose tables are read; a page is read as a whole."""


@dataclass(slots=True)
class Tally:
    """What was met while rows were read: how many named something, how many did not, and what was cut."""

    rows: int = 0
    rejected: int = 0
    examples: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    is_cut: bool = False  # a bound or damage kept rows from being read

    def reject(self, cells: Sequence[str]) -> None:
        self.rejected += 1
        if len(self.examples) < 5:
            self.examples.append(",".join(cells)[:200])

    def say(self, sentence: str) -> None:
        if sentence not in self.defects:
            self.defects.append(sentence)


class FeedReader:
    """Reads a feed's rows again from the bytes of the mail or file that it came in.

    Each iteration starts at the first row. `tally` counts what the present one has met.
    """

    def __init__(self, raw: bytes | memoryview, feed: Feed, context: ParserContext) -> None:
        self._raw = raw if isinstance(raw, bytes) else bytes(raw)
        self._feed = feed
        self._context = context
        self.tally = Tally()

    def rows(self) -> Iterator[tuple[FeedTable, Row]]:
        """The rows of all tables, at most `Limits.max_feed_rows`, with the table each stands in."""
        self.tally = Tally()
        limits = self._context.limits
        parts = {part.path: part for part in mime.read(self._raw, limits, []).walk()}
        for table in self._feed.tables:
            for row in table_rows(parts[table.part], table, self._context, self.tally):
                yield table, row
                if self.tally.rows >= limits.max_feed_rows:
                    self.tally.say(f"Only the first {limits.max_feed_rows} rows of the feed are read.")
                    return

    def __iter__(self) -> Iterator[ParsedItem]:
        """The items of all rows; each has its row's category."""
        for table, row in self.rows():
            yield from row.items(table.place)


def table_rows(
    part: Part, table: FeedTable, context: ParserContext, tally: Tally, max_bytes: int | None = None
) -> Iterator[Row]:
    """The rows of one table, from the part it came in; of at most `max_bytes`, else of `Limits.max_feed_bytes`."""
    read_row = RowReader(table, context).read
    for cells in _cells(part, table, context.limits, tally, max_bytes or context.limits.max_feed_bytes):
        row = read_row(cells)
        if row is None:
            tally.reject(cells)
        else:
            tally.rows += 1
            yield row


def _cells(part: Part, table: FeedTable, limits: Limits, tally: Tally, max_bytes: int) -> Iterator[Sequence[str]]:
    for file in streams.files(part, "", limits, tally.say):
        if file.member == table.member:
            most = min(max_bytes, MAX_PAGE_BYTES) if table.layout.form is Form.HTML else max_bytes
            lines = streams.Lines(file.open(), table.codec, most)
            yield from cells_of(lines, table.layout)
            if lines.cut:
                tally.is_cut = True
                tally.say(lines.cut)
            return


def cells_of(lines: streams.Lines, layout: Layout) -> Iterator[Sequence[str]]:
    """The rows of a text as cells, in the order of the layout's columns."""
    if layout.form is Form.JSON:
        for value in documents.objects(lines.pieces()):
            for flat in documents.flat_rows(value):
                yield documents.json_cells(flat, layout.columns)
    elif layout.form is Form.HTML:
        yield from sniffing.html_rows(lines, layout)
    else:
        yield from delimited.rows(lines, layout)


def read_table(
    stream: Iterable[str],
    mapping: Mapping[str, str],
    context: ParserContext,
    *,
    delimiter: str = ",",
    header: bool = True,
    category: str = "Other",
) -> Iterator[Row]:
    """The rows of a table whose columns an operator has described.

    `mapping` gives roles (the values of `Role`) to column names, which are compared as `columns.normalised` spells
    them; other columns are passed over. Without `header` the mapping names the columns in their order. The first line
    that names every mapped column is the header.

    :raises ValueError: when a role does not exist, or no line of the first hundred names the columns.
    """
    roles = {normalised(name): _role(name, role) for name, role in mapping.items()}
    lines = iter(stream)
    columns = tuple(roles)
    if header:
        columns = _header(lines, frozenset(roles), delimiter)
    layout = Layout(Form.DELIMITED, delimiter, columns, tuple(roles.get(name, Role.KNOWN) for name in columns))
    table = FeedTable("", None, "", "utf-8", layout, None, category)
    read_row = RowReader(table, context).read
    return (row for cells in delimited.rows(lines, layout) if (row := read_row(cells)) is not None)


def _role(name: str, role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        expected = ", ".join(one.value for one in Role)
        raise ValueError(f"column {name!r}: {role!r} is no role; expected one of {expected}") from None


def _header(lines: Iterator[str], wanted: frozenset[str], delimiter: str) -> tuple[str, ...]:
    for _, line in zip(range(100), lines, strict=False):
        columns = tuple(normalised(cell.strip("\"' #;\r")) for cell in line.split(delimiter))
        if wanted <= set(columns):
            return columns
    raise ValueError(f"no line names the columns {', '.join(sorted(wanted))}")
