"""Changing a ticket safely: its row locked, its columns the present ones, nobody's change overwritten."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils import timezone

from abuse.models import History, Ticket, User

from .history import record
from .together import present

_COLUMNS = [field.attname for field in Ticket._meta.concrete_fields if not (field.primary_key or field.generated)]


class Refused(Exception):
    """What was asked for cannot be done now; the message says what, why, and what was expected."""


class NotAllowed(Refused):
    """The actor's role or profile does not allow it."""


class StaleEdit(Refused):
    """Somebody changed the ticket after the editor had read it."""

    def __init__(self, ticket: Ticket, expected: int) -> None:
        self.current_version = ticket.version
        self.expected_version = expected
        super().__init__(
            f"{ticket}: version {expected} was edited, but it has changed meanwhile; its version is {ticket.version}"
        )


def edit(ticket: Ticket, *, actor: User, expected_version: int | None = None) -> None:
    """Lock a ticket until the end of the transaction and bring the object up to date.

    The first person who does anything to a ticket has looked at it, which is what is promised in the service level.

    :raises StaleEdit: when its version is not the expected one; None expects nothing.
    :raises Ticket.DoesNotExist: when it is gone.
    """
    together = present()
    if together is not None and ticket.pk in together.joined:
        together.write()
    row = Ticket.objects.filter(pk=ticket.pk).select_for_update(no_key=True).values(*_COLUMNS).first()
    if row is None:
        raise Ticket.DoesNotExist(f"ticket {ticket.pk}: there is none of that id")
    for name, value in row.items():
        if getattr(ticket, name) != value:
            setattr(ticket, name, value)  # a changed foreign key drops the row that was read before
    if expected_version is not None and ticket.version != expected_version:
        raise StaleEdit(ticket, expected_version)
    if ticket.looked_at is None and not actor.is_robot:
        ticket.looked_at = timezone.now()
        Ticket.filter(pk=ticket.pk).update(looked_at=ticket.looked_at)


def write(ticket: Ticket, *, joined: int = 0, **columns: Any) -> None:
    """Write some columns of a locked ticket, and count the change. Other columns stay as they are in the row.

    `joined`: by how many its reports have become more; less than 0 when some have left it.
    """
    for name, value in columns.items():
        setattr(ticket, name, value)
    ticket.version += 1
    if joined:
        ticket.attached_reports_count = max(ticket.attached_reports_count + joined, 0)
        columns["attached_reports_count"] = and_more(joined)
    Ticket.filter(pk=ticket.pk).update(**columns, version=ticket.version)


def and_more(joined: int) -> Combinable:
    """A ticket's number of reports and so many more, in SQL: what the row says counts, not what an object does.

    A row that an older version wrote may say too few; it must not stop a report from leaving.
    """
    return Greatest(F("attached_reports_count") + joined, 0)


@transaction.atomic
def change_property(
    ticket: Ticket, field: str, value: object, *, actor: User, expected_version: int | None = None, **also: Any
) -> bool:
    """Give one property of a ticket a value, with history; False when it had it. `also`: columns that go with it."""
    edit(ticket, actor=actor, expected_version=expected_version)
    old = getattr(ticket, field)
    if old == value and not also:
        return False
    changes: dict[str, Any] = {field: value, **also}
    write(ticket, **changes)
    record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field=field, old=old, new=value)
    return True
