"""Writing down what happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.utils import timezone

from abuse.models import ROBOT_NAME, History, Report, Ticket, User

_buffer: ContextVar[list[History] | None] = ContextVar("history_buffer", default=None)


def record(
    action_type: History.Type,
    *,
    actor: User,
    ticket: Ticket | None = None,
    report: Report | None = None,
    field: str = "",
    old: object = None,
    new: object = None,
    **refs: Any,
) -> None:
    """Write one row of history, in the present transaction. `refs` are JSON values that name what else it is about."""
    row = History(
        ticket=ticket,
        report=report,
        user=actor,
        action_type=action_type,
        field=field,
        old=None if old is None else str(old),
        new=None if new is None else str(new),
        refs=refs,
        ticket_status=ticket.status if ticket else None,
        date=timezone.now(),
    )
    waiting = _buffer.get()
    if waiting is None:
        row.save(force_insert=True)
    else:
        waiting.append(row)


@contextmanager
def written_together() -> Iterator[None]:
    """Rows recorded inside are written in one statement at the end. To be used inside one transaction.

    When the block fails nothing is written, as the transaction fails too.
    """
    if _buffer.get() is not None:
        yield
        return
    token = _buffer.set([])
    try:
        yield
        rows = _buffer.get()
        if rows:
            History.objects.bulk_create(rows, batch_size=1000)
    finally:
        _buffer.reset(token)


def robot() -> User:
    """The user whose name stands under all automatic work.

    :raises User.DoesNotExist: when the database was never initialised.
    """
    return User.objects.get(username=ROBOT_NAME)
