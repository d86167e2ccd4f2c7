"""Taking all objects from one storage to another, such as from files to a bucket."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from .base import StorageServiceBase, StorageServiceException

COPIERS = 4
BATCH = 200
_IN_MEMORY = 8 << 20


class Outcome(StrEnum):
    """What came of copying an object."""

    COPIED = "copied"
    THERE = "there already"
    NOT_COPIED = "not copied"


@dataclass(frozen=True, slots=True)
class Copied:
    """An object, and what came of it; `said` is why it was not copied."""

    name: str
    outcome: Outcome
    said: str = ""


def copy_all(source: StorageServiceBase, target: StorageServiceBase) -> Iterator[Copied]:
    """Copy what the source lists, several at once.

    May be stopped and begun again at any time. What is written to the source meanwhile may be missed: a second run,
    with nothing writing any more, brings the rest.

    :raises StorageServiceException: when a storage cannot be reached. An object that is at fault itself is not copied.
    """
    names = source.names()
    with ThreadPoolExecutor(COPIERS) as copiers:
        while batch := list(islice(names, BATCH)):
            yield from copiers.map(lambda name: copy_one(source, target, name), batch)


def copy_one(source: StorageServiceBase, target: StorageServiceBase, name: str) -> Copied:
    """Copy one object through bounded memory, unless its content is not what its name says."""
    if target.exists(name):
        return Copied(name, Outcome.THERE)
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
        try:
            for piece in source.chunks(name):
                digest.update(piece)
                kept.write(piece)
        except StorageServiceException as error:
            if not error.permanent:
                raise
            return Copied(name, Outcome.NOT_COPIED, str(error))
        if "-" not in name and digest.hexdigest() != name:
            return Copied(name, Outcome.NOT_COPIED, f"its content has the SHA-256 {digest.hexdigest()}")
        return Copied(name, Outcome.COPIED if target.write_file(name, kept) else Outcome.THERE)
