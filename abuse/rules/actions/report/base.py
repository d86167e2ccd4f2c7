"""What all actions on reports have at hand."""

from __future__ import annotations

from abuse.models import Defendant, Report, ReportStatus, Ticket, TicketStatus, User

from ...engine.actions import BaseActions
from ...engine.fields import FIELD_SELECT


def choice(name: str, options: type[ReportStatus] | type[TicketStatus]) -> list[dict[str, object]]:
    """The declaration of one parameter that is one of some statuses."""
    return [
        {
            "name": name,
            "fieldType": FIELD_SELECT,
            "options": [{"name": str(one), "label": one.label} for one in options],
        }
    ]


class ReportActionsBase(BaseActions):
    """A report, the ticket it is in or could join, and who acts."""

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

    def _needed_defendant(self) -> Defendant:
        if self.report.defendant is None:
            raise ValueError(f"report {self.report.pk} has no defendant; ask has_defendant in the conditions")
        return self.report.defendant
