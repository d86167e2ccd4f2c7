"""Facts about what happened to the customer before."""

from __future__ import annotations

from abuse.controllers.reports import reaches_threshold

from ...checks import check_days
from ...engine.fields import FIELD_BOOLEAN, FIELD_NUMERIC, FIELD_TEXT
from ...engine.variables import boolean_rule_variable, numeric_rule_variable
from .. import questions
from .base import ReportVariablesBase

_SAME_SERVICE = {"name": "same_service", "fieldType": FIELD_BOOLEAN, "label": "Of the same service only"}
_LAST_DAYS = {"name": "last_days", "fieldType": FIELD_NUMERIC, "label": "Of the last days only", "check": check_days}


class HistoryFacts(ReportVariablesBase):
    """Counts over the past of the customer. Where the report names none, there is nothing to count."""

    @numeric_rule_variable(label="Reports about the customer that are not archived, this one included")
    def report_count(self) -> int:
        return questions.report_count(self._subject())[self.report.pk]

    @boolean_rule_variable(label="Enough reports wait to open a ticket")
    def report_ticket_threshold(self) -> bool:
        return self.report.defendant_id is not None and reaches_threshold(self.report)

    @numeric_rule_variable(
        label="Other tickets of the customer",
        params=[_SAME_SERVICE, _LAST_DAYS, {"name": "open_only", "fieldType": FIELD_BOOLEAN}],
    )
    def ticket_count(self, same_service: bool = False, last_days: float | None = None, open_only: bool = True) -> int:
        """`last_days`: opened within so many days."""
        answers = questions.ticket_count(
            self._subject(), same_service=same_service, last_days=last_days, open_only=open_only
        )
        return answers[self.report.pk]

    @boolean_rule_variable(
        label="The customer answered on every earlier ticket",
        params=[_SAME_SERVICE, _LAST_DAYS, {"name": "rule_codename", "fieldType": FIELD_TEXT}],
    )
    def has_defendant_answers(
        self, same_service: bool = False, last_days: float | None = None, rule_codename: str | None = None
    ) -> bool:
        """Of the tickets with other reports about him, or with those that `rule_codename` decided on; no when none."""
        answers = questions.has_answers(
            self._subject(), same_service=same_service, last_days=last_days, rule=rule_codename
        )
        return answers[self.report.pk]

    @numeric_rule_variable(label="Measures ordered against the customer so far")
    def service_action_count(self) -> int:
        return questions.action_count(self._subject(), last_days=None)[self.report.pk]

    @numeric_rule_variable(label="Measures carried out against the customer lately", params=[_LAST_DAYS])
    def service_action_count_last_days(self, last_days: float = 30) -> int:
        return questions.action_count(self._subject(), last_days=last_days)[self.report.pk]

    @numeric_rule_variable(
        label="How often a rule decided about the customer and service",
        params=[
            {"name": "rule_codename", "fieldType": FIELD_TEXT, "label": "Name of the rule"},
            {"name": "since_last_days", "fieldType": FIELD_NUMERIC, "check": check_days},
            {"name": "older_than_days", "fieldType": FIELD_NUMERIC, "check": check_days},
        ],
    )
    def rule_applied(
        self, rule_codename: str, since_last_days: float | None = None, older_than_days: float | None = None
    ) -> int:
        answers = questions.rule_applied(
            self._subject(),
            rule=rule_codename,
            since_last_days=since_last_days,
            older_than_days=older_than_days,
        )
        return answers[self.report.pk]

    def _subject(self) -> questions.Subjects:
        return questions.one(self.report, self.ticket.pk if self.ticket else None)
