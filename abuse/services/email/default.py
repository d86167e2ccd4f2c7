"""The conversation in PostgreSQL: what is to be sent is a row of the outbox, what came in is kept beside it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from abuse.config import current
from abuse.models import OutboxState, OutgoingMessage, ReceivedMessage, Report, Ticket
from abuse.models.fields import clipped
from abuse.parsers.values import ParsedEmail

from .addresses import TicketAddress, is_address, read_ticket_address, ticket_address
from .base import (
    CATEGORIES,
    Attachment,
    ConversationMail,
    EmailServiceBase,
    EmailServiceException,
    PrefetchedEmail,
    TicketAnswer,
)
from .texts import TextError, find_template, render, ticket_variables


class DatabaseEmailService(EmailServiceBase):
    """Mail as rows; the outbox is emptied by the workers."""

    def __init__(self) -> None:
        super().__init__()
        self._domain = current().MAIL.ticket_domain

    def send_email(
        self,
        ticket: Ticket | None,
        recipient: str,
        subject: str,
        body: str,
        category: str,
        sender: str | None = None,
        attachments: Sequence[Attachment] | None = None,
        *,
        dedupe_key: str | None = None,
        report: Report | None = None,
        template_codename: str = "",
    ) -> str:
        if not is_address(recipient):
            raise EmailServiceException(f"recipient {recipient!r}: expected an e-mail address", permanent=True)
        if category not in CATEGORIES:
            raise EmailServiceException(
                f"category {category!r}: expected one of {', '.join(CATEGORIES)}", permanent=True
            )
        if attachments:
            raise EmailServiceException("attachments: this service sends text only", permanent=True)
        if sender is None:
            sender = ticket_address(ticket.public_id, category, self._domain) if ticket else f"abuse@{self._domain}"
        now = timezone.now()
        message_id = f"<{uuid.uuid4()}@{self._domain}>"
        key = dedupe_key or message_id
        message, _ = OutgoingMessage.get_or_create(
            dedupe_key=hashlib.sha256(key.encode()).hexdigest(),
            defaults={
                "message_id": message_id,
                "ticket": ticket,
                "report": report,
                "category": category,
                "sender": sender,
                "recipient": recipient,
                "subject": clipped(" ".join(subject.split()), 1023),
                "body": body,
                "template_codename": template_codename,
                "state": OutboxState.PENDING,
                "next_attempt_at": now,
                "created_at": now,
            },
        )
        return message.message_id

    def get_emails(self, ticket: Ticket) -> Sequence[ConversationMail]:
        sent = [
            ConversationMail(row.sender, row.recipient, row.created_at, row.subject, row.body, row.category)
            for row in OutgoingMessage.filter(ticket=ticket).exclude(state=OutboxState.CANCELLED)
        ]
        received = [
            ConversationMail(row.sender, row.recipient, row.date, row.subject, row.body, row.category)
            for row in ReceivedMessage.filter(ticket=ticket)
        ]
        return sorted([*sent, *received], key=lambda mail: mail.created)

    def is_email_ticket_answer(self, parsed: ParsedEmail) -> Sequence[TicketAnswer]:
        return self.find_answers([parsed])[0]

    def find_answers(self, mails: Sequence[ParsedEmail]) -> Sequence[Sequence[TicketAnswer]]:
        addressed = [self._addresses(mail) for mail in mails]
        wanted = {address.public_id for addresses in addressed for address in addresses.values()}
        if not wanted:
            return [() for _ in mails]
        rows = Ticket.filter(public_id__in=wanted).select_related(
            "defendant__details", "category", "service", "treated_by"
        )
        tickets = {ticket.public_id: ticket for ticket in rows}
        return [
            tuple(
                TicketAnswer(tickets[address.public_id], address.category, recipient)
                for recipient, address in addresses.items()
                if address.public_id in tickets
            )
            for addresses in addressed
        ]

    def _addresses(self, mail: ParsedEmail) -> dict[str, TicketAddress]:
        return {
            recipient: address
            for recipient in mail.recipients
            if (address := read_ticket_address(recipient, self._domain)) is not None
        }

    def attach_external_answer(
        self,
        ticket: Ticket,
        sender: str,
        recipient: str,
        subject: str,
        body: str,
        category: str,
        attachments: Sequence[Attachment] | None = None,
        *,
        email_id: int | None = None,
        date: datetime | None = None,
    ) -> bool:
        authentic = self.knows(ticket, sender)
        ReceivedMessage.get_or_create(
            ticket=ticket,
            email_id=email_id,
            category=category,
            defaults={
                "sender": clipped(sender, 512),
                "recipient": clipped(recipient, 512),
                "subject": clipped(subject, 1023),
                "body": body,
                "authentic": authentic,
                "date": date or timezone.now(),
            },
        )
        return authentic

    def knows(self, ticket: Ticket, sender: str) -> bool:
        """Whether the desk has written to this address about the ticket, or it is the customer's own."""
        address = sender.strip().lower()
        details = ticket.defendant.details if ticket.defendant else None
        if details and address in {known.lower() for known in (details.email, details.spare_email) if known}:
            return True
        return OutgoingMessage.filter(ticket=ticket, recipient__iexact=address).exists()

    def prefetch_email_from_template(
        self, ticket: Ticket, template_codename: str, lang: str = "EN", acknowledged_report: Report | None = None
    ) -> PrefetchedEmail:
        template = find_template(template_codename, lang)
        if template is None:
            raise EmailServiceException(
                f"template {template_codename!r}: there is none of that codename", permanent=True
            )
        variables = ticket_variables(ticket, acknowledged_report)
        try:
            subject = render(template.subject, variables, name=f"{template_codename} (subject)")
            body = render(template.body, variables, name=template_codename)
        except TextError as error:
            raise EmailServiceException(str(error), permanent=True) from None
        category = template.recipient_type.title()
        return PrefetchedEmail(
            sender=ticket_address(ticket.public_id, category, self._domain),
            recipients=_recipients(ticket, category, acknowledged_report),
            subject=subject,
            body=body,
            category=category,
        )


def _recipients(ticket: Ticket, category: str, report: Report | None) -> tuple[str, ...]:
    match category:
        case "Defendant" | "Masscontact":
            details = ticket.defendant.details if ticket.defendant else None
            return (details.email,) if details else ()
        case "Plaintiff":
            if report is not None:
                return (report.provider_id,)
            return tuple(sorted(set(ticket.reports.values_list("provider_id", flat=True))))
        case _:
            return ()
