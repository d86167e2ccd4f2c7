"""The bytes of a feed as they come, a piece at a time: out of a base64 part, a zip, gzip or 7z archive, a bare file."""

from __future__ import annotations

import binascii
import codecs
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .. import sevenzip, transfer
from ..archives import DAMAGED, skippable
from ..context import Limits
from ..mime import Part
from ..sevenzip_header import Entry, SevenZipError

CHUNK = 1 << 18  # bytes of one piece
MAX_LINE = 1 << 20  # characters; what is longer is cut there, so that a file without line ends fits into memory

_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", sevenzip.MAGIC)
_NO_LETTERS = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))

Read = Callable[[int], bytes]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class File:
    """One file, not opened yet. `member` counts within an archive and is None where there is none."""

    name: str
    member: int | None
    open: Callable[[], Read]


def files(part: Part, name: str, limits: Limits, say: Say) -> Iterator[File]:
    """The part itself, or the files in it when it is an archive. Nothing is unpacked before `open` is called.

    What is damaged or encrypted is passed over with a sentence. Whoever reads must stop at his own bound.
    """
    head = part_reader(part)(len(sevenzip.MAGIC))
    if not head.startswith(_ARCHIVES):
        yield File(name, None, lambda: part_reader(part))
    elif head.startswith(b"\x1f\x8b"):
        inner = name[: -len(".gz")] if name.lower().endswith(".gz") else name
        yield File(inner, 0, lambda: gzip.GzipFile(fileobj=_RawPart(part)).read)
    elif head == sevenzip.MAGIC:
        yield from _seven_zipped(part, limits, say)
    else:
        yield from _zipped(part, limits, say)


def _seven_zipped(part: Part, limits: Limits, say: Say) -> Iterator[File]:
    content, _ = part.content()
    try:
        entries = sevenzip.entries(content)
    except SevenZipError as error:
        say(f"An attached 7z archive is {error}.")
        return
    if len(entries) > limits.max_archive_members:
        say(f"Only the first {limits.max_archive_members} files of an archive are read.")

    def opened(entry: Entry) -> Read:
        if entry.folder is not None and entry.offset > skippable(entry.folder, limits):
            raise SevenZipError("packed behind too much else")
        return sevenzip.reader(content, entry)

    for number, entry in enumerate(entries[: limits.max_archive_members]):
        yield File(entry.name, number, lambda entry=entry: opened(entry))  # type: ignore[misc]


def _zipped(part: Part, limits: Limits, say: Say) -> Iterator[File]:
    content, _ = part.content()
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        infos = archive.infolist()
    except DAMAGED:
        say("An attached zip archive is damaged.")
        return
    if len(infos) > limits.max_archive_members:
        say(f"Only the first {limits.max_archive_members} files of an archive are read.")
    with archive:
        for number, info in enumerate(infos[: limits.max_archive_members]):
            if not info.filename.endswith("/"):
                yield File(info.filename, number, lambda info=info: archive.open(info).read)  # type: ignore[misc]


def part_reader(part: Part) -> Read:
    """Reads the decoded body of a part; base64 is decoded as it is read, so that it is never in memory twice."""
    if part.encoding == "base64":
        return _Base64(memoryview(part.source)[part.start : part.end]).read
    if part.encoding in ("quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue"):
        return io.BytesIO(transfer.decode(part.source[part.start : part.end], part.encoding)[0]).read
    return _Plain(memoryview(part.source)[part.start : part.end]).read


class _Plain:
    """Reads a view without copying the whole of it."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._position = view, 0

    def read(self, size: int) -> bytes:
        piece = bytes(self._view[self._position : self._position + size])
        self._position += len(piece)
        return piece


class _Base64:
    """Decodes a view of base64 text; stops where it is damaged."""

    def __init__(self, view: memoryview) -> None:
        self._encoded = _Plain(view)
        self._letters = b""  # fewer than four that wait for the next
        self._decoded = b""

    def read(self, size: int) -> bytes:
        while len(self._decoded) < size:
            encoded = self._encoded.read(max(CHUNK, size))
            letters = self._letters + encoded.translate(None, _NO_LETTERS)
            whole = len(letters) if not encoded else len(letters) // 4 * 4
            self._letters = letters[whole:]
            try:
                self._decoded += binascii.a2b_base64(letters[:whole] + b"=" * (-whole % 4))
            except binascii.Error:
                break
            if not encoded:
                break
        piece, self._decoded = self._decoded[:size], self._decoded[size:]
        return piece


class _RawPart(io.RawIOBase):
    """A part's decoded bytes as a file, for the gzip reader."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self._reader = part_reader(part)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._reader(size if size >= 0 else CHUNK)


class Lines:
    """The lines of a file, without their ends, within bounds on a line and on the whole. What was cut is in `cut`."""

    def __init__(self, read: Read, codec: str, max_bytes: int) -> None:
        self._read = read
        decoder = codecs.getincrementaldecoder(codec)("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)  # all line ends become "\n"
        self._bytes_left = max_bytes
        self.cut: str | None = None

    def __iter__(self) -> Iterator[str]:
        rest = ""
        while piece := self._next():
            # PostgreSQL stores no NUL, and no feed means one
            lines = self._decoder.decode(piece).replace("\0", "").split("\n")
            lines[0] = rest + lines[0]
            rest = lines.pop()
            if len(rest) > MAX_LINE:
                self.cut = f"A line is longer than {MAX_LINE} characters; it is read in pieces."
                lines.append(rest)
                rest = ""
            yield from lines
        rest += self._decoder.decode(b"", True)
        if rest:
            yield rest

    def pieces(self) -> Iterator[str]:
        """The text as it comes, not cut at lines."""
        while piece := self._next():
            yield self._decoder.decode(piece)
        yield self._decoder.decode(b"", True)

    def _next(self) -> bytes:
        try:
            piece = self._read(min(CHUNK, self._bytes_left))
        except DAMAGED:
            self.cut = "A file in an attached archive is damaged or encrypted; what could be read was kept."
            return b""
        self._bytes_left -= len(piece)
        if self._bytes_left <= 0 and piece:
            self.cut = "A file is larger than a feed may be; its first part is read."
        return piece


def codec_of(head: bytes) -> str:
    """The codec that a file's first bytes are in: by its byte order mark, else UTF-8, else windows-1252."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
