"""What is known of a feed before its rows are read: plain values that say where each table is and how to read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What the cells of a column are, as far as a complaint needs it."""

    ADDRESS = "address"  # the accused address or network
    RANGE_END = "range_end"  # the last address of a range that starts in the address column
    URL = "url"
    PATH = "path"  # what follows the host of a URL; the host stands in a site column
    SITE = "site"  # the host that a path is on
    HOST = "host"  # the accused name, or an address, or a URL
    REVERSE_NAME = "reverse_name"  # what the address is called; accused only when the row has no address
    EMAIL = "email"
    HASH = "hash"
    DETAILS = "details"  # a text in which URLs and labelled names may stand
    THING = "thing"  # whatever the cell turns out to be
    TIME = "time"
    CLOCK = "clock"  # time of day; the day stands in a time column
    PORT = "port"
    PROTOCOL = "protocol"
    CATEGORY = "category"  # words for what happened
    KNOWN = "known"  # understood, and nothing that a report is made of
    UNKNOWN = "unknown"


class Form(StrEnum):
    """How rows are written."""

    DELIMITED = "delimited"  # one character between cells, quotes as in RFC 4180
    BLANKS = "blanks"  # any blanks between cells; a single thing per line, too
    PAIRS = "pairs"  # name=value name=value
    JSON = "json"  # one object per line, or one array, or one document
    HTML = "html"  # the rows of a page's tables


@dataclass(frozen=True, slots=True)
class Layout:
    """How one table is to be read. `columns` are normalised names, empty when nothing names them."""

    form: Form
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    skip: int = 0  # lines, or rows of a page's table, before the first row
    table: int = 0  # which of a page's tables

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """The names that no table of ours knows."""
        named = zip(self.columns, self.roles, strict=False)  # columns that nothing names have roles all the same
        return tuple(name for name, role in named if role is Role.UNKNOWN and name)


@dataclass(frozen=True, slots=True)
class ReportType:
    """A kind of report: the category of its rows, its RSIT class, and which columns are about the accused.

    `tags`: a word that occurs in one of `tag_columns` gives a row another category than `category`.
    """

    name: str
    category: str
    rsit: str
    subjects: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tag_columns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FeedTable:
    """One table of a feed: where it is in the stored mail, and how to read it.

    `part` is the MIME path, `member` the number of the file within that part's archive, None when it is no archive.
    `name` is the sender's word for the file: show it, never use it as a path.
    """

    part: str
    member: int | None
    name: str
    codec: str
    layout: Layout
    report_type: ReportType | None
    category: str  # of rows that say none themselves

    @property
    def place(self) -> str:
        return f"part {self.part}" + (f" {self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Feed:
    """The tables of one mail or file. `FeedReader` reads their rows from the stored bytes, as often as asked.

    `is_whole`: every row was read already and is in `ParsedEmail.items`.
    `unknown_columns` are those no table of ours knows, so that a change of a source's format can be noticed.
    """

    name: str
    tables: tuple[FeedTable, ...]
    unknown_columns: tuple[str, ...] = ()
    is_whole: bool = True
