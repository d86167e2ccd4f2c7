"""Several properties of a ticket changed at once, all or none: what a form with the whole ticket says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from django.db import IntegrityError, transaction

from abuse.models import Category, Defendant, History, Priority, Ticket, User

from . import flags, ownership
from .editing import Refused, edit, write
from .history import record

FLAGS = get_args(flags.Flag)
FIELDS = frozenset({*FLAGS, "category", "defendant", "priority", "treated_by"})


@dataclass(frozen=True, slots=True)
class TicketEdit:
    """New values by field, of FIELDS only: flags, Category, Defendant or None, Priority, User or None."""

    values: Mapping[str, Any]

    def differences(self, ticket: Ticket) -> dict[str, Any]:
        """Those that are not so already."""
        return {name: value for name, value in self.values.items() if getattr(ticket, name) != value}


@transaction.atomic
def change(ticket: Ticket, wanted: TicketEdit, *, actor: User, expected_version: int | None = None) -> frozenset[str]:
    """Bring a ticket to what is wanted; the names of the fields that were changed.

    What is wanted is compared with the ticket as it stands before the first change: escalating a ticket drops its
    owner, also where the form still names him.

    :raises Refused: for a value that cannot be; nothing has changed then.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    changes = wanted.differences(ticket)
    unknown = sorted(set(changes) - FIELDS)
    if unknown:
        raise Refused(f"{unknown[0]}: expected one of {', '.join(sorted(FIELDS))}")
    for name in FLAGS:
        if name in changes:
            flags.set_flag(ticket, name, changes[name], actor=actor)
    others: Mapping[str, Callable[..., object]] = {
        "priority": flags.set_priority,
        "category": set_category,
        "defendant": flags.set_defendant,
        "treated_by": ownership.assign,
    }
    for name, write_it in others.items():
        if name in changes:
            write_it(ticket, changes[name], actor=actor)
    return frozenset(changes)


@transaction.atomic
def set_category(ticket: Ticket, category: Category, *, actor: User, expected_version: int | None = None) -> bool:
    """Say what a ticket is about; its reports keep what they say. False when it was so.

    :raises Refused: when another open ticket of the customer and service is about that already.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    old = ticket.category_id
    if old == category.pk:
        return False
    try:
        with transaction.atomic():
            write(ticket, category=category)
    except IntegrityError:
        ticket.refresh_from_db()
        raise Refused(
            f"category: another open ticket of the customer is about {category}; expected it to be merged"
        ) from None
    record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="category", old=old, new=category.pk)
    return True


def known_user(name: str) -> User:
    """The user of a name.

    :raises Refused: when there is none.
    """
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Refused(f"treatedBy: {name[:80]!r}; expected the name of a user")
    return user


def known_category(name: str) -> Category:
    """The category of a name.

    :raises Refused: when there is none.
    """
    category = Category.filter(name=name).first()
    if category is None:
        known = ", ".join(Category.all().values_list("name", flat=True)[:30])
        raise Refused(f"category: {name[:80]!r}; expected one of {known}")
    return category


def known_defendant(customer_id: str) -> Defendant:
    """The customer of an id, as far as a report has named him.

    :raises Refused: when there is none.
    """
    defendant = Defendant.filter(customer_id=customer_id).select_related("details").first()
    if defendant is None:
        raise Refused(f"defendant: {customer_id[:80]!r}; expected the id of a customer that is known here")
    return defendant


def known_priority(name: str) -> Priority:
    """The priority of a name.

    :raises Refused: when there is none.
    """
    if name not in Priority.values:
        raise Refused(f"priority: {name[:80]!r}; expected one of {', '.join(Priority.values)}")
    return Priority(name)
