"""Mail texts filled in for a ticket, to be looked at before they are sent."""

from __future__ import annotations

from dataclasses import dataclass

from abuse.models import MailTemplate, Proof, Ticket
from abuse.services.email import EmailService
from abuse.services.email.texts import best, languages_of, names_used

from .editing import Refused


class ProofMissing(Refused):
    """The text shows proof, and the ticket has none yet."""


@dataclass(frozen=True, slots=True)
class FilledText:
    """A mail text with a ticket's facts in it."""

    template: MailTemplate
    recipients: tuple[str, ...]
    subject: str
    body: str
    category: str
    body_html: str = ""


def fill(ticket: Ticket, template: MailTemplate) -> FilledText:
    """Fill in a text for a ticket.

    :raises ProofMissing: when the text shows proof and the ticket has none.
    :raises EmailServiceException: when it cannot be filled in.
    """
    if "proof" in names_used(template.subject) | names_used(template.body) and not Proof.filter(ticket=ticket).exists():
        raise ProofMissing(f"template {template.codename} shows proof: add some to the ticket first")
    mail = EmailService.prefetch_email_from_template(ticket, template.codename, lang=template.lang)
    return FilledText(template, mail.recipients, mail.subject, mail.body, mail.category, mail.body_html)


def translated(ticket: Ticket, template: MailTemplate) -> MailTemplate:
    """The text for the same purpose in the customer's language, if it is for him and there is one; else the text."""
    details = ticket.defendant.details if ticket.defendant else None
    if template.recipient_type != MailTemplate.RecipientType.DEFENDANT or details is None:
        return template
    same = list(MailTemplate.filter(codename=template.codename, recipient_type=template.recipient_type))
    return best(same, languages_of(details)) or template
