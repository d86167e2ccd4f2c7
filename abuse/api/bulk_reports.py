"""The same change to many reports."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import Field

from abuse.controllers import bulk, report_edits, tagging, ticket_edits, validation
from abuse.controllers.editing import NotAllowed, Refused
from abuse.controllers.report_edits import ReportEdit
from abuse.models import Report, ReportStatus, Tag
from abuse.policies import Right, kept_fields, may

from .access import current_actor, current_user, needs
from .bodies import Body, Id
from .bulk_answers import BULK_EXAMPLE, BulkAnswer, bulk_answer
from .filters import Text
from .objects import refuse_hidden_ticket, the_ticket
from .recording import name_objects
from .tags_in import TagReference, tag_meant

blueprint = APIBlueprint("bulk_reports", __name__, url_prefix="/api/reports", tag="Reports")

_STATUSES = (ReportStatus.NEW, ReportStatus.ATTACHED, ReportStatus.ARCHIVED)


class BulkReportProperties(Body):
    """What all reports are to be."""

    status: Text | None = Field(default=None, description="New, Attached or Archived.")
    category: Text | None = None
    ticket: Id | None = Field(default=None, description="The ticket that they go into.")
    tags: list[TagReference] = Field(default=[], max_length=50)


class BulkReportChange(Body):
    reports: list[Id] = Field(min_length=1, max_length=bulk.MAX_REPORTS)
    properties: BulkReportProperties


class BulkReportRemoval(Body):
    """Without tags the reports are put away."""

    reports: list[Id] = Field(min_length=1, max_length=bulk.MAX_REPORTS)
    properties: BulkReportProperties = BulkReportProperties()


@blueprint.put("/bulk")
@needs(Right.WORK)
@blueprint.input(BulkReportChange, example={"reports": [99], "properties": {"status": "Archived"}})
@blueprint.output(BulkAnswer, example=BULK_EXAMPLE)
@blueprint.doc(responses={409: "None of the reports could be changed."})
def change_bulk(json_data: BulkReportChange) -> BulkAnswer:
    """Change many reports; each is changed or refused by itself"""
    name_objects("report", json_data.reports)
    edit = ReportEdit(_values(json_data.properties))
    tags = [tag_meant(reference, Tag.Type.REPORT) for reference in json_data.properties.tags]

    def change(report: Report) -> None:
        _check(report)
        kept, decision = kept_fields(current_actor(), report, edit.differences(report))
        if not decision:
            raise NotAllowed(decision.reason)
        report_edits.change(report, ReportEdit({name: edit.values[name] for name in kept}), actor=current_user())
        refuse_hidden_ticket(report.ticket)
        for tag in tags:
            tagging.tag_report(report, tag, actor=current_user())

    name_objects("reports", json_data.reports)
    return bulk_answer(bulk.change_many_reports(json_data.reports, change, actor=current_user()))


@blueprint.delete("/bulk")
@needs(Right.WORK)
@blueprint.input(BulkReportRemoval, example={"reports": [99], "properties": {"tags": [{"id": 31}]}})
@blueprint.output(BulkAnswer, example=BULK_EXAMPLE)
@blueprint.doc(responses={409: "None of the reports could be changed."})
def remove_bulk(json_data: BulkReportRemoval) -> BulkAnswer:
    """Take tags off many reports; where no tags are named, put the reports away"""
    name_objects("report", json_data.reports)
    tags = [tag_meant(reference, Tag.Type.REPORT) for reference in json_data.properties.tags]

    def change(report: Report) -> None:
        _check(report)
        if not tags:
            validation.set_report_status(report, ReportStatus.ARCHIVED, actor=current_user())
        for tag in tags:
            tagging.untag_report(report, tag, actor=current_user())

    name_objects("reports", json_data.reports)
    return bulk_answer(bulk.change_many_reports(json_data.reports, change, actor=current_user()))


def _check(report: Report) -> None:
    decision = may(current_actor(), Right.WRITE_REPORT, report)
    if not decision:
        raise NotAllowed(decision.reason)


def _values(wanted: BulkReportProperties) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if wanted.status is not None:
        if wanted.status not in _STATUSES:
            raise Refused(f"status: {wanted.status[:80]!r}; expected one of {', '.join(_STATUSES)}")
        values["status"] = ReportStatus(wanted.status)
    if wanted.category is not None:
        values["category"] = ticket_edits.known_category(wanted.category)
    if wanted.ticket is not None:
        values["ticket"] = the_ticket(wanted.ticket, Right.WRITE_TICKET)
    return values
