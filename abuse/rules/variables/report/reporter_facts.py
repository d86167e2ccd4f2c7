"""Facts about who sent the report."""

from __future__ import annotations

from abuse.controllers.questions import why_not_asked
from abuse.controllers.trust import trust_of
from abuse.models.tags import ATTACH_IF_EXISTS, AUTOARCHIVE, NO_PHISHTOCHECK

from ...engine.variables import (
    boolean_rule_variable,
    numeric_rule_variable,
    select_multiple_rule_variable,
    string_rule_variable,
)
from .base import ReportVariablesBase


class ReporterFacts(ReportVariablesBase):
    """What the desk holds of the reporter."""

    @boolean_rule_variable(label="The reporter is trusted, or a person validated the report")
    def is_report_trusted(self) -> bool:
        """A mail whose sender is known to be forged is nobody's we trust, whatever its From says."""
        return self.is_trusted or (self.report.provider.trusted and self.report.authentication != "fail")

    @string_rule_variable(label="Whether the sender's domain was authenticated: pass, fail or none")
    def sender_authentication(self) -> str:
        return self.report.authentication or "none"

    @boolean_rule_variable(label="The reporter may be asked for what is missing")
    def can_ask_reporter(self) -> bool:
        """He wants it, is no machine, is authenticated or known, and was not asked yet."""
        return not why_not_asked(self.report)

    @select_multiple_rule_variable(label="Address of the reporter")
    def report_provider(self) -> list[str]:
        return [self.report.provider_id.lower()]

    @select_multiple_rule_variable(label="Tags of the reporter")
    def provider_tags(self) -> list[str]:
        return sorted(self._tag_codenames())

    @boolean_rule_variable(label="The reporter's reports are to be archived at once")
    def autoarchive(self) -> bool:
        return AUTOARCHIVE in self._tag_codenames()

    @boolean_rule_variable(label="The reporter's reports may join a ticket, but not open one")
    def attach_if_exists(self) -> bool:
        return ATTACH_IF_EXISTS in self._tag_codenames()

    @boolean_rule_variable(label="The reporter's phishing reports are not worth a look")
    def avoid_phishtocheck(self) -> bool:
        return NO_PHISHTOCHECK in self._tag_codenames()

    @numeric_rule_variable(label="How far the reporter was right in this category so far, 0 to 1")
    def reporter_trust(self) -> float:
        return trust_of(self.report.provider, self.report.category).score

    @numeric_rule_variable(label="How many of the reporter's reports in this category were judged")
    def reporter_reports_count(self) -> int:
        trust = trust_of(self.report.provider, self.report.category)
        return trust.confirmed + trust.false + trust.duplicate + trust.not_ours
