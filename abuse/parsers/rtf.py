"""Rich Text Format as mail programs send it: unpacked (MS-OXRTFCP), and roughly as a person would read it."""

from __future__ import annotations

from itertools import islice

import re2

from . import charset, htmltext

MAX_BYTES = 300_000
"""Unpacked bytes that are read: the text of a mail, and no pictures."""
MAX_TOKENS = 50_000

# What the compression's dictionary starts with, by MS-OXRTFCP section 2.2.2.1.
_PRESET = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_RING = 4096
_PACKED, _PLAIN = b"LZFu", b"MELA"

_TOKEN = re2.compile(rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)")
_BREAKS = frozenset((b"par", b"line", b"row", b"sect", b"page"))
_HIDDEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer themedata datastore listtable listoverridetable "
    b"rsidtbl generator xmlnstbl".split()
)


def decompressed(data: bytes) -> bytes:
    """The RTF in a PR_RTF_COMPRESSED property, at most `MAX_BYTES`; empty when it is none. Damage ends it early."""
    if len(data) < 16:
        return b""
    magic = data[8:12]
    if magic == _PLAIN:
        return data[16 : 16 + MAX_BYTES]
    if magic != _PACKED:
        return b""
    wanted = min(int.from_bytes(data[4:8], "little"), MAX_BYTES)
    ring = bytearray(_PRESET) + bytearray(_RING - len(_PRESET))
    write = len(_PRESET)
    out = bytearray()
    position = 16
    while position < len(data) and len(out) < wanted:
        control = data[position]
        position += 1
        for bit in range(8):
            if control >> bit & 1:
                if position + 2 > len(data):
                    return bytes(out)
                token = data[position] << 8 | data[position + 1]
                position += 2
                offset, length = token >> 4, (token & 15) + 2
                if offset == write:  # the end
                    return bytes(out[:wanted])
                for step in range(length):
                    byte = ring[(offset + step) % _RING]
                    out.append(byte)
                    ring[write] = byte
                    write = (write + 1) % _RING
            else:
                if position >= len(data):
                    return bytes(out)
                out.append(data[position])
                ring[write] = data[position]
                write = (write + 1) % _RING
                position += 1
    return bytes(out[:wanted])


def to_text(data: bytes, codec: str = "cp1252") -> str:
    """The text of an RTF document; of one that was made from HTML, the text of that HTML.

    Fonts, colours, pictures and hidden destinations are left out. Never raises on content.
    """
    data = data[:MAX_BYTES]
    is_html = b"\\fromhtml" in data[:1000]
    out: list[bytes] = []
    hidden_from: int | None = None  # the depth at which a hidden group began
    depth = 0
    skip = 0  # characters that stand for a \u before them
    is_starred = False
    is_rtf_only = False  # between \htmlrtf and \htmlrtf0 stands what only RTF readers should see
    for match in islice(_TOKEN.finditer(data), MAX_TOKENS):
        code, word, number, symbol, brace, plain = match.groups()
        if brace == b"{":
            depth += 1
            is_starred = False
            continue
        if brace == b"}":
            if hidden_from is not None and depth <= hidden_from:
                hidden_from = None
            depth -= 1
            continue
        if symbol == b"*":
            is_starred = True
            continue
        if word is not None and hidden_from is None:
            if word == b"htmlrtf":
                is_rtf_only = number != b"0"
            elif word in _HIDDEN or (is_starred and not (is_html and word == b"htmltag")):
                hidden_from = depth
        is_starred = False
        if hidden_from is not None or (is_html and is_rtf_only):
            continue
        piece = plain or b""
        if code is not None:
            piece = bytes((int(code, 16),))
        elif symbol is not None:
            piece = {b"~": b" ", b"_": b"-", b"\n": b"\n", b"\r": b"\n"}.get(
                symbol, symbol if symbol in b"\\{}" else b""
            )
        elif word in _BREAKS:
            piece = b"\n"
        elif word == b"tab":
            piece = b"\t"
        elif word == b"u" and number is not None:
            out.append(chr(int(number) % 65536).encode(codec, "xmlcharrefreplace" if is_html else "replace"))
            skip = 1
            continue
        if skip and piece:
            piece, skip = piece[1:], 0
        out.append(piece)
    text = charset.decode(b"".join(out), codec)[0]
    return htmltext.to_text(text) if is_html else text
