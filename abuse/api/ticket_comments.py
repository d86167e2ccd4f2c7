"""Remarks on tickets, and one's own stars."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers import annotations as remarks
from abuse.controllers.comment_texts import MAX_COMMENT
from abuse.controllers.editing import Refused
from abuse.models import TicketComment
from abuse.policies import Right

from . import examples
from .access import current_user, needs, require
from .answers import Message
from .bodies import MESSAGE, Body, not_found
from .filters import LongText
from .objects import FORBIDDEN, the_ticket, ticket_to_write
from .parties_schemas import CommentAnswer

blueprint = APIBlueprint("ticket_comments", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")


class CommentText(Body):
    comment: LongText = Field(min_length=1, max_length=MAX_COMMENT)


@blueprint.post("/comments")
@needs(Right.WRITE_TICKET)
@blueprint.input(CommentText, example={"comment": "The customer has called."})
@blueprint.output(CommentAnswer, example=examples.COMMENT)
@blueprint.doc(responses=FORBIDDEN)
def add_comment(ticket_id: int, json_data: CommentText) -> CommentAnswer:
    """Remark on a ticket

    Operators who are named in it as `@name`, and may see the ticket, are notified.
    """
    ticket = ticket_to_write(ticket_id)
    return CommentAnswer.of(remarks.add_comment(ticket, json_data.comment, actor=current_user()).comment)


@blueprint.put("/comments/<int:comment_id>")
@needs(Right.EDIT_COMMENT)
@blueprint.input(CommentText, example={"comment": "The customer has called twice."})
@blueprint.output(CommentAnswer, example=examples.COMMENT)
@blueprint.doc(responses={403: "Only its author may change a remark."})
def update_comment(ticket_id: int, comment_id: int, json_data: CommentText) -> CommentAnswer:
    """Change one's own remark"""
    row = _comment(ticket_id, comment_id)
    remarks.update_comment(row, json_data.comment, actor=current_user())
    row.refresh_from_db()
    return CommentAnswer.of(row.comment)


@blueprint.delete("/comments/<int:comment_id>")
@needs(Right.EDIT_COMMENT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={403: "Only its author may take back a remark."})
def delete_comment(ticket_id: int, comment_id: int) -> Message:
    """Take back one's own remark"""
    remarks.delete_comment(_comment(ticket_id, comment_id), actor=current_user())
    return Message(message="Comment deleted")


@blueprint.post("/star")
@needs(Right.SEE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "It is marked already.", **FORBIDDEN})
def star(ticket_id: int) -> Message:
    """Mark a ticket for oneself"""
    if not remarks.star(the_ticket(ticket_id), actor=current_user()):
        raise Refused(f"ticket {ticket_id} is starred already")
    return Message(message="Ticket starred")


@blueprint.delete("/star")
@needs(Right.SEE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses={409: "It is not marked.", **FORBIDDEN})
def unstar(ticket_id: int) -> Message:
    """Take one's own mark off a ticket"""
    if not remarks.unstar(the_ticket(ticket_id), actor=current_user()):
        raise Refused(f"ticket {ticket_id} is not starred")
    return Message(message="Star removed")


def _comment(ticket_id: int, comment_id: int) -> TicketComment:
    """A remark by the id of its text, among those on the ticket."""
    ticket = ticket_to_write(ticket_id)
    rows = TicketComment.filter(ticket=ticket, comment=comment_id).select_related("ticket", "comment__user")
    row = rows.first()
    if row is None:
        raise not_found("comment", comment_id)
    require(Right.EDIT_COMMENT, row.comment)
    return row
