"""What changes to many tickets or reports answer."""

from __future__ import annotations

from collections.abc import Sequence

from apiflask import HTTPError

from abuse.controllers.bulk import BulkResult

from .answers import Answer

BULK_EXAMPLE = {"message": "1 of 1 changed", "results": [{"id": 42, "done": True, "reason": ""}]}


class BulkOutcome(Answer):
    """What became of one: `done`, or refused for a `reason`."""

    id: int
    done: bool
    reason: str


class BulkAnswer(Answer):
    message: str
    results: list[BulkOutcome]


def bulk_answer(results: Sequence[BulkResult]) -> BulkAnswer:
    """What became of each.

    :raises HTTPError: 409 when none was done: a client that shows errors alone would tell nothing.
    """
    done = sum(result.done for result in results)
    if not done:
        raise HTTPError(409, "; ".join(f"{result.pk}: {result.reason}" for result in results[:10]))
    return BulkAnswer(
        message=f"{done} of {len(results)} changed",
        results=[BulkOutcome(id=one.pk, done=one.done, reason=one.reason) for one in results],
    )
