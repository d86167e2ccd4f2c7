"""Actions on the report itself."""

from __future__ import annotations

from abuse.controllers import reports
from abuse.models import ReportStatus

from ...checks import check_days
from ...engine.actions import rule_action
from ...engine.fields import FIELD_NUMERIC, FIELD_TEXT
from .base import ReportActionsBase, choice


class ReportActions(ReportActionsBase):
    """Where the report goes."""

    @rule_action(label="Do nothing")
    def do_nothing(self) -> None:
        """The decision itself is kept with the report."""

    @rule_action(label="Set the report's status", params=choice("status", ReportStatus))
    def set_report_status(self, status: str) -> str:
        reports.set_status(self.report, ReportStatus(status), actor=self.actor)
        return status

    @rule_action(
        label="Archive the report if it is still new after some days",
        params=[{"name": "days", "fieldType": FIELD_NUMERIC, "check": check_days}],
    )
    def set_report_timeout(self, days: float) -> str:
        return reports.set_timeout(self.report, days=float(days), actor=self.actor).due_at.isoformat()

    @rule_action(label="Have a person look at the reported pages")
    def set_ticket_phishtocheck(self) -> None:
        reports.set_status(self.report, ReportStatus.PHISH_TO_CHECK, actor=self.actor)

    @rule_action(label="Tag the report", params={"tag_name": FIELD_TEXT})
    def add_report_tag(self, tag_name: str) -> None:
        reports.add_tag(self.report, tag_name)
