"""Objects as files: content-addressed, synced to disk, readable by the desk alone."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .base import CHUNK, StorageServiceBase, StorageServiceException

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class FilesystemStorage(StorageServiceBase):
    """Files under `directory`, in sub-directories by the first two hex digits. Mode 0600, directories 0700."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = Path(directory)
        self._synced: set[Path] = set()
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_directory(self.directory.parent)

    def _path(self, name: str) -> Path:
        key = self.check_key(name)
        return self.directory / key[:2] / key

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with _faults(name, "read"):
            return path.read_bytes()

    def chunks(self, name: str) -> Iterator[bytes]:
        path = self._path(name)
        with _faults(name, "read"), path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    def write(self, name: str, data: bytes) -> bool:
        return self.write_file(name, io.BytesIO(data))

    def write_file(self, name: str, file: IO[bytes]) -> bool:
        path = self._path(name)
        draft = path.with_name(f".{name[:16]}.{secrets.token_hex(6)}")
        with _faults(name, "written"):
            if path.exists():
                # Whoever wrote it may not have come to the sync yet.
                _sync_directory(path.parent)
                return False
            self._make_directory(path.parent)
            try:
                _write_synced(draft, file)
                is_new = _give_name(draft, path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    draft.unlink()
            _sync_directory(path.parent)
        return is_new

    def delete(self, name: str) -> None:
        path = self._path(name)
        with _faults(name, "deleted"):
            path.unlink()
            _sync_directory(path.parent)

    def exists(self, name: str) -> bool:
        path = self._path(name)
        with _faults(name, "looked for"):
            return path.exists()

    def names(self) -> Iterator[str]:
        with _faults("", "listed"):
            for directory in self.directory.iterdir():
                if directory.is_dir():
                    yield from (path.name for path in directory.iterdir() if self.is_key(path.name))

    def _make_directory(self, directory: Path) -> None:
        """Once for each process: another one may have made it and died before the sync."""
        if directory in self._synced and directory.is_dir():
            return
        directory.mkdir(mode=0o700, exist_ok=True)
        _sync_directory(self.directory)
        self._synced.add(directory)


def _write_synced(draft: Path, file: IO[bytes]) -> None:
    file.seek(0)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(file, target, CHUNK)
        target.flush()
        os.fsync(target.fileno())


def _give_name(draft: Path, path: Path) -> bool:
    """Put a finished file under its name; False when another writer was first. A link, unlike a rename, says so."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links, such as FAT: the bytes under one name are the same, who was first is not known.
        draft.replace(path)
    return True


@contextlib.contextmanager
def _faults(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if what not in ("read", "deleted"):
            raise StorageServiceException(f"storage: {name} cannot be {what}: {error}") from error
        raise StorageServiceException(f"storage: no object {name}", permanent=True) from None
    except OSError as error:
        raise StorageServiceException(f"storage: {name} cannot be {what}: {error}") from error


def _sync_directory(directory: Path) -> None:
    """A new name survives a power cut only when its directory is synced too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
