"""The facts about a report that come with Cerberus."""

from __future__ import annotations

from abuse.controllers.reports import reaches_threshold
from abuse.models import Report, ReportItem, Ticket, UrlStatus
from abuse.models.tags import ATTACH_IF_EXISTS, AUTOARCHIVE, NO_PHISHTOCHECK
from abuse.parsers.values import ParsedEmail

from ...engine.fields import FIELD_NUMERIC
from ...engine.variables import (
    BaseVariables,
    boolean_rule_variable,
    select_multiple_rule_variable,
    string_rule_variable,
)


class DefaultReportVariables(BaseVariables):
    """What a Report rule may ask. The report comes with provider, category, defendant, service and items at hand."""

    def __init__(
        self, parsed_email: ParsedEmail | None, report: Report, ticket: Ticket | None, is_trusted: bool = False
    ) -> None:
        """
        :param parsed_email: the mail as parsed; None when the rules run again on a stored report
        :param report: the report to decide on
        :param ticket: the open ticket that the report could join
        :param is_trusted: whether the report is to be trusted whoever sent it, because a person validated it
        """
        self.parsed_email = parsed_email
        self.report = report
        self.ticket = ticket
        self.is_trusted = is_trusted

    @boolean_rule_variable(label="An open ticket exists for the same customer, service and category")
    def has_ticket(self) -> bool:
        return self.ticket is not None

    @boolean_rule_variable(label="The reporter is trusted, or a person validated the report")
    def is_report_trusted(self) -> bool:
        return self.is_trusted or self.report.provider.trusted

    @boolean_rule_variable(label="A customer was identified")
    def has_defendant(self) -> bool:
        return self.report.defendant_id is not None

    @boolean_rule_variable(label="The report names a domain")
    def has_fqdn(self) -> bool:
        return bool(self._items(ReportItem.Type.FQDN))

    @boolean_rule_variable(label="The report names a URL")
    def has_urls(self) -> bool:
        return bool(self._items(ReportItem.Type.URL))

    @string_rule_variable(label="Category of the report, lower case")
    def report_category(self) -> str:
        return self.report.category_id.lower()

    @select_multiple_rule_variable(label="Address of the reporter")
    def report_provider(self) -> list[str]:
        return [self.report.provider_id.lower()]

    @select_multiple_rule_variable(label="Addresses the mail was sent to")
    def report_recipients(self) -> list[str]:
        return list(self.parsed_email.recipients) if self.parsed_email else []

    @string_rule_variable(label="Text of the mail")
    def report_body(self) -> str:
        return self.report.body

    @string_rule_variable(label="Subject of the mail")
    def report_subject(self) -> str:
        return self.report.subject or ""

    @boolean_rule_variable(label="The reporter's reports are to be archived at once")
    def autoarchive(self) -> bool:
        return self._provider_has(AUTOARCHIVE)

    @boolean_rule_variable(label="The reporter's reports may join a ticket, but not open one")
    def attach_if_exists(self) -> bool:
        return self._provider_has(ATTACH_IF_EXISTS)

    @boolean_rule_variable(label="The reporter's phishing reports are not worth a look")
    def avoid_phishtocheck(self) -> bool:
        return self._provider_has(NO_PHISHTOCHECK)

    @boolean_rule_variable(label="Every reported URL is down", params={"down_threshold": FIELD_NUMERIC})
    def urls_down(self, down_threshold: float = 75) -> bool:
        """From the newest look at each URL, taken before the decision; a URL nobody looked at counts as up."""
        urls = self._items(ReportItem.Type.URL)
        if not urls:
            return False
        newest = {
            status.item_id: status
            for status in UrlStatus.filter(item__in=urls).order_by("date").only("item_id", "score")
        }
        scores = [newest[item.pk].score if item.pk in newest else 0 for item in urls]
        return all(score is not None and score >= down_threshold for score in scores)

    @boolean_rule_variable(label="Enough reports wait to open a ticket")
    def report_ticket_threshold(self) -> bool:
        return self.report.defendant_id is not None and reaches_threshold(self.report)

    def _items(self, kind: ReportItem.Type) -> list[ReportItem]:
        return [item for item in self.report.items.all() if item.item_type == kind]

    def _provider_has(self, codename: str) -> bool:
        return any(tag.codename == codename for tag in self.report.provider.tags.all())
