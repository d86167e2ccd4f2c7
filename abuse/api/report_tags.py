"""Tags on reports."""

from __future__ import annotations

from apiflask import APIBlueprint

from abuse.controllers import tagging
from abuse.models import Tag
from abuse.policies import Right

from .access import current_user, needs
from .answers import Message
from .bodies import MESSAGE
from .objects import FORBIDDEN, child, report_to_write
from .tags_in import TAG_EXAMPLE, TagReference, tag_meant

blueprint = APIBlueprint("report_tags", __name__, url_prefix="/api/reports/<int:report_id>/tags", tag="Reports")


@blueprint.post("")
@needs(Right.WRITE_REPORT)
@blueprint.input(TagReference, example=TAG_EXAMPLE)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def add_tag(report_id: int, json_data: TagReference) -> Message:
    """Put a tag on a report"""
    report = report_to_write(report_id)
    tagging.tag_report(report, tag_meant(json_data, Tag.Type.REPORT), actor=current_user())
    return Message(message="Tag added")


@blueprint.delete("/<int:tag_id>")
@needs(Right.WRITE_REPORT)
@blueprint.output(Message, example=MESSAGE)
@blueprint.doc(responses=FORBIDDEN)
def remove_tag(report_id: int, tag_id: int) -> Message:
    """Take a tag off a report"""
    report = report_to_write(report_id)
    tagging.untag_report(report, child(Tag.filter(reports=report), "tag on the report", tag_id), actor=current_user())
    return Message(message="Tag removed")
