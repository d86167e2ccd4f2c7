"""Where values stand: labelled lines, patterns, elements, header fields; and which of them belong together.

All is linear in the text, with a bound on how many places are looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import re2

from .. import htmltext
from .compiled import Block, Source
from .texts import View

MAX_PLACES = 10_000  # of one source in one text
MAX_VALUE = 8_192  # bytes of one value; a list below a label may be longer
MAX_LIST = 200_000
MAX_TAGS = 50_000
MAX_DEPTH = 100

_NEXT_LABEL = re2.compile(rb"^[ \t>|*_]*[^\s:/][^:/\n]{0,40}:(?:[ \t]|$)")
_BULLET = re2.compile("^[ \t>|*_•·#-]*".encode())
_ATTRIBUTE = re2.compile(rb"""(?:^|\s)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,99})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = re2.compile(rb"<(/?)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,99})([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text in which a value is expected. `start` is its offset; `is_weak` that only its first word can be meant."""

    text: str
    start: int
    is_weak: bool = False
    port: str | None = None
    protocol: str | None = None
    time: str | None = None


def of_mail(source: Source, view: View) -> Iterator[Piece] | None:
    """The pieces of a source that is not in a text (subject, header field); None for one that is."""
    if source.way == "subject" and source.pattern is not None:
        return _matches(source.pattern, view.subject, 0, len(view.subject))
    if source.way == "header":
        return _of_header(source, view)
    return None


def of_text(source: Source, data: bytes, start: int, end: int) -> Iterator[Piece]:
    """The pieces of a source in `data` from `start` to `end`."""
    if source.way == "line" and source.pattern is not None:
        return _lines(source.pattern, data, start, end)
    if source.way == "pattern" and source.pattern is not None:
        return _matches(source.pattern, data, start, end)
    return _elements(source.path, data, start, end)


def blocks(block: Block | None, data: bytes) -> Iterator[tuple[int, int]]:
    """From where to where `data` is read; without a block, all of it."""
    if block is None:
        yield 0, len(data)
        return
    position = 0
    for _ in range(MAX_PLACES):
        start = position
        if block.after is not None:
            found = block.after.search(data, position)
            if found is None:
                return
            start = found.end()
        end = len(data)
        if block.until is not None and (stop := block.until.search(data, start)):
            end = stop.start()
        if block.lines is not None:
            end = _end_of_lines(data, start, end, block.lines)
        yield start, end
        position = max(end, start, position + 1)
        if block.after is None or position >= len(data):
            return


def _end_of_lines(data: bytes, start: int, end: int, count: int) -> int:
    """Where the `count`-th line that is not empty ends, the rest of the first line counted when it holds anything."""
    position = start
    while position < end and count:
        line_end = data.find(b"\n", position, end)
        line_end = end if line_end < 0 else line_end
        if data[position:line_end].strip(b" \t\r>|*_:"):
            count -= 1
        if not count:
            return line_end
        position = line_end + 1
    return end


def _matches(pattern: re2._Regexp, data: bytes, start: int, end: int) -> Iterator[Piece]:
    groups = pattern.groupindex
    names = {name.decode() if isinstance(name, bytes) else name: number for name, number in groups.items()}
    for match, _ in zip(pattern.finditer(data, start, end), range(MAX_PLACES), strict=False):
        value = match.group(names.get("value", 1))
        if value is not None:
            port, protocol, time = (
                _text(match.group(names[name])) if name in names else None for name in ("port", "protocol", "time")
            )
            start = match.start(names.get("value", 1))
            yield Piece(_text(value) or "", start, port=port, protocol=protocol, time=time)


def _lines(pattern: re2._Regexp, data: bytes, start: int, end: int) -> Iterator[Piece]:
    for match, _ in zip(pattern.finditer(data, start, end), range(MAX_PLACES), strict=False):
        between, value = match.group(1), match.group(2).strip(b" \t\r*_|,")
        if value:
            yield Piece(_text(value) or "", match.start(2), is_weak=between == b" ")
        elif between.strip():
            yield Piece(_list_below(data, match.end(), end), match.end())


def _list_below(data: bytes, position: int, end: int) -> str:
    """The paragraph below a label that has nothing beside it, up to the next label."""
    lines: list[bytes] = []
    stop = min(end, position + MAX_LIST)
    position += 1
    while position < stop:
        line_end = data.find(b"\n", position, stop)
        line_end = stop if line_end < 0 else line_end
        line = data[position:line_end]
        position = line_end + 1
        content = line[_BULLET.match(line).end() :].strip()
        if not content:
            if lines:
                break
            continue
        if _NEXT_LABEL.match(line):
            break
        lines.append(content)
    return _text(b"\n".join(lines), MAX_LIST) or ""


def _of_header(source: Source, view: View) -> Iterator[Piece]:
    for value in view.header(source.name):
        if source.pattern is None:
            yield Piece(value[:MAX_VALUE], 0)
        else:
            data = value.encode("utf-8", "replace")
            yield from _matches(source.pattern, data, 0, len(data))


def _elements(path: tuple[str, ...], data: bytes, start: int, end: int) -> Iterator[Piece]:
    """The contents of elements whose names end in `path`, or of an attribute when its last name starts with "@".

    Nothing is built, so nothing can be expanded.
    """
    attribute = path[-1][1:].encode() if path[-1].startswith("@") else None
    wanted = [name.encode() for name in (path if attribute is None else path[:-1])]
    opened: list[bytes] = []
    for match, _ in zip(_TAG.finditer(data, start, end), range(MAX_TAGS), strict=False):
        name = match.group(2).lower()
        if match.group(1):
            if name in opened:
                while opened.pop() != name:
                    pass
            continue
        if attribute is not None and [*opened, name][-len(wanted) :] == wanted:
            yield from _attributes(attribute, match)
        if match.group(3).endswith(b"/") or len(opened) >= MAX_DEPTH:
            continue
        opened.append(name)
        if attribute is None and opened[-len(wanted) :] == wanted:
            yield Piece(_content(data, match.end(), end), match.end())


def _attributes(name: bytes, tag: re2._Match) -> Iterator[Piece]:
    """The value of an attribute of one tag."""
    for found in _ATTRIBUTE.finditer(tag.group(3)[:MAX_VALUE]):
        value = found.group(2) if found.group(2) is not None else found.group(3)
        if found.group(1).lower() == name and value:
            yield Piece(htmltext.unescape(_text(value) or "").strip(), tag.start(3) + found.start())


def _content(data: bytes, start: int, end: int) -> str:
    if data.startswith(b"<![CDATA[", start):
        start += len(b"<![CDATA[")
        stop = data.find(b"]]>", start, min(end, start + MAX_VALUE))
        return (_text(data[start : stop if stop >= 0 else start]) or "").strip()
    stop = data.find(b"<", start, min(end, start + MAX_VALUE))
    return htmltext.unescape(_text(data[start : stop if stop >= 0 else start]) or "").strip()


def _text(data: bytes | None, at_most: int = MAX_VALUE) -> str | None:
    return None if data is None else data[:at_most].decode("utf-8", "ignore")


def beside(starts: Sequence[int], companions: Iterable[Piece]) -> list[str | None]:
    """For each value, at ascending offsets, the companion (its port, its time) that belongs to it.

    As many companions as values: one each, in order. A single one: it holds for all. Otherwise, the order in the first
    record decides: where a companion stands before the first value, each value takes the nearest before it, back to
    the value before; else the nearest after it, up to the next value.
    """
    found = list(companions)
    if not found or not starts:
        return [None] * len(starts)
    if len(found) == len(starts):
        return [piece.text for piece in found]
    if len(found) == 1:
        return [found[0].text] * len(starts)
    places = [piece.start for piece in found]
    stands_before = places[0] < starts[0]
    result: list[str | None] = []
    for number, start in enumerate(starts):
        if stands_before:
            index = bisect_right(places, start) - 1
            lowest = starts[number - 1] if number else -1
            belongs = index >= 0 and places[index] > lowest
        else:
            index = bisect_right(places, start)
            highest = starts[number + 1] if number + 1 < len(starts) else places[-1] + 1
            belongs = index < len(places) and places[index] < highest
        result.append(found[index].text if belongs else None)
    return result
