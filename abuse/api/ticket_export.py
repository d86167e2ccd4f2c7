"""A ticket's conversation in one file."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from abuse.controllers.thread_export import Form, export_thread
from abuse.policies import Right

from .access import needs
from .objects import FORBIDDEN, the_ticket
from .stored_files import OCTETS, as_download, safe_name

blueprint = APIBlueprint("ticket_export", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")


_ANSWERS: dict[int, Any] = {
    **FORBIDDEN,
    200: {"description": "The file.", "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
    409: "The ticket has no mails.",
}


class HowToExport(BaseModel):
    """Which kind of file."""

    form: Form = Field(default=Form.EML, description="eml for a mail client, with the files; pdf or html to read.")


@blueprint.get("/emails/export")
@needs(Right.SEE_EVIDENCE)
@blueprint.input(HowToExport, location="query")
@blueprint.doc(responses=_ANSWERS)
def export_emails(ticket_id: int, query_data: HowToExport) -> Response:
    """Export the conversation of a ticket

    Always as a download: what strangers wrote is opened by no browser on the desk's own address.
    """
    thread = export_thread(the_ticket(ticket_id, Right.SEE_EVIDENCE), query_data.form)
    return as_download(thread.content, safe_name(thread.filename))
