"""Feeds that are documents: JSON objects one after the other or in an array, and the tables of HTML pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from .. import htmltext
from ..charset import clean
from .columns import normalised, rank_of, role_of
from .layout import Role

MAX_OBJECT = 4 << 20  # characters of one JSON value
MAX_DEPTH = 8
MAX_LIST = 20  # entries of a list that become columns of one row
MAX_TAGS = 500_000

_OTHER_SIDE = frozenset(("dst", "dest", "destination", "target", "victim", "remote", "cc", "c2", "sensor", "reporter"))
_THINGS = frozenset((Role.ADDRESS, Role.URL, Role.HOST, Role.THING, Role.EMAIL, Role.HASH))

Flat = dict[str, str]
"""The leaves of an object as text, by their path: the names joined by dots."""


def objects(pieces: Iterable[str]) -> Iterator[Any]:
    """The JSON values of a text: entries of an array, or values one after the other. Ends where it is no JSON."""
    decoder = json.JSONDecoder()
    source = iter(pieces)
    buffer, position = "", 0
    is_begun = is_done = False
    while True:
        position = _after_separators(buffer, position, is_begun)
        try:
            if position == len(buffer) and not is_done:
                raise ValueError("more is needed")
            value, position = decoder.raw_decode(buffer, position)
        except RecursionError:
            return
        except ValueError:
            if is_done or len(buffer) - position > MAX_OBJECT:
                return
            # twice as much before the next try, so that a large value is not begun anew for each piece
            buffer, is_done = _longer(buffer[position:], source)
            position = 0
            continue
        is_begun = True
        yield value


def _after_separators(text: str, position: int, is_begun: bool) -> int:
    """Where the next value starts: after blanks and commas, and after the bracket that opens an array."""
    size = len(text)
    while position < size and text[position] in " \t\r\n,]\ufeff":
        position += 1
    if not is_begun and text[position : position + 1] == "[":
        return _after_separators(text, position + 1, True)
    return position


def _longer(text: str, source: Iterator[str]) -> tuple[str, bool]:
    """The text with some of the pieces that follow, and whether those were the last."""
    wanted = 2 * len(text) if len(text) > 4_096 else len(text) + 1
    pieces, size = [text], len(text)
    while size < wanted:
        piece = next(source, None)
        if piece is None:
            return "".join(pieces), True
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces), False


def flat_rows(value: Any, depth: int = 0) -> Iterator[Flat]:
    """The rows of one JSON value: an object is one, unless a list in it holds what it is about."""
    if depth > MAX_DEPTH:
        return
    if not isinstance(value, Mapping):
        if isinstance(value, list):
            for entry in value:
                yield from flat_rows(entry, depth + 1)
        return
    lists = {key: entries for key, entries in value.items() if isinstance(entries, list) and len(entries) > 0}
    outer = {key: entry for key, entry in value.items() if key not in lists}
    if not _names_something(outer):
        for key, entries in lists.items():
            inner = [entry for entry in entries if isinstance(entry, Mapping)]
            if inner and any(_names_something(entry) or _holds_lists(entry) for entry in inner[:20]):
                shared = flatten(outer)
                for entry in inner:
                    for row in flat_rows(entry, depth + 1):
                        yield {**shared, **row}
                return
            words = [entry for entry in entries if isinstance(entry, str)]
            if len(words) == len(entries) > 1 and role_of(normalised(str(key))) is Role.UNKNOWN:
                shared = flatten(outer)
                yield from ({**shared, clean(str(key)): clean(word)} for word in words)
                return
    yield flatten(value)


def _names_something(entry: Mapping[str, Any]) -> bool:
    return any(role_of_path(path) in _THINGS and text for path, text in flatten(entry).items())


def _holds_lists(entry: Mapping[str, Any]) -> bool:
    return any(isinstance(inner, list) and inner and isinstance(inner[0], Mapping) for inner in entry.values())


def flatten(value: Any) -> Flat:
    """The leaves of an object, at most MAX_LIST entries of each list and MAX_DEPTH levels down."""
    found: Flat = {}
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting and len(found) < 2_000:
        path, node, depth = waiting.pop()
        if isinstance(node, Mapping) and depth < MAX_DEPTH:
            entries = [
                (f"{path}.{clean(str(key))}" if path else clean(str(key)), inner, depth + 1)
                for key, inner in node.items()
            ]
            waiting.extend(reversed(entries))
        elif isinstance(node, list) and depth < MAX_DEPTH:
            numbered = [(f"{path}.{number}", inner, depth + 1) for number, inner in enumerate(node[:MAX_LIST])]
            waiting.extend(reversed(numbered))
        elif isinstance(node, str):
            found[path] = clean(node)  # "\\ud800" is no character, but JSON can write it
        elif isinstance(node, int | float) and not isinstance(node, bool):
            found[path] = _number(path, node)
    return found


def _number(path: str, number: float) -> str:
    """A number as text; one that is called an address is written as one."""
    if path.rpartition(".")[2] == "ip" and isinstance(number, int) and 1 << 24 <= number < 1 << 32:
        return str(ip_address(number))
    return str(number)


def role_of_path(path: str) -> Role:
    """The role of a JSON path: by the whole of it ("src.ip"), else by its end, unless it is about the other side."""
    names = [normalised(step) for step in path.split(".") if not step.isdecimal()]
    if any(name in _OTHER_SIDE for name in names[:-1]):
        return Role.KNOWN
    for start in range(len(names)):
        role = role_of("_".join(names[start:]))
        if role is not Role.UNKNOWN:
            return role
    return Role.UNKNOWN


def rank_of_path(path: str) -> int:
    """How well a path's last name says its role; the best is 0."""
    names = [normalised(step) for step in path.split(".") if not step.isdecimal()]
    ranks = (rank_of("_".join(names[start:])) for start in range(len(names)))
    return next((rank for rank in ranks if rank is not None), 1_000)


def table_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of all tables of a page, as the number of the table and the texts of the row's cells.

    Of the lines no more are taken than the rows asked for need.
    """
    table = -1
    row: list[str] | None = None
    cell: list[str] | None = None
    in_comment = False
    for number, piece in enumerate(_tags(lines)):
        if number > MAX_TAGS:
            return
        if in_comment or piece.startswith("!--"):
            in_comment = "-->" not in piece
            text = piece.partition("-->")[2]
        elif number == 0:
            continue
        else:
            tag, _, text = piece.partition(">")
            name = tag.split(None, 1)[0].lower() if tag.split() else ""
            if name in ("td", "th", "/td", "/th", "tr", "/tr", "/table") and cell is not None and row is not None:
                row.append(" ".join(htmltext.unescape("".join(cell)).split()))
                cell = None
            if name in ("tr", "/tr", "/table") and row:
                yield table, row
            if name == "table":
                table, row, cell = table + 1, None, None
            if name == "tr":
                row = []
            elif name in ("/tr", "/table"):
                row = None
            elif name in ("td", "th"):
                row = [] if row is None else row
                cell = []
            elif name in ("br", "br/", "p", "div", "li") and cell:
                cell.append(" ")
        if cell is not None:
            cell.append(text)
    if row:
        yield table, row


def _tags(lines: Iterable[str]) -> Iterator[str]:
    """The text of the lines cut at each "<"."""
    held: list[str] = []
    for line in lines:
        first, *others = line.split("<")
        held.append(first)
        for piece in others:
            yield "\n".join(held)
            held = [piece]
    yield "\n".join(held)


def json_cells(flat: Flat, columns: Sequence[str]) -> list[str]:
    """A row's cells in the order of the columns, which are paths."""
    return [flat.get(path, "") for path in columns]
