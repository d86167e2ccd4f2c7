"""The files that came with a ticket's reports and conversation."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from abuse.models.questions import files_of_ticket
from abuse.policies import Right

from .access import needs
from .objects import FORBIDDEN, child, the_ticket
from .stored_files import (
    FILE_CONTENT,
    FILE_EXAMPLE,
    MAX_FILES,
    FileAnswers,
    HowToGet,
    file_answers,
    file_content,
)

blueprint = APIBlueprint("ticket_files", __name__, url_prefix="/api/tickets/<int:ticket_id>/attachments", tag="Tickets")


@blueprint.get("")
@needs(Right.SEE_TICKET)
@blueprint.output(FileAnswers, example=[FILE_EXAMPLE])
@blueprint.doc(responses=FORBIDDEN)
def list_ticket_files(ticket_id: int) -> FileAnswers:
    """List the files of a ticket and its reports"""
    return file_answers(files_of_ticket(the_ticket(ticket_id))[:MAX_FILES])


@blueprint.get("/<int:file_id>")
@needs(Right.SEE_EVIDENCE)
@blueprint.input(HowToGet, location="query")
@blueprint.doc(responses=FILE_CONTENT)
def get_ticket_file(ticket_id: int, file_id: int, query_data: HowToGet) -> Response:
    """Get a file of a ticket or one of its reports"""
    files = files_of_ticket(the_ticket(ticket_id, Right.SEE_EVIDENCE))
    return file_content(child(files, "attachment", file_id), query_data)
