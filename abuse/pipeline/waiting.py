"""Going on with reports that waited for their reporters."""

from __future__ import annotations

from django.db import transaction

from abuse.config import Settings
from abuse.controllers import questions
from abuse.controllers.history import robot
from abuse.models import ReporterQuestion, ReportStatus

from . import again
from .late import resolve_report


def go_on(report_id: int, settings: Settings) -> str:
    """Let the desk go on with a report whose reporter answered, or did not in time; what came of it.

    First it is asked whose the things are, now that more is known; then the rules decide, as on any report of him: his
    answer makes nobody trust him. Twice does no harm.
    """
    if resolve_report(report_id, settings):
        return "its customer became known"
    with transaction.atomic():
        report = again.lock_for_decision(report_id)
        question = ReporterQuestion.filter(report=report, settled_at=None).first()
        if question is None:
            return "settled before"
        questions.unanswered(report)
        questions.settle(report, reason="the rules went on")
        if report.status != ReportStatus.NEW or report.ticket_id is not None:
            return "the report had moved on"
        return again.decide_again(report_id, actor=robot(), trusted=False) or "no rule matched"
