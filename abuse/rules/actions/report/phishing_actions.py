"""Actions on reported pages."""

from __future__ import annotations

from abuse.controllers import correspondence, moves, proofs, tickets
from abuse.models import Report, ReportItem, ReportStatus

from ...engine.actions import rule_action
from ..deferred import BLOCK_URLS, put_report_task
from .base import ReportActionsBase

AUTOCLOSED = "phishing:autoclosed"


class PhishingActions(ReportActionsBase):
    """What is done about pages that are down, and about those that are not."""

    @rule_action(label="Close because every reported page is down")
    def phishing_close_because_all_down(self) -> str:
        """The reporter is told. A ticket is opened for the record where there is none."""
        ticket = self._ticket() or tickets.create_ticket(self.report, actor=self.actor)
        tickets.attach_report(self.report, ticket, actor=self.actor)
        with proofs.proof_for_the_moment(ticket, self.report):
            lang = self.report.provider.lang or self.ack_lang
            correspondence.acknowledge(self.report, ticket, codename="no_more_content", lang=lang, actor=self.actor)
        moves.close_ticket(ticket, "no_more_content", actor=self.actor)
        self.report.status = ReportStatus.ARCHIVED
        tickets.add_tag(ticket, AUTOCLOSED, actor=self.actor)
        return ticket.public_id

    @rule_action(label="Have the reported pages blocked")
    def block_report_url(self) -> int:
        """Asks the phishing service, after the commit, to block each URL; how many."""
        urls = _urls_of(self.report)
        if urls:
            put_report_task(self.report, BLOCK_URLS, seconds=0, params={}, actor=self.actor)
        return len(urls)


def _urls_of(report: Report) -> list[str]:
    urls = [item.raw_item for item in report.items.all() if item.item_type == ReportItem.Type.URL]
    return list(dict.fromkeys(urls))
