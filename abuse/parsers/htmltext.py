"""HTML to the text a person would read, link targets kept.

Done by cutting at "<", because tree builders take quadratic time on deeply nested tags: 8 seconds for 500 kB of <div>.
"""

from __future__ import annotations

import html

import re2

MAX_TAGS = 200_000  # after so many the rest is dropped

_BLOCKS = frozenset(
    name.encode()
    for name in (
        "address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6",
        "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table",
        "tbody", "tfoot", "thead", "tr", "ul",
    )
)  # fmt: skip
_CELLS = frozenset((b"td", b"th"))
_UNSEEN = (b"script", b"style", b"title")
_LONG_NUMBER = re2.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{8,});?")
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def to_text(markup: str) -> str:
    """Readable text of `markup`: a line for each block, " <target>" after a link that shows other words."""
    data = _without_unseen(markup.encode("utf-8", "replace"))
    first, *pieces = data.split(b"<", MAX_TAGS)
    if len(pieces) == MAX_TAGS:
        pieces.pop()
    out = [_squeeze(first)]
    target = b""
    link_start = 0
    for piece in pieces:
        tag, closed, text = piece.partition(b">")
        if not closed or tag[:1] not in _LETTERS + b"/!?" or not tag:
            out.append(b"&lt;" + _squeeze(piece))
            continue
        name = tag.split(None, 1)[0].strip(b"/").lower() if not tag[0:1].isspace() else b""
        if name in _BLOCKS:
            out.append(b"\n")
        elif name in _CELLS:
            out.append(b" ")
        elif name == b"a":
            if target and not tag.startswith(b"/"):
                out.append(b" <" + target + b"> ")  # the link before was never closed
                target = b""
            if tag.startswith(b"/"):
                shown = b"".join(out[link_start:]).strip()
                if target and shown.rstrip(b"/") != target.rstrip(b"/"):
                    out.append(b" <" + target + b"> ")
                target = b""
            else:
                target = _target(tag)
                link_start = len(out)
        out.append(_squeeze(text))
    if target:
        out.append(b" <" + target + b"> ")
    readable = unescape(b"".join(out).decode("utf-8", "replace")).replace("\xa0", " ")
    lines = [line.strip() for line in readable.split("\n")]
    return "\n".join(line for number, line in enumerate(lines) if line or (number and lines[number - 1])).strip("\n")


def unescape(text: str) -> str:
    """`text` with character references undone; one whose number no character has is U+FFFD, however long it is.

    The standard library refuses to read numbers of thousands of digits.
    """
    return html.unescape(_LONG_NUMBER.sub("&#xfffd;", text) if "&#" in text else text)


def _without_unseen(data: bytes) -> bytes:
    """`data` without comments, scripts, styles and title; an unclosed one is left as it is."""
    data = _cut(data, data, b"<!--", b"-->")
    lowered = data.lower()
    for name in _UNSEEN:
        if b"<" + name in lowered:
            data = _cut(data, lowered, b"<" + name, b"</" + name)
            lowered = data.lower()
    return data


def _cut(data: bytes, searched: bytes, opening: bytes, closing: bytes) -> bytes:
    """`data` without what lies between the markers; `searched` has the same offsets."""
    pieces = []
    kept = 0
    position = searched.find(opening)
    while position >= 0:
        end = searched.find(closing, position + len(opening))
        if end < 0:
            break
        pieces.append(data[kept:position])
        kept = end + len(closing) if closing == b"-->" else end
        position = searched.find(opening, kept)
    pieces.append(data[kept:])
    return b" ".join(pieces)


def _target(tag: bytes) -> bytes:
    """The href of an <a> tag when it names something outside the mail, else empty."""
    position = tag.lower().find(b"href")
    value = tag[position + 4 :].lstrip() if position > 0 else b""
    if not value.startswith(b"="):
        return b""
    value = value[1:].lstrip()
    quote = value[:1]
    if quote in (b'"', b"'"):
        value = value[1:].partition(quote)[0]
    value = b"".join(value.split()) if quote in (b'"', b"'") else b"".join(value.split(None, 1)[:1])
    return value if b"://" in value[:12] else b""


def _squeeze(text: bytes) -> bytes:
    """Runs of white space as one blank, as a browser shows them."""
    words = text.split()
    if not words:
        return b" " if text else b""
    inner = b" ".join(words)
    return (b" " if text[:1].isspace() else b"") + inner + (b" " if text[-1:].isspace() else b"")
