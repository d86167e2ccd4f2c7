"""Facts about the customer and his service. Without a customer they fail: a rule asks `has_defendant` first."""

from __future__ import annotations

from ...beforehand import revenue_of
from ...engine.variables import boolean_rule_variable, numeric_rule_variable, select_multiple_rule_variable
from .base import ReportVariablesBase


class DefendantFacts(ReportVariablesBase):
    """What is known of the customer, and of the service that the report is about."""

    @boolean_rule_variable(label="A customer was identified")
    def has_defendant(self) -> bool:
        return self.report.defendant_id is not None

    @numeric_rule_variable(label="Age of the customer's account, in days")
    def customer_since(self) -> int:
        """Whole days between the making of the account and the report's arrival."""
        return (self.report.created_at - self._details().creation_date).days

    @select_multiple_rule_variable(label="Legal form of the customer")
    def defendant_legal_form(self) -> list[str]:
        return [self._details().legal_form or ""]

    @select_multiple_rule_variable(label="Country of the customer, upper case")
    def defendant_country(self) -> list[str]:
        return [(self._details().country or "").upper()]

    @select_multiple_rule_variable(label="Number of the customer, lower case")
    def defendant_customer_id(self) -> list[str]:
        return [self._defendant().customer_id.lower()]

    @boolean_rule_variable(label="The customer is marked as VIP")
    def defendant_is_vip(self) -> bool:
        return self._details().is_vip

    @boolean_rule_variable(label="The customer is ourselves")
    def defendant_is_internal(self) -> bool:
        return self._details().is_internal

    @numeric_rule_variable(label="What the customer pays for the service")
    def defendant_revenue(self) -> float:
        service = self.report.service
        return revenue_of(self._defendant().customer_id, service.name if service else None)

    @select_multiple_rule_variable(label="Type of the service, lower case")
    def service_type(self) -> list[str]:
        service = self.report.service
        if service is None:
            raise LookupError(f"report {self.report.pk} has no service; ask has_defendant first")
        return [(service.component_type or "").lower()]
