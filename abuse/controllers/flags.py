"""The marks on a ticket that people set: who may see it, whether it is urgent, whether it takes reports."""

from __future__ import annotations

from typing import Literal, get_args

from django.db import IntegrityError, transaction

from abuse.models import AbusePermission, Defendant, History, Priority, Profile, Ticket, User

from . import ownership
from .editing import Refused, change_property, edit, write
from .history import record
from .tickets import highest_priority

Flag = Literal["alarm", "confidential", "escalated", "locked", "moderation", "protected", "update"]
NOT_FOR_BEGINNERS = frozenset({"escalated", "moderation"})


@transaction.atomic
def set_flag(ticket: Ticket, flag: Flag, value: bool, *, actor: User, expected_version: int | None = None) -> bool:
    """Set or take away a mark; False when it was so already.

    `alarm`: look at it. `confidential`: for experts of the category only; it becomes nobody's if
    its owner is none. `escalated`: beyond first-level staff; it
    becomes nobody's. `locked`: a note to people; mails are kept all the same. `moderation`: not for beginners.
    `protected`: the owner stays. `update`: whether new reports may join.

    :raises Refused: for a mark that is none, a beginner who may not set it, or `update` where another open ticket on
        the same matter takes the reports.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    if flag not in get_args(Flag):
        raise Refused(f"{flag!r}; expected one of {', '.join(get_args(Flag))}")
    if flag in NOT_FOR_BEGINNERS and _is_beginner(actor, ticket):
        raise Refused(f"{flag}: a beginner in {ticket.category_id} may not change it")
    if flag == "update" and value:
        return _take_reports(ticket, actor=actor, expected_version=expected_version)
    changed = change_property(ticket, flag, value, actor=actor, expected_version=expected_version)
    if changed and flag == "escalated" and value and not ticket.protected:
        ownership.hand_over(ticket, None, actor=actor, reason="escalated")
    if changed and flag == "confidential" and value:
        ownership.drop_if_hidden(ticket, actor=actor)
    return changed


def _take_reports(ticket: Ticket, *, actor: User, expected_version: int | None) -> bool:
    try:
        with transaction.atomic():
            return change_property(ticket, "update", True, actor=actor, expected_version=expected_version)
    except IntegrityError:
        ticket.update = False
        raise Refused(f"update: another open ticket on the same matter than {ticket} takes the reports") from None


@transaction.atomic
def set_priority(
    ticket: Ticket, priority: Priority | None, *, actor: User, expected_version: int | None = None
) -> bool:
    """Set a ticket's urgency by hand: reports that join leave it. None lets the reports decide again.

    :raises Refused: for a priority that is none.
    :raises StaleEdit: when the ticket has changed meanwhile.
    """
    if priority is not None and priority not in Priority.values:
        raise Refused(f"priority: {priority!r}; expected one of {', '.join(Priority.values)}")
    edit(ticket, actor=actor, expected_version=expected_version)
    wanted = highest_priority(ticket) if priority is None else Priority(priority)
    by_hand = priority is not None
    if ticket.priority == wanted and ticket.priority_is_manual == by_hand:
        return False
    old = ticket.priority
    write(ticket, priority=wanted, priority_is_manual=by_hand)
    record(
        History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="priority", old=old, new=wanted, by_hand=by_hand
    )  # fmt: skip
    return True


@transaction.atomic
def set_defendant(
    ticket: Ticket, defendant: Defendant | None, *, actor: User, expected_version: int | None = None
) -> bool:
    """Say whose ticket it is. Its service goes with its customer; the reports keep what they say.

    :raises Refused: when the ticket is closed.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    if not ticket.is_open:
        raise Refused(f"{ticket} is closed: its customer stays")
    if ticket.defendant_id == (defendant.pk if defendant else None):
        return False
    old = ticket.defendant.customer_id if ticket.defendant else None
    write(ticket, defendant=defendant, service=None)
    new = defendant.customer_id if defendant else None
    record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="defendant", old=old, new=new)
    return True


def _is_beginner(actor: User, ticket: Ticket) -> bool:
    if actor.is_robot or actor.is_superuser:
        return False
    return AbusePermission.filter(
        user=actor, category_id=ticket.category_id, profile__name=Profile.Name.BEGINNER
    ).exists()  # fmt: skip
