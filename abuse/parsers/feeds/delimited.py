"""Lines of text to rows of cells: CSV with any delimiter, cells parted by blanks, and name=value lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

import re2

from .columns import normalised
from .layout import Form, Layout

DELIMITERS = (",", "\t", ";", "|")
COMMENTS = ("#", ";", "//")
MAX_ROW_LINES = 200
"""Lines that one quoted cell may run over; an opening quote without end must not swallow the rest of a feed."""
MAX_CELLS = 500

_MAY_BE_COMMENT = frozenset("#;/ \t")
_PAIR = re2.compile(r"(?:^|[\s,;\[(])([A-Za-z][A-Za-z0-9_.-]{0,60})[ \t]?[=:][ \t]?(\"[^\"]*\"|'[^']*'|\S+)")
_SPACED_COMMENT = re2.compile(r"[ \t]+[;#].*$")


class _UnclosedQuote(Exception):
    """A quoted cell runs over too many lines."""


def _watched(lines: Iterator[str], delimiter: str, taken: list[str]) -> Iterator[str]:
    """The lines that are no remarks. Those of the row in hand are in `taken`, so that they can be read another way."""
    for line in lines:
        if line[:1] in _MAY_BE_COMMENT and is_comment(line, delimiter):
            continue
        taken.append(line)
        if len(taken) > MAX_ROW_LINES:
            raise _UnclosedQuote
        yield line


def rows(lines: Iterable[str], layout: Layout) -> Iterator[Sequence[str]]:
    """The rows of a table as cells, comments and empty lines left out; `layout.skip` lines are passed over."""
    waiting = iter(lines)
    for _, _ in zip(range(layout.skip), waiting, strict=False):
        pass
    if layout.form is Form.DELIMITED:
        yield from _delimited(waiting, layout.delimiter)
    elif layout.form is Form.BLANKS:
        yield from (cells for line in waiting if (cells := blanks(line)))
    else:
        yield from _pairs(waiting, layout.columns)


def _delimited(lines: Iterator[str], delimiter: str) -> Iterator[Sequence[str]]:
    taken: list[str] = []
    while True:
        try:
            for cells in csv.reader(_watched(lines, delimiter, taken), delimiter=delimiter, skipinitialspace=True):
                taken.clear()
                if cells:
                    yield cells
            return
        except (_UnclosedQuote, csv.Error):
            # a quote that does not pair, or a NUL: these lines again, each for itself and with plain quotes
            for line in taken:
                yield [cell.strip(' "\r') for cell in line.replace("\0", "").split(delimiter)[:MAX_CELLS]]
            taken.clear()


def is_comment(line: str, delimiter: str = ",") -> bool:
    """Whether a line is a remark; one that starts with the delimiter is a row with an empty first cell."""
    first = line.lstrip()[:2]
    return first.startswith(COMMENTS) and not (delimiter == ";" and first[:1] == ";")


def blanks(line: str) -> list[str]:
    """The cells of a line parted by blanks, without a remark that follows them; empty for a remark or an empty line."""
    if is_comment(line):
        return []
    if ";" in line or "#" in line:
        line = str(_SPACED_COMMENT.sub("", line))
    return line.split(None, MAX_CELLS)


def pairs(line: str) -> dict[str, str]:
    """The names and values of a "name=value" line, names normalised; what stands before the first is called "lead"."""
    if len(line) > 100_000 or not ("=" in line or ":" in line):
        return {}
    found: dict[str, str] = {}
    for number, match in enumerate(_PAIR.finditer(line)):
        if number == 0 and line[: match.start(1)].strip():
            found["lead"] = line[: match.start(1)].strip()
        if number < MAX_CELLS:
            found.setdefault(normalised(match.group(1)), match.group(2).strip("\"'"))
    return found


def _pairs(lines: Iterator[str], columns: tuple[str, ...]) -> Iterator[Sequence[str]]:
    for line in lines:
        if not is_comment(line) and (found := pairs(line)):
            yield [found.get(name, "") for name in columns]
