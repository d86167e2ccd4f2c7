"""Within a ticket or report that one may write: which fields, statuses, moves and measures."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from abuse.models import AbusePermission, Report, ServiceAction, Ticket

from .actors import Actor
from .decisions import ALLOWED, Decision, forbidden
from .rights import Right
from .rulings import may

NOT_FOR_BEGINNERS = frozenset({"escalated", "moderation"})
TICKET_FIELDS = frozenset(
    {
        "alarm", "category", "confidential", "defendant", "escalated", "level", "moderation", "pauseDuration",
        "pauseStart", "priority", "protected", "treatedBy", "update",
    }
)  # fmt: skip
REPORT_FIELDS = frozenset({"category", "defendant", "status", "ticket"})
"""The fields that there are to be changed, by their names in the JSON; a role lists some of them."""


def changeable_fields(actor: Actor, about: Ticket | Report) -> frozenset[str]:
    """The fields of a ticket or report that somebody may change: none when he may not write it."""
    is_ticket = isinstance(about, Ticket)
    if not may(actor, Right.WRITE_TICKET if is_ticket else Right.WRITE_REPORT, about):
        return frozenset()
    every = TICKET_FIELDS if is_ticket else REPORT_FIELDS
    if actor.is_superuser or actor.is_robot:
        return every
    if actor.role is None:
        return frozenset()
    fields = every & actor.role.listed("ticket" if is_ticket else "report", "fields")
    return fields - NOT_FOR_BEGINNERS if is_ticket and not may(actor, Right.ESCALATE, about) else fields


def kept_fields(actor: Actor, about: Ticket | Report, wanted: Collection[str]) -> tuple[frozenset[str], Decision]:
    """Of the fields that somebody wants to change those that he may, and the refusal when none is left."""
    is_ticket = isinstance(about, Ticket)
    writes = may(actor, Right.WRITE_TICKET if is_ticket else Right.WRITE_REPORT, about)
    if not writes:
        return frozenset(), writes
    kept = changeable_fields(actor, about) & frozenset(wanted)
    if wanted and not kept:
        named = ", ".join(sorted(wanted)[:20])
        return kept, forbidden(f"Your role does not let you change {named} of a {'ticket' if is_ticket else 'report'}")
    return kept, ALLOWED


def may_set_status(actor: Actor, ticket: Ticket, status: str) -> Decision:
    """Whether somebody may bring a ticket into a status; `status` as the role lists it: lower case, also `unpaused`."""
    return _listed(actor, ticket, "status", status.lower(), "set a ticket to")


def may_interact(actor: Actor, ticket: Ticket, codename: str) -> Decision:
    """Whether somebody may make one of the moves of the interact dialog, such as `close_with_resolution`."""
    return _listed(actor, ticket, "interact", codename, "do")


def may_order(actor: Actor, ticket: Ticket, action: ServiceAction) -> Decision:
    """Whether somebody may order a measure on the service: those of his profile in the ticket's category."""
    writes = may(actor, Right.WRITE_TICKET, ticket)
    if not writes:
        return writes
    if orderable_actions(actor, ticket.category_id).filter(pk=action.pk).exists():
        return ALLOWED
    return forbidden(f"Your profile in {ticket.category_id} does not allow {action}")


def orderable_actions(actor: Actor, category: str) -> QuerySet[ServiceAction]:
    """The measures that somebody may order in a category: those linked to his profile there."""
    if actor.rank_in(category) < 0:
        return ServiceAction.objects.none()
    if actor.is_superuser:
        return ServiceAction.all()
    own = AbusePermission.filter(user=actor.user, category=category).values("profile")
    return ServiceAction.filter(profiles__in=own).distinct()


def _listed(actor: Actor, ticket: Ticket, section: str, name: str, verb: str) -> Decision:
    writes = may(actor, Right.WRITE_TICKET, ticket)
    if not writes:
        return writes
    if actor.is_superuser or actor.is_robot or (actor.role and name in actor.role.listed("ticket", section)):
        return ALLOWED
    return forbidden(f"Your role does not let you {verb} {name}")
