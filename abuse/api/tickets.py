"""Tickets: the list and one of them."""

from __future__ import annotations

from apiflask import APIBlueprint
from django.db.models import QuerySet
from flask import Response

from abuse.controllers import ownership
from abuse.models import Ticket
from abuse.models.questions import live_tickets
from abuse.models.tickets import PRIORITY_RANK
from abuse.policies import Right
from abuse.rules.explain import explain_ticket

from . import examples
from .access import current_sight, current_user, needs, sees_something
from .answers import Explanation, rows_answer
from .conditions import Condition, Kind
from .etags import read_again, stop_if_known
from .filters import Filters, FiltersParameter, read_filters
from .held import HELD_SAYS, IN_BODY, IN_ITEMS, IN_SUBJECT, customers_by, tickets_with
from .listing import Listing
from .objects import the_ticket
from .ticket_details import detail_of
from .ticket_rows import ticket_rows
from .tickets_schemas import TicketDetail, TicketRow, TicketRows

blueprint = APIBlueprint("tickets", __name__, url_prefix="/api/tickets", tag="Tickets")

_CUSTOMER_ID = Condition(
    "defendant__customer_id", looked_up=True, finder=customers_by("customer_id"), found="defendant__pk"
)
_CUSTOMER_EMAIL = Condition("defendant__details__email", finder=customers_by("details__email"), found="defendant__pk")
_REPORT_TAG = Condition("reports__tags__name", to_many=True, looked_up=True)
_TICKET_TAG = Condition("tags__name", to_many=True, looked_up=True)
_RAW_ITEM = Condition("reports__items__raw_item", to_many=True, finder=IN_ITEMS.tickets)
_SUBJECT = Condition("reports__subject", to_many=True, finder=IN_SUBJECT.tickets)
_BODY = Condition("reports__body", to_many=True, finder=IN_BODY.tickets)

TICKETS: Listing[Ticket] = Listing(
    fields=frozenset(TicketRow.json_names()),
    always=frozenset({"id", "attachedReportsCount", "commentsCount", "starredByMe"}),
    sorts={
        "id": "pk",
        "publicId": "public_id",
        "category": "category",
        "status": "status",
        "priority": PRIORITY_RANK,
        "treatedBy": "treated_by__username",
        "creationDate": "creation_date",
        "modificationDate": "modification_date",
        "attachedReportsCount": "attached_reports_count",
    },
    default_sort=(),
    others={"treatedBy": "treated_by"},
    conditions={
        "id": [Condition("pk", Kind.ID)],
        "publicId": [Condition("public_id")],
        "ticketIds": [Condition("public_id"), Condition("pk", Kind.ID)],
        "category": [Condition("category__name")],
        "status": [Condition("status")],
        "priority": [Condition("priority")],
        "resolution": [Condition("resolution__codename", nullable=True, looked_up=True)],
        "treatedBy": [Condition("treated_by__username", nullable=True, looked_up=True)],
        "starredBy": [Condition("starred_by__user__username", to_many=True, looked_up=True)],
        "alarm": [Condition("alarm", Kind.FLAG)],
        "confidential": [Condition("confidential", Kind.FLAG)],
        "escalated": [Condition("escalated", Kind.FLAG)],
        "moderation": [Condition("moderation", Kind.FLAG)],
        "protected": [Condition("protected", Kind.FLAG)],
        "service": [Condition("service__name", nullable=True), Condition("service", Kind.ID, nullable=True)],
        "defendant": [_CUSTOMER_ID, _CUSTOMER_EMAIL],
        "defendantCustomerId": [_CUSTOMER_ID._replace(nullable=True)],
        "defendantEmail": [_CUSTOMER_EMAIL],
        "defendantCountry": [Condition("defendant__details__country")],
        "defendantTag": [Condition("defendant__tags__name", to_many=True)],
        "ticketTag": [_TICKET_TAG],
        "ticketsTag": [_TICKET_TAG],
        "reportTag": [_REPORT_TAG],
        "reportsTag": [_REPORT_TAG],
        "providerEmail": [Condition("reports__provider__email", to_many=True, looked_up=True)],
        "providerTag": [Condition("reports__provider__tags__name", to_many=True, looked_up=True)],
        "item": [_RAW_ITEM, Condition("reports__items__fqdn", to_many=True, is_part=True)],
        "itemRawItem": [_RAW_ITEM],
        "itemIpReverse": [Condition("reports__items__ip_reverse", to_many=True)],
        "itemFqdnResolved": [Condition("reports__items__fqdn_resolved", Kind.ADDRESS, to_many=True)],
        "subject": [_SUBJECT],
        "body": [_BODY],
        "fulltext": [Condition("pk", Kind.WORDS, search=tickets_with)],
    },
)


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(TicketRows, example=[examples.TICKET_ROW])
@blueprint.doc(description=TICKETS.description(f"Without conditions, closed tickets are left out. {HELD_SAYS}"))
def list_tickets(query_data: FiltersParameter) -> Response:
    """List the tickets that one may see"""
    filters = read_filters(query_data.filters)
    names = TICKETS.selected(filters)
    page = TICKETS.ids(tickets_seen(filters), filters)
    return rows_answer(ticket_rows(page, user=current_user().pk), names)


def tickets_seen(filters: Filters, *, whole: bool = False) -> QuerySet[Ticket]:
    """The tickets that the caller sees and asks for; without conditions, those that are not closed.

    Unless they are wanted `whole`, of a frequent word or part of a text there are the newest alone.
    """
    seen = current_sight().tickets() if sees_something(filters) else Ticket.objects.none()
    rows = TICKETS.chosen(seen, filters, whole=whole)
    return live_tickets(rows) if filters.where.is_empty else rows


@blueprint.get("/<int:ticket_id>/explain")
@needs(Right.SEE_TICKET, recorded=True)
@blueprint.output(Explanation, example={"explanation": {"ticket": {"publicId": "BCDFGHJKLM"}, "decisions": []}})
@blueprint.doc(responses={403: "The ticket's category is not open to the caller, or the ticket is confidential."})
def explain(ticket_id: int) -> Explanation:
    """Explain why a ticket is where it is"""
    return Explanation(explanation=explain_ticket(the_ticket(ticket_id).public_id))


@blueprint.get("/<int:ticket_id>")
@needs(Right.SEE_TICKET, recorded=True)
@blueprint.output(TicketDetail, example=examples.TICKET_DETAIL)
@blueprint.doc(responses={403: "The ticket's category is not open to the caller, or the ticket is confidential."})
def show_ticket(ticket_id: int) -> TicketDetail:
    """Open a ticket: show it, with why it is as it is

    A ticket that is nobody's becomes the caller's, if his profile works on it and it is not protected.
    """
    ticket = the_ticket(ticket_id)
    is_at_work = ticket.treated_by_id is not None and ticket.looked_at is not None
    just_assigned = ownership.take_on_opening(ticket, actor=current_user())
    if not is_at_work:
        ticket = read_again(lambda: the_ticket(ticket_id))
    stop_if_known()
    return detail_of(ticket, just_assigned=just_assigned)
