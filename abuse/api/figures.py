"""Counts: the toolbar, the dashboard, the charts of a customer."""

from __future__ import annotations

from datetime import timedelta

from apiflask import APIBlueprint, HTTPError
from django.utils import timezone
from pydantic import Field, RootModel

from abuse.models import Category, ReportStatus, Ticket
from abuse.models import figures as counted
from abuse.policies import Right

from .access import current_sight, current_user, needs
from .answers import Answer
from .ticket_lists import todo_of_caller

blueprint = APIBlueprint("figures", __name__, url_prefix="/api", tag="Figures")

CHART_DAYS = 730


class Toolbar(Answer):
    my_tickets_count: int
    my_tickets_answered_count: int
    my_tickets_todo_count: int
    my_tickets_sleeping_count: int
    my_tickets_starred_count: int
    escalated_count: int
    to_validate_count: int
    todo_count: int


class TicketsByCategory(Answer):
    """Counts in the order of `categories`."""

    idle: list[int]
    waiting: list[int]
    pending: list[int]


class Dashboard(Answer):
    categories: list[str]
    tickets_by_category: TicketsByCategory
    tickets_by_status: dict[str, int]
    reports_by_category: dict[str, int]
    reports_by_status: dict[str, int]


class Series(Answer):
    """One line of a chart."""

    name: str
    data: list[tuple[int, int]] = Field(description="[midnight in milliseconds since 1970, count]")


class Chart(RootModel[list[Series]]):
    """A line for each category."""


_SERIES = {"name": "Phishing", "data": [[1767225600000, 3]]}


@blueprint.get("/toolbar")
@needs(Right.LOOK)
@blueprint.output(
    Toolbar,
    example={
        "myTicketsCount": 7,
        "myTicketsAnsweredCount": 1,
        "myTicketsTodoCount": 2,
        "myTicketsSleepingCount": 4,
        "myTicketsStarredCount": 1,
        "escalatedCount": 0,
        "toValidateCount": 3,
        "todoCount": 52,
    },
)
def show_toolbar() -> Toolbar:
    """Count what waits for the caller"""
    own = counted.own_counts(current_sight().tickets(), current_user())
    return Toolbar(
        my_tickets_count=own["all"],
        my_tickets_answered_count=own["answered"],
        my_tickets_todo_count=own["todo"],
        my_tickets_sleeping_count=own["sleeping"],
        my_tickets_starred_count=own["starred"],
        escalated_count=own["escalated"],
        to_validate_count=current_sight().reports().filter(status=ReportStatus.TO_VALIDATE).count(),
        todo_count=todo_of_caller(Ticket.all()).count(),
    )


@blueprint.get("/dashboard")
@needs(Right.LOOK)
@blueprint.output(
    Dashboard,
    example={
        "categories": ["Phishing", "Spam"],
        "ticketsByCategory": {"idle": [3, 0], "waiting": [1, 4], "pending": [0, 2]},
        "ticketsByStatus": {"Open": 3, "WaitingAnswer": 5, "Answered": 2},
        "reportsByCategory": {"Phishing": 12, "Spam": 40},
        "reportsByStatus": {"New": 30, "Attached": 22},
    },
)
@blueprint.doc(responses={403: "The caller has a profile in no category."})
def show_dashboard() -> Dashboard:
    """Count tickets and reports by category and status

    Tickets: `idle` Open and Reopened; `waiting` WaitingAnswer and Paused; `pending` Answered, Alarm and ActionError.
    """
    sight = current_sight()
    categories = list(Category.all().values_list("name", flat=True)) if sight.sees_all else sorted(sight.profiles)
    if not categories:
        raise HTTPError(403, "You have a profile in no category")
    tickets = counted.open_tickets_by_category(sight.tickets())
    reports = counted.live_reports_by_category(sight.reports())
    by_state = {
        name: [sum(one.count for one in tickets if one.category == category and one.status in states)
               for category in categories]
        for name, states in counted.STATES.items()
    }  # fmt: skip
    return Dashboard(
        categories=categories,
        tickets_by_category=TicketsByCategory(**by_state),
        tickets_by_status=counted.summed(tickets, "status"),
        reports_by_category=counted.summed(reports, "category"),
        reports_by_status=counted.summed(reports, "status"),
    )


@blueprint.get("/stats/tickets/<customer_id>")
@needs(Right.LOOK)
@blueprint.output(Chart, example=[_SERIES])
def chart_tickets(customer_id: str) -> Chart:
    """Chart the tickets of a customer by day"""
    rows = current_sight().tickets().filter(defendant__customer_id=customer_id)
    return _chart(counted.daily(rows, "creation_date", since=timezone.now() - timedelta(days=CHART_DAYS)))


@blueprint.get("/stats/reports/<customer_id>")
@needs(Right.LOOK)
@blueprint.output(Chart, example=[_SERIES])
def chart_reports(customer_id: str) -> Chart:
    """Chart the reports of a customer by day"""
    rows = current_sight().reports().filter(defendant__customer_id=customer_id)
    return _chart(counted.daily(rows, "received_date", since=timezone.now() - timedelta(days=CHART_DAYS)))


def _chart(found: dict[str, dict[int, int]]) -> Chart:
    return Chart([Series(name=category, data=sorted(days.items())) for category, days in found.items()])
