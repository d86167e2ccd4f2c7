"""Objects as files: content-addressed, synced to disk, readable by the desk alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from .base import StorageServiceBase, StorageServiceException


class FilesystemStorage(StorageServiceBase):
    """Files under `directory`, in sub-directories by the first two hex digits. Mode 0600, directories 0700."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, name: str) -> Path:
        key = self.check_key(name)
        return self.directory / key[:2] / key

    def read(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise StorageServiceException(f"storage: no object {name}", permanent=True) from None
        except OSError as error:
            raise StorageServiceException(f"storage: {name} cannot be read: {error}") from error

    def write(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        if path.exists():
            return False
        draft = path.with_name(f".{name[:16]}.{secrets.token_hex(6)}")
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_directory(self.directory)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _sync_directory(path.parent)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise StorageServiceException(f"storage: {name} cannot be written: {error}") from error
        return True

    def delete(self, name: str) -> None:
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise StorageServiceException(f"storage: no object {name}", permanent=True) from None

    def exists(self, name: str) -> bool:
        return self._path(name).exists()


def _sync_directory(directory: Path) -> None:
    """A new name survives a power cut only when its directory is synced too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
