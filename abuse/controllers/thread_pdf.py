"""A text as a PDF, in any script: with a font of its own for Latin, Greek and Cyrillic, and the viewer's for Chinese,
Japanese and Korean.

What no font has is written as its code point, such as [U+1F41F]: a file in which letters are silently missing would be
worse. Scripts written from right to left are among that; the HTML form of a conversation shows all.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

_LATIN, _CHINESE, _JAPANESE, _KOREAN = "NotoSans", "STSong-Light", "HeiseiMin-W3", "HYSMyeongJo-Medium"
# Of the Basic Multilingual Plane: the fonts that viewers bring have no more.
_SCRIPTS = (
    (_JAPANESE, re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff65-\uff9f]")),
    (_KOREAN, re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")),
    (
        _CHINESE,
        re.compile("[\u2e80-\u303f\u3100-\u312f\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff64\uffe0-\uffe6]"),
    ),
)
_MARGIN, _LEADING = 56.0, 1.35
MAX_LINES = 50_000
"""Lines of a whole document; about a thousand pages."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of text with its size in points. Line breaks in it are kept."""

    text: str
    size: float = 9.0
    space_before: float = 0.0


def as_pdf(paragraphs: Iterable[Paragraph], *, title: str) -> bytes:
    """The paragraphs on A4 pages, numbered."""
    _fonts()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    canvas.setTitle(_drawable(title))
    canvas.setCreator("Cerberus")
    width, height = A4
    y = height - _MARGIN
    lines = 0
    for paragraph in paragraphs:
        y -= paragraph.space_before
        for line in _lines(paragraph.text, paragraph.size, width - 2 * _MARGIN):
            if lines == MAX_LINES:
                line = "…"
            if y < _MARGIN + paragraph.size:
                _end_page(canvas)
                y = height - _MARGIN
            y -= paragraph.size * _LEADING
            _draw(canvas, line, _MARGIN, y, paragraph.size)
            lines += 1
            if lines > MAX_LINES:
                break
        if lines > MAX_LINES:
            break
    _end_page(canvas)
    canvas.save()
    return file.getvalue()


@cache
def _fonts() -> Any:
    """Make the fonts known, once for a process; the table of the letters that the first one has."""
    with as_file(files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf") as path:
        font = TTFont(_LATIN, str(path))
    pdfmetrics.registerFont(font)
    for name in (_CHINESE, _JAPANESE, _KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return font.face.charToGlyph


@lru_cache(maxsize=65536)
def _font_of(character: str) -> str | None:
    if ord(character) in _fonts():
        return _LATIN
    return next((font for font, letters in _SCRIPTS if letters.match(character)), None)


@lru_cache(maxsize=65536)
def _width(character: str) -> float:
    """In units of the size of the font."""
    return float(pdfmetrics.stringWidth(character, _font_of(character) or _LATIN, 1.0))


def _drawable(text: str) -> str:
    """The text with what no font has spelled out, and without what only steers a terminal."""
    return "".join(
        character if _font_of(character) else f"[U+{ord(character):04X}]"
        for character in text.replace("\t", "    ")
        if character.isprintable() or _font_of(character) or ord(character) > 0x9F
    )


def _lines(text: str, size: float, width: float) -> Iterator[str]:
    for line in text.splitlines() or [""]:
        yield from _wrapped(_drawable(line), width / size)


def _wrapped(line: str, width: float) -> Iterator[str]:
    """A line in as many as it needs; a word that is longer than a line is cut."""
    current, room = "", width
    for word in re.findall(r"\s+|\S+", line):
        needed = sum(map(_width, word))
        if needed > room and current.strip():
            yield current.rstrip()
            current, room = "", width
            if word.isspace():
                continue
        if needed <= room:
            current, room = current + word, room - needed
            continue
        for character in word:
            if _width(character) > room and current:
                yield current
                current, room = "", width
            current, room = current + character, room - _width(character)
    yield current.rstrip()


def _draw(canvas: Canvas, line: str, x: float, y: float, size: float) -> None:
    written = canvas.beginText(x, y)
    for font, run in groupby(line, key=_font_of):
        written.setFont(font or _LATIN, size)
        written.textOut("".join(run))
    canvas.drawText(written)


def _end_page(canvas: Canvas) -> None:
    canvas.setFont(_LATIN, 7)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, str(canvas.getPageNumber()))
    canvas.showPage()
