"""Rows of fields in a text: CSV, and columns parted by a character or by blanks."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator

import re2

from . import schema

MAX_ROWS = 20_000

_BLANKS = re2.compile(r"\t+| {2,}")

Row = dict[str, str]
"""The fields of a row by the lower-case names of their columns."""


def rows(table: schema.Table, text: str, *, is_file: bool) -> Iterator[Row]:
    """The rows of `table` in `text`. In a file fields may be quoted over lines; in a text each line stands alone."""
    if table.columns is not None:
        names = [name.lower() for name in table.columns]
        for fields in _split(table.delimiter, text, is_file):
            if len(fields) == len(names):
                yield dict(zip(names, fields, strict=True))
        return
    wanted = {name.lower() for name in table.header or ()}
    names = []
    for fields in _split(table.delimiter, text, is_file):
        lowered = [field.lower() for field in fields]
        if wanted <= set(lowered):
            names = lowered
        elif names and any(fields):
            yield dict(zip(names, fields, strict=False))
        elif not is_file:
            names = []  # an empty line ends a table in a text


def _split(delimiter: str, text: str, is_file: bool) -> Iterator[list[str]]:
    if delimiter == "spaces":
        lines = (_BLANKS.split(line.strip(" \t>|*")) for line in text.split("\n")[:MAX_ROWS])
        yield from ([field.strip() for field in fields] for fields in lines)
        return
    character = "\t" if delimiter == "tab" else delimiter
    if is_file and '"' in text:
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=character)
            whole = [fields for fields, _ in zip(reader, range(MAX_ROWS), strict=False)]
        except csv.Error:
            whole = []  # quotes that do not pair: line by line below
        if whole:
            yield from ([field.strip() for field in fields] for fields in whole)
            return
    for line in text.split("\n")[:MAX_ROWS]:
        yield _fields(line.strip(" \r>" if character == "\t" else " \t\r>"), character)


def _fields(line: str, character: str) -> list[str]:
    if not line:
        return []
    fields = line.split(character)
    if '"' in line and len(line) < 10_000:
        with contextlib.suppress(csv.Error):  # quotes that do not pair: as if nothing were quoted
            fields = next(csv.reader([line], delimiter=character), fields)
    fields = [field.strip() for field in fields]
    if character == "|":  # "| a | b |", where the outer bars are not always drawn
        fields = fields[1:] if not fields[0] else fields
        fields = fields[:-1] if fields and not fields[-1] else fields
    return fields
