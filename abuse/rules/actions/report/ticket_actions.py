"""Actions on the ticket of a report."""

from __future__ import annotations

from abuse.controllers import flags, moves, tickets
from abuse.models import Priority, TicketStatus

from ...engine.actions import rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_SELECT, FIELD_TEXT
from .base import ReportActionsBase, choice


class TicketActions(ReportActionsBase):
    """Opening, joining, moving and marking the ticket."""

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

    @rule_action(label="Close the ticket", params={"resolution": FIELD_TEXT, "keep_update": FIELD_BOOLEAN})
    def close_ticket(self, resolution: str, keep_update: bool = False) -> str:
        """`keep_update`: whether it takes new reports when somebody reopens it."""
        ticket = self._needed_ticket()
        moves.close_ticket(ticket, resolution, actor=self.actor, keep_update=keep_update)
        self.report.refresh_from_db(fields=["status"])
        return ticket.public_id

    @rule_action(label="Set the ticket's status", params=choice("status", TicketStatus))
    def set_ticket_status(self, status: str) -> str:
        ticket = self._needed_ticket()
        if ticket.status != status:
            moves.set_status(ticket, TicketStatus(status), actor=self.actor)
        return status

    @rule_action(
        label="Set the ticket's priority",
        params=[{"name": "priority", "fieldType": FIELD_SELECT, "options": list(Priority.values)}],
    )
    def set_ticket_priority(self, priority: str) -> str:
        """Later reports leave it as it is."""
        flags.set_priority(self._needed_ticket(), Priority(priority), actor=self.actor)
        return priority

    @rule_action(label="Keep the ticket from beginners")
    def set_ticket_moderation(self) -> None:
        flags.set_flag(self._needed_ticket(), "moderation", True, actor=self.actor)

    @rule_action(label="Escalate the ticket")
    def set_ticket_escalated(self) -> None:
        flags.set_flag(self._needed_ticket(), "escalated", True, actor=self.actor)

    @rule_action(label="Raise the ticket's alarm")
    def set_ticket_alarm(self) -> None:
        flags.set_flag(self._needed_ticket(), "alarm", True, actor=self.actor)
