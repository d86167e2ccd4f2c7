"""The header of a 7z archive: which files there are, and how and where they are packed.

Read as 7zFormat.txt of the LZMA SDK describes it. No count is believed beyond what the header can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

HEADER, ENCODED_HEADER = 1, 23
"""What a header starts with: as it stands, or packed like a file."""
MAX_CODERS = 4
MAX_COUNT = 20_000
"""Files, packed streams or folders of an archive that is read at all."""

_ARCHIVE_PROPERTIES, _ADDITIONAL_STREAMS, _MAIN_STREAMS, _FILES = 2, 3, 4, 5
_PACK_INFO, _FOLDERS_INFO, _SUBSTREAMS = 6, 7, 8
_SIZES, _CRCS, _FOLDERS, _FOLDER_SIZES, _STREAM_COUNTS = 9, 10, 11, 12, 13
_EMPTY_STREAMS, _EMPTY_FILES, _NAMES = 14, 15, 17
_START = 32  # bytes before the packed files


class SevenZipError(ValueError):
    """An archive or a file of one that cannot be read. The text says what it is: "damaged", "encrypted"…"""


@dataclass(frozen=True, slots=True)
class Coder:
    """One step of unpacking, by its number in the format's list, with its settings."""

    method: bytes
    properties: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """Files packed as one stream. `coders` lead from the files to the packed bytes; None: in no simple chain."""

    coders: tuple[Coder, ...] | None
    start: int = 0
    packed_size: int = 0
    size: int = 0
    crc: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `name` is the sender's word; it begins at `offset` of its folder. An empty file has no folder."""

    name: str
    folder: Folder | None
    offset: int
    size: int
    crc: int | None


class Cursor:
    """Reads a header. What it does not hold is `SevenZipError`."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise SevenZipError("damaged")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number of one to nine bytes; the leading ones of the first say how many follow."""
        first = self.byte()
        following = 8 - (first ^ 0xFF).bit_length()
        high = first & (0x7F >> following)
        return high << (8 * following) | int.from_bytes(self.take(following), "little")

    def count(self) -> int:
        """How many things follow."""
        count = self.number()
        if count > MAX_COUNT:
            raise SevenZipError("too large" if count <= len(self._data) else "damaged")
        return count

    def numbers(self, count: int) -> list[int]:
        return [self.number() for _ in range(count)]

    def bits(self, count: int) -> list[bool]:
        packed = self.take((count + 7) // 8)
        return [bool(packed[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def crcs(self, count: int) -> list[int | None]:
        is_stated = [True] * count if self.byte() else self.bits(count)
        return [int.from_bytes(self.take(4), "little") if stated else None for stated in is_stated]

    def expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise SevenZipError("damaged")


def files(cursor: Cursor) -> list[Entry]:
    """The files of a header, in the order in which they are packed, without the directories.

    :raises SevenZipError: when it is damaged.
    """
    found: list[Entry] = []
    streams: list[Entry] = []
    while kind := cursor.byte():
        if kind == _ARCHIVE_PROPERTIES:
            while cursor.byte():
                cursor.take(cursor.number())
        elif kind == _ADDITIONAL_STREAMS:
            packed_streams(cursor)
        elif kind == _MAIN_STREAMS:
            streams = packed_streams(cursor)
        elif kind == _FILES:
            found = _named(cursor, streams)
        else:
            raise SevenZipError("damaged")
    return found


def packed_streams(cursor: Cursor) -> list[Entry]:
    """The files that are packed, not named yet: that is told elsewhere."""
    position, packed_sizes = 0, list[int]()
    folders: list[Folder] = []
    streams: list[Entry] | None = None
    while kind := cursor.byte():
        if kind == _PACK_INFO:
            position, packed_sizes = _pack_info(cursor)
        elif kind == _FOLDERS_INFO:
            folders = _folders(cursor, _START + position, packed_sizes)
        elif kind == _SUBSTREAMS:
            streams = _substreams(cursor, folders)
        else:
            raise SevenZipError("damaged")
    return [Entry("", one, 0, one.size, one.crc) for one in folders] if streams is None else streams


def _pack_info(cursor: Cursor) -> tuple[int, list[int]]:
    """Where the packed streams start, counted from the end of the first header, and how long each is."""
    position, count = cursor.number(), cursor.count()
    sizes = [0] * count
    while kind := cursor.byte():
        if kind == _SIZES:
            sizes = cursor.numbers(count)
        elif kind == _CRCS:
            cursor.crcs(count)
        else:
            raise SevenZipError("damaged")
    return position, sizes


def _folders(cursor: Cursor, position: int, packed_sizes: Sequence[int]) -> list[Folder]:
    cursor.expect(_FOLDERS)
    count = cursor.count()
    if cursor.byte():
        raise SevenZipError("packed in an unknown way")  # described elsewhere, which no program does
    shapes = [_shape(cursor) for _ in range(count)]
    cursor.expect(_FOLDER_SIZES)
    sizes = [cursor.numbers(shape.outputs)[shape.main] for shape in shapes]
    crcs: list[int | None] = [None] * count
    while kind := cursor.byte():
        if kind != _CRCS:
            raise SevenZipError("damaged")
        crcs = cursor.crcs(count)
    found, number = [], 0
    for shape, size, crc in zip(shapes, sizes, crcs, strict=True):
        lengths = packed_sizes[number : number + shape.packed]
        if len(lengths) != shape.packed:
            raise SevenZipError("damaged")
        found.append(Folder(shape.coders, position, sum(lengths), size, crc))
        number += shape.packed
        position += sum(lengths)
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a folder's coders hang together: their outputs, which of those the files are, and the packed streams."""

    coders: tuple[Coder, ...] | None
    outputs: int
    main: int
    packed: int


def _shape(cursor: Cursor) -> _Shape:
    coders: list[Coder] = []
    inputs = outputs = 0
    count = cursor.number()
    if not 0 < count <= MAX_CODERS:
        raise SevenZipError("damaged")
    for _ in range(count):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        ins, outs = (cursor.number(), cursor.number()) if flags & 0x10 else (1, 1)
        properties = cursor.take(cursor.number()) if flags & 0x20 else b""
        if flags & 0xC0 or max(ins, outs) > MAX_CODERS or not outs:
            raise SevenZipError("damaged")
        coders.append(Coder(method, properties))
        inputs, outputs = inputs + ins, outputs + outs
    bound = {}  # input: the output that it is
    for _ in range(outputs - 1):
        input_, output = cursor.number(), cursor.number()
        bound[input_] = output
    packed = inputs - len(bound)
    if packed < 1 or len(bound) != outputs - 1:
        raise SevenZipError("damaged")
    if packed > 1:
        cursor.numbers(packed)
    free = set(range(outputs)) - set(bound.values())
    if len(free) != 1:
        raise SevenZipError("damaged")
    main = free.pop()
    chain = _chain(coders, bound, main) if inputs == outputs == len(coders) else None
    return _Shape(chain, outputs, main, packed)


def _chain(coders: Sequence[Coder], bound: dict[int, int], main: int) -> tuple[Coder, ...]:
    """The coders, each with one input and one output, from the files to the packed bytes."""
    chain = [coders[main]]
    while main in bound and len(chain) < len(coders):
        main = bound[main]
        if main >= len(coders):
            raise SevenZipError("damaged")
        chain.append(coders[main])
    return tuple(chain)


def _substreams(cursor: Cursor, folders: Sequence[Folder]) -> list[Entry]:
    """The files in each folder: all sizes but the last are stated."""
    counts = [1] * len(folders)
    kind = cursor.byte()
    if kind == _STREAM_COUNTS:
        counts = [cursor.count() for _ in folders]
        kind = cursor.byte()
    streams: list[Entry] = []
    for folder, count in zip(folders, counts, strict=True):
        offset = 0
        for number in range(count):
            is_last = number == count - 1
            if not is_last and kind != _SIZES:
                raise SevenZipError("damaged")
            size = folder.size - offset if is_last else cursor.number()
            if not 0 <= size <= folder.size - offset:
                raise SevenZipError("damaged")
            streams.append(Entry("", folder, offset, size, folder.crc if count == 1 else None))
            offset += size
    if kind == _SIZES:
        kind = cursor.byte()
    while kind:
        if kind != _CRCS:
            raise SevenZipError("damaged")
        open_ = [number for number, stream in enumerate(streams) if stream.crc is None]
        for number, crc in zip(open_, cursor.crcs(len(open_)), strict=True):
            streams[number] = replace(streams[number], crc=crc)
        kind = cursor.byte()
    return streams


def _named(cursor: Cursor, streams: Sequence[Entry]) -> list[Entry]:
    count = cursor.count()
    names = [""] * count
    is_empty = [False] * count
    is_file: list[bool] = []
    while kind := cursor.byte():
        data = Cursor(cursor.take(cursor.number()))
        if kind == _EMPTY_STREAMS:
            is_empty = data.bits(count)
        elif kind == _EMPTY_FILES:
            is_file = data.bits(sum(is_empty))
        elif kind == _NAMES:
            names = _names(data, count)
    waiting, empty = iter(streams), iter(is_file)
    found = []
    for name, has_nothing in zip(names, is_empty, strict=True):
        if not has_nothing:
            stream = next(waiting, None)
            if stream is None:
                raise SevenZipError("damaged")
            found.append(replace(stream, name=name))
        elif next(empty, False):  # else it is a directory
            found.append(Entry(name, None, 0, 0, None))
    return found


def _names(data: Cursor, count: int) -> list[str]:
    if data.byte():
        raise SevenZipError("packed in an unknown way")
    names = data.rest().decode("utf-16-le", "replace").split("\0")
    if len(names) <= count:
        raise SevenZipError("damaged")
    return names[:count]
