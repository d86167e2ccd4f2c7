"""The lists in which operators work: what is to be done next, and what is one's own."""

from __future__ import annotations

from apiflask import APIBlueprint
from django.db.models import QuerySet
from flask import Response
from pydantic import Field

from abuse.controllers import todo
from abuse.models import Ticket
from abuse.models.questions import live_tickets
from abuse.policies import Right

from . import examples, pages
from .access import current_sight, current_user, needs
from .answers import Paged, rows_answer
from .filters import FiltersParameter, read_filters
from .listing import ONLY_ROWS_AND_PAGES
from .ticket_rows import ticket_rows
from .tickets import TICKETS
from .tickets_schemas import TicketRow, TicketRows

blueprint = APIBlueprint("ticket_lists", __name__, url_prefix="/api", tag="Tickets")


class TodoAnswer(Paged):
    tickets: list[TicketRow]
    tickets_count: int = Field(description="How many there are on all pages.")


@blueprint.get("/tickets/todo")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(TodoAnswer, example={"tickets": [examples.TICKET_ROW], "ticketsCount": 1})
@blueprint.doc(
    description=TICKETS.description(
        "In the order of the caller's role; `sortBy` changes nothing. `onlyUnassigned`: those that are nobody's.",
        passes_over=ONLY_ROWS_AND_PAGES,
    )
)
def list_todo(query_data: FiltersParameter) -> TodoAnswer:
    """List the tickets that the caller could work on next"""
    filters = read_filters(query_data.filters)
    rows = todo_of_caller(TICKETS.chosen(Ticket.all(), filters, whole=True), only_unassigned=filters.only_unassigned)
    page = pages.ids(rows, rows.query.order_by, filters.paginate, str(filters.only_unassigned))
    return TodoAnswer(tickets=ticket_rows(page, user=current_user().pk), tickets_count=rows.count(), next=page.next)


@blueprint.get("/my-tickets")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(TicketRows, example=[examples.TICKET_ROW])
@blueprint.doc(
    description=TICKETS.description("Without conditions, closed tickets are left out.", passes_over=("sortBy",))
)
def list_my_tickets(query_data: FiltersParameter) -> Response:
    """List one's own tickets"""
    filters = TICKETS.with_known_sorts(read_filters(query_data.filters))
    own = TICKETS.chosen(current_sight().tickets().filter(treated_by=current_user()), filters)
    if filters.where.is_empty:
        own = live_tickets(own)
    page = TICKETS.ids(own, filters)
    return rows_answer(ticket_rows(page, user=current_user().pk), TICKETS.selected(filters))


def todo_of_caller(tickets: QuerySet[Ticket], *, only_unassigned: bool = False) -> QuerySet[Ticket]:
    """Those of some tickets that the caller could work on next, in the order of his role."""
    user, sight = current_user(), current_sight()
    algorithm = todo.algorithm_of(user) or (todo.GLOBAL if user.is_superuser else None)
    profiles = None if sight.sees_all else sight.profiles
    return todo.todo(user, algorithm, tickets, only_unassigned=only_unassigned, profiles=profiles)
