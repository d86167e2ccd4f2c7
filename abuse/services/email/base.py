"""The desk's mail: writing to customers and reporters, and the conversation of each ticket."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from abuse.config.mail import Mail
from abuse.models import Report, Ticket
from abuse.parsers.values import ParsedEmail

from ..facade import ServiceBase, ServiceError
from .relay import RelayTransport
from .transport import Transport

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
class KeptFile:
    """A file of a mail that lies in the storage already, under `key`. `size` in bytes."""

    filename: str
    content_type: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class ConversationMail:
    """One mail of a ticket's conversation, sent or received. `created` is aware.

    `fate` of a mail of ours: pending, sending, sent, uncertain, failed, cancelled, or bounced; `received` for all
    others. `fate_reason` is what a mail server said of it. `authentic` of a received mail: it came from somebody whom
    the ticket knows; None for mails of ours. `new_text` is what its writer added, without quotes and signature.
    `email_id` is the received mail as it came. `kind` says what it is, such as reply_to_ticket, auto_reply, bounce.
    """

    sender: str
    recipient: str
    created: datetime
    subject: str
    body: str
    category: str
    attachments: tuple[KeptFile, ...] = ()
    fate: str = "received"
    fate_reason: str = ""
    authentic: bool | None = None
    new_text: str = ""
    message_id: str = ""
    email_id: int | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PrefetchedEmail:
    """A template filled in for a ticket, to be looked at and changed before it is sent."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    category: str
    body_html: str = ""


@dataclass(frozen=True, slots=True)
class TicketAnswer:
    """A mail that is addressed to a ticket: which one, in which part of the conversation, by which address.

    `proven`: the address is one that only those have whom the desk wrote to. `message_id` is the mail of ours that it
    answers or returns, where it names one that way; `recipient` is then an address that it was sent to.
    """

    ticket: Ticket
    category: str
    recipient: str
    proven: bool = False
    message_id: str | None = None


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
        attachments: Sequence[Attachment | KeptFile] | None = None,
        *,
        dedupe_key: str | None = None,
        report: Report | None = None,
        template_codename: str = "",
        auto_submitted: str = "auto-generated",
        body_html: str = "",
    ) -> str:
        """Accept a mail for sending and keep it in the ticket's conversation; its Message-ID.

        Called inside the transaction of what caused the mail: an implementation notes it down there and sends it after
        the commit, so that no mail speaks of something that did not happen. The same `dedupe_key` sends once. Files are
        best kept before the transaction, see `keep`. `auto_submitted` is the word of RFC 3834: `no` for what a person
        wrote, `auto-replied` for an answer by machine. `body_html`: the same text as HTML, to be sent beside it.

        :raises EmailServiceException: for an address, category or attachment that cannot be sent.
        """

    @abc.abstractmethod
    def keep(self, attachments: Sequence[Attachment]) -> Sequence[KeptFile]:
        """Store files that are to be sent, before the transaction that writes their mail.

        :raises EmailServiceException: permanent when they are too large together, or too many.
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
        attachments: Sequence[Attachment | KeptFile] | None = None,
        *,
        email_id: int | None = None,
        date: datetime | None = None,
        message_id: str | None = None,
        kind: str = "",
        forged: bool = False,
    ) -> bool:
        """Keep a received mail in the ticket's conversation; whether it comes from somebody whom the ticket knows.

        That is so when `recipient` is an address that proves it, or when `sender` is known and nothing has shown that
        it is not his mail (`forged`).
        """

    @abc.abstractmethod
    def knows(self, ticket: Ticket, sender: str) -> bool:
        """Whether an address belongs to the ticket: the customer's own, or one that was written to about it."""

    @abc.abstractmethod
    def prefetch_email_from_template(
        self, ticket: Ticket, template_codename: str, lang: str | None = None, acknowledged_report: Report | None = None
    ) -> PrefetchedEmail:
        """Fill in a template for a ticket, in a language; in that of the recipient when none is given.

        :raises EmailServiceException: permanent when there is no such template or it cannot be filled in.
        """

    def send_to_reporters(
        self, ticket: Ticket, template_codename: str, reports: Sequence[Report], *, cause: str
    ) -> Sequence[str]:
        """Write one text to the reporters of a ticket, to each about his report; the Message-IDs, in their order.

        `cause` names why: the same cause writes to one address once.

        :raises EmailServiceException: see `prefetch_email_from_template` and `send_email`.
        """
        sent = []
        for report in reports:
            mail = self.prefetch_email_from_template(ticket, template_codename, acknowledged_report=report)
            message_id = self.send_email(
                ticket, report.provider_id, mail.subject, mail.body, mail.category, sender=mail.sender,
                dedupe_key=f"{template_codename}:{cause}:{report.provider_id}", report=report,
                template_codename=template_codename, body_html=mail.body_html,
            )  # fmt: skip
            sent.append(message_id)
        return sent

    def transport(self, settings: Mail) -> Transport | None:
        """How the mails of the outbox leave the house: by `MAIL.relay`. None: there is none, and they wait."""
        return RelayTransport(settings.relay) if settings.relay is not None else None

    def close_thread(self, ticket: Ticket) -> None:
        """Told when a ticket is closed, for systems that close conversations too."""
