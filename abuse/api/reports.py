"""Reports: the list and one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from apiflask import APIBlueprint
from django.db.models import QuerySet
from flask import Response

from abuse.models import Report, Ticket
from abuse.models.questions import decisions_on_report, live_reports
from abuse.policies import Right
from abuse.rules.explain import explain_report

from . import examples
from .access import current_sight, needs, sees_something
from .answers import Explanation, rows_answer
from .conditions import Condition, Kind
from .etags import stop_if_known
from .filters import Filters, FiltersParameter, read_filters
from .held import HELD_SAYS, IN_BODY, IN_ITEMS, IN_SUBJECT, customers_by, reports_with
from .listing import Listing
from .objects import the_report
from .report_rows import report_rows
from .reports_schemas import ReportDetail, ReportRow, ReportRows

blueprint = APIBlueprint("reports", __name__, url_prefix="/api/reports", tag="Reports")

MAX_DECISIONS = 200

_CUSTOMER_ID = Condition(
    "defendant__customer_id", looked_up=True, finder=customers_by("customer_id"), found="defendant__pk"
)
_CUSTOMER_EMAIL = Condition("defendant__details__email", finder=customers_by("details__email"), found="defendant__pk")
_RAW_ITEM = Condition("items__raw_item", to_many=True, finder=IN_ITEMS.reports)

REPORTS: Listing[Report] = Listing(
    fields=frozenset(ReportRow.json_names()),
    always=frozenset({"id"}),
    sorts={
        "id": "pk",
        "category": "category",
        "status": "status",
        "provider": "provider",
        "receivedDate": "received_date",
        "creationDate": "created_at",
        "subject": "subject",
        "ticket": "ticket_id",
    },
    default_sort=("-received_date", "-pk"),
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "ticket": [Condition("ticket_id", Kind.ID, nullable=True, of_ticket="ticket_id")],
        "category": [Condition("category__name")],
        "status": [Condition("status")],
        "priority": [Condition("ticket__priority", nullable=True, of_ticket="ticket_id")],
        "service": [Condition("service__name", nullable=True), Condition("service", Kind.ID, nullable=True)],
        "defendant": [_CUSTOMER_ID, _CUSTOMER_EMAIL],
        "defendantCustomerId": [_CUSTOMER_ID._replace(nullable=True)],
        "defendantEmail": [_CUSTOMER_EMAIL],
        "defendantCountry": [Condition("defendant__details__country")],
        "defendantTag": [Condition("defendant__tags__name", to_many=True)],
        "reportTag": [Condition("tags__name", to_many=True, looked_up=True)],
        "provider": [Condition("provider__email", looked_up=True)],
        "providerEmail": [Condition("provider__email", looked_up=True)],
        "providerTag": [Condition("provider__tags__name", to_many=True)],
        "item": [_RAW_ITEM, Condition("items__fqdn", to_many=True, is_part=True)],
        "itemRawItem": [_RAW_ITEM],
        "itemIpReverse": [Condition("items__ip_reverse", to_many=True)],
        "itemFqdnResolved": [Condition("items__fqdn_resolved", Kind.ADDRESS, to_many=True)],
        "reporterReference": [Condition("reporter_reference", nullable=True)],
        "subject": [Condition("subject", finder=IN_SUBJECT.reports)],
        "body": [Condition("body", finder=IN_BODY.reports)],
        "fulltext": [Condition("pk", Kind.WORDS, search=reports_with)],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(ReportRows, example=[examples.REPORT_ROW])
@blueprint.doc(description=REPORTS.description(f"Without conditions, archived reports are left out. {HELD_SAYS}"))
def list_reports(query_data: FiltersParameter) -> Response:
    """List the reports that one may see"""
    filters = read_filters(query_data.filters)
    names = REPORTS.selected(filters)
    return rows_answer(report_rows(REPORTS.ids(reports_seen(filters), filters)), names)


def reports_seen(filters: Filters, *, whole: bool = False) -> QuerySet[Report]:
    """The reports that the caller sees and asks for; without conditions, those that are not archived.

    Unless they are wanted `whole`, of a frequent word or part of a text there are the newest alone.
    """
    seen = current_sight().reports() if sees_something(filters) else Report.objects.none()
    rows = REPORTS.chosen(seen, filters, whole=whole)
    return live_reports(rows) if filters.where.is_empty else rows


@blueprint.get("/<int:report_id>")
@needs(Right.SEE_REPORT, recorded=True)
@blueprint.output(ReportDetail, example=examples.REPORT_DETAIL)
@blueprint.doc(responses={403: "The report's category is not open to the caller."})
def show_report(report_id: int) -> ReportDetail:
    """Show a report, with what the rules decided on it"""
    report = the_report(report_id)
    stop_if_known()
    return report_answer(report)


@blueprint.get("/<int:report_id>/explain")
@needs(Right.SEE_REPORT, recorded=True)
@blueprint.output(Explanation, example={"explanation": {"report": {"id": 17, "status": "Attached"}, "decisions": []}})
@blueprint.doc(responses={403: "The report's category is not open to the caller."})
def explain(report_id: int) -> Explanation:
    """Explain why a report is where it is"""
    report = the_report(report_id)
    explanation = explain_report(report.pk)
    hidden = {one.public_id for one in _tickets_of(report) if not current_sight().may_see_ticket(one)}
    return Explanation(explanation=_without(explanation, hidden) if hidden else explanation)


def _tickets_of(report: Report) -> Iterator[Ticket]:
    """The tickets that what happened to a report may name: by its own hand or by that of its mail."""
    if report.ticket is not None:
        yield report.ticket
    if report.email is not None and report.email.ticket is not None:
        yield report.email.ticket


def _without(told: Any, names: Collection[str]) -> Any:
    """A JSON value with null in place of some texts."""
    match told:
        case dict():
            return {key: _without(value, names) for key, value in told.items()}
        case list():
            return [_without(value, names) for value in told]
        case str() if told in names:
            return None
        case _:
            return told


def shown_ticket(report: Report) -> Ticket | None:
    """The ticket that a report is in, if the caller may see it."""
    ticket = report.ticket
    return ticket if ticket is not None and current_sight().may_see_ticket(ticket) else None


def report_answer(report: Report) -> ReportDetail:
    """The answer for a report that was read with its relations."""
    ticket = shown_ticket(report)
    decisions = list(decisions_on_report(report)[:MAX_DECISIONS])
    return ReportDetail.of(report, decisions=decisions, ticket=ticket.pk if ticket else None)
