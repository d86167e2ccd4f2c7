"""What a question for a right is answered with."""

from __future__ import annotations

from dataclasses import dataclass

FORBIDDEN = 403
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something may be done. True as a condition when it may.

    `status` is the HTTP status of the refusal: 403, or 404 where the asker must not learn that the thing exists.
    """

    allowed: bool
    reason: str = ""
    status: int = 200

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Decision(True)


def forbidden(reason: str) -> Decision:
    """A refusal that says why."""
    return Decision(False, reason, FORBIDDEN)


def unknown(what: str) -> Decision:
    """A refusal that reads as if there were no such thing."""
    return Decision(False, f"There is no {what}", NOT_FOUND)
