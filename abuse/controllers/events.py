"""What other programs are told of what happens: rows, written in the transaction in which it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from abuse.models import Email, Event, History, Notification, Report, Ticket, TicketStatus

from .event_rows import write_events
from .together import present

_K, _T = Event.Kind, History.Type
_NOT_DONE = frozenset({"actionError", "unknown"})
_UNDER_WAY = frozenset({"applying", "doing", "pending", "cancelled"})


def tell_event(row: History) -> None:
    """A row of history was written: what it means for those who listen."""
    if row.ticket is not None:
        _write([_event(kind, row.ticket, about) for kind, about in _meaning(row)])


def _meaning(row: History) -> list[tuple[Event.Kind, dict[str, Any]]]:
    change = {"old": row.old, "new": row.new}
    match row.action_type:
        case _T.CREATE_TICKET:
            return [(_K.TICKET_CREATED, {})]
        case _T.CHANGE_STATUS:
            more = {TicketStatus.ANSWERED: _K.TICKET_ANSWERED, TicketStatus.CLOSED: _K.TICKET_CLOSED}
            resolution = {"resolution": row.refs.get("resolution")} if row.new == TicketStatus.CLOSED else {}
            told = [(_K.TICKET_STATUS_CHANGED, change)]
            return told + [(kind, {**change, **resolution}) for status, kind in more.items() if row.new == status]
        case _T.CHANGE_TREATED_BY:
            return [(_K.TICKET_ASSIGNED, {"assigned": row.new is not None})]
        case _T.APPLY_ACTION if row.new not in _UNDER_WAY:
            kind = _K.ACTION_FAILED if row.new in _NOT_DONE else _K.ACTION_DONE
            return [(kind, {"action": row.old, "job": row.refs.get("job"), "result": row.new})]
    return [(_K.TICKET_CHANGED, {"what": row.action_type, **({"field": row.field} if row.field else {})})]


def tell_of_reports(reports: Sequence[Report]) -> None:
    """Reports came in."""
    now = timezone.now()
    _write(
        [
            Event(
                kind=_K.REPORT_CREATED,
                category=report.category_id,
                date=now,
                data={
                    "report": {"id": report.pk, "category": report.category_id, "status": report.status},
                    "ticket": report.ticket_id,
                },
            )
            for report in reports
        ]
    )


def tell_of_parked(emails: Sequence[Email]) -> None:
    """Mails could not be worked off: people have to look."""
    now = timezone.now()
    _write([Event(kind=_K.MAIL_PARKED, date=now, data={"email": {"id": one.pk}}) for one in emails])


def tell_of_notification(row: Notification) -> None:
    """An operator is to be told something: he alone hears of it."""
    data = {"id": row.pk, "kind": row.kind, "message": row.message, "ticket": row.ticket_id}
    _write([Event(kind=_K.NOTIFICATION, user_id=row.user_id, ticket_id=row.ticket_id, date=row.date, data=data)])


def _event(kind: Event.Kind, ticket: Ticket, about: dict[str, Any]) -> Event:
    shown = {
        "id": ticket.pk,
        "publicId": ticket.public_id,
        "category": ticket.category_id,
        "status": ticket.status,
        "priority": ticket.priority,
    }
    return Event(
        kind=kind, ticket_id=ticket.pk, category=ticket.category_id, date=timezone.now(),
        data={"ticket": shown, **about},
    )  # fmt: skip


def _write(events: list[Event]) -> None:
    together = present()
    if together is None:
        write_events(events)
        return
    for event in events:
        # A hundred reports that join a ticket in one transaction are one change of it.
        key = (event.ticket_id, str(event.data.get("what"))) if event.kind == _K.TICKET_CHANGED else None
        if key is None or key not in together.changed:
            together.events.append(event)
        if key is not None:
            together.changed.add(key)
