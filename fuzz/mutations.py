"""Random changes to mails, feeds and texts: of bytes, of lines, of values and of structure. Only chance from `Random`.

A change is a function from bytes to bytes; it may leave its input alone when there is nothing to change.
"""

from __future__ import annotations

import binascii
import bz2
import gzip
import io
import json
import re
import zipfile
import zlib
from base64 import encodebytes
from collections.abc import Callable, Sequence
from random import Random

from .tokens import BYTES, DATES, HOSTS, LABELS, NUMBERS, VALUES, WORDS

Change = Callable[[bytes, Random], bytes]

MAX_SIZE = 200_000
WINDOW = 4_000
"""Bytes in which values are looked for."""
LARGE = 2_000_000
"""One input in `LARGE_ONE_IN` is made so large, by repeating a piece of it."""
LARGE_ONE_IN = 2_000

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{20,}={0,2}\r?\n?){1,2000}")
_NUMBER = re.compile(rb"\d{1,20}")
_DATE = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?\S{0,6}|[A-Z][a-z]{2}, +\d{1,2} [A-Z][a-z]{2} \d{4} [\d:]{8}.{6}"
)
_HOST = re.compile(rb"(?:\d{1,3}\.){3}\d{1,3}|[\w-]+(?:\.[\w-]+)+|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,8}")
_LABEL = re.compile(rb"(?i)(?<=charset=)\S+|(?<=encoding: )\S+|(?<=content-type: )[\w/.+-]+|(?<==\?)[\w-]+(?=\?)")
_FIELD = re.compile(rb"(?m)^([A-Za-z][A-Za-z-]{1,30}:).*$")
_QUOTED = re.compile(rb'"[^"\n]{0,200}"|>[^<>\n]{1,200}<|(?<=,)[^,\n]{1,80}(?=,)')


def mutated(samples: Sequence[bytes], number: int, random: Random) -> bytes:
    """The sample whose turn it is, with one to a dozen changes."""
    data = samples[number % len(samples)]
    other = samples[random.randrange(len(samples))]
    for _ in range(min(12, 1 + int(random.expovariate(0.6)))):
        change = random.choices(CHANGES, _WEIGHTS)[0]
        data = _splice(data, other, random) if change is _keep else change(data, random)
        if len(data) > MAX_SIZE:
            data = data[:MAX_SIZE]
    if random.randrange(LARGE_ONE_IN) == 0:
        data = _enlarge(data, random)
    return data


def _span(data: bytes, random: Random, longest: int = 60) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.randrange(longest + 1))


def _change_byte(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    place = random.randrange(len(data))
    other = random.choice((data[place] ^ (1 << random.randrange(8)), random.randrange(256)))
    return data[:place] + bytes([other]) + data[place + 1 :]


def _insert(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.choice(BYTES) * random.choice((1, 1, 1, 2, 50)) + data[place:]


def _insert_word(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.choice(WORDS) + data[place:]


def _delete(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, random.choice((3, 60, 2_000)))
    return data[:start] + data[end:]


def _double(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, random.choice((4, 60, 2_000)))
    times = random.choice((2, 2, 3, 20, 300)) if end - start < 100 else 2
    return data[:start] + data[start:end] * times + data[end:]


def _move(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 300)
    piece, rest = data[start:end], data[:start] + data[end:]
    place = random.randrange(len(rest) + 1)
    return rest[:place] + piece + rest[place:]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _lines(data: bytes, random: Random) -> bytes:
    """Lines left out, doubled, exchanged, joined or without their margin."""
    lines = data.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            del lines[first]
        case 1:
            lines.insert(second, lines[first])
        case 2:
            lines[first], lines[second] = lines[second], lines[first]
        case 3:
            lines[first : first + 2] = [b"".join(lines[first : first + 2])]
        case 4:
            lines[first] = random.choice((b" ", b"\t", b">", b"> ", b"- ", b"")) + lines[first].lstrip()
        case _:
            lines[first:first] = [lines[first]] * random.choice((3, 30, 400))
    return b"\n".join(lines)


def _line_ends(data: bytes, random: Random) -> bytes:
    plain = data.replace(b"\r\n", b"\n")
    return plain.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\x85", b"\xe2\x80\xa8")))


def _replacing(pattern: re.Pattern[bytes], tokens: Sequence[bytes]) -> Change:
    """One match of the pattern in some part of the input, or all there, replaced by a token."""

    def change(data: bytes, random: Random) -> bytes:
        # some of these patterns take quadratic time
        first = random.randrange(max(1, len(data) - WINDOW))
        window = data[first : first + WINDOW]
        spans = [match.span() for match in pattern.finditer(window)]
        if not spans:
            return data
        token = random.choice(tokens)
        if random.randrange(20) == 0:
            changed = pattern.sub(lambda _: token, window)
        else:
            start, end = random.choice(spans)
            changed = window[:start] + token + window[end:]
        return data[:first] + changed + data[first + WINDOW :]

    return change


def _field_value(data: bytes, random: Random) -> bytes:
    """The value of a header field, or of any "name: value" line, made strange."""
    spans = [match.span() for match, _ in zip(_FIELD.finditer(data), range(200), strict=False)]
    if not spans:
        return data
    start, end = random.choice(spans)
    name = data[start:end].partition(b":")[0]
    return data[:start] + name + b": " + random.choice(VALUES) + data[end:]


def _in_base64(data: bytes, random: Random) -> bytes:
    """What is inside a base64 part changed, so that archives and documents are reached."""
    found = [match for match, _ in zip(_BASE64.finditer(data), range(50), strict=False)]
    if not found:
        return data
    match = random.choice(found)
    try:
        content = binascii.a2b_base64(match.group())
    except binascii.Error:
        return data
    for _ in range(random.choice((1, 1, 2, 5))):
        content = random.choice(_INNER)(content, random)
    return data[: match.start()] + encodebytes(content[:MAX_SIZE]) + data[match.end() :]


def _in_packed(data: bytes, random: Random) -> bytes:
    """What is inside an archive changed and packed again, also in ways that readers do not know."""
    if data.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(data)
        except (OSError, EOFError, ValueError, zlib.error):
            return data
        return gzip.compress(random.choice(_INNER)(content, random)[:MAX_SIZE], 1)
    if not data.startswith(b"PK"):
        return data
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(packed, "w") as target:
            for info in source.infolist()[:20]:
                name = random.choice((info.filename, "a.csv", "a/../b.json", "x.xml", "", "é.txt", "report"))
                content = random.choice(_INNER)(source.read(info), random)[:MAX_SIZE]
                target.writestr(zipfile.ZipInfo(name), content, random.choice((0, 8, 12, 14)))
    except Exception:  # an archive broken by an earlier change: it stays as it is
        return data
    return packed.getvalue()


def _in_json(data: bytes, random: Random) -> bytes:
    """One value, or one name, of a JSON document replaced."""
    start = data.find(b"{")
    if start < 0:
        return data
    try:
        value, end = json.JSONDecoder().raw_decode(data[start:].decode("utf-8"))
    except (ValueError, RecursionError):
        return data
    place = data[start:].decode("utf-8")[:end]
    strange = _json_changed(value, random, 0)
    try:
        text = json.dumps(strange, ensure_ascii=random.randrange(4) > 0)
        return data[:start] + text.encode("utf-8", "surrogatepass") + data[start + len(place.encode("utf-8")) :]
    except (ValueError, RecursionError):
        return data


def _json_changed(value: object, random: Random, depth: int) -> object:
    if depth < 8 and random.randrange(5):
        if isinstance(value, dict) and value:
            key = random.choice(list(value))
            changed = {**value, key: _json_changed(value[key], random, depth + 1)}
            if random.randrange(12) == 0:
                changed[_json_value(random, as_name=True)] = changed.pop(key)
            return changed
        if isinstance(value, list) and value:
            place = random.randrange(len(value))
            return [*value[:place], _json_changed(value[place], random, depth + 1), *value[place + 1 :]]
    return random.choice(([value], {"a": value}, [value] * 30, None, _json_value(random), _json_value(random)))


def _json_value(random: Random, *, as_name: bool = False) -> object:
    text = random.choice((VALUES, HOSTS, DATES, NUMBERS))
    word = random.choice(text).decode("utf-8", "surrogateescape")
    if as_name or random.randrange(3):
        return word + random.choice(("", "", "\ud800", "\0", "\udfff\ud800", "\u2028", "x" * 9_000))
    return random.choice((0, -1, 1 << 31, 1 << 64, 1e308, float("inf"), float("nan"), True, "", [], {}, 10**400, 0.1))


def _wrap(data: bytes, random: Random) -> bytes:
    """The whole as something inside something else."""
    match random.randrange(5):
        case 0:
            return b"From: a@example.org\nSubject: fwd\nContent-Type: message/rfc822\n\n" + data
        case 1:
            head = b'Subject: x\nContent-Type: multipart/mixed; boundary="w"\n\n--w\nContent-Type: message/rfc822\n\n'
            return head + data + b"\n--w--\n"
        case 2:
            return b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + encodebytes(data)
        case 3:
            head, blank, body = data.partition(b"\n\n")
            return head + b"\nContent-Transfer-Encoding: quoted-printable" + blank + binascii.b2a_qp(body)
        case _:
            return random.choice((gzip.compress(data, 1), bz2.compress(data, 1), b"\xef\xbb\xbf" + data, data + data))


def _case(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 500)
    piece = data[start:end]
    return data[:start] + random.choice((piece.upper(), piece.lower(), piece[::-1])) + data[end:]


def _recode(data: bytes, random: Random) -> bytes:
    codec = random.choice(("utf-16", "utf-16-be", "utf-32", "utf-7", "cp037", "shift_jis", "utf-8-sig"))
    return data.decode("utf-8", "replace").encode(codec, "replace")


def _keep(data: bytes, random: Random) -> bytes:
    """Stands for a splice, which needs a second sample."""
    return data


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    """A piece of another sample put in."""
    start, end = _span(other, random, 1_500)
    first, last = _span(data, random, 300)
    return data[:first] + other[start:end] + data[last:]


def _enlarge(data: bytes, random: Random) -> bytes:
    start, end = _span(data, random, random.choice((1, 30, 2_000)))
    piece = data[start:end] or b"a"
    return data[:start] + piece * (LARGE // len(piece)) + data[end:]


_INNER: tuple[Change, ...] = (
    _change_byte, _insert, _insert_word, _delete, _double, _cut, _lines, _in_packed, _in_json, _recode,
)  # fmt: skip
_TABLE: tuple[tuple[Change, float], ...] = (
    (_change_byte, 3),
    (_insert, 4),
    (_insert_word, 4),
    (_delete, 3),
    (_double, 3),
    (_move, 2),
    (_cut, 0.7),
    (_lines, 4),
    (_line_ends, 0.7),
    (_replacing(_NUMBER, NUMBERS), 3),
    (_replacing(_DATE, DATES), 2),
    (_replacing(_HOST, HOSTS), 3),
    (_replacing(_LABEL, LABELS), 2),
    (_replacing(_QUOTED, VALUES), 2),
    (_field_value, 3),
    (_in_base64, 3),
    (_in_packed, 2),
    (_in_json, 3),
    (_wrap, 1),
    (_case, 1),
    (_recode, 0.3),
    (_keep, 3),
)
CHANGES = tuple(change for change, _ in _TABLE)
_WEIGHTS = tuple(weight for _, weight in _TABLE)
