"""Looking for tickets and reports with one and the same question."""

from __future__ import annotations

from apiflask import APIBlueprint
from django.db.models import QuerySet
from pydantic import Field

from abuse.models import Report, Ticket
from abuse.models.questions import (
    live_reports,
    live_tickets,
    with_body_start,
    with_report_relations,
    with_ticket_counts,
    with_ticket_relations,
)
from abuse.policies import Right

from . import cursors, examples
from .access import current_sight, current_user, needs
from .answers import NextPage, PagedLists
from .filters import FilterError, Filters, FiltersParameter, Paginate, read_filters
from .listing import ONLY_ROWS_AND_PAGES, Listing, describe
from .reports import REPORTS
from .reports_schemas import ReportRow
from .tickets import TICKETS
from .tickets_schemas import TicketRow

blueprint = APIBlueprint("search", __name__, url_prefix="/api", tag="Search")

BODY_SHOWN = 300
"""Characters of a report's text in a row."""


class Found(PagedLists):
    tickets: list[TicketRow]
    tickets_count: int = Field(description="How many there are on all pages.")
    reports: list[ReportRow]
    reports_count: int = Field(description="How many there are on all pages.")
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
        f"The text of a report is cut to {BODY_SHOWN} characters.",
        [TICKETS, REPORTS],
        passes_over=ONLY_ROWS_AND_PAGES,
    )
)
def search(query_data: FiltersParameter) -> Found:
    """Look for tickets and reports"""
    filters = read_filters(query_data.filters)
    _check_conditions(filters)
    tickets = _tickets(filters)
    reports = _reports(filters)
    of_tickets, of_reports = _pages(filters)
    ticket_page = with_ticket_relations(with_ticket_counts(tickets, user=current_user()))
    report_page = with_report_relations(with_body_start(reports, BODY_SHOWN))
    ticket_rows = TICKETS.page(ticket_page, TICKETS.with_known_sorts(of_tickets))
    report_rows = REPORTS.page(report_page, REPORTS.with_known_sorts(of_reports))
    return Found(
        tickets=[TicketRow.of(ticket) for ticket in ticket_rows],
        tickets_count=tickets.count(),
        reports=[ReportRow.of(report, BODY_SHOWN) for report in report_rows],
        reports_count=reports.count(),
        tickets_next=ticket_rows.next,
        reports_next=report_rows.next,
    )


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
    rows = TICKETS.chosen(current_sight().tickets(), filters)
    return live_tickets(rows) if filters.where.is_empty else rows


def _reports(filters: Filters) -> QuerySet[Report]:
    if not _knows_all(REPORTS, filters):
        REPORTS.chosen(Report.objects.none(), REPORTS.with_known_conditions(filters))
        return Report.objects.none()
    rows = REPORTS.chosen(current_sight().reports(), filters)
    return live_reports(rows) if filters.where.is_empty else rows


def _conditions(filters: Filters) -> set[str]:
    return {name for clause in (*filters.where.in_, *filters.where.like) for name in clause}


def _knows_all(listing: Listing[Ticket] | Listing[Report], filters: Filters) -> bool:
    return _conditions(filters) <= set(listing.conditions)


def _check_conditions(filters: Filters) -> None:
    known = set(TICKETS.conditions) | set(REPORTS.conditions)
    for name in sorted(_conditions(filters) - known):
        raise FilterError("filters.where", name, "one of " + ", ".join(sorted(known)))
