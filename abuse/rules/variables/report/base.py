"""What all facts about a report have at hand."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from abuse.models import Defendant, DefendantRevision, Report, ReportItem, Ticket
from abuse.parsers.values import ParsedEmail

from ...engine.variables import BaseVariables


class ReportVariablesBase(BaseVariables):
    """The report comes with provider, category, defendant, service and items at hand."""

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

    def _defendant(self) -> Defendant:
        if self.report.defendant is None:
            raise LookupError(f"report {self.report.pk} has no defendant; ask has_defendant first")
        return self.report.defendant

    def _details(self) -> DefendantRevision:
        details = self._defendant().details
        if details is None:
            raise LookupError(f"nothing is known of defendant {self._defendant().customer_id}")
        return details

    def _items(self, kind: ReportItem.Type) -> list[ReportItem]:
        return [item for item in self.report.items.all() if item.item_type == kind]

    def _tag_codenames(self) -> set[str]:
        return {tag.codename for tag in self.report.provider.tags.all()}

    def _now(self) -> datetime:
        return timezone.now()
