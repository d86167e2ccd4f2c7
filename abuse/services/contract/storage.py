"""What every storage must do. Objects of random content are written and removed again."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ..storage import StorageServiceBase, StorageServiceException
from .checking import Check, Subject, expect, expect_error, expect_permanent

_ALL_BYTES = bytes(range(256))
_NO_KEYS = ("../../etc/passwd", "/etc/passwd", "", ".", "A" * 64, "a" * 63, "a" * 64 + "/x", "a" * 64 + "-../x", "a\0b")


def _probe(size: int = 256) -> tuple[str, bytes]:
    """An object that nobody else has."""
    data = secrets.token_bytes(32) + _ALL_BYTES * (size // 256)
    return hashlib.sha256(data).hexdigest(), data


def _with_probe(subject: Subject, key: str, data: bytes, do: Callable[[StorageServiceBase], None]) -> None:
    storage: StorageServiceBase = subject.service
    storage.write(key, data)
    try:
        do(storage)
    finally:
        if storage.exists(key):
            storage.delete(key)


def _bytes_come_back(subject: Subject) -> None:
    for size in (0, 256, 1024 * 1024):
        key, data = _probe(size)

        def read(storage: StorageServiceBase, key: str = key, data: bytes = data) -> None:
            expect(storage.read(key) == data, f"read: gave other bytes than the {len(data)} that were written")
            expect(storage.exists(key) is True, "exists: is not True for what was written")

        _with_probe(subject, key, data, read)


def _empty_objects(subject: Subject) -> None:
    key = _probe()[0]

    def read(storage: StorageServiceBase) -> None:
        expect(storage.read(key) == b"", "read: gave something for an empty object")
        expect(storage.exists(key), "exists: an empty object is none")

    _with_probe(subject, key, b"", read)


def _writing_twice(subject: Subject) -> None:
    storage: StorageServiceBase = subject.service
    key, data = _probe()
    try:
        expect(storage.write(key, data) is True, "write: is not True for what is new")
        expect(storage.write(key, data) is False, "write: is not False for what was there")
        expect(storage.write(key, b"other") is False, "write: is not False for what was there, with other content")
        expect(storage.read(key) == data, "write: changed an object that was there")
    finally:
        storage.delete(key)


def _series(subject: Subject) -> None:
    key = _probe()[0]

    def read(storage: StorageServiceBase) -> None:
        expect(not storage.exists(key), "exists: a key with a suffix counts as the key without")
        expect(storage.read(f"{key}-part1") == b"x", "read: a key with a suffix is another object")

    _with_probe(subject, f"{key}-part1", b"x", read)


def _in_pieces(subject: Subject) -> None:
    key, data = _probe(2 * 1024 * 1024)

    def read(storage: StorageServiceBase) -> None:
        expect(b"".join(storage.chunks(key)) == data, "chunks: gave other bytes than were written")
        expect(storage.write_file(key, io.BytesIO(b"other")) is False, "write_file: is not False for what was there")

    _with_probe(subject, key, data, read)
    file = io.BytesIO(data)
    file.seek(100)
    storage: StorageServiceBase = subject.service
    try:
        expect(storage.write_file(key, file) is True, "write_file: is not True for what is new")
        expect(storage.read(key) == data, "write_file: kept other bytes than the file has")
    finally:
        storage.delete(key)
    expect_permanent(
        StorageServiceException, "chunks of what is not there", lambda name: list(storage.chunks(name)), key
    )


def _one_is_first(subject: Subject) -> None:
    storage: StorageServiceBase = subject.service
    key = _probe()[0]
    contents = [b"%d" % number for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as writers:
        firsts = list(writers.map(lambda data: storage.write(key, data), contents))
    try:
        expect(firsts.count(True) == 1, f"write: is True for {firsts.count(True)} of those who write at one moment")
        expect(storage.read(key) == contents[firsts.index(True)], "write: the first one's bytes are not what is kept")
    finally:
        storage.delete(key)


def _what_is_not_there(subject: Subject) -> None:
    storage: StorageServiceBase = subject.service
    key = _probe()[0]
    expect(storage.exists(key) is False, "exists: is not False for what is not there")
    for call in (storage.read, storage.delete):
        expect_permanent(StorageServiceException, f"{call.__name__} of what is not there", call, key)


def _deleting(subject: Subject) -> None:
    storage: StorageServiceBase = subject.service
    key, data = _probe()
    storage.write(key, data)
    storage.delete(key)
    expect(storage.exists(key) is False, "exists: is not False for what was deleted")
    expect_permanent(StorageServiceException, "read of what was deleted", storage.read, key)
    expect(storage.write(key, data) is True, "write: is not True for what was deleted")
    storage.delete(key)


def _names(subject: Subject) -> None:
    storage: StorageServiceBase = subject.service
    for name in _NO_KEYS:
        shown = f"of the name {name[:70]!r}"
        for call in (storage.read, storage.delete, storage.exists, lambda key: list(storage.chunks(key))):
            expect_error(StorageServiceException, f"{getattr(call, '__name__', call)} {shown}", call, name)
        expect_error(StorageServiceException, f"write {shown}", storage.write, name, b"x")


CHECKS = (
    Check("bytes of any kind and number come back as they went in", _bytes_come_back, needs_rows=False),
    Check("an empty object is one", _empty_objects, needs_rows=False),
    Check("writing again is no news, and changes nothing", _writing_twice, needs_rows=False),
    Check("a key with a suffix is an object of its own", _series, needs_rows=False),
    Check("objects can be read and written in pieces", _in_pieces, needs_rows=False),
    Check("of several writers one is first", _one_is_first, needs_rows=False),
    Check("what is not there is a permanent fault", _what_is_not_there, needs_rows=False),
    Check("what was deleted is not there", _deleting, needs_rows=False),
    Check("a name that is no key reaches nothing", _names, needs_rows=False),
)
