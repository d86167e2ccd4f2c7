"""Tags on tickets."""

from __future__ import annotations

from apiflask import APIBlueprint

from abuse.controllers import tickets
from abuse.models import Tag
from abuse.policies import Right

from .access import current_user, needs
from .answers import Message
from .bodies import MESSAGE
from .objects import FORBIDDEN, child, ticket_to_write
from .tags_in import TAG_EXAMPLE, TagReference, tag_meant

blueprint = APIBlueprint("ticket_tags", __name__, url_prefix="/api/tickets/<int:ticket_id>/tags", tag="Tickets")


@blueprint.post("")
@needs(Right.WRITE_TICKET)
@blueprint.input(TagReference, example=TAG_EXAMPLE)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def add_tag(ticket_id: int, json_data: TagReference) -> Message:
    """Put a tag on a ticket"""
    ticket = ticket_to_write(ticket_id)
    tickets.add_tag(ticket, tag_meant(json_data, Tag.Type.TICKET).codename, actor=current_user())
    return Message(message="Tag added")


@blueprint.delete("/<int:tag_id>")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def remove_tag(ticket_id: int, tag_id: int) -> Message:
    """Take a tag off a ticket"""
    ticket = ticket_to_write(ticket_id)
    tickets.remove_tag(ticket, child(ticket.tags.all(), "tag on the ticket", tag_id).codename, actor=current_user())
    return Message(message="Tag removed")
