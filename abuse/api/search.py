"""Looking for tickets and reports with one and the same question."""

from __future__ import annotations

from apiflask import APIBlueprint
from django.db.models import QuerySet
from flask import Response
from pydantic import Field

from abuse.models import Report, Ticket
from abuse.policies import Right

from . import cursors, examples
from .access import current_user, needs
from .answers import IsExact, NextPage, PagedLists
from .counts import COUNT_SAYS, counted
from .filters import FilterError, Filters, FiltersParameter, Paginate, read_filters
from .held import HELD_SAYS
from .listing import ONLY_ROWS_AND_PAGES, Listing, describe
from .report_rows import BODY_SHOWN, report_rows
from .reports import REPORTS, reports_seen
from .reports_schemas import ReportRow
from .ticket_rows import ticket_rows
from .tickets import TICKETS, tickets_seen
from .tickets_schemas import TicketRow

blueprint = APIBlueprint("search", __name__, url_prefix="/api", tag="Search")


class Found(PagedLists):
    tickets: list[TicketRow]
    tickets_count: int = Field(description=COUNT_SAYS)
    tickets_count_is_exact: IsExact
    reports: list[ReportRow]
    reports_count: int = Field(description=COUNT_SAYS)
    reports_count_is_exact: IsExact
    tickets_next: NextPage
    reports_next: NextPage


@blueprint.get("/search")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(
    Found,
    example={
        "tickets": [examples.TICKET_ROW],
        "ticketsCount": 1,
        "reports": [examples.REPORT_ROW],
        "reportsCount": 1,
    },
)
@blueprint.doc(
    description=describe(
        "What may be asked of `/api/tickets` or `/api/reports`. A condition that only one of the two knows "
        "finds nothing of the other. Fields that cannot be sorted by are passed over; rows are always whole. "
        f"The text of a report is cut to {BODY_SHOWN} characters. {HELD_SAYS}",
        [TICKETS, REPORTS],
        passes_over=ONLY_ROWS_AND_PAGES,
    )
)
def search(query_data: FiltersParameter) -> Response:
    """Look for tickets and reports"""
    filters = read_filters(query_data.filters)
    _check_conditions(filters)
    reports = _reports(filters)  # first: in their tickets is what was found in them
    tickets = _tickets(filters)
    of_tickets, of_reports = _pages(filters)
    ticket_ids = TICKETS.ids(tickets, TICKETS.with_known_sorts(of_tickets))
    report_ids = REPORTS.ids(reports, REPORTS.with_known_sorts(of_reports))
    of_all_tickets, of_all_reports = counted(tickets, ticket_ids, of_tickets), counted(reports, report_ids, of_reports)
    return Found(
        tickets=ticket_rows(ticket_ids, user=current_user().pk),
        tickets_count=of_all_tickets.number,
        tickets_count_is_exact=None if of_all_tickets.is_exact else False,
        reports=report_rows(report_ids, BODY_SHOWN),
        reports_count=of_all_reports.number,
        reports_count_is_exact=None if of_all_reports.is_exact else False,
        tickets_next=ticket_ids.next,
        reports_next=report_ids.next,
    ).response()


def _pages(filters: Filters) -> tuple[Filters, Filters]:
    """The pages of tickets and of reports: a cursor is of one of them, and of the other there are no rows then."""
    cursor = filters.paginate.cursor
    if cursor is None:
        return filters, filters
    none = filters.model_copy(update={"paginate": Paginate(resultsPerPage=0)})
    return (filters, none) if cursors.is_of(cursor, Ticket) else (none, filters)


def _tickets(filters: Filters) -> QuerySet[Ticket]:
    if not _knows_all(TICKETS, filters):
        TICKETS.chosen(Ticket.objects.none(), TICKETS.with_known_conditions(filters))  # names what makes no sense
        return Ticket.objects.none()
    return tickets_seen(filters)


def _reports(filters: Filters) -> QuerySet[Report]:
    if not _knows_all(REPORTS, filters):
        REPORTS.chosen(Report.objects.none(), REPORTS.with_known_conditions(filters))
        return Report.objects.none()
    return reports_seen(filters)


def _conditions(filters: Filters) -> set[str]:
    return {name for clause in (*filters.where.in_, *filters.where.like) for name in clause}


def _knows_all(listing: Listing[Ticket] | Listing[Report], filters: Filters) -> bool:
    return _conditions(filters) <= set(listing.conditions)


def _check_conditions(filters: Filters) -> None:
    known = set(TICKETS.conditions) | set(REPORTS.conditions)
    for name in sorted(_conditions(filters) - known):
        raise FilterError("filters.where", name, "one of " + ", ".join(sorted(known)))
