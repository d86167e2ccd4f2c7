"""The actions on answers that come with Cerberus."""

from __future__ import annotations

from collections.abc import Mapping

from abuse.controllers import cdn, correspondence, deadlines, moves
from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
from abuse.controllers.history import record
from abuse.models import History, Ticket, TicketStatus, User
from abuse.parsers.values import ParsedEmail
from abuse.services.email import EmailService

from ...beforehand import received_in
from ...checks import check_address, check_seconds
from ...engine.actions import BaseActions, rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_NO_INPUT, FIELD_NUMERIC, FIELD_SELECT, FIELD_TEXT
from ...networks import check_network_name
from ..deferred import check_task_params, check_ticket_task, put_ticket_task
from .bounces import resend
from .origins import owners_named


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
        mail, received = self.parsed_email, received_in(self.email_id)
        authentic = EmailService.attach_external_answer(
            self.ticket, mail.provider, self.recipient, mail.subject, mail.body, self.category, received.files,
            email_id=self.email_id, date=mail.date, message_id=mail.message_id, kind=str(mail.kind),
            forged=received.is_forged,
        )  # fmt: skip
        record(
            History.Type.RECEIVE_EMAIL, actor=self.actor, ticket=self.ticket, new=mail.provider, category=self.category,
            email=self.email_id, known_sender=authentic,
        )  # fmt: skip
        return authentic

    @rule_action(label="Take back all that was to happen to the ticket later")
    def cancel_pending_jobs(self) -> int:
        return deadlines.cancel_deadlines(self.ticket, reason="the customer answered", actor=self.actor)

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
        """A closed ticket can only be reopened, unless it was merged: any other status leaves it closed."""
        if self.ticket.status == TicketStatus.CLOSED:
            if status == TicketStatus.REOPENED and self.ticket.merged_into_id is None:
                moves.reopen(self.ticket, actor=self.actor)
        elif self.ticket.status != status:
            moves.set_status(self.ticket, TicketStatus(status), actor=self.actor)
        return self.ticket.status

    @rule_action(label="Close the ticket", params={"resolution": FIELD_TEXT, "keep_update": FIELD_BOOLEAN})
    def close_ticket(self, resolution: str, keep_update: bool = False) -> str:
        if self.ticket.status != TicketStatus.CLOSED:
            moves.close_ticket(self.ticket, resolution, actor=self.actor, keep_update=keep_update)
        return self.ticket.public_id

    @rule_action(
        label="Write to an address",
        params=[
            {"name": "template_codename", "fieldType": FIELD_TEXT},
            {"name": "email", "fieldType": FIELD_TEXT, "check": check_address},
            {"name": "lang", "fieldType": FIELD_TEXT},
        ],
    )
    def send_email(self, template_codename: str, email: str, lang: str | None = None) -> str:
        """In the language given, else in that of whom the text is written for."""
        return correspondence.send_template(
            self.ticket,
            template_codename,
            email,
            cause=f"mail:{self.email_id}",
            actor=self.actor,
            lang=lang,
        )

    @rule_action(
        label="Run a task on the ticket later",
        params=[
            {"name": "task_name", "fieldType": FIELD_TEXT, "check": check_ticket_task},
            {"name": "seconds", "fieldType": FIELD_NUMERIC, "check": check_seconds},
            {"name": "task_params", "fieldType": FIELD_NO_INPUT, "check": check_task_params},
        ],
    )
    def enqueue_ticket_task(
        self, task_name: str, seconds: float = 60, task_params: Mapping[str, object] | None = None
    ) -> str:
        return put_ticket_task(
            self.ticket, task_name, seconds=seconds, params=task_params or {}, actor=self.actor
        ).due_at.isoformat()

    @rule_action(label="Send a bounced mail again, to the customer's other address")
    def try_resend(self) -> str | None:
        """The address; None when there is no other one to try, and the ticket has become an alarm."""
        return resend(self.ticket, self.parsed_email, email_id=self.email_id, actor=self.actor)

    @rule_action(
        label="Take the address that a content network names",
        params=[{"name": "provider", "fieldType": FIELD_TEXT, "label": "Name of it", "check": check_network_name}],
    )
    def cdn_response_update(self, provider: str) -> bool:
        """Whether one customer's service of ours is behind it: the ticket is his then, else an alarm."""
        matches = owners_named(self.parsed_email, self.email_id)
        defendants = ensure_defendants(match.defendant for match in matches)
        services = ensure_services(match.service for match in matches)
        owners = [(defendants[match.defendant.customer_id], services[service_key(match.service)]) for match in matches]
        return cdn.take_origin(
            self.ticket, network=provider.lower(), owners=owners, addresses=self.parsed_email.ips, actor=self.actor
        )
