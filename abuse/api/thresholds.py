"""How many reports within how many days open a ticket."""

from __future__ import annotations

from typing import Self

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers import catalogue_rows, ticket_edits
from abuse.controllers.editing import Refused
from abuse.models import ReportThreshold
from abuse.policies import Right

from .access import needs
from .answers import Answer, Message
from .bodies import MESSAGE, Body, Whole
from .filters import Text
from .objects import child

blueprint = APIBlueprint("thresholds", __name__, url_prefix="/api/admin/threshold", tag="Thresholds")

_EXAMPLE = {"id": 1, "category": "Spam", "threshold": 100, "interval": 30}


class ThresholdAnswer(Answer):
    id: int
    category: str
    threshold: int
    interval: int = Field(description="Days.")

    @classmethod
    def of(cls, row: ReportThreshold) -> Self:
        return cls(id=row.pk, category=row.category_id, threshold=row.threshold, interval=row.interval)


class ThresholdAnswers(RootModel[list[ThresholdAnswer]]):
    """Thresholds, by category."""


class ThresholdText(Body):
    category: Text | None = None
    threshold: Whole
    interval: Whole = Field(description="Days.")


@blueprint.get("")
@needs(Right.ADMINISTER)
@blueprint.output(ThresholdAnswers, example=[_EXAMPLE])
def list_thresholds() -> ThresholdAnswers:
    """List the thresholds"""
    return ThresholdAnswers([ThresholdAnswer.of(row) for row in ReportThreshold.all().order_by("category")])


@blueprint.get("/<int:threshold_id>")
@needs(Right.ADMINISTER)
@blueprint.output(ThresholdAnswer, example=_EXAMPLE)
def show_threshold(threshold_id: int) -> ThresholdAnswer:
    """Show a threshold"""
    return ThresholdAnswer.of(child(ReportThreshold.all(), "threshold", threshold_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(ThresholdText, example={"category": "Spam", "threshold": 100, "interval": 30})
@blueprint.output(ThresholdAnswer, example=_EXAMPLE)
def create_threshold(json_data: ThresholdText) -> ThresholdAnswer:
    """Give a category a threshold"""
    if json_data.category is None:
        raise Refused("category: missing")
    category = ticket_edits.known_category(json_data.category)
    return ThresholdAnswer.of(catalogue_rows.save_threshold(category, json_data.threshold, json_data.interval))


@blueprint.put("/<int:threshold_id>")
@needs(Right.ADMINISTER)
@blueprint.input(ThresholdText, example={"threshold": 50, "interval": 7})
@blueprint.output(ThresholdAnswer, example=_EXAMPLE)
def update_threshold(threshold_id: int, json_data: ThresholdText) -> ThresholdAnswer:
    """Change a threshold; its category stays"""
    row = child(ReportThreshold.all().select_related("category"), "threshold", threshold_id)
    saved = catalogue_rows.save_threshold(row.category, json_data.threshold, json_data.interval, row)
    return ThresholdAnswer.of(saved)


@blueprint.delete("/<int:threshold_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example=MESSAGE)
def delete_threshold(threshold_id: int) -> Message:
    """Take a threshold away"""
    catalogue_rows.delete_threshold(child(ReportThreshold.all(), "threshold", threshold_id))
    return Message(message="Threshold deleted")
