"""Keys of calls that must not be done twice: taken before the call, with the answer kept after it.

A key is taken by one INSERT, so of two calls at once one only gets it. What died between taking the key and its answer
may have been done or not: nobody does it again under that key, a person looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from abuse.models import IdempotentCall

KEPT = timedelta(hours=24)
LONGEST_CALL = timedelta(minutes=15)
"""After so long a call without an answer is taken for dead."""
MAX_KEY = 255
"""Characters."""
MAX_ANSWER_BYTES = 1024 * 1024
PURGE_BATCH = 10_000


class KeyRefused(Exception):
    """The key was used for something else."""


class StillRunning(Exception):
    """The first call with the key has not ended yet."""


class EndUnknown(Exception):
    """What came of the first call cannot be told: it died, or its answer was not kept."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the first call with a key was answered."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def take(user_id: int, key: str, fingerprint: str) -> int | KeptAnswer:
    """Take a key for a call: the id of its row, or what the first call with it was answered.

    Outside of any transaction: others must see at once that the key is taken.

    :raises KeyRefused: when the key was used for something else.
    :raises StillRunning: when the first call runs.
    :raises EndUnknown: when that one died, or its answer was not kept.
    """
    now = timezone.now()
    own = IdempotentCall.filter(user_id=user_id, key=key)
    own.filter(expires_at__lte=now).delete()
    row, is_new = IdempotentCall.get_or_create(
        user_id=user_id,
        key=key,
        defaults={"fingerprint": fingerprint, "created_at": now, "expires_at": now + KEPT},
    )
    if is_new:
        return row.pk
    if row.fingerprint != fingerprint:
        raise KeyRefused(f"Idempotency-Key: {_shown(key)} was used for another request; expected a new key")
    if row.status is None:
        if row.created_at > now - LONGEST_CALL:
            raise StillRunning(f"Idempotency-Key: the first request with {_shown(key)} is still being worked on")
        raise EndUnknown(
            f"Idempotency-Key: the first request with {_shown(key)} died, and may have been carried out or not; "
            "expected a new key, once you have looked"
        )
    if row.body is None:
        raise EndUnknown(
            f"Idempotency-Key: the first request with {_shown(key)} was answered with {row.status}, "
            f"but its answer was not kept: it held a secret, or more than {MAX_ANSWER_BYTES} bytes"
        )
    return KeptAnswer(row.status, row.content_type, bytes(row.body), row.headers)


def keep(row_id: int, answer: KeptAnswer | None, *, status: int) -> None:
    """Keep the first answer. None: it is too large or holds a secret, and its status alone is kept."""
    kept = {} if answer is None else {
        "body": answer.body, "content_type": answer.content_type[:255], "headers": dict(answer.headers),
    }  # fmt: skip
    IdempotentCall.filter(pk=row_id).update(status=status, **kept)


def give_back(row_id: int) -> None:
    """Let the key be used again: the call came to nothing."""
    IdempotentCall.filter(pk=row_id).delete()


def forget_old_keys() -> int:
    """Throw away the keys that are over, at most 10000 at a time; how many went."""
    old = IdempotentCall.filter(expires_at__lte=timezone.now()).order_by("expires_at").values("pk")
    return IdempotentCall.filter(pk__in=old[:PURGE_BATCH]).delete()[0]


def _shown(key: str) -> str:
    return repr(key if len(key) <= 64 else key[:63] + "…")
