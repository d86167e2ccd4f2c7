"""The desk's mail: writing to customers and reporters, and the conversation of each ticket."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from abuse.models import Report, Ticket
from abuse.parsers.values import ParsedEmail

from ..facade import ServiceBase, ServiceError

CATEGORIES = ("Defendant", "Plaintiff", "Other", "Masscontact")
"""Whom a mail of a ticket's conversation is exchanged with."""


class EmailServiceException(ServiceError):
    """The mail could not be written or kept."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send along."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ConversationMail:
    """One mail of a ticket's conversation, sent or received. `created` is aware."""

    sender: str
    recipient: str
    created: datetime
    subject: str
    body: str
    category: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefetchedEmail:
    """A template filled in for a ticket, to be looked at and changed before it is sent."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    category: str


@dataclass(frozen=True, slots=True)
class TicketAnswer:
    """A mail that is addressed to a ticket: which one, in which part of the conversation, by which address."""

    ticket: Ticket
    category: str
    recipient: str


class EmailServiceBase(ServiceBase, abc.ABC):
    """The desk's mail."""

    @abc.abstractmethod
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
        """Accept a mail for sending and keep it in the ticket's conversation; its Message-ID.

        Called inside the transaction of what caused the mail: an implementation notes it down there and sends it after
        the commit, so that no mail speaks of something that did not happen. The same `dedupe_key` sends once.

        :raises EmailServiceException: for an address, category or attachment that cannot be sent.
        """

    @abc.abstractmethod
    def get_emails(self, ticket: Ticket) -> Sequence[ConversationMail]:
        """The conversation of a ticket, oldest first; empty when there was none."""

    @abc.abstractmethod
    def is_email_ticket_answer(self, parsed: ParsedEmail) -> Sequence[TicketAnswer]:
        """The tickets that a mail is addressed to; empty when it is none's answer."""

    @abc.abstractmethod
    def find_answers(self, mails: Sequence[ParsedEmail]) -> Sequence[Sequence[TicketAnswer]]:
        """`is_email_ticket_answer` for many mails at the cost of one."""

    @abc.abstractmethod
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
        """Keep a received mail in the ticket's conversation; whether its sender is known to the ticket."""

    @abc.abstractmethod
    def knows(self, ticket: Ticket, sender: str) -> bool:
        """Whether an address belongs to the ticket: the customer's own, or one that was written to about it."""

    @abc.abstractmethod
    def prefetch_email_from_template(
        self, ticket: Ticket, template_codename: str, lang: str = "EN", acknowledged_report: Report | None = None
    ) -> PrefetchedEmail:
        """Fill in a template for a ticket.

        :raises EmailServiceException: permanent when there is no such template or it cannot be filled in.
        """

    def close_thread(self, ticket: Ticket) -> None:
        """Told when a ticket is closed, for systems that close conversations too."""
