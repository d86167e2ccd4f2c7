"""Who works on a ticket."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from abuse.models import AbusePermission, History, Notification, Operator, Profile, Ticket, TicketStatus, User
from abuse.models.questions import sight_of

from . import notifications
from .editing import Refused, edit, write
from .history import record

LEFT_TO_NOBODY = timedelta(seconds=15)
"""A ticket that was just given back is not taken again by the page that is still open."""


def assign(ticket: Ticket, owner: User | None, *, actor: User, expected_version: int | None = None) -> bool:
    """Give a ticket to somebody, or to nobody; False when he had it.

    :raises Refused: for a protected ticket, whose owner stays, and for a user who may not see it or not work on
        its category.
    :raises StaleEdit: when it has changed meanwhile.
    """
    with transaction.atomic():
        edit(ticket, actor=actor, expected_version=expected_version)
        if ticket.treated_by_id == (owner.pk if owner else None):
            return False
        if ticket.protected:
            raise Refused(f"{ticket} is protected: its owner cannot be changed")
        if owner is not None and not may_work(owner, ticket):
            raise Refused(f"treatedBy: {owner} has no profile in {ticket.category_id} that works on tickets")
        if owner is not None and not owner.is_robot and not sight_of(owner).may_see_ticket(ticket):
            raise Refused(f"treatedBy: {owner} may not see {ticket}; expected an expert of {ticket.category_id}")
        hand_over(ticket, owner, actor=actor)
        return True


def hand_over(ticket: Ticket, owner: User | None, *, actor: User, reason: str = "") -> None:
    """Change the owner of a locked ticket, with history."""
    old = ticket.treated_by
    if old == owner:
        return
    write(ticket, treated_by=owner)
    why: dict[str, Any] = {"reason": reason} if reason else {}
    record(
        History.Type.CHANGE_TREATED_BY, actor=actor, ticket=ticket, field="treated_by",
        old=old.username if old else None, new=owner.username if owner else None, **why,
    )  # fmt: skip
    notifications.notify(owner, Notification.Kind.ASSIGNED, ticket, actor=actor)


def drop_if_hidden(ticket: Ticket, *, actor: User) -> None:
    """A locked ticket became confidential: it is nobody's if its owner may not see it any more."""
    owner = ticket.treated_by
    if owner is None or owner.is_robot or ticket.protected or sight_of(owner).may_see_ticket(ticket):
        return
    hand_over(ticket, None, actor=actor, reason="confidential")


def take_on_opening(ticket: Ticket, *, actor: User) -> bool:
    """Somebody opens a ticket: it has been looked at, and is his if it is nobody's; whether it was just given to him.

    It is not, when it is protected, when he cannot work on its category, or when it was given back a moment ago.
    """
    if ticket.treated_by_id is not None and ticket.looked_at is not None:
        return False  # nothing can come of it: opening a ticket locks and writes nothing
    return _take(ticket, actor=actor)


@transaction.atomic
def _take(ticket: Ticket, *, actor: User) -> bool:
    profile = _profile(actor, ticket)
    if actor.is_robot or (profile is None and not actor.is_superuser):
        return False
    edit(ticket, actor=actor)
    if ticket.treated_by_id is not None or ticket.protected or profile in {None, Profile.Name.READ_ONLY}:
        return False
    given_back = History.filter(
        ticket=ticket, action_type=History.Type.CHANGE_TREATED_BY, new__isnull=True,
        date__gt=timezone.now() - LEFT_TO_NOBODY,
    )  # fmt: skip
    if given_back.exists():
        return False
    hand_over(ticket, actor, actor=actor)
    return True


def drop_on_answer(ticket: Ticket, *, actor: User) -> None:
    """An answer came to a locked ticket: it is nobody's again where the owner's role says so."""
    if _may_be_dropped(ticket, "unassignedOnAnswer"):
        hand_over(ticket, None, actor=actor, reason="an answer came")


def drop_on_alarms(ticket: Ticket, *, actor: User) -> None:
    """A locked ticket wakes up: the second time in a row it goes to others, where the owner's role says so."""
    if not _may_be_dropped(ticket, "unassignedOnMultipleAlarm"):
        return
    moves = History.filter(ticket=ticket, action_type=History.Type.CHANGE_STATUS).order_by("-date", "-pk")
    waiting, alarm = TicketStatus.WAITING_ANSWER, TicketStatus.ALARM
    if list(moves.values_list("new", flat=True)[:3]) == [waiting, alarm, waiting]:
        hand_over(ticket, None, actor=actor, reason="it woke up again and again")
        write(ticket, alarm=True)
        record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="alarm", old=False, new=True)


def may_work(user: User, ticket: Ticket) -> bool:
    """Whether somebody may work on a ticket: an active user whose profile in its category is more than reading."""
    if not user.is_active and not user.is_robot:
        return False
    return user.is_superuser or user.is_robot or _profile(user, ticket) not in {None, Profile.Name.READ_ONLY}


def _profile(user: User, ticket: Ticket) -> str | None:
    rows = AbusePermission.filter(user=user, category_id=ticket.category_id)
    return rows.values_list("profile__name", flat=True).first()


def _may_be_dropped(ticket: Ticket, authorization: str) -> bool:
    if ticket.treated_by_id is None or ticket.protected:
        return False
    says_so = {f"role__models_authorizations__ticket__{authorization}": True}
    return Operator.filter(user_id=ticket.treated_by_id, **says_so).exists()
