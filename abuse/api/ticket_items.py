"""What the reports in a ticket complain about."""

from __future__ import annotations

from apiflask import APIBlueprint

from abuse.controllers import items
from abuse.models import ReportItem
from abuse.models.questions import items_with_views
from abuse.policies import Right

from . import examples
from .access import current_user, needs
from .answers import Message
from .bodies import MESSAGE
from .filters import FiltersParameter
from .item_lists import ITEM_BODY, ITEMS, ItemText, item_answer, items_answer
from .objects import FORBIDDEN, child, the_ticket, ticket_to_write
from .reports_schemas import ItemAnswer, ItemsAnswer

blueprint = APIBlueprint("ticket_items", __name__, url_prefix="/api/tickets/<int:ticket_id>/items", tag="Tickets")


@blueprint.get("")
@needs(Right.SEE_TICKET)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(ItemsAnswer, example=examples.ITEMS)
@blueprint.doc(description=ITEMS.description("Of all reports in the ticket."), responses=FORBIDDEN)
def list_ticket_items(ticket_id: int, query_data: FiltersParameter) -> ItemsAnswer:
    """List what a ticket is about"""
    return items_answer(items_with_views(the_ticket(ticket_id)), query_data.filters)


@blueprint.put("/<int:item_id>")
@needs(Right.WRITE_TICKET)
@blueprint.input(ItemText, example=ITEM_BODY)
@blueprint.output(ItemAnswer, example=examples.ITEM)
@blueprint.doc(responses=FORBIDDEN)
def update_ticket_item(ticket_id: int, item_id: int, json_data: ItemText) -> ItemAnswer:
    """Correct an item of a report in a ticket"""
    item = _item(ticket_id, item_id)
    items.update_item(item, json_data.raw_item, actor=current_user())
    return item_answer(item)


@blueprint.delete("/<int:item_id>")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def delete_ticket_item(ticket_id: int, item_id: int) -> Message:
    """Take an item out of all reports in a ticket"""
    item = _item(ticket_id, item_id)
    rows = ReportItem.filter(report__ticket=ticket_id)
    count = items.delete_items(rows, item.raw_item, actor=current_user())
    return Message(message=f"Deleted from {count} reports")


@blueprint.post("/<int:item_id>/unblock")
@needs(Right.WRITE_TICKET)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def unblock_ticket_item(ticket_id: int, item_id: int) -> Message:
    """Have the block of a URL taken away"""
    items.unblock(_item(ticket_id, item_id), actor=current_user())
    return Message(message="Unblocked")


def _item(ticket_id: int, item_id: int) -> ReportItem:
    ticket = ticket_to_write(ticket_id)
    return child(items_with_views(ticket).select_related("report__ticket", "report__provider"), "item", item_id)
