"""Header fields of mails as they really come: RFC 5322, 2047 and 2231, and what broken mailers make of them."""

from __future__ import annotations

import binascii
import string
from base64 import b64decode
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import re2

from . import charset

MAX_VALUE = 100_000  # characters of one field that are decoded; the rest of a longer one is cut

_NAME_CHARACTERS = (string.ascii_letters + string.digits + "-_.").encode()
_NO_BASE64 = bytes(set(range(256)) - set((string.ascii_letters + string.digits + "+/").encode()))
_URL_SCHEMES = frozenset((b"http", b"https", b"hxxp", b"hxxps", b"ftp", b"mailto"))
_ENCODED_WORD = re2.compile(r"=\?([^?\s]{1,80})\?([BbQq])\?([^?]*(?:\?[^=?][^?]*)*)\?=")
_ADDRESS = re2.compile(r"[^\s<>()\[\]\\,;:@\"']+@(?:[^\s<>()\[\]\\,;:@\"']+|\[[0-9A-Fa-f:.]+\])")


@dataclass(slots=True)
class Headers:
    """The fields of one header block, in order; names as written, values raw and unfolded only when asked for."""

    fields: list[tuple[str, bytes]]
    _by_name: dict[str, list[bytes]] = field(init=False, repr=False, compare=False)
    # many readers ask for the same few
    _decoded: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    _addresses: dict[tuple[str, int], tuple[str, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self._by_name = {}
        for name, value in self.fields:
            self._by_name.setdefault(name.lower(), []).append(value)

    def raw(self, name: str) -> bytes | None:
        """The bytes of the first field of that name (lower case)."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def get(self, name: str) -> str:
        """The decoded first field of that name (lower case); empty when there is none."""
        known = self._decoded.get(name)
        if known is None:
            value = self.raw(name)
            if value is None:
                return ""
            known = self._decoded[name] = decode_value(value)
        return known

    def get_all(self, name: str) -> list[str]:
        return [decode_value(value) for value in self._by_name.get(name, ())]

    def addresses(self, name: str, at_most: int | None = None) -> tuple[str, ...]:
        """The mailbox addresses in the fields of that name (lower case), or in so many of them."""
        values = self._by_name.get(name)
        if values is None:
            return ()
        count = len(values) if at_most is None else min(at_most, len(values))
        known = self._addresses.get((name, count))
        if known is None:
            known = tuple(address for value in values[:count] for address in addresses(decode_value(value)))
            self._addresses[name, count] = known
        return known

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def decoded(self) -> list[tuple[str, str]]:
        return [(name, decode_value(value)) for name, value in self.fields]


def field_name(line: bytes) -> bytes | None:
    """The field name that starts this line; None when the line starts no field."""
    colon = line.find(b":", 0, 200)
    if colon < 1:
        return None
    name = line[:colon].rstrip(b" \t")
    if not name or name.translate(None, _NAME_CHARACTERS) or name.lower() in _URL_SCHEMES:
        return None
    return name


def decode_value(value: bytes) -> str:
    """A field value as text: unfolded, 8-bit bytes read as UTF-8 or windows-1252, encoded words decoded."""
    value = value[:MAX_VALUE]
    # most are of the kind that needs no guessing
    text = value.decode("ascii") if value.isascii() and b"\0" not in value else charset.decode(value)[0]
    if "\n" in text or "\r" in text or "\t" in text:
        text = " ".join(piece.strip(" \t") for piece in text.replace("\r", "\n").replace("\t", " ").split("\n"))
    text = text.strip()
    return decode_words(text) if "=?" in text else text


def decode_words(text: str) -> str:
    """RFC 2047 encoded words decoded; bytes of adjacent words are joined first, as mailers cut inside characters."""
    pieces: list[str] = []
    pending: list[bytes] = []
    pending_label = ""
    position = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[position : match.start()]
        label, encoding, payload = match.group(1).partition("*")[0], match.group(2).upper(), match.group(3)
        data = _word_bytes(payload, encoding)
        if between.strip() or label.lower() != pending_label:
            if pending:
                pieces.append(charset.decode(b"".join(pending), pending_label)[0])
                pending = []
            if between.strip() or position == 0:
                pieces.append(between)
        pending_label = label.lower()
        pending.append(data)
        position = match.end()
    if pending:
        pieces.append(charset.decode(b"".join(pending), pending_label)[0])
    pieces.append(text[position:])
    return charset.clean("".join(pieces).replace("\n", " ").replace("\r", " "))


def _word_bytes(payload: str, encoding: str) -> bytes:
    data = payload.encode("utf-8")
    if encoding == "Q":
        return binascii.a2b_qp(data.replace(b" ", b"=20"), header=True)
    try:
        return b64decode(data + b"=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        letters = data.translate(None, _NO_BASE64)
        whole = letters[:-1] if len(letters) % 4 == 1 else letters
        return b64decode(whole + b"=" * (-len(whole) % 4))


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """A structured value such as Content-Type: its lower-case main word and its parameters (RFC 2231 decoded)."""
    main, *rest = _split_quoted(value, ";", limit=200)
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in rest:
        name, equals, text = piece.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            continue
        text = _unquote(text)
        base, star, section = name.partition("*")
        if not star:
            plain.setdefault(name, decode_words(text) if "=?" in text else text)
            continue
        number = section.rstrip("*")
        index = int(number) if number.isdecimal() and len(number) < 4 else 0
        pieces.setdefault(base, []).append((index, name.endswith("*"), text))
    for base, found in pieces.items():
        plain[base] = _join_rfc2231(sorted(found, key=lambda entry: entry[0]))
    word = main.strip().strip('"').lower()
    return word.partition(" ")[0], plain


def _join_rfc2231(found: list[tuple[int, bool, str]]) -> str:
    label = ""
    data = b""
    for position, (_, extended, text) in enumerate(found):
        if extended and position == 0 and text.count("'") >= 2:
            label, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
    return charset.decode(data, label or None)[0]


def addresses(value: str) -> list[str]:
    """Every mailbox address of a From, To or Cc value, in order, as written.

    In each mailbox the address in angle brackets wins; without one, the first thing that looks like an address,
    also in the display name.
    """
    found: list[str] = []
    for mailbox in _split_quoted(value, ",;", limit=2_000):
        opening = mailbox.rfind("<")
        inside = mailbox[opening + 1 :].partition(">")[0] if opening >= 0 else ""
        match = _ADDRESS.search(inside) or _ADDRESS.search(mailbox)
        if match:
            found.append(match.group().strip("."))
    return found


def _split_quoted(value: str, separators: str, limit: int) -> list[str]:
    """`value` cut at separators that stand outside quotes; one pass, at most `limit` pieces."""
    if '"' not in value:
        for other in separators[1:]:
            value = value.replace(other, separators[0])
        return value.split(separators[0], limit)[:limit]
    pieces: list[str] = []
    start = 0
    quoted = False
    escaped = False
    for position, character in enumerate(value):
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character in separators and not quoted:
            pieces.append(value[start:position])
            start = position + 1
            if len(pieces) >= limit:
                return pieces
    pieces.append(value[start:])
    return pieces


def _unquote(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        end = text.rfind('"')
        inner = text[1:end] if end > 0 else text[1:]
        return inner.replace('\\"', '"').replace("\\\\", "\\")
    return text.partition(" ")[0] if " (" in text else text
