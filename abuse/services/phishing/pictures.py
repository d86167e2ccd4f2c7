"""Pictures of pages and what was said of them, kept in the storage: written once, never changed.

<SHA-256 of the picture>            the PNG
<SHA-256 of the record>             the record: which page, when, how it answered, which picture; its key is the
                                    picture's id
<SHA-256 of the URL>-picture<n>     the id of the n-th record of a page
<id>-verdict<n>                     the n-th verdict on a picture
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..storage import StorageService, StorageServiceException
from .base import PhishingServiceException, Screenshot

MAX_OF_ONE_PAGE = 1000
"""Pictures of one page, and verdicts on one picture; more are refused."""


@dataclass(frozen=True, slots=True)
class Record:
    """A picture's record. `picture` is the storage key of the PNG; `response` how the page answered."""

    id: str
    url: str
    taken_at: datetime
    picture: str
    score: int
    response: Mapping[str, Any]


def keep_picture(
    url: str, png: bytes, *, score: int, response: Mapping[str, Any], now: datetime | None = None
) -> Record:
    """Keep a picture of a page; its record.

    :raises PhishingServiceException: when the storage cannot, or there are too many of the page.
    """
    moment = now or datetime.now(UTC)
    key = hashlib.sha256(png).hexdigest()
    content = {
        "url": url,
        "taken_at": moment.isoformat(),
        "picture": key,
        "score": score,
        "response": dict(response),
    }
    data = _dump(content)
    identifier = hashlib.sha256(data).hexdigest()
    try:
        StorageService.write(key, png)
        StorageService.write(identifier, data)
        _append(f"{_of(url)}-picture", identifier.encode())
    except StorageServiceException as error:
        raise PhishingServiceException(str(error), permanent=error.permanent) from error
    return Record(identifier, url, moment, key, score, response)


def find_record(screenshot_id: str) -> Record:
    """The record of a picture.

    :raises PhishingServiceException: permanent when there is none of that id.
    """
    try:
        data = StorageService.read(StorageService.check_key(screenshot_id))
        content = json.loads(data)
        return Record(
            screenshot_id,
            content["url"],
            datetime.fromisoformat(content["taken_at"]),
            content["picture"],
            content["score"],
            content["response"],
        )
    except StorageServiceException as error:
        raise PhishingServiceException(
            f"screenshot {screenshot_id[:80]!r}: {error}", permanent=error.permanent
        ) from None
    except (ValueError, KeyError, TypeError):
        # Whatever else is in the storage, such as a mail, has a key of the same form.
        raise PhishingServiceException(f"screenshot {screenshot_id!r}: is no picture", permanent=True) from None


def pictures_of(url: str, *, limit: int) -> list[Record]:
    """The newest pictures of a page, the newest first."""
    prefix = f"{_of(url)}-picture"
    end = _end(prefix)
    ids = [StorageService.read(f"{prefix}{n}").decode("ascii") for n in range(end - 1, max(end - 1 - limit, -1), -1)]
    return [find_record(identifier) for identifier in ids]


def add_verdict(screenshot_id: str, is_phishing: bool, *, now: datetime | None = None) -> bool:
    """Keep a verdict on a picture; False when it is the same as the last one.

    :raises PhishingServiceException: permanent when there is no such picture.
    """
    find_record(screenshot_id)
    if last_verdict(screenshot_id) is is_phishing:
        return False
    moment = now or datetime.now(UTC)
    try:
        _append(f"{screenshot_id}-verdict", _dump({"is_phishing": is_phishing, "at": moment.isoformat()}))
    except StorageServiceException as error:
        raise PhishingServiceException(str(error), permanent=error.permanent) from error
    return True


def last_verdict(screenshot_id: str) -> bool | None:
    """The last verdict on a picture; None when there was none."""
    prefix = f"{screenshot_id}-verdict"
    end = _end(prefix)
    return bool(json.loads(StorageService.read(f"{prefix}{end - 1}"))["is_phishing"]) if end else None


def as_screenshot(record: Record) -> Screenshot:
    """A record as the contract shows it. `location` is the storage key of the PNG."""
    verdict = last_verdict(record.id)
    if verdict is None:
        return Screenshot(record.taken_at, record.picture, record.id, record.score, response=record.response)
    grade = 1.0 if verdict else 0.0
    details = {
        "category": "PHISHING" if verdict else "LEGIT",
        "grade": grade,
        "comment": "the last verdict of an operator",
    }
    return Screenshot(record.taken_at, record.picture, record.id, record.score, grade, details, record.response)


def _of(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def _dump(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _append(prefix: str, data: bytes) -> None:
    """Write the next of a series: `write` says when another process was first to take the number."""
    for n in range(_end(prefix), MAX_OF_ONE_PAGE):
        if StorageService.write(f"{prefix}{n}", data):
            return
    raise PhishingServiceException(f"{prefix}: there are {MAX_OF_ONE_PAGE} already", permanent=True)


def _end(prefix: str) -> int:
    """How many there are of a series that has no gaps: doubling, then halving."""
    if not StorageService.exists(f"{prefix}0"):
        return 0
    low, high = 0, 1
    while StorageService.exists(f"{prefix}{high}"):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if StorageService.exists(f"{prefix}{middle}") else (low, middle)
    return high
