"""What a report complains about, and the pictures of it."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import RootModel

from abuse.controllers import items
from abuse.models import Report, ReportItem
from abuse.models.questions import items_with_views
from abuse.policies import Right

from . import examples
from .access import current_user, needs
from .answers import Message
from .bodies import MESSAGE
from .filters import FiltersParameter, read_filters
from .item_lists import ITEM_BODY, ITEMS, ItemText, item_answer, items_answer
from .objects import FORBIDDEN, child, report_to_write, the_report
from .reports_schemas import ItemAnswer, ItemsAnswer
from .screenshots import ItemScreenshots, screenshots_of

blueprint = APIBlueprint("report_items", __name__, url_prefix="/api/reports/<int:report_id>/items", tag="Reports")

MAX_PAGES = 50
"""URLs of one answer whose pictures are looked up."""


class AllScreenshots(RootModel[list[ItemScreenshots]]):
    """The pictures of all URLs of a report."""


_PICTURES: dict[str, Any] = {
    "rawItem": "http://vps-1042.example.net/login",
    "screenshots": [
        {
            "screenshotId": "1f" * 32,
            "timestamp": 1767225600,
            "location": "/api/screenshots/" + "1f" * 32,
            "score": 0,
            "phishingGrade": 1.0,
            "phishingGradeDetails": {"category": "PHISHING", "grade": 1.0, "comment": ""},
            "response": {"directAccess": {"state": "UP", "statusCode": 200, "headers": {}}},
        }
    ],
}


@blueprint.get("")
@needs(Right.SEE_REPORT)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(ItemsAnswer, example=examples.ITEMS)
@blueprint.doc(
    description=ITEMS.description("`itemsCount` counts all that fulfil the conditions, on this page or not."),
    responses=FORBIDDEN,
)
def list_items(report_id: int, query_data: FiltersParameter) -> ItemsAnswer:
    """List the items of a report"""
    return items_answer(items_with_views(the_report(report_id)), query_data.filters)


@blueprint.post("")
@needs(Right.WRITE_REPORT)
@blueprint.input(ItemText, example=ITEM_BODY)
@blueprint.output(ItemAnswer, example=examples.ITEM)
@blueprint.doc(responses=FORBIDDEN)
def add_item(report_id: int, json_data: ItemText) -> ItemAnswer:
    """Add an item to a report

    It has to belong to the report's customer and service; a report that has none gets those of the item.
    """
    report = report_to_write(report_id)
    row = items.add_item(report, json_data.raw_item, actor=current_user())
    return item_answer(items_with_views(report).get(pk=row.pk))


@blueprint.put("/<int:item_id>")
@needs(Right.WRITE_REPORT)
@blueprint.input(ItemText, example=ITEM_BODY)
@blueprint.output(ItemAnswer, example=examples.ITEM)
@blueprint.doc(responses=FORBIDDEN)
def update_item(report_id: int, item_id: int, json_data: ItemText) -> ItemAnswer:
    """Correct an item of a report"""
    item = _item(report_to_write(report_id), item_id)
    items.update_item(item, json_data.raw_item, actor=current_user())
    return item_answer(item)


@blueprint.delete("/<int:item_id>")
@needs(Right.WRITE_REPORT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def delete_item(report_id: int, item_id: int) -> Message:
    """Take an item out of a report, wherever it stands in it"""
    report = report_to_write(report_id)
    items.delete_items(ReportItem.filter(report=report), _item(report, item_id).raw_item, actor=current_user())
    return Message(message="Item deleted")


@blueprint.post("/<int:item_id>/unblock")
@needs(Right.WRITE_REPORT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def unblock_item(report_id: int, item_id: int) -> Message:
    """Have the block of a URL taken away"""
    items.unblock(_item(report_to_write(report_id), item_id), actor=current_user())
    return Message(message="Unblocked")


@blueprint.get("/screenshots")
@needs(Right.SEE_EVIDENCE)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(AllScreenshots, example=[_PICTURES])
@blueprint.doc(
    description=ITEMS.description(f"Of {MAX_PAGES} URLs at most.", passes_over=("queryFields",)), responses=FORBIDDEN
)
def list_all_screenshots(report_id: int, query_data: FiltersParameter) -> AllScreenshots:
    """List the pictures of all URLs of a report"""
    filters = read_filters(query_data.filters)
    report = the_report(report_id, Right.SEE_EVIDENCE)
    pages = items_with_views(report).filter(item_type=ReportItem.Type.URL)
    rows = ITEMS.page(ITEMS.chosen(pages, filters), filters)[:MAX_PAGES] if query_data.filters else pages[:MAX_PAGES]
    return AllScreenshots(
        [screenshots_of(report, raw_item) for raw_item in dict.fromkeys(item.raw_item for item in rows)]
    )


@blueprint.get("/<int:item_id>/screenshots")
@needs(Right.SEE_EVIDENCE)
@blueprint.output(ItemScreenshots, example=_PICTURES)
@blueprint.doc(responses=FORBIDDEN)
def list_screenshots(report_id: int, item_id: int) -> ItemScreenshots:
    """List the pictures of one URL of a report"""
    report = the_report(report_id, Right.SEE_EVIDENCE)
    return screenshots_of(report, _item(report, item_id).raw_item)


def _item(report: Report, item_id: int) -> ReportItem:
    return child(items_with_views(report).select_related("report__ticket", "report__provider"), "item", item_id)
