"""The actions on reports that come with Cerberus."""

from __future__ import annotations

from abuse.controllers import correspondence, reports, tickets
from abuse.models import Report, ReportStatus, Ticket, TicketStatus, User

from ...engine.actions import BaseActions, rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_NUMERIC, FIELD_SELECT, FIELD_TEXT


class DefaultReportActions(BaseActions):
    """What a Report rule may do."""

    def __init__(self, report: Report, ticket: Ticket | None, ack_lang: str = "EN", *, actor: User) -> None:
        """
        :param report: the report decided on
        :param ticket: the open ticket that it could join
        :param ack_lang: the language of acknowledgements
        :param actor: who acts: the robot, or the person who validated
        """
        self.report = report
        self._found = ticket
        self.ack_lang = ack_lang
        self.actor = actor

    def _ticket(self) -> Ticket | None:
        """The ticket the report is in, else the one it could join: an action sees what an earlier one did."""
        return self.report.ticket or self._found

    def _needed_ticket(self) -> Ticket:
        ticket = self._ticket()
        if ticket is None:
            raise ValueError(f"report {self.report.pk} has no ticket; create_ticket must come first")
        return ticket

    @rule_action(label="Do nothing")
    def do_nothing(self) -> None:
        """The decision itself is kept with the report."""

    @rule_action(label="Create a ticket", params={"create_new": FIELD_BOOLEAN, "attach_new": FIELD_BOOLEAN})
    def create_ticket(self, create_new: bool = False, attach_new: bool = True) -> str:
        """Attach the report to the open ticket, or to a new one when there is none or `create_new` is set.

        `attach_new` also attaches all reports that wait on the same customer, service and category.
        """
        ticket = self._ticket()
        if ticket is None or create_new:
            ticket = tickets.create_ticket(self.report, actor=self.actor, joinable=ticket is None)
        else:
            tickets.attach_report(self.report, ticket, actor=self.actor)
        if attach_new:
            tickets.attach_waiting_reports(ticket, actor=self.actor)
        return ticket.public_id

    @rule_action(label="Attach the report to the open ticket")
    def attach_report_to_ticket(self) -> str:
        ticket = self._needed_ticket()
        tickets.attach_report(self.report, ticket, actor=self.actor)
        return ticket.public_id

    @rule_action(label="Acknowledge to the reporter", params={"template_codename": FIELD_TEXT, "lang": FIELD_TEXT})
    def send_provider_ack(self, template_codename: str = "ack_report_received", lang: str | None = None) -> str | None:
        return correspondence.acknowledge(
            self.report,
            self._needed_ticket(),
            codename=template_codename,
            lang=lang or self.ack_lang,
            actor=self.actor,
        )

    @rule_action(
        label="Set the report's status",
        params=[
            {
                "name": "status",
                "fieldType": FIELD_SELECT,
                "options": [{"name": str(one), "label": one.label} for one in ReportStatus],
            }
        ],
    )
    def set_report_status(self, status: str) -> str:
        reports.set_status(self.report, ReportStatus(status), actor=self.actor)
        return status

    @rule_action(label="Archive the report if it is still new after some days", params={"days": FIELD_NUMERIC})
    def set_report_timeout(self, days: float) -> str:
        return reports.set_timeout(self.report, days=float(days), actor=self.actor).due_at.isoformat()

    @rule_action(label="Have a person look at the reported pages")
    def set_ticket_phishtocheck(self) -> None:
        reports.set_status(self.report, ReportStatus.PHISH_TO_CHECK, actor=self.actor)

    @rule_action(label="Close because every reported page is down")
    def phishing_close_because_all_down(self) -> str:
        ticket = self._ticket() or tickets.create_ticket(self.report, actor=self.actor)
        tickets.attach_report(self.report, ticket, actor=self.actor)
        correspondence.acknowledge(
            self.report, ticket, codename="no_more_content", lang=self.ack_lang, actor=self.actor
        )
        tickets.close_ticket(ticket, "no_more_content", actor=self.actor)
        self.report.status = ReportStatus.ARCHIVED
        tickets.add_tag(ticket, "phishing:autoclosed", actor=self.actor)
        return ticket.public_id

    @rule_action(
        label="Set the ticket's status",
        params=[
            {
                "name": "status",
                "fieldType": FIELD_SELECT,
                "options": [{"name": str(one), "label": one.label} for one in TicketStatus],
            }
        ],
    )
    def set_ticket_status(self, status: str) -> str:
        ticket = self._needed_ticket()
        if ticket.status != status:
            tickets.set_status(ticket, TicketStatus(status), actor=self.actor)
        return status

    @rule_action(label="Tag the report", params={"tag_name": FIELD_TEXT})
    def add_report_tag(self, tag_name: str) -> None:
        reports.add_tag(self.report, tag_name)
