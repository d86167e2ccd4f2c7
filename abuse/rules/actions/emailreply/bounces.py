"""A mail of ours that came back: sent once more, to the customer's other address."""

from __future__ import annotations

from abuse.controllers.bounces import find_returned
from abuse.controllers.history import record
from abuse.controllers.outbox import people_must_look
from abuse.models import History, OutgoingMessage, Ticket, User
from abuse.parsers.values import ParsedEmail
from abuse.services.email import EmailService
from abuse.services.email.addresses import is_address

CUSTOMERS = "Defendant"


def resend(ticket: Ticket, bounce: ParsedEmail, *, email_id: int, actor: User) -> str | None:
    """Send what came back to the spare address; the address, or None when there is none left and a person has to look.

    The mail to the customer that the bounce is known to be about is meant, else the newest one that it quotes. Each
    mail is sent again once at most.
    """
    details = ticket.defendant.details if ticket.defendant else None
    lost = OutgoingMessage.filter(ticket=ticket, category=CUSTOMERS, bounce_email_id=email_id).first()
    lost = lost or find_returned(ticket, bounce, category=CUSTOMERS)
    spare = details.spare_email if details else None
    if lost is None or not spare or not is_address(spare) or spare.lower() == lost.recipient.lower():
        people_must_look(ticket, actor=actor)
        return None
    message_id = EmailService.send_email(
        ticket,
        spare,
        lost.subject,
        lost.body,
        CUSTOMERS,
        sender=lost.sender,
        dedupe_key=f"resend:{lost.pk}:{spare.lower()}",
        template_codename=lost.template_codename,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, new=spare, old=lost.recipient, message_id=message_id,
        template=lost.template_codename, category=CUSTOMERS, after_bounce=True,
    )  # fmt: skip
    return spare
