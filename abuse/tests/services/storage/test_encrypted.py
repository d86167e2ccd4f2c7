"""Encryption at rest: what is altered does not open, keys can be changed, and nothing of the content shows."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuse.services.storage import StorageServiceException
from abuse.services.storage.default import FilesystemStorage
from abuse.services.storage.encrypted import EncryptedStorage
from abuse.services.storage.sealing import HEADER, PIECE, SealError, new_key, read_key, seal, unseal

KEY = read_key(new_key(), name="key")
FILES = "abuse.services.storage.default.FilesystemStorage"
SEALED_PIECE = PIECE + 16


def sealed(content: bytes, name: str = "name") -> bytes:
    return b"".join(seal(KEY, name, [content]))


def opened(content: bytes, name: str = "name") -> bytes:
    return b"".join(unseal([KEY], name, [content]))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_what_is_sealed_opens(size: int) -> None:
    content = os.urandom(size)
    assert opened(sealed(content)) == content
    assert len(sealed(content)) == HEADER + size + 16 * max(1, -(-size // PIECE))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=30))
def test_it_opens_however_it_is_cut_on_the_way(content: bytes, cuts: list[int]) -> None:
    whole, parts = sealed(content), []
    for cut in cuts:
        parts.append(whole[:cut])
        whole = whole[cut:]
    assert b"".join(unseal([KEY], "name", [*parts, whole])) == content


def test_the_same_content_is_sealed_differently_each_time() -> None:
    assert sealed(b"x" * 100)[HEADER:] != sealed(b"x" * 100)[HEADER:]


THREE = os.urandom(3 * PIECE)


def pieces(whole: bytes) -> list[bytes]:
    body = whole[HEADER:]
    return [body[start : start + SEALED_PIECE] for start in range(0, len(body), SEALED_PIECE)]


def altered(kind: str) -> bytes:
    whole = sealed(THREE)
    first, second, third = pieces(whole)
    head = whole[:HEADER]
    match kind:
        case "a bit of the content":
            return whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]
        case "a bit of the salt":
            return head[:-1] + bytes([head[-1] ^ 1]) + first + second + third
        case "pieces in another order":
            return head + second + first + third
        case "a piece twice":
            return head + first + first + second + third
        case "a piece left out":
            return head + first + third
        case "the last piece left out":
            return head + first + second
        case "all pieces left out":
            return head
        case "cut in a piece":
            return whole[:-1]
        case "bytes added":
            return whole + b"x"
        case "a piece of another object":
            return head + first + pieces(sealed(THREE))[1] + third
        case _:
            return head[:-1]


@pytest.mark.parametrize(
    "kind",
    [
        "a bit of the content", "a bit of the salt", "pieces in another order", "a piece twice", "a piece left out",
        "the last piece left out", "all pieces left out", "cut in a piece", "bytes added", "a piece of another object",
        "the beginning cut",
    ],
)  # fmt: skip
def test_what_was_altered_does_not_open(kind: str) -> None:
    with pytest.raises(SealError):
        opened(altered(kind))


def test_an_object_under_another_name_does_not_open() -> None:
    with pytest.raises(SealError, match="put elsewhere"):
        opened(sealed(b"content", "one"), "other")


def storage(directory: Path, *keys: str, **more: Any) -> EncryptedStorage:
    inner = {"class": FILES, "config": {"directory": str(directory)}}
    return EncryptedStorage(inner, [{"key": key} for key in keys], **more)


DATA = b"Subject: a secret\r\n\r\n" + b"text " * 50_000
NAME = hashlib.sha256(DATA).hexdigest()


def test_nothing_of_the_content_lies_on_the_disk(tmp_path: Path) -> None:
    storage(tmp_path, new_key()).write(NAME, DATA)
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.name == NAME
    assert b"text" not in path.read_bytes()
    assert b"secret" not in path.read_bytes()


def test_old_keys_open_and_the_first_one_seals(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    storage(tmp_path, old).write(NAME, DATA)
    rotated = storage(tmp_path, new, old)
    assert rotated.read(NAME) == DATA
    rotated.write(f"{NAME}-x", b"later")
    assert storage(tmp_path, new).read(f"{NAME}-x") == b"later"
    with pytest.raises(StorageServiceException, match="which is not among the keys") as caught:
        storage(tmp_path, new).read(NAME)
    assert caught.value.permanent


def test_an_altered_file_is_an_error_and_no_content(tmp_path: Path) -> None:
    desk = storage(tmp_path, new_key())
    desk.write(NAME, DATA)
    path = tmp_path / NAME[:2] / NAME
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageServiceException, match="cannot be opened: piece 3 was altered"):
        desk.read(NAME)


def test_what_was_stored_plain_is_read_only_when_it_is_what_its_name_says(tmp_path: Path) -> None:
    plain = FilesystemStorage(str(tmp_path))
    plain.write(NAME, DATA)
    forged = hashlib.sha256(b"other").hexdigest()
    plain.write(forged, b"forged")
    plain.write(f"{NAME}-x", b"nobody can know")
    key = new_key()
    with pytest.raises(StorageServiceException, match="not sealed"):
        storage(tmp_path, key).read(NAME)
    mixed = storage(tmp_path, key, plain_accepted=True)
    assert mixed.read(NAME) == DATA
    for name in (forged, f"{NAME}-x"):
        with pytest.raises(StorageServiceException, match="its content is not what its name says"):
            mixed.read(name)


def test_large_objects_are_opened_piece_by_piece(tmp_path: Path) -> None:
    desk = storage(tmp_path, new_key())
    data = os.urandom(9 << 20)
    name = hashlib.sha256(data).hexdigest()
    desk.write(name, data)
    parts = list(desk.chunks(name))
    assert b"".join(parts) == data
    assert max(map(len, parts)) == PIECE


@pytest.mark.parametrize(
    ("keys", "inner", "said"),
    [
        ([], FILES, "keys: is empty"),
        ([{"key": "short"}], FILES, "keys.0.key: expected 32 bytes"),
        ([{"key": "c2hvcnQ="}], FILES, "keys.0.key: 5 bytes"),
        ([{"other": "x"}], FILES, "keys.0: expected"),
        ([{"key": new_key()}], "abuse.services.storage.nothing.There", "cannot be imported"),
        ([{"key": new_key()}], "abuse.services.storage.encrypted.EncryptedStorage", "no storage that can be within"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, keys: list[dict[str, str]], inner: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EncryptedStorage({"class": inner, "config": {"directory": str(tmp_path)}}, keys)
