"""Objects encrypted before another storage sees them. Names stay the SHA-256 of the plain content."""

from __future__ import annotations

import hashlib
import importlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import IO, Any

from .base import CHUNK, StorageServiceBase, StorageServiceException
from .sealing import MAGIC, SealError, read_key, seal, unseal

_IN_MEMORY = 8 << 20
"""Bytes of a sealed object that are kept in memory; more go to a file without a name."""


class EncryptedStorage(StorageServiceBase):
    """A storage within another one; `sealing` says how. What was altered or cut short is an error, never content.

    :param storage: the other one: `class` and `config`, as in IMPLEMENTATIONS.
    :param keys: each `{key: 32 bytes in base64}`. The first one seals, all of them open: to change the key, put a new
        one before the old.
    :param plain_accepted: whether objects that were stored unencrypted are read, when their content is what their name
        says. For a store that was not encrypted from its first day.
    :raises ValueError: for what cannot be.
    """

    def __init__(
        self, storage: Mapping[str, Any], keys: Sequence[Mapping[str, str]], *, plain_accepted: bool = False
    ) -> None:
        super().__init__()
        if not keys:
            raise ValueError("keys: is empty; expected a list of {key: …}, the one that seals first")
        self._keys = []
        for number, entry in enumerate(keys):
            if not isinstance(entry, Mapping) or set(entry) != {"key"}:
                raise ValueError(f"keys.{number}: expected {{key: …}} or {{key_FILE: …}}")
            self._keys.append(read_key(entry["key"], name=f"keys.{number}.key"))
        self._inner = _inner(storage)
        self._plain_accepted = plain_accepted

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        stream = self._inner.chunks(self.check_key(name))
        beginning = b""
        while len(beginning) < len(MAGIC) and (part := next(stream, None)) is not None:
            beginning += part
        whole = chain([beginning], stream)
        if self._plain_accepted and not beginning.startswith(MAGIC):
            yield from _proven(name, whole)
            return
        try:
            yield from unseal(self._keys, name, whole)
        except SealError as error:
            raise StorageServiceException(f"storage: {name} cannot be opened: {error}", permanent=True) from None

    def write(self, name: str, data: bytes) -> bool:
        return self.write_file(name, io.BytesIO(data))

    def write_file(self, name: str, file: IO[bytes]) -> bool:
        self.check_key(name)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as sealed:
            file.seek(0)
            for piece in seal(self._keys[0], name, iter(lambda: file.read(CHUNK), b"")):
                sealed.write(piece)
            return self._inner.write_file(name, sealed)

    def delete(self, name: str) -> None:
        self._inner.delete(self.check_key(name))

    def exists(self, name: str) -> bool:
        return self._inner.exists(self.check_key(name))

    def names(self) -> Iterator[str]:
        return self._inner.names()


def _inner(described: Mapping[str, Any]) -> StorageServiceBase:
    path, config = described.get("class"), described.get("config") or {}
    if not isinstance(path, str) or not isinstance(config, dict) or set(described) - {"class", "config"}:
        raise ValueError("storage: expected class and config, as in IMPLEMENTATIONS")
    module_name, _, class_name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"storage.class: {path!r} cannot be imported ({error})") from None
    if not (isinstance(found, type) and issubclass(found, StorageServiceBase)) or issubclass(found, EncryptedStorage):
        raise ValueError(f"storage.class: {path!r} is no storage that can be within this one")
    return found.create(config)


def _proven(name: str, content: Iterable[bytes]) -> Iterator[bytes]:
    """Unencrypted content, once it is known to be what the name says: read twice, the first time to a file."""
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
        for part in content:
            digest.update(part)
            kept.write(part)
        if digest.hexdigest() != name:
            raise StorageServiceException(
                f"storage: {name} cannot be opened: it is not sealed, and its content is not what its name says",
                permanent=True,
            )
        kept.seek(0)
        while piece := kept.read(CHUNK):
            yield piece
