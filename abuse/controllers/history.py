"""Writing down what happened."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from abuse.models import ROBOT_NAME, History, Report, Ticket, User

from .events import tell_event
from .telling import tell_history
from .together import present, written_together

__all__ = ["record", "robot", "written_together"]


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
    """Write one row of history, in the present transaction; at its end if that is `written_together`.

    `refs` are JSON values that name what else it is about.
    """
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
    tell_history(row)
    tell_event(row)
    together = present()
    if together is None:
        row.save(force_insert=True)
    else:
        together.history.append(row)


def robot() -> User:
    """The user whose name stands under all automatic work.

    :raises User.DoesNotExist: when the database was never initialised.
    """
    return User.objects.get(username=ROBOT_NAME)
