"""A ticket's way from status to status: by the table of moves alone, with all that belongs to a status."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from abuse.models import (
    TICKET_MOVES,
    Deadline,
    History,
    Notification,
    Report,
    ReportStatus,
    Resolution,
    Ticket,
    TicketStatus,
    User,
    check_move,
)
from abuse.services.email import EmailService

from . import deadlines, notifications, outcomes, ownership, sla, trust
from .editing import Refused, edit, write
from .history import record

Status = TicketStatus
_TOLD = {Status.ANSWERED: Notification.Kind.ANSWERED, Status.ALARM: Notification.Kind.ALARM}
"""The statuses of which the owner of a ticket is told."""
Kind = Deadline.Kind


@transaction.atomic
def set_status(
    ticket: Ticket,
    status: TicketStatus,
    *,
    actor: User,
    resolution: Resolution | None = None,
    expected_version: int | None = None,
) -> None:
    """Move a ticket to a status, with all that belongs to it: clocks, deadlines, reports, history.

    :raises MoveRefused: when the table of moves does not allow it.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    move(ticket, status, actor=actor, resolution=resolution)


@transaction.atomic
def close_ticket(
    ticket: Ticket,
    resolution_codename: str,
    *,
    actor: User,
    keep_update: bool = False,
    expected_version: int | None = None,
    told: Collection[str] = (),
) -> None:
    """Close a ticket for a reason. `keep_update`: whether it still takes new reports, which reopening needs anyhow.

    `told`: reporters whom the caller tells how it ended; the others are, where that is wanted (`tell_outcome`).

    :raises Resolution.DoesNotExist: for an unknown reason.
    :raises MoveRefused: when it is closed already.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    close(ticket, Resolution.get(codename=resolution_codename), actor=actor, keep_update=keep_update, told=told)


def close(
    ticket: Ticket, resolution: Resolution, *, actor: User, keep_update: bool = False, told: Collection[str] = ()
) -> None:
    """Close a locked ticket for a reason; see `close_ticket`."""
    columns = {} if keep_update else {"update": False}
    move(ticket, Status.CLOSED, actor=actor, resolution=resolution, columns=columns, told=told)


@transaction.atomic
def reopen(ticket: Ticket, *, actor: User, expected_version: int | None = None) -> None:
    """Take up a closed ticket again. It takes new reports, unless another open ticket on the same matter does.

    :raises MoveRefused: when it is not closed.
    :raises Refused: when it was merged into another ticket, which is where its reports are.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    move(ticket, Status.REOPENED, actor=actor)
    if not ticket.update:
        _take_reports_again(ticket, actor=actor)


def move(
    ticket: Ticket,
    status: TicketStatus,
    *,
    actor: User,
    resolution: Resolution | None = None,
    now: datetime | None = None,
    settling: int | None = None,
    columns: Mapping[str, Any] | None = None,
    refs: Mapping[str, Any] | None = None,
    told: Collection[str] = (),
    joined: int = 0,
) -> None:
    """Move a locked, up-to-date ticket (`editing.edit`) to a status.

    `settling`: the deadline that causes it. `columns`: what else is written. `refs`: what else history says.
    `told`: see `close_ticket`. `joined`: see `editing.write`.

    :raises MoveRefused: when the table of moves does not allow it.
    """
    now = now or timezone.now()
    old = Status(ticket.status)
    check_move(str(ticket), TICKET_MOVES, old, status)
    if old == Status.CLOSED:
        _before_reopening(ticket, actor=actor)
    if status == Status.PAUSED and ticket.pause_start is None and "pause_start" not in (columns or {}):
        raise Refused(f"{ticket}: expected how long it is to be paused")
    changed: dict[str, Any] = {"previous_status": old, "status": status, "modification_date": now}
    if old == Status.PAUSED:
        changed |= _end_pause(ticket, actor=actor, now=now, settling=settling)
    if status not in {Status.WAITING_ANSWER, Status.PAUSED}:
        deadlines.cancel(
            ticket, reason=f"the ticket became {status}", actor=actor, kinds={Kind.SNOOZE}, settling=settling
        )
        changed |= {"snooze_start": None, "snooze_duration": None}
    if old == Status.CLOSED:
        changed["resolution"] = None  # history says what it was closed for
    if status == Status.CLOSED:
        changed["resolution"] = resolution
        breach = sla.breach_of(ticket, now)
        if breach is not None:
            sla.mark(ticket, breach, actor=actor)
    write(ticket, joined=joined, **{**changed, **(columns or {})})
    said = {"resolution": resolution.codename if resolution else None, **(refs or {})}
    record(
        History.Type.CHANGE_STATUS, actor=actor, ticket=ticket, field="status", old=old, new=status, **said
    )  # fmt: skip
    if status in _TOLD:
        notifications.notify(ticket.treated_by, _TOLD[status], ticket, actor=actor)
    if status == Status.CLOSED:
        _after_closing(ticket, resolution, told, actor=actor)
    elif old == Status.CLOSED:
        Report.filter(ticket=ticket).update(status=ReportStatus.ATTACHED)
    elif status == Status.ANSWERED:
        ownership.drop_on_answer(ticket, actor=actor)


def _end_pause(ticket: Ticket, *, actor: User, now: datetime, settling: int | None) -> dict[str, Any]:
    """The clocks of a paused ticket go on: all that was to happen is later by exactly the time they stood still."""
    deadlines.cancel(ticket, reason="the pause ended", actor=actor, kinds={Kind.PAUSE}, settling=settling)
    columns: dict[str, Any] = {"pause_start": None, "pause_duration": None}
    if ticket.pause_start is not None:
        by = now - ticket.pause_start
        deadlines.shift(ticket, by)
        if ticket.snooze_start is not None:
            columns["snooze_start"] = ticket.snooze_start + by
        columns |= sla.moved(ticket, by)
    return columns


def _before_reopening(ticket: Ticket, *, actor: User) -> None:
    if ticket.merged_into_id is not None:
        raise Refused(f"{ticket} was merged into {ticket.merged_into}: its reports are there")
    if ticket.update and _another_takes_reports(ticket):
        write(ticket, update=False)
        record(
            History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="update", old=True, new=False,
            reason="another open ticket takes the reports",
        )  # fmt: skip


def _another_takes_reports(ticket: Ticket) -> bool:
    if ticket.defendant_id is None or ticket.service_id is None:
        return False
    same = Ticket.filter(
        defendant_id=ticket.defendant_id, category_id=ticket.category_id, service_id=ticket.service_id, update=True
    )
    return same.exclude(status=Status.CLOSED).exclude(pk=ticket.pk).exists()


def _take_reports_again(ticket: Ticket, *, actor: User) -> None:
    if _another_takes_reports(ticket):
        return
    try:
        with transaction.atomic():
            Ticket.filter(pk=ticket.pk).update(update=True)
    except IntegrityError:  # another process opened a ticket at this very moment: that one takes the reports
        return
    write(ticket, update=True)
    record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="update", old=False, new=True)


def _after_closing(ticket: Ticket, resolution: Resolution | None, told: Collection[str], *, actor: User) -> None:
    deadlines.cancel(ticket, reason="the ticket was closed", actor=actor)
    Report.filter(ticket=ticket).exclude(status=ReportStatus.ARCHIVED).update(status=ReportStatus.ARCHIVED)
    if resolution is not None:
        trust.record_closing(ticket, resolution.codename, actor=actor)
        outcomes.tell_outcome(ticket, told=told, actor=actor)
    transaction.on_commit(lambda: EmailService.close_thread(ticket), robust=True)
