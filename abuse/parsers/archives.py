"""What is inside zip, gzip, tar and 7z attachments, with bounds on what it unpacks to. Nothing is written to disk."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import sevenzip
from .context import Limits
from .sevenzip_header import Folder, SevenZipError

# What the standard library raises on archives that are broken, encrypted or packed in an unknown way. LZMA's header may
# ask for gigabytes of memory.
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, RuntimeError, NotImplementedError,
    EOFError, OSError, ValueError, IndexError, MemoryError,
)  # fmt: skip

_CHUNK = 65_536
_RATIO_FREE_BYTES = 1_000_000  # a small member may be packed better than the ratio allows
_NOT_READ = {b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}
_TAR_MAGIC = slice(257, 262)
NAMES = (".zip", ".gz", ".7z")
TYPES = (
    "application/zip", "application/x-zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip",
    "application/x-7z-compressed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. `name` is the sender's word: show it, never use it as a path."""

    name: str
    content: bytes


def is_archive(filename: str, content_type: str) -> bool:
    """Whether the label of a file says it is one that `members` reads."""
    return content_type in TYPES or filename.lower().endswith(NAMES)


def kind_of(head: bytes) -> str | None:
    """What the first bytes of a file say it is: "zip", "gzip", "7z" or "tar"; None for anything else."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(sevenzip.MAGIC):
        return "7z"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    return "tar" if head[_TAR_MAGIC] == b"ustar" else None


def unread_kind(head: bytes) -> str | None:
    """The name of a kind of archive that is known, but not unpacked; None for anything else."""
    return next((name for magic, name in _NOT_READ.items() if head.startswith(magic)), None)


def members(
    content: bytes, limits: Limits, say: Callable[[str], None], wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[Member]:
    """The files in a zip, tar, gzip or 7z archive whose name is `wanted`, in order, one in memory at a time.

    A gzip file states no name worth asking about: its member's is empty. Stops, with a sentence to `say`, at
    `max_archive_bytes` in all, `max_archive_members`, or a member that unpacks to more than `max_archive_ratio` times
    its size (in 7z archives: the files packed together). Damaged or encrypted members are skipped with a sentence.
    """
    if content.startswith(b"\x1f\x8b"):
        yield from _gzip(content, limits, say, wanted)
    elif content.startswith(b"PK"):
        yield from _zip(content, limits, say, wanted)
    elif content.startswith(sevenzip.MAGIC):
        yield from _seven_zip(content, limits, say, wanted)
    elif kind_of(content) == "tar":
        yield from _tar(content, limits, say, wanted)


def _zip(content: bytes, limits: Limits, say: Callable[[str], None], wanted: Callable[[str], bool]) -> Iterator[Member]:
    bytes_left = limits.max_archive_bytes
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        infos = archive.infolist()
    except DAMAGED:
        say("An attached zip archive is damaged.")
        return
    with archive:
        if len(infos) > limits.max_archive_members:
            say(f"Only the first {limits.max_archive_members} files of an archive are read.")
        for info in infos[: limits.max_archive_members]:
            if info.filename.endswith("/") or not wanted(info.filename):
                continue
            allowed = min(bytes_left, max(_RATIO_FREE_BYTES, info.compress_size * limits.max_archive_ratio))
            try:
                with archive.open(info) as file:
                    data = _read(file.read, allowed)
            except DAMAGED:
                say("A file in an attached zip archive is damaged, encrypted or packed in an unknown way.")
                continue
            if data is None:
                say("An attached zip archive unpacks to too much; it is not read further.")
                return
            bytes_left -= len(data)
            yield Member(info.filename, data)


def _gzip(
    content: bytes, limits: Limits, say: Callable[[str], None], wanted: Callable[[str], bool]
) -> Iterator[Member]:
    allowed = min(limits.max_archive_bytes, max(_RATIO_FREE_BYTES, len(content) * limits.max_archive_ratio))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            data = _read(file.read, allowed)
    except DAMAGED:
        say("An attached gzip file is damaged.")
        return
    if data is None:
        say("An attached gzip file unpacks to too much; it is not read.")
        return
    if kind_of(data) == "tar":
        yield from _tar(data, limits, say, wanted)
    elif wanted(""):
        yield Member("", data)


def _tar(content: bytes, limits: Limits, say: Callable[[str], None], wanted: Callable[[str], bool]) -> Iterator[Member]:
    bytes_left = limits.max_archive_bytes
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, info in enumerate(archive):
                if number >= limits.max_archive_members:
                    say(f"Only the first {limits.max_archive_members} files of an archive are read.")
                    return
                # links and devices have no content; a sparse file may unpack to anything
                file = archive.extractfile(info) if info.type in tarfile.REGULAR_TYPES and wanted(info.name) else None
                data = b"" if file is None else _read(file.read, bytes_left)
                if data is None:
                    say("An attached tar archive unpacks to too much; it is not read further.")
                    return
                bytes_left -= len(data)
                if file is not None:
                    yield Member(info.name, data)
    except DAMAGED:
        say("An attached tar archive is damaged.")


def _seven_zip(
    content: bytes, limits: Limits, say: Callable[[str], None], wanted: Callable[[str], bool]
) -> Iterator[Member]:
    bytes_left = limits.max_archive_bytes
    stream: sevenzip.Stream | None = None
    unreadable: Folder | None = None
    try:
        entries = sevenzip.entries(content)
    except SevenZipError as error:
        say(f"An attached 7z archive is {error}.")
        return
    if len(entries) > limits.max_archive_members:
        say(f"Only the first {limits.max_archive_members} files of an archive are read.")
    for entry in entries[: limits.max_archive_members]:
        folder = entry.folder
        if not wanted(entry.name) or (folder is not None and folder is unreadable):
            continue
        if folder is None:
            yield Member(entry.name, b"")
            continue
        try:
            if stream is None or stream.folder is not folder:
                stream = sevenzip.Stream(content, folder)
            # the files before it in the same stream are unpacked, too
            end = entry.offset + entry.size
            if end > skippable(folder, limits) or end - stream.position > bytes_left:
                say("An attached 7z archive unpacks to too much; it is not read further.")
                return
            bytes_left -= end - stream.position
            data = sevenzip.checked(stream.file(entry), entry)
        except SevenZipError as error:
            say(f"A file in an attached 7z archive is {error}.")
            unreadable = folder
            continue
        yield Member(entry.name, data)


def skippable(folder: Folder, limits: Limits) -> int:
    """The bytes of files packed as one that may be unpacked to get at one of them."""
    return min(limits.max_archive_bytes, max(_RATIO_FREE_BYTES, folder.packed_size * limits.max_archive_ratio))


def _read(read: Callable[[int], bytes], allowed: int) -> bytes | None:
    """All that `read` gives; None as soon as it is more than `allowed` bytes, whatever size the archive states."""
    data = bytearray()
    while chunk := read(_CHUNK):
        data += chunk
        if len(data) > allowed:
            return None
    return bytes(data)
