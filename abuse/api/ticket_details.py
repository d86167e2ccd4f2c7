"""One ticket with all that belongs to it, as opening and changing it answer."""

from __future__ import annotations

from abuse.models import Ticket
from abuse.models.questions import (
    comments_on_ticket,
    decisions_on_ticket,
    history_of_ticket,
    jobs_of_ticket,
    tags_on_ticket,
    with_ticket_counts,
    with_ticket_relations,
)

from .access import current_user
from .tickets_schemas import TicketDetail

MAX_HISTORY = 1000
MAX_COMMENTS = 1000
MAX_JOBS = 1000
MAX_DECISIONS = 200


def detail_of(ticket: Ticket, *, just_assigned: bool = False) -> TicketDetail:
    """The answer for a ticket that was read in full."""
    return TicketDetail.of(
        ticket,
        tags=list(tags_on_ticket(ticket)),
        comments=list(comments_on_ticket(ticket)[:MAX_COMMENTS]),
        jobs=list(jobs_of_ticket(ticket)[:MAX_JOBS]),
        history=list(history_of_ticket(ticket)[:MAX_HISTORY]),
        decisions=list(decisions_on_ticket(ticket)[:MAX_DECISIONS]),
        just_assigned=just_assigned,
    )


def changed(ticket: Ticket) -> TicketDetail:
    """The answer for a ticket that the caller has just changed, also when that took it out of his sight."""
    return detail_of(with_ticket_relations(with_ticket_counts(Ticket.filter(pk=ticket.pk), user=current_user())).get())
