"""Does the storage hold what the rows name? All rows that reference objects, in chunks, and no transaction open."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import F, QuerySet

from abuse.models import AttachedDocument, Email, OutgoingAttachment, ReceivedAttachment, Report, UrlCheck

from . import StorageService, StorageServiceException

ROWS = 1000
"""Rows asked for at a time."""
READERS = 4
_REMEMBERED = 100_000
"""Keys that are not looked at again when the next row names them too."""


class Fault(StrEnum):
    """What can be wrong with an object."""

    MISSING = "missing"
    ALTERED = "altered"
    UNREADABLE = "unreadable"
    NO_KEY = "no key"


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that names an object: the table in words, the row's id, and the key."""

    table: str
    row: int
    key: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An object that was looked at. `fault` is None when all is well; `said` is what the storage said of it."""

    reference: Reference
    fault: Fault | None
    said: str = ""


def _sources() -> tuple[tuple[str, QuerySet[Any], str], ...]:
    """What names objects. A report's mail is named by the mail's own row."""
    own = Report.exclude(filename="").exclude(email__isnull=False, email__sha256=F("filename"))
    return (
        ("mail", Email.all(), "sha256"),
        ("report", own, "filename"),
        ("document", AttachedDocument.all(), "filename"),
        ("file sent", OutgoingAttachment.all(), "key"),
        ("file received", ReceivedAttachment.all(), "key"),
        ("picture", UrlCheck.exclude(picture=""), "picture"),
    )


def count_references() -> int:
    """How many rows name an object."""
    return sum(rows.count() for _, rows, _ in _sources())


def references() -> Iterator[Sequence[Reference]]:
    """All rows that name an object, in chunks by ascending id of each table."""
    for table, rows, column in _sources():
        last = 0
        while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", column)[:ROWS]):
            last = chunk[-1][0]
            yield [Reference(table, row, key) for row, key in chunk]


def verify() -> Iterator[Checked]:
    """Look at every object that a row names: each row once, an object that several rows name mostly once."""
    seen: OrderedDict[str, Checked] = OrderedDict()
    with ThreadPoolExecutor(READERS) as readers:
        for chunk in references():
            fresh = {one.key: one for one in chunk if one.key not in seen}
            seen.update(zip(fresh, readers.map(check, fresh.values()), strict=True))
            for one in chunk:
                found = seen[one.key]
                yield Checked(one, found.fault, found.said)
            while len(seen) > _REMEMBERED:
                seen.popitem(last=False)


def check(reference: Reference) -> Checked:
    """Read an object to its end. A key without a suffix is the SHA-256 of the content."""
    key = reference.key
    if not StorageService.is_key(key):
        return Checked(reference, Fault.NO_KEY, "expected a SHA-256 in hex")
    digest = hashlib.sha256()
    try:
        for piece in StorageService.chunks(key):
            digest.update(piece)
    except StorageServiceException as error:
        return Checked(reference, _fault_of(key, error), str(error))
    if "-" not in key and digest.hexdigest() != key:
        return Checked(reference, Fault.ALTERED, f"its content has the SHA-256 {digest.hexdigest()}")
    return Checked(reference, None)


def _fault_of(key: str, error: StorageServiceException) -> Fault:
    if not error.permanent:
        return Fault.UNREADABLE
    try:
        return Fault.ALTERED if StorageService.exists(key) else Fault.MISSING
    except StorageServiceException:
        return Fault.UNREADABLE
