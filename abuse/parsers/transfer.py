"""Content-Transfer-Encoding undone, however badly it was done (RFC 2045)."""

from __future__ import annotations

import binascii
from base64 import b64decode

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"
_SPACE = b" \t\r\n"
_UU_NAMES = frozenset(("x-uuencode", "uuencode", "x-uue", "uue"))


def encoded_size(encoding: str, size: int) -> int:
    """How many encoded bytes are surely enough for `size` decoded ones."""
    if encoding == "base64":
        return size * 3 // 2 + 100
    if encoding == "quoted-printable":
        return size * 3 + 100
    return size


def decode(data: bytes, encoding: str) -> tuple[bytes, str | None]:
    """The decoded bytes, and a sentence when `data` was not in that encoding. Never raises."""
    if encoding == "base64":
        return _base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data), None
    if encoding in _UU_NAMES:
        return _uuencode(data)
    if encoding in ("", "7bit", "8bit", "binary"):
        return data, None
    return data, f"The transfer encoding {encoding[:40]!r} is unknown."


def _base64(data: bytes) -> tuple[bytes, str | None]:
    head = data[:4096]
    strange = len(head.translate(None, _ALPHABET + _SPACE))
    if strange * 20 > len(head):
        return data, "A part is called base64 but is not."
    letters = data.translate(None, _SPACE)
    try:
        return b64decode(letters, validate=True), None
    except (binascii.Error, ValueError):
        pass
    letters = letters.replace(b"-", b"+").replace(b"_", b"/")
    letters = letters.translate(None, bytes(set(range(256)) - set(_ALPHABET)))
    # "=" inside means two encoded texts one after the other; each piece has its own padding
    pieces = [piece for piece in letters.split(b"=") if piece][:1000]
    decoded = bytearray()
    for piece in pieces:
        whole = piece[: len(piece) - 1] if len(piece) % 4 == 1 else piece
        decoded += binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    return bytes(decoded), "A base64 part is damaged; what could be read was kept."


def _uuencode(data: bytes) -> tuple[bytes, str | None]:
    decoded = bytearray()
    inside = False
    for line in data.splitlines():
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.strip() == b"end":
            return bytes(decoded), None
        else:
            try:
                decoded += binascii.a2b_uu(line)
            except binascii.Error:  # mailers that miscount: the length byte says how much is really there
                size = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
                try:
                    decoded += binascii.a2b_uu(line[:size])
                except binascii.Error:
                    return bytes(decoded), "A uuencoded part is damaged; what could be read was kept."
    return (
        (bytes(decoded), "A uuencoded part has no end.") if inside else (data, "A part is called uuencoded but is not.")
    )
