"""What every storage must do."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from abuse.services.storage import StorageServiceBase, StorageServiceException
from abuse.services.storage.default import FilesystemStorage

DATA = b"From: a@b\r\n\r\n\x00\xff bytes \r of any kind\n"
KEY = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> StorageServiceBase:
    return FilesystemStorage(str(tmp_path / "objects"))


def test_bytes_come_back_as_they_went_in(storage: StorageServiceBase) -> None:
    assert storage.write(KEY, DATA) is True
    assert storage.read(KEY) == DATA
    assert storage.exists(KEY)


def test_writing_again_is_no_news(storage: StorageServiceBase) -> None:
    storage.write(KEY, DATA)
    assert storage.write(KEY, DATA) is False


def test_what_is_not_there(storage: StorageServiceBase) -> None:
    assert not storage.exists(KEY)
    for call in (storage.read, storage.delete):
        with pytest.raises(StorageServiceException, match=f"no object {KEY}") as caught:
            call(KEY)
        assert caught.value.permanent


def test_delete(storage: StorageServiceBase) -> None:
    storage.write(KEY, DATA)
    storage.delete(KEY)
    assert not storage.exists(KEY)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "", KEY + "/x", KEY.upper(), KEY + "-../x", "a\0b"]
)
def test_a_name_that_is_no_key_reaches_no_file(storage: StorageServiceBase, name: str) -> None:
    for call in (storage.read, storage.delete, storage.exists, lambda key: storage.write(key, b"x")):
        with pytest.raises(StorageServiceException, match="is not a storage key"):
            call(name)


def test_files_are_the_desks_alone(tmp_path: Path) -> None:
    storage = FilesystemStorage(str(tmp_path / "objects"))
    storage.write(KEY, DATA)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "objects").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert (tmp_path / "objects").stat().st_mode & 0o777 == 0o700


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FilesystemStorage(str(tmp_path / "objects"))

    def broken(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageServiceException, match="No space left"):
        storage.write(KEY, DATA)
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


def test_of_many_writers_one_is_first_and_its_bytes_are_kept(tmp_path: Path) -> None:
    contents = [b"%d" % number for number in range(8)]
    for turn in range(20):
        storage = FilesystemStorage(str(tmp_path / f"objects{turn}"))
        with ThreadPoolExecutor(8) as pool:
            firsts = list(pool.map(lambda data, s=storage: s.write(f"{KEY}-verdict0", data), contents))
        assert firsts.count(True) == 1
        assert storage.read(f"{KEY}-verdict0") == contents[firsts.index(True)]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    storage = FilesystemStorage(str(tmp_path / "objects"))
    assert storage.write(KEY, DATA) is True
    assert storage.write(KEY, DATA) is False
    assert storage.read(KEY) == DATA


def test_names_are_those_of_objects_alone(tmp_path: Path) -> None:
    storage = FilesystemStorage(str(tmp_path / "objects"))
    storage.write(KEY, DATA)
    (tmp_path / "objects" / KEY[:2] / f".{KEY[:16]}.left-by-a-power-cut").write_bytes(b"")
    assert list(storage.names()) == [KEY]


def test_a_new_name_is_synced_with_its_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FilesystemStorage(str(tmp_path / "objects"))
    synced: list[Path] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    storage.write(KEY, DATA)
    kept = tmp_path / "objects"
    assert synced[0::2] == [kept, kept / KEY[:2]]
    assert synced[1].parent == kept / KEY[:2]
    synced.clear()
    assert storage.write(KEY, DATA) is False
    assert synced == [kept / KEY[:2]]
