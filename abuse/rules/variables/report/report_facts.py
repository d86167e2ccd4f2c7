"""Facts that stand in the report itself."""

from __future__ import annotations

from abuse.config import current
from abuse.models import ReportItem

from ...checks import check_moment, moment
from ...engine.fields import FIELD_TEXT
from ...engine.variables import boolean_rule_variable, select_multiple_rule_variable, string_rule_variable
from ...networks import owner_of
from .base import ReportVariablesBase

_MOMENTS = [
    {"name": name, "fieldType": FIELD_TEXT, "label": f"{label} (YYYY-MM-DD HH:MM)", "check": check_moment}
    for name, label in (("min_date", "Later than"), ("max_date", "Earlier than"))
]


class ReportFacts(ReportVariablesBase):
    """What the report says, and whether there is a ticket for it."""

    @boolean_rule_variable(label="An open ticket exists for the same customer, service and category")
    def has_ticket(self) -> bool:
        return self.ticket is not None

    @boolean_rule_variable(label="The report names a domain")
    def has_fqdn(self) -> bool:
        return bool(self._items(ReportItem.Type.FQDN))

    @boolean_rule_variable(label="The report names a URL")
    def has_urls(self) -> bool:
        return bool(self._items(ReportItem.Type.URL))

    @boolean_rule_variable(label="All it names is in networks of others")
    def is_misrouted(self) -> bool:
        """Whether it names addresses, none of a network of ours (MANAGED_NETWORKS), and nothing else.

        A name may move to us, and what is behind a content network may be ours: they are not judged.
        """
        managed = current().MANAGED_NETWORKS
        networks = [item.network for item in self.report.items.all()]
        if not managed or not networks or any(network is None for network in networks):
            return False
        return not any(
            any(network.overlaps(ours) for ours in managed if ours.version == network.version)
            or owner_of(network.network_address) is not None
            for network in networks
        )

    @select_multiple_rule_variable(label="What the report lacks to find its customer: port, time, zone, item")
    def missing_data(self) -> list[str]:
        return list(self.report.missing_data)

    @string_rule_variable(label="Category of the report, lower case")
    def report_category(self) -> str:
        return self.report.category_id.lower()

    @select_multiple_rule_variable(label="Addresses the mail was sent to")
    def report_recipients(self) -> list[str]:
        return list(self.parsed_email.recipients) if self.parsed_email else []

    @string_rule_variable(label="What the mail is: abuse_report, legal_request, counter_notice, retraction …")
    def mail_kind(self) -> str:
        if self.parsed_email is not None:
            return str(self.parsed_email.kind)
        return self.report.email.kind if self.report.email else ""

    @string_rule_variable(label="Text of the mail")
    def report_body(self) -> str:
        return self.report.body

    @string_rule_variable(label="Subject of the mail")
    def report_subject(self) -> str:
        return self.report.subject or ""

    @boolean_rule_variable(label="The mail was written between two moments", params=_MOMENTS)
    def report_received_beetween(self, min_date: str, max_date: str) -> bool:
        """Strictly between them. The name is spelt as rules have always spelt it."""
        return moment(min_date) < self.report.received_date < moment(max_date)
