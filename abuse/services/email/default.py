"""The conversation in PostgreSQL: what is to be sent is a row of the outbox, what came in is kept beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from abuse.config import current
from abuse.models import (
    OutgoingAttachment,
    OutgoingMessage,
    ReceivedAttachment,
    ReceivedMessage,
    Report,
    Ticket,
)
from abuse.models.fields import clipped
from abuse.models.inserting import insert_unless_there
from abuse.models.questions import where_merged
from abuse.parsers import replies
from abuse.parsers.values import ParsedEmail

from . import conversation, files
from .addresses import TicketAddress, is_address, read_ticket_address, ticket_address
from .base import (
    CATEGORIES,
    Attachment,
    ConversationMail,
    EmailServiceBase,
    EmailServiceException,
    KeptFile,
    PrefetchedEmail,
    TicketAnswer,
)
from .naming import Named, named_in
from .outgoing import columns, digest_of, new_message_id, write_to_reporters
from .texts import TextError, write_text


class DatabaseEmailService(EmailServiceBase):
    """Mail as rows; the outbox is emptied by the workers."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = current().MAIL
        self._domain = self._settings.ticket_domain

    def send_email(
        self,
        ticket: Ticket | None,
        recipient: str,
        subject: str,
        body: str,
        category: str,
        sender: str | None = None,
        attachments: Sequence[Attachment | KeptFile] | None = None,
        *,
        dedupe_key: str | None = None,
        report: Report | None = None,
        template_codename: str = "",
        auto_submitted: str = "auto-generated",
        body_html: str = "",
    ) -> str:
        if not is_address(recipient):
            raise EmailServiceException(f"recipient {recipient!r}: expected an e-mail address", permanent=True)
        if category not in CATEGORIES:
            raise EmailServiceException(
                f"category {category!r}: expected one of {', '.join(CATEGORIES)}", permanent=True
            )
        kept = files.keep(attachments or (), self._settings.max_attachment_bytes)
        if sender is None:
            sender = ticket_address(ticket.public_id, category, self._domain) if ticket else f"abuse@{self._domain}"
        message_id = new_message_id(self._domain)
        message = OutgoingMessage(
            dedupe_key=digest_of(dedupe_key or message_id),
            **columns(
                message_id=message_id, ticket=ticket, report=report, category=category, sender=sender,
                recipient=recipient, subject=subject, body=body, body_html=body_html,
                template_codename=template_codename, auto_submitted=auto_submitted,
            ),
        )  # fmt: skip
        if not insert_unless_there(message):
            return OutgoingMessage.get(dedupe_key=message.dedupe_key).message_id
        if kept:
            OutgoingAttachment.objects.bulk_create(
                OutgoingAttachment(message=message, **files.columns(file, number)) for number, file in enumerate(kept)
            )
        return message.message_id

    def send_to_reporters(
        self, ticket: Ticket, template_codename: str, reports: Sequence[Report], *, cause: str
    ) -> Sequence[str]:
        wrong = next((report.provider_id for report in reports if not is_address(report.provider_id)), None)
        if wrong is not None:
            raise EmailServiceException(f"recipient {wrong!r}: expected an e-mail address", permanent=True)
        try:
            return write_to_reporters(ticket, template_codename, reports, cause=cause, domain=self._domain)
        except TextError as error:
            raise EmailServiceException(str(error), permanent=True) from None

    def keep(self, attachments: Sequence[Attachment]) -> Sequence[KeptFile]:
        return files.keep(attachments, self._settings.max_attachment_bytes)

    def get_emails(self, ticket: Ticket) -> Sequence[ConversationMail]:
        return conversation.of_ticket(ticket)

    def is_email_ticket_answer(self, parsed: ParsedEmail) -> Sequence[TicketAnswer]:
        return self.find_answers([parsed])[0]

    def find_answers(self, mails: Sequence[ParsedEmail]) -> Sequence[Sequence[TicketAnswer]]:
        """By address, and else by the mail of ours that they answer or return. Two queries for however many mails."""
        addressed = [self._addresses(mail) for mail in mails]
        named = [named_in(mail, self._settings) for mail in mails]
        sent = _sent_mails(named)
        public_ids = {address.public_id for addresses in addressed for _, address in addresses}
        ids = {message.ticket_id for message in sent}
        if not public_ids and not ids:
            return [() for _ in mails]
        tickets = {
            ticket.pk: ticket
            for ticket in Ticket.filter(Q(public_id__in=public_ids) | Q(pk__in=ids)).select_related(
                "defendant__details", "category", "service", "treated_by"
            )
        }
        by_public_id = {ticket.public_id: ticket for ticket in tickets.values()}
        by_name: dict[int | str, OutgoingMessage] = {message.message_id: message for message in sent}
        by_name |= {message.pk: message for message in sent}
        found = []
        for mail, addresses, names in zip(mails, addressed, named, strict=True):
            ours = [by_name[name] for name in (*names.numbers, *names.message_ids) if name in by_name]
            answers = _answers_by_address(addresses, by_public_id, ours)
            if not answers and ours and ours[0].ticket_id is not None:
                recipient = mail.recipients[0] if mail.recipients else ""
                ticket = tickets[ours[0].ticket_id]
                answers = (TicketAnswer(ticket, ours[0].category, recipient, message_id=ours[0].message_id),)
            found.append(answers)
        return found

    def _addresses(self, mail: ParsedEmail) -> list[tuple[str, TicketAddress]]:
        return [
            (recipient, address)
            for recipient in mail.recipients
            if (address := read_ticket_address(recipient, self._domain)) is not None
        ]

    def attach_external_answer(
        self,
        ticket: Ticket,
        sender: str,
        recipient: str,
        subject: str,
        body: str,
        category: str,
        attachments: Sequence[Attachment | KeptFile] | None = None,
        *,
        email_id: int | None = None,
        date: datetime | None = None,
        message_id: str | None = None,
        kind: str = "",
        forged: bool = False,
    ) -> bool:
        address = read_ticket_address(recipient, self._domain)
        proven = address is not None and address.proven and _leads_to(address, ticket, category)
        authentic = proven or (not forged and self.knows(ticket, sender))
        # What came in is kept whatever its size: the mail itself has it, too.
        kept = files.keep(attachments or (), None)
        columns = {
            "sender": clipped(sender, 512),
            "recipient": clipped(recipient, 512),
            "subject": clipped(subject, 1023),
            "body": body,
            "new_text": replies.new_text(body),
            "message_id": clipped(f"<{message_id}>" if message_id else "", 998),
            "kind": kind,
            "authentic": authentic,
            "date": date or timezone.now(),
        }
        if email_id is None:  # from elsewhere: nothing tells that it is the same again
            message, is_new = ReceivedMessage.create(ticket=ticket, category=category, **columns), True
        else:
            message, is_new = ReceivedMessage.get_or_create(
                ticket=ticket, email_id=email_id, category=category, defaults=columns
            )
        if is_new and kept:
            ReceivedAttachment.objects.bulk_create(
                ReceivedAttachment(message=message, **files.columns(file, number)) for number, file in enumerate(kept)
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
        self, ticket: Ticket, template_codename: str, lang: str | None = None, acknowledged_report: Report | None = None
    ) -> PrefetchedEmail:
        try:
            text = write_text(ticket, template_codename, lang=lang, report=acknowledged_report)
        except TextError as error:
            raise EmailServiceException(str(error), permanent=True) from None
        category = text.recipient_type.title()
        return PrefetchedEmail(
            sender=ticket_address(ticket.public_id, category, self._domain),
            recipients=_recipients(ticket, category, acknowledged_report),
            subject=text.subject,
            body=text.body,
            category=category,
            body_html=text.body_html,
        )


def _leads_to(address: TicketAddress, ticket: Ticket, category: str) -> bool:
    """Whether an address is that of a part of a ticket's conversation, or of a ticket that was merged into it."""
    if address.category != category:
        return False
    if address.public_id == ticket.public_id:
        return True
    merged = where_merged(Ticket.filter(public_id=address.public_id, merged_into__isnull=False))
    return any(one.pk == ticket.pk for one in merged.values())


def _recipients(ticket: Ticket, category: str, report: Report | None) -> tuple[str, ...]:
    match category:
        case "Defendant" | "Masscontact":
            details = ticket.defendant.details if ticket.defendant else None
            return (details.email,) if details and details.email else ()
        case "Plaintiff":
            if report is not None:
                return (report.provider_id,)
            return tuple(sorted(set(ticket.reports.values_list("provider_id", flat=True))))
        case _:
            return ()


def _sent_mails(named: Sequence[Named]) -> list[OutgoingMessage]:
    """The mails of ours that any of the received ones names."""
    numbers = {number for one in named for number in one.numbers}
    identifiers = {identifier for one in named for identifier in one.message_ids}
    if not numbers and not identifiers:
        return []
    known = Q(pk__in=numbers) | Q(message_id__in=identifiers)
    return list(OutgoingMessage.filter(known, ticket__isnull=False).only("message_id", "ticket_id", "category"))


def _answers_by_address(
    addresses: Sequence[tuple[str, TicketAddress]], tickets: dict[str, Ticket], ours: Sequence[OutgoingMessage]
) -> tuple[TicketAnswer, ...]:
    """One for each part of a conversation that a mail is addressed to; of several addresses of it the one that proves.

    `ours`: the mails of ours that it names, of which those of the same part count.
    """
    found: dict[tuple[str, str], TicketAnswer] = {}
    for recipient, address in addresses:
        ticket = tickets.get(address.public_id)
        key = (address.public_id, address.category)
        if ticket is None or (key in found and (found[key].proven or not address.proven)):
            continue
        same = (one for one in ours if (one.ticket_id, one.category) == (ticket.pk, address.category))
        message = next(same, None)
        found[key] = TicketAnswer(
            ticket, address.category, recipient, address.proven, message.message_id if message else None
        )
    return tuple(found.values())
