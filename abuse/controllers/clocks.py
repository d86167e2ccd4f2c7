"""The clocks of a ticket: waiting for an answer for a while, standing still for a while.

All arithmetic is on moments (aware, UTC): a day is 86 400 seconds, whatever clocks on walls do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abuse.models import Deadline, History, Ticket, TicketStatus, User

from . import deadlines, moves, ownership
from .editing import Refused, edit, write
from .history import record

Kind = Deadline.Kind

MAX_SNOOZE = 10_000_000
"""Seconds; about four months."""
MAX_PAUSE = 2_592_000
"""Seconds; thirty days."""


@transaction.atomic
def snooze(ticket: Ticket, seconds: int, *, actor: User, expected_version: int | None = None) -> datetime:
    """Let a ticket wait for an answer from now on; when it will wake up. One that waits already begins anew.

    :raises Refused: for a number of seconds that is none.
    :raises MoveRefused: when it is closed.
    :raises StaleEdit: when it has changed meanwhile.
    """
    checked_seconds("snoozeDuration", seconds, MAX_SNOOZE)
    edit(ticket, actor=actor, expected_version=expected_version)
    return begin_snooze(ticket, seconds, actor=actor)


def begin_snooze(ticket: Ticket, seconds: int, *, actor: User) -> datetime:
    """Let a locked ticket wait for an answer from now on; when it will wake up."""
    now = timezone.now()
    due_at = now + timedelta(seconds=seconds)
    moves.move(ticket, TicketStatus.WAITING_ANSWER, actor=actor, now=now, refs={"seconds": seconds})
    deadlines.cancel(ticket, reason="it waits anew", actor=actor, kinds={Kind.SNOOZE})
    write(ticket, snooze_start=now, snooze_duration=seconds)
    deadlines.put(ticket, Kind.SNOOZE, due_at=due_at, actor=actor, now=now)
    return due_at


@transaction.atomic
def change_snooze(ticket: Ticket, seconds: int, *, actor: User, expected_version: int | None = None) -> None:
    """Let a waiting ticket wait so many seconds from now instead; 0 wakes it up.

    What was to happen at or after its end (an action, a reminder) moves along; waking it up leaves that as it is.

    :raises Refused: when the ticket does not wait, or the number is none.
    :raises StaleEdit: when it has changed meanwhile.
    """
    checked_seconds("snoozeDuration", seconds, MAX_SNOOZE, least=0)
    edit(ticket, actor=actor, expected_version=expected_version)
    if ticket.status != TicketStatus.WAITING_ANSWER or ticket.snooze_start is None:
        raise Refused(f"snoozeDuration: {ticket} is {ticket.status}; expected one that waits for an answer")
    if seconds == 0:
        moves.move(ticket, TicketStatus.ALARM, actor=actor, refs={"reason": "the delay was set to 0"})
        return
    now = timezone.now()
    old = ticket.snooze_duration or 0
    ends_at = ticket.snooze_start + timedelta(seconds=old)
    due_at = now + timedelta(seconds=seconds)
    deadlines.shift(ticket, due_at - ends_at, kinds={Kind.SERVICE_ACTION, Kind.REMINDER})
    deadlines.cancel(ticket, reason="another delay", actor=actor, kinds={Kind.SNOOZE})
    write(ticket, snooze_start=now, snooze_duration=seconds)
    deadlines.put(ticket, Kind.SNOOZE, due_at=due_at, actor=actor, now=now)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="snooze_duration", old=old, new=seconds
    )  # fmt: skip


@transaction.atomic
def pause(ticket: Ticket, seconds: int, *, actor: User, expected_version: int | None = None) -> None:
    """Let everything about a ticket stand still for so long; mails still come in, and an answer ends it.

    :raises Refused: for a number of seconds that is none.
    :raises MoveRefused: when it is closed or paused already.
    :raises StaleEdit: when it has changed meanwhile.
    """
    checked_seconds("pauseDuration", seconds, MAX_PAUSE)
    edit(ticket, actor=actor, expected_version=expected_version)
    now = timezone.now()
    columns = {"pause_start": now, "pause_duration": seconds}
    moves.move(ticket, TicketStatus.PAUSED, actor=actor, now=now, columns=columns, refs={"seconds": seconds})
    deadlines.put(ticket, Kind.PAUSE, due_at=now + timedelta(seconds=seconds), actor=actor, now=now)


@transaction.atomic
def change_pause(ticket: Ticket, seconds: int, *, actor: User, expected_version: int | None = None) -> None:
    """Let a pause last so many seconds from its beginning; when that is over already, it ends.

    :raises Refused: when the ticket is not paused, or the number is none.
    :raises StaleEdit: when it has changed meanwhile.
    """
    checked_seconds("pauseDuration", seconds, MAX_PAUSE, least=0)
    edit(ticket, actor=actor, expected_version=expected_version)
    start = _paused_since(ticket)
    now, due_at, old = timezone.now(), start + timedelta(seconds=seconds), ticket.pause_duration
    if due_at <= now:
        end_pause(ticket, actor=actor, now=now)
        return
    deadlines.cancel(ticket, reason="another delay", actor=actor, kinds={Kind.PAUSE})
    write(ticket, pause_duration=seconds)
    deadlines.put(ticket, Kind.PAUSE, due_at=due_at, actor=actor, now=now)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="pause_duration", old=old, new=seconds
    )  # fmt: skip


@transaction.atomic
def unpause(ticket: Ticket, *, actor: User, expected_version: int | None = None) -> None:
    """End a pause: the ticket is what it was before, and all that was to happen is later by the time paused.

    :raises Refused: when the ticket is not paused.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    _paused_since(ticket)
    end_pause(ticket, actor=actor, now=timezone.now())


def end_pause(ticket: Ticket, *, actor: User, now: datetime, settling: int | None = None) -> None:
    """Give a locked, paused ticket back the status that the pause interrupted."""
    moves.move(ticket, TicketStatus(ticket.previous_status), actor=actor, now=now, settling=settling)


def wake_up(ticket: Ticket, *, actor: User, now: datetime, settling: int | None = None) -> None:
    """Nobody answered a locked ticket that waited."""
    ownership.drop_on_alarms(ticket, actor=actor)
    moves.move(ticket, TicketStatus.ALARM, actor=actor, now=now, settling=settling)


def _paused_since(ticket: Ticket) -> datetime:
    if ticket.status != TicketStatus.PAUSED or ticket.pause_start is None:
        raise Refused(f"pauseDuration: {ticket} is {ticket.status}; expected one that is paused")
    return ticket.pause_start


def checked_seconds(name: str, seconds: object, most: int, *, least: int = 1) -> int:
    """The number, when it is a whole number of seconds in the range.

    :raises Refused: naming what was expected.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not least <= seconds <= most:
        raise Refused(f"{name}: {seconds!r}; expected a whole number of seconds from {least} to {most}")
    return seconds
