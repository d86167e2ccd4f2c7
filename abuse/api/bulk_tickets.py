"""The same change to many tickets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from pydantic import Field
from pydantic.alias_generators import to_camel

from abuse.controllers import bulk, clocks, moves, resolutions, ticket_edits, tickets
from abuse.controllers.editing import NotAllowed, Refused
from abuse.controllers.ticket_edits import TicketEdit
from abuse.models import Tag, Ticket, TicketStatus
from abuse.policies import Right, kept_fields, may, may_set_status

from .access import current_actor, current_user, needs
from .bodies import Body, Id, Whole
from .bulk_answers import BULK_EXAMPLE, BulkAnswer, bulk_answer
from .filters import Text
from .recording import name_objects
from .tags_in import TagReference, tag_meant

blueprint = APIBlueprint("bulk_tickets", __name__, url_prefix="/api/tickets", tag="Tickets")

_STATUSES = ("alarm", "closed", "paused", "reopened", "unpaused")


class BulkProperties(Body):
    """What all tickets are to be. A pause needs `pauseDuration`, closing a `resolution`."""

    category: Text | None = None
    status: Text | None = Field(default=None, description=f"{', '.join(_STATUSES)}, in any case.")
    priority: Text | None = None
    treated_by: Text | None = Field(default=None, description="A user's name; null: nobody.")
    alarm: bool | None = None
    confidential: bool | None = None
    escalated: bool | None = None
    moderation: bool | None = None
    protected: bool | None = None
    pause_duration: Whole | None = Field(default=None, description="Seconds.")
    resolution: int | Text | None = None
    tags: list[TagReference] = Field(default=[], max_length=50)


class BulkChange(Body):
    tickets: list[Id] = Field(min_length=1, max_length=bulk.MAX_TICKETS)
    properties: BulkProperties


class TagRemoval(Body):
    tags: list[TagReference] = Field(min_length=1, max_length=50)


class BulkRemoval(Body):
    tickets: list[Id] = Field(min_length=1, max_length=bulk.MAX_TICKETS)
    properties: TagRemoval


@blueprint.put("/bulk")
@needs(Right.WORK)
@blueprint.input(BulkChange, example={"tickets": [42], "properties": {"status": "Paused", "pauseDuration": 86400}})
@blueprint.output(BulkAnswer, example=BULK_EXAMPLE)
@blueprint.doc(responses={409: "None of the tickets could be changed."})
def change_bulk(json_data: BulkChange) -> BulkAnswer:
    """Change many tickets

    Each is changed or refused by itself. One that is nobody's becomes the caller's.
    """
    name_objects("ticket", json_data.tickets)
    wanted = json_data.properties
    edit = TicketEdit(_values(wanted))
    tags = [tag_meant(reference, Tag.Type.TICKET) for reference in wanted.tags]
    set_status = _status_change(wanted)

    def change(ticket: Ticket) -> None:
        _check(ticket)
        if set_status is not None:
            set_status(ticket)
        _edit(ticket, edit)
        for tag in tags:
            tickets.add_tag(ticket, tag.codename, actor=current_user())

    name_objects("tickets", json_data.tickets)
    return bulk_answer(bulk.change_many(json_data.tickets, change, actor=current_user()))


@blueprint.delete("/bulk")
@needs(Right.WORK)
@blueprint.input(BulkRemoval, example={"tickets": [42], "properties": {"tags": [{"id": 7}]}})
@blueprint.output(BulkAnswer, example=BULK_EXAMPLE)
@blueprint.doc(responses={409: "None of the tickets could be changed."})
def remove_bulk(json_data: BulkRemoval) -> BulkAnswer:
    """Take tags off many tickets"""
    name_objects("ticket", json_data.tickets)
    tags = [tag_meant(reference, Tag.Type.TICKET) for reference in json_data.properties.tags]

    def change(ticket: Ticket) -> None:
        _check(ticket)
        for tag in tags:
            tickets.remove_tag(ticket, tag.codename, actor=current_user())

    name_objects("tickets", json_data.tickets)
    return bulk_answer(bulk.change_many(json_data.tickets, change, actor=current_user()))


def _check(ticket: Ticket) -> None:
    decision = may(current_actor(), Right.WRITE_TICKET, ticket)
    if not decision:
        raise NotAllowed(decision.reason)


def _edit(ticket: Ticket, edit: TicketEdit) -> None:
    different = {to_camel(name): name for name in edit.differences(ticket)}
    kept, decision = kept_fields(current_actor(), ticket, different)
    if not decision:
        raise NotAllowed(decision.reason)
    values = {different[name]: edit.values[different[name]] for name in kept}
    if values:
        ticket_edits.change(ticket, TicketEdit(values), actor=current_user())


def _values(wanted: BulkProperties) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in wanted.given().items():
        if name == "treated_by":
            values[name] = None if value is None else ticket_edits.known_user(value)
        elif value is None or name in {"status", "pause_duration", "resolution", "tags"}:
            continue
        elif name == "category":
            values[name] = ticket_edits.known_category(value)
        elif name == "priority":
            values[name] = ticket_edits.known_priority(value)
        else:
            values[name] = value
    return values


def _status_change(wanted: BulkProperties) -> Callable[[Ticket], None] | None:
    """What brings a ticket into the status; what is missing for that is an error before any ticket is touched."""
    if wanted.status is None:
        return None
    status, actor = wanted.status.lower(), current_user()
    seconds, reason = 0, ""
    if status not in _STATUSES:
        raise Refused(f"status: {wanted.status[:80]!r}; expected one of {', '.join(_STATUSES)}")
    if status == "paused":
        seconds = clocks.checked_seconds("pauseDuration", wanted.pause_duration, clocks.MAX_PAUSE)
    if status == "closed":
        if wanted.resolution is None:
            raise Refused("resolution: missing; expected why the tickets are closed")
        reason = resolutions.known_resolution(wanted.resolution).codename

    def change(ticket: Ticket) -> None:
        decision = may_set_status(current_actor(), ticket, status)
        if not decision:
            raise NotAllowed(decision.reason)
        match status:
            case "paused":
                clocks.pause(ticket, seconds, actor=actor)
            case "unpaused" if wanted.alarm and ticket.status != TicketStatus.PAUSED:
                pass  # "whatever it waits for, look at it": the flag alone, where nothing is paused
            case "unpaused":
                clocks.unpause(ticket, actor=actor)
            case "reopened":
                moves.reopen(ticket, actor=actor)
            case "alarm":
                moves.set_status(ticket, TicketStatus.ALARM, actor=actor)
            case "closed":
                moves.close_ticket(ticket, reason, actor=actor)

    return change
