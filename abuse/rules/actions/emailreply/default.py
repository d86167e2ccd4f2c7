"""The actions on answers that come with Cerberus."""

from __future__ import annotations

from abuse.controllers import tickets
from abuse.controllers.history import record
from abuse.models import History, Ticket, TicketStatus, User
from abuse.parsers.values import ParsedEmail
from abuse.services.email import EmailService

from ...engine.actions import BaseActions, rule_action
from ...engine.fields import FIELD_SELECT


class DefaultEmailReplyActions(BaseActions):
    """What an EmailReply rule may do."""

    def __init__(
        self, ticket: Ticket, parsed_email: ParsedEmail, recipient: str, category: str, *, email_id: int, actor: User
    ) -> None:
        self.ticket = ticket
        self.parsed_email = parsed_email
        self.recipient = recipient
        self.category = category
        self.email_id = email_id
        self.actor = actor

    @rule_action(label="Keep the answer with the ticket")
    def attach_external_answer(self) -> bool:
        mail = self.parsed_email
        authentic = EmailService.attach_external_answer(
            self.ticket, mail.provider, self.recipient, mail.subject, mail.body, self.category,
            email_id=self.email_id, date=mail.date,
        )  # fmt: skip
        record(
            History.Type.RECEIVE_EMAIL, actor=self.actor, ticket=self.ticket, new=mail.provider, category=self.category,
            email=self.email_id, known_sender=authentic,
        )  # fmt: skip
        return authentic

    @rule_action(label="Take back all that was to happen to the ticket later")
    def cancel_pending_jobs(self) -> int:
        return tickets.cancel_deadlines(self.ticket, reason="the customer answered", actor=self.actor)

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
        """A closed ticket stays closed: the answer is kept with it, and a person decides whether to reopen."""
        if self.ticket.status not in {status, TicketStatus.CLOSED}:
            tickets.set_status(self.ticket, TicketStatus(status), actor=self.actor)
        return self.ticket.status
