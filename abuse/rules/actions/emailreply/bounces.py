"""A mail of ours that came back: sent once more, to the customer's other address."""

from __future__ import annotations

from abuse.controllers import moves
from abuse.controllers.history import record
from abuse.models import History, OutgoingMessage, Ticket, TicketStatus, User
from abuse.parsers.values import ParsedEmail
from abuse.services.email import EmailService
from abuse.services.email.addresses import is_address

QUOTED = 200
"""Characters of our mail that must stand in the bounce: its start, since servers cut what they return."""
MAX_MAILS = 50


def resend(ticket: Ticket, bounce: ParsedEmail, *, actor: User) -> str | None:
    """Send what came back to the spare address; the address, or None when there is none left and a person has to look.

    The newest mail to the customer that the bounce quotes is meant. Each mail is sent again once at most.
    """
    details = ticket.defendant.details if ticket.defendant else None
    lost = _quoted(ticket, bounce.body)
    spare = details.spare_email if details else None
    if lost is None or not spare or not is_address(spare) or spare.lower() == lost.recipient.lower():
        _give_up(ticket, actor=actor)
        return None
    message_id = EmailService.send_email(
        ticket,
        spare,
        lost.subject,
        lost.body,
        "Defendant",
        sender=lost.sender,
        dedupe_key=f"resend:{lost.pk}:{spare.lower()}",
        template_codename=lost.template_codename,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, new=spare, old=lost.recipient, message_id=message_id,
        template=lost.template_codename, category="Defendant", after_bounce=True,
    )  # fmt: skip
    return spare


def _quoted(ticket: Ticket, text: str) -> OutgoingMessage | None:
    """The newest mail to the customer whose text, or its start, stands in the bounce. Blanks may differ."""
    bounced = _squeezed(text)
    mails = OutgoingMessage.filter(ticket=ticket, category="Defendant").order_by("-created_at", "-pk")[:MAX_MAILS]
    for mail in mails:
        start = _squeezed(mail.body)[:QUOTED]
        if start and start in bounced:
            return mail
    return None


def _squeezed(text: str) -> str:
    return " ".join(text.replace(">", " ").split())


def _give_up(ticket: Ticket, *, actor: User) -> None:
    if ticket.status not in {TicketStatus.ALARM, TicketStatus.CLOSED}:
        moves.set_status(ticket, TicketStatus.ALARM, actor=actor)
