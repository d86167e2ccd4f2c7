"""What a person says of the pages that a phishing report names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers.editing import Refused
from abuse.controllers.phishing import MAX_VERDICTS, Verdict
from abuse.models import Report, ReportItem
from abuse.pipeline import review
from abuse.policies import Right

from .access import current_user, needs
from .answers import Message
from .bodies import Body, Id
from .filters import Text
from .objects import FORBIDDEN, report_to_write
from .screenshots import pictures_of

blueprint = APIBlueprint("report_feedback", __name__, url_prefix="/api/reports/<int:report_id>", tag="Reports")


class Feedback(Body):
    """A verdict on a page: by its picture, else by the item or the URL, else on the next page without a picture."""

    screenshot_id: Text | None = None
    feedback: bool = Field(description="Whether it is phishing.")
    item_id: Id | None = None
    raw_item: Text | None = None


class Feedbacks(RootModel[Annotated[list[Feedback], Field(min_length=1, max_length=MAX_VERDICTS)]]):
    """Verdicts on the pages of a report."""


@blueprint.post("/feedback")
@needs(Right.WRITE_REPORT)
@blueprint.input(Feedbacks, example=[{"screenshotId": "1f" * 32, "feedback": True}])
@blueprint.output(Message, example={"message": "The report is Attached now"})
@blueprint.doc(responses=FORBIDDEN)
def give_feedback(report_id: int, json_data: Feedbacks) -> Message:
    """Say which pages of a report are phishing

    Those that are not are taken out of it. When none is, its ticket is closed and the reporter told.
    """
    report = report_to_write(report_id)
    status = review.review_phishing(report.pk, _verdicts(report, json_data.root), actor=current_user())
    return Message(message=f"The report is {status} now")


def _verdicts(report: Report, feedbacks: Sequence[Feedback]) -> list[Verdict]:
    """The verdicts with the items that they are about; a URL that stands twice has the same one."""
    items: dict[str, list[int]] = {}
    rows = ReportItem.filter(report=report, item_type=ReportItem.Type.URL).order_by("pk").values_list("pk", "raw_item")
    for pk, raw_item in rows:
        items.setdefault(raw_item, []).append(pk)
    url_of_item = {pk: url for url, pks in items.items() for pk in pks}
    url_of_picture: dict[str, str] = {}
    if any(one.screenshot_id for one in feedbacks):
        url_of_picture = {picture.screenshot_id: url for url in items for picture in pictures_of(url)}
    unseen = [url for url in items if url not in url_of_picture.values()]
    verdicts = []
    for one in feedbacks:
        if one.screenshot_id is not None:
            url = url_of_picture.get(one.screenshot_id)
        elif one.item_id is not None:
            url = url_of_item.get(one.item_id)
        elif one.raw_item is not None:
            url = one.raw_item
        else:
            url = unseen.pop(0) if unseen else None
        if url is None or url not in items:
            raise Refused(f"feedback: {one.screenshot_id or one.item_id or one.raw_item!r} is about no URL of {report}")
        verdicts += [Verdict(pk, one.feedback, one.screenshot_id) for pk in items[url]]
    return verdicts
