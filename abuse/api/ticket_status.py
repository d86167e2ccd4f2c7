"""A ticket's status and its clocks."""

from __future__ import annotations

from apiflask import APIBlueprint, HTTPError
from pydantic import Field

from abuse.controllers import clocks, moves, resolutions
from abuse.controllers.editing import Refused
from abuse.models import Ticket, TicketStatus
from abuse.policies import Right, may_set_status

from . import examples
from .access import current_actor, current_user, needs
from .bodies import Body, Whole
from .filters import Text
from .objects import FORBIDDEN, ticket_to_write
from .ticket_details import changed
from .tickets_schemas import TicketDetail

blueprint = APIBlueprint("ticket_status", __name__, url_prefix="/api/tickets", tag="Tickets")

STATUSES = ("alarm", "closed", "paused", "reopened", "unpaused", "waitinganswer")
_CONFLICT = {409: "The ticket's present status does not allow it, or somebody has changed the ticket meanwhile."}


class StatusChange(Body):
    """What goes with a status: a duration in seconds for a pause or a wait, a resolution for closing."""

    pause_duration: Whole | None = Field(default=None, description="Seconds.")
    snooze_duration: Whole | None = Field(default=None, description="Seconds.")
    resolution: int | Text | None = Field(default=None, description="The id or the codename of the reason.")
    version: int | None = None


class SnoozeChange(Body):
    snooze_duration: Whole = Field(description="Seconds from now on; 0 wakes the ticket up.")


class PauseChange(Body):
    pause_duration: Whole = Field(description="Seconds from the beginning of the pause; 0 ends it.")


@blueprint.put("/<int:ticket_id>/status/<status>")
@needs(Right.WRITE_TICKET)
@blueprint.input(StatusChange, example={"pauseDuration": 86400})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(
    description=f"`status`: {', '.join(STATUSES)}. The others follow from what happens to a ticket.",
    responses={**FORBIDDEN, **_CONFLICT},
)
def set_status(ticket_id: int, status: str, json_data: StatusChange) -> TicketDetail:
    """Set a ticket's status"""
    ticket = ticket_to_write(ticket_id)
    decision = may_set_status(current_actor(), ticket, status)
    if status.lower() in STATUSES and not decision:
        raise HTTPError(decision.status, decision.reason)
    _set(ticket, status, json_data)
    return changed(ticket)


@blueprint.patch("/<int:ticket_id>/snoozeDuration")
@needs(Right.WRITE_TICKET)
@blueprint.input(SnoozeChange, example={"snoozeDuration": 172800})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses=FORBIDDEN)
def change_snooze(ticket_id: int, json_data: SnoozeChange) -> TicketDetail:
    """Change how long a ticket waits for an answer"""
    ticket = ticket_to_write(ticket_id)
    clocks.change_snooze(ticket, json_data.snooze_duration, actor=current_user())
    return changed(ticket)


@blueprint.patch("/<int:ticket_id>/pauseDuration")
@needs(Right.WRITE_TICKET)
@blueprint.input(PauseChange, example={"pauseDuration": 86400})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses=FORBIDDEN)
def change_pause(ticket_id: int, json_data: PauseChange) -> TicketDetail:
    """Change how long a ticket is paused"""
    ticket = ticket_to_write(ticket_id)
    clocks.change_pause(ticket, json_data.pause_duration, actor=current_user())
    return changed(ticket)


def _set(ticket: Ticket, status: str, wanted: StatusChange) -> None:
    actor, version = current_user(), wanted.version
    match status.lower():
        case "paused":
            clocks.pause(ticket, _needed("pauseDuration", wanted.pause_duration), actor=actor, expected_version=version)
        case "unpaused":
            clocks.unpause(ticket, actor=actor, expected_version=version)
        case "waitinganswer":
            seconds = _needed("snoozeDuration", wanted.snooze_duration)
            clocks.snooze(ticket, seconds, actor=actor, expected_version=version)
        case "reopened":
            moves.reopen(ticket, actor=actor, expected_version=version)
        case "closed":
            if wanted.resolution is None:
                raise Refused("resolution: missing; expected why the ticket is closed")
            reason = resolutions.known_resolution(wanted.resolution)
            moves.close_ticket(ticket, reason.codename, actor=actor, expected_version=version)
        case "alarm":
            moves.set_status(ticket, TicketStatus.ALARM, actor=actor, expected_version=version)
        case _:
            raise Refused(f"status: {status[:80]!r}; expected one of {', '.join(STATUSES)}")


def _needed(name: str, value: int | None) -> int:
    if value is None:
        raise Refused(f"{name}: missing")
    return value
