"""Changing a ticket, and making one from a report."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, HTTPError
from django.db import transaction
from pydantic import Field
from pydantic.alias_generators import to_camel

from abuse.controllers import ticket_edits, validation
from abuse.controllers.ticket_edits import TicketEdit
from abuse.models import Ticket
from abuse.policies import Right, kept_fields

from . import examples
from .access import current_actor, current_user, needs
from .bodies import Body, Id, allow_large_body
from .filters import Text
from .objects import FORBIDDEN, refuse_hidden_ticket, report_to_write, ticket_to_write
from .ticket_details import changed
from .tickets_schemas import TicketDetail

blueprint = APIBlueprint("ticket_edits", __name__, url_prefix="/api/tickets", tag="Tickets")
blueprint.before_request(allow_large_body)


class CustomerReference(Body):
    """A customer, by the CRM's id of him."""

    customer_id: Text = Field(max_length=255)


class TicketChange(Body):
    """A ticket as it is to be: the fields that are sent. Those that say what is so already change nothing."""

    category: Text | None = Field(default=None, max_length=32)
    priority: Text | None = Field(default=None, max_length=32)
    treated_by: Text | None = Field(default=None, max_length=150, description="A user's name; null: nobody.")
    defendant: CustomerReference | Text | None = Field(default=None, description="Null: none, the service goes too.")
    alarm: bool | None = None
    confidential: bool | None = None
    escalated: bool | None = None
    moderation: bool | None = None
    protected: bool | None = None
    update: bool | None = None
    version: int | None = Field(default=None, description="Of the ticket as it was read: a stale one is refused.")


@blueprint.put("/<int:ticket_id>")
@needs(Right.WRITE_TICKET)
@blueprint.input(TicketChange, example={"priority": "High", "treatedBy": "alice", "version": 3})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses={**FORBIDDEN, 409: "Somebody has changed the ticket since the version sent was read."})
def update_ticket(ticket_id: int, json_data: TicketChange) -> TicketDetail:
    """Change a ticket

    The whole ticket may be sent back: fields that cannot be changed here are passed over.
    """
    return _update(ticket_to_write(ticket_id), json_data)


@blueprint.put("/<int:ticket_id>/defendant")
@needs(Right.WRITE_TICKET)
@blueprint.input(TicketChange, example={"defendant": {"customerId": "C-1042"}})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses={**FORBIDDEN, 409: "Somebody has changed the ticket since the version sent was read."})
def update_ticket_defendant(ticket_id: int, json_data: TicketChange) -> TicketDetail:
    """Say whose ticket it is; null: nobody's"""
    return _update(ticket_to_write(ticket_id), json_data)


class ReportReference(Body):
    """A report; all else in it is passed over."""

    id: Id


@blueprint.post("")
@needs(Right.WRITE_REPORT)
@blueprint.input(ReportReference, example={"id": 99})
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses=FORBIDDEN)
def create_ticket(json_data: ReportReference) -> TicketDetail:
    """Make a ticket from a report

    When there is an open one about the same customer, service and category, the report joins that.
    """
    report = report_to_write(json_data.id)
    with transaction.atomic():
        ticket = validation.attach(report, None, actor=current_user())
        refuse_hidden_ticket(ticket)
    return changed(ticket)


def _update(ticket: Ticket, wanted: TicketChange) -> TicketDetail:
    edit = TicketEdit(_values(wanted))
    # What says the same is no change: only what differs has to be among what the role may change.
    different = {to_camel(name): name for name in edit.differences(ticket)}
    kept, decision = kept_fields(current_actor(), ticket, different)
    if not decision:
        raise HTTPError(decision.status, decision.reason)
    allowed = TicketEdit({different[name]: edit.values[different[name]] for name in kept})
    ticket_edits.change(ticket, allowed, actor=current_user(), expected_version=wanted.version)
    return changed(ticket)


def _values(wanted: TicketChange) -> dict[str, Any]:
    """What is to be written, by column: rows instead of names."""
    values: dict[str, Any] = {}
    for name, value in wanted.given().items():
        match name, value:
            case "version", _:
                continue
            case "treated_by" | "defendant", None | "":
                values[name] = None
            case _, None:
                continue
            case "treated_by", _:
                values[name] = ticket_edits.known_user(value)
            case "defendant", CustomerReference():
                values[name] = ticket_edits.known_defendant(value.customer_id)
            case "defendant", _:
                values[name] = ticket_edits.known_defendant(value)
            case "category", _:
                values[name] = ticket_edits.known_category(value)
            case "priority", _:
                values[name] = ticket_edits.known_priority(value)
            case _:
                values[name] = value
    return values
