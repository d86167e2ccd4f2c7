"""Measures on the service of a ticket: those that can be taken, those that were ordered."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import RootModel

from abuse import policies
from abuse.controllers import actions
from abuse.models.questions import jobs_of_ticket
from abuse.policies import Right
from abuse.services.action import ActionService
from abuse.services.facade import facade

from .access import current_actor, current_user, needs
from .answers import Message
from .bodies import MESSAGE
from .objects import FORBIDDEN, child, the_ticket, ticket_to_write
from .ticket_details import MAX_JOBS
from .tickets_schemas import ActionAnswer, JobAnswer

blueprint = APIBlueprint("ticket_jobs", __name__, url_prefix="/api/tickets/<int:ticket_id>", tag="Tickets")

_ACTION = {"id": 2, "name": "suspend", "module": "VPS", "level": "2"}
_JOB = {
    "id": 8,
    "ip": "192.0.2.42",
    "action": _ACTION,
    "creationDate": 1767225606,
    "executionDate": None,
    "status": "pending",
    "answer": None,
    "comment": None,
}


class ActionAnswers(RootModel[list[ActionAnswer]]):
    """Measures that can be taken."""


class JobAnswers(RootModel[list[JobAnswer]]):
    """Measures that were ordered."""


@blueprint.get("/actions/list")
@needs(Right.SEE_TICKET)
@blueprint.output(ActionAnswers, example=[_ACTION])
@blueprint.doc(responses=FORBIDDEN)
def list_actions(ticket_id: int) -> ActionAnswers:
    """List the measures that the caller may take for a ticket"""
    ticket = the_ticket(ticket_id)
    if not facade("ActionServiceBase").is_implemented():
        return ActionAnswers([])
    offered = ActionService.list_actions_for_ticket(ticket)
    allowed = set(policies.orderable_actions(current_actor(), ticket.category_id).values_list("pk", flat=True))
    return ActionAnswers([ActionAnswer.of(action) for action in offered if action.pk in allowed])


@blueprint.get("/jobs")
@needs(Right.SEE_TICKET)
@blueprint.output(JobAnswers, example=[_JOB])
@blueprint.doc(responses=FORBIDDEN)
def list_jobs(ticket_id: int) -> JobAnswers:
    """List the measures that were ordered for a ticket"""
    return JobAnswers([JobAnswer.of(job) for job in jobs_of_ticket(the_ticket(ticket_id))[:MAX_JOBS]])


@blueprint.delete("/jobs/<int:job_id>")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def cancel_job(ticket_id: int, job_id: int) -> Message:
    """Take back a measure that waits"""
    ticket = ticket_to_write(ticket_id)
    actions.cancel_job(ticket, child(jobs_of_ticket(ticket), "job", job_id), actor=current_user())
    return Message(message="Job cancelled")
