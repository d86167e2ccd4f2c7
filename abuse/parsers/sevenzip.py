"""The files in a 7z archive, a piece at a time, by the standard library's decoders. Nothing is written to disk.

LZMA and LZMA2 (after them delta and branch filters), BZip2, Deflate and mere copies are unpacked. A dictionary is never
larger than what it can refer to, whatever the archive asks for.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator

from .sevenzip_header import ENCODED_HEADER, HEADER, Coder, Cursor, Entry, Folder, SevenZipError, files, packed_streams

MAGIC = b"7z\xbc\xaf\x27\x1c"
MAX_HEADER = 4_000_000
"""Bytes of a header, packed or unpacked; that of ten thousand files has less than one million."""
MAX_DICTIONARY = 128 << 20
"""Bytes that a decoder may look back; files that are smaller together never need more."""

_PIECE = 1 << 16
_COPY, _LZMA, _LZMA2 = b"\x00", b"\x03\x01\x01", b"\x21"
_DEFLATE, _BZIP2, _DELTA = b"\x04\x01\x08", b"\x04\x02\x02", b"\x03"
_AES = b"\x06\xf1\x07\x01"
_BRANCHES = {
    b"\x04": lzma.FILTER_X86, b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x05": lzma.FILTER_POWERPC, b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64, b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x07": lzma.FILTER_ARM, b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x08": lzma.FILTER_ARMTHUMB, b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x09": lzma.FILTER_SPARC, b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
}  # fmt: skip

Decode = Callable[[bytes, int], tuple[bytes, int]]
"""Packed bytes and how many unpacked ones are wanted at most, to those and how many of the packed ones were used."""


def entries(content: bytes) -> list[Entry]:
    """The files in an archive, in the order in which they are packed, without directories.

    :raises SevenZipError: when the archive is damaged or encrypted, or has too large a header.
    """
    if len(content) < 32 or not content.startswith(MAGIC):
        raise SevenZipError("damaged")
    offset, size = (int.from_bytes(content[at : at + 8], "little") for at in (12, 20))
    if size == 0:
        return []
    data = content[32 + offset : 32 + offset + size] if size <= MAX_HEADER else b""
    if len(data) != size or zlib.crc32(data) != int.from_bytes(content[28:32], "little"):
        raise SevenZipError("damaged")
    cursor = Cursor(data)
    kind = cursor.byte()
    if kind == ENCODED_HEADER:
        packed = packed_streams(cursor)
        if len(packed) != 1 or packed[0].size > MAX_HEADER:
            raise SevenZipError("damaged")
        cursor = Cursor(read(content, packed[0]))
        kind = cursor.byte()
    if kind != HEADER:
        raise SevenZipError("damaged")
    return files(cursor)


def read(content: bytes, entry: Entry) -> bytes:
    """One file as a whole; whoever asks has looked at its size.

    :raises SevenZipError: when it cannot be unpacked, or is not what its checksum says.
    """
    return checked(b"" if entry.folder is None else Stream(content, entry.folder).file(entry), entry)


def checked(data: bytes, entry: Entry) -> bytes:
    """`data`, which is the file.

    :raises SevenZipError: when its checksum says otherwise.
    """
    if entry.crc is not None and zlib.crc32(data) != entry.crc:
        raise SevenZipError("damaged")
    return data


class Stream:
    """The unpacked bytes of a folder, from its start; `position` of them were read.

    :raises SevenZipError: when it is encrypted, packed in an unknown way, or would take too much memory.
    """

    def __init__(self, content: bytes, folder: Folder) -> None:
        self._packed = memoryview(content)[folder.start : folder.start + folder.packed_size]
        if len(self._packed) != folder.packed_size:
            raise SevenZipError("damaged")
        self.folder = folder
        self.position = 0
        self._used = 0
        self._decode = _decoder(folder)

    def file(self, entry: Entry) -> bytes:
        """A file that starts where reading stands, or later."""
        for _ in self.pieces(entry.offset - self.position):
            pass
        return b"".join(self.pieces(entry.size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes.

        :raises SevenZipError: when there are not as many, or they cannot be unpacked.
        """
        while size > 0:
            piece = self._next(min(size, _PIECE))
            size -= len(piece)
            yield piece

    def _next(self, size: int) -> bytes:
        while True:
            packed = bytes(self._packed[self._used : self._used + _PIECE])
            try:
                data, used = self._decode(packed, size)
            except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError, MemoryError) as error:
                raise SevenZipError("damaged") from error
            self._used += used
            if data:
                self.position += len(data)
                return data
            if not used:
                raise SevenZipError("damaged")  # it ends too early


def reader(content: bytes, entry: Entry) -> Callable[[int], bytes]:
    """Reads one file from its start. What lies before it in its folder is unpacked at once.

    :raises SevenZipError: when it cannot be unpacked; what is read may raise it, too.
    """
    if entry.folder is None:
        return lambda _: b""
    stream = Stream(content, entry.folder)
    for _ in stream.pieces(entry.offset):
        pass
    end = entry.offset + entry.size
    return lambda size: b"".join(stream.pieces(min(size, end - stream.position)))


def _decoder(folder: Folder) -> Decode:
    coders = folder.coders or ()
    methods = [coder.method for coder in coders]
    if _AES in methods:
        raise SevenZipError("encrypted")
    match methods:
        case [method] if method == _COPY:
            return lambda packed, most: (packed[:most], len(packed[:most]))
        case [method] if method == _DEFLATE:
            return _deflated()
        case [method] if method == _BZIP2:
            return _buffered(bz2.BZ2Decompressor())
        # liblzma keeps the last bytes of a branch filter to itself when no end is marked, as after LZMA
        case [*filters, last] if last == _LZMA2 or (last == _LZMA and _BRANCHES.keys().isdisjoint(filters)):
            chain = [_filter(coder, folder.size) for coder in coders]
            try:
                return _buffered(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain))
            except (lzma.LZMAError, ValueError, MemoryError) as error:
                raise SevenZipError("damaged") from error
    raise SevenZipError("packed in an unknown way")


def _filter(coder: Coder, size: int) -> dict[str, int]:
    settings = coder.properties or b"\0"
    if coder.method == _LZMA:
        asked = int.from_bytes(settings[1:5], "little")
        numbers = {"lc": settings[0] % 9, "lp": settings[0] // 9 % 5, "pb": settings[0] // 45}
        return {"id": lzma.FILTER_LZMA1, **numbers, "dict_size": _dictionary(asked, size)}
    if coder.method == _LZMA2:
        bits = min(settings[0], 40)
        return {"id": lzma.FILTER_LZMA2, "dict_size": _dictionary((2 | bits & 1) << (bits // 2 + 11), size)}
    if coder.method == _DELTA:
        return {"id": lzma.FILTER_DELTA, "dist": settings[0] + 1}
    if coder.method in _BRANCHES:
        return {"id": _BRANCHES[coder.method]}
    raise SevenZipError("packed in an unknown way")


def _dictionary(asked: int, size: int) -> int:
    """The bytes to look back on: never more than there are in all."""
    needed = max(4096, min(asked, size))
    if needed > MAX_DICTIONARY:
        raise SevenZipError("packed so that it takes too much memory")
    return needed


def _buffered(decoder: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> Decode:
    """For decoders that keep the packed bytes that they did not need yet."""

    def decode(packed: bytes, most: int) -> tuple[bytes, int]:
        if decoder.eof:
            return b"", 0
        data = b"" if decoder.needs_input else decoder.decompress(b"", most)
        if data or not decoder.needs_input:
            return data, 0
        return decoder.decompress(packed, most), len(packed)

    return decode


def _deflated() -> Decode:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)

    def decode(packed: bytes, most: int) -> tuple[bytes, int]:
        if decoder.eof:
            return b"", 0
        data = decoder.decompress(packed, most)
        return data, len(packed) - len(decoder.unconsumed_tail)

    return decode
