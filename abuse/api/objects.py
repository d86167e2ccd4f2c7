"""Tickets and reports of a request, as far as the caller may see or change them.

What belongs to a ticket or report is reached through it alone: `child` looks only among those of its parent.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from abuse.controllers.editing import NotAllowed
from abuse.models import Report, Ticket
from abuse.models.questions import with_report_relations, with_ticket_counts, with_ticket_relations
from abuse.policies import Right

from .access import current_sight, current_user, require
from .bodies import not_found

Row = TypeVar("Row", bound=Model)
FORBIDDEN: dict[int, str] = {
    403: "The caller has no profile in the category, or not one for that.",
    404: "There is no such thing here, or the ticket is confidential and not for the caller.",
}
"""For the OpenAPI document."""


def the_ticket(ticket_id: int, right: Right = Right.SEE_TICKET) -> Ticket:
    """A ticket that the caller has a right on, with its relations and counts; else an error for him."""
    counted = with_ticket_relations(with_ticket_counts(Ticket.filter(pk=ticket_id), user=current_user()))
    ticket = counted.first()
    if ticket is None:
        raise not_found("ticket", ticket_id)
    require(right, ticket)
    return ticket


def ticket_to_write(ticket_id: int) -> Ticket:
    """A ticket that the caller may change, or an error for him."""
    return the_ticket(ticket_id, Right.WRITE_TICKET)


def the_report(report_id: int, right: Right = Right.SEE_REPORT) -> Report:
    """A report that the caller has a right on, with its relations; else an error for him."""
    report = with_report_relations(Report.filter(pk=report_id)).first()
    if report is None:
        raise not_found("report", report_id)
    require(right, report)
    return report


def report_to_write(report_id: int) -> Report:
    """A report that the caller may change, or an error for him."""
    return the_report(report_id, Right.WRITE_REPORT)


def refuse_hidden_ticket(ticket: Ticket | None) -> None:
    """Refuse a change, within its transaction, that put a report into a ticket which the caller may not see.

    :raises NotAllowed: which takes the change back.
    """
    if ticket is not None and not current_sight().may_see_ticket(ticket):
        raise NotAllowed(
            "An open ticket that is not for you takes the report: ask an expert of its category to attach it"
        )


def child(rows: QuerySet[Row], what: str, identifier: Any) -> Row:
    """One of the rows that belong to a parent, by its key."""
    row = rows.filter(pk=identifier).first()
    if row is None:
        raise not_found(what, identifier)
    return row
