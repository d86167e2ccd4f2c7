"""What every e-mail service must do."""

from __future__ import annotations

import secrets
from datetime import datetime

from abuse.models import Ticket
from abuse.parsers.values import ParsedEmail

from ..email import ConversationMail, EmailServiceBase, EmailServiceException, PrefetchedEmail
from ..email.base import CATEGORIES
from .checking import Check, Subject, expect, expect_permanent, expect_type
from .rows import CUSTOMER_ADDRESS, a_ticket

STRANGER = "contract-check@stranger.invalid"


def _send(service: EmailServiceBase, ticket: Ticket, dedupe_key: str | None = None) -> str:
    text = "a text\nof two lines é"
    return service.send_email(ticket, CUSTOMER_ADDRESS, "contract check é", text, "Defendant", dedupe_key=dedupe_key)


def _nothing_yet(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    mails = service.get_emails(a_ticket())
    expect(list(mails) == [], f"get_emails: {mails!r:.200} for a ticket without mails; expected none")


def _sent(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    identifiers = [_send(service, ticket), _send(service, ticket)]
    for one in identifiers:
        expect_type(one, str, "send_email")
        expect(one.startswith("<") and one.endswith(">") and "@" in one, f"send_email: {one!r}; expected a Message-ID")
    expect(len(set(identifiers)) == 2, "send_email: two mails have one Message-ID")
    mails = service.get_emails(ticket)
    expect(len(mails) == 2, f"get_emails: {len(mails)} mails after two were sent")
    for mail in mails:
        expect_type(mail, ConversationMail, "get_emails")
        what = (mail.recipient, mail.subject, mail.body, mail.category)
        wanted = (CUSTOMER_ADDRESS, "contract check é", "a text\nof two lines é", "Defendant")
        expect(what == wanted, f"get_emails: {what!r}; expected {wanted!r}")
        expect_type(mail.created, datetime, "get_emails: created")
        expect(mail.created.utcoffset() is not None, "get_emails: created: has no zone")
    expect(list(service.get_emails(a_ticket())) == [], "get_emails: gives the mails of another ticket")


def _once(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket, key = a_ticket(), secrets.token_hex(16)
    identifiers = {_send(service, ticket, dedupe_key=key) for _ in range(3)}
    expect(len(identifiers) == 1, f"send_email: one dedupe_key has the Message-IDs {sorted(identifiers)}")
    expect(len(service.get_emails(ticket)) == 1, "send_email: one dedupe_key sent several mails")


def _refused(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    for recipient in ("", "no address", "a@b\r\nBcc: c@d.invalid", "x" * 2000):
        what = f"send_email to {recipient[:40]!r}"
        expect_permanent(EmailServiceException, what, service.send_email, ticket, recipient, "x", "x", "Defendant")
    what = "send_email with the category 'Nobody'"
    expect_permanent(EmailServiceException, what, service.send_email, ticket, CUSTOMER_ADDRESS, "x", "x", "Nobody")


def _answers(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    _send(service, ticket)
    address = service.get_emails(ticket)[0].sender
    answer = ParsedEmail(provider=CUSTOMER_ADDRESS, recipients=("x@y.invalid", address), subject="Re: contract check")
    other = ParsedEmail(provider=STRANGER, recipients=("abuse@desk.invalid",), subject="hello")
    found = service.is_email_ticket_answer(answer)
    expect([one.ticket.pk for one in found] == [ticket.pk], f"is_email_ticket_answer: {found!r:.200} for an answer")
    expect(found[0].category in CATEGORIES, f"is_email_ticket_answer: category {found[0].category!r}")
    expect(list(service.is_email_ticket_answer(other)) == [], "is_email_ticket_answer: takes any mail for an answer")
    many = service.find_answers([other, answer, other])
    expect(
        [len(one) for one in many] == [0, 1, 0], f"find_answers: {many!r:.200}; expected one for each mail, in order"
    )
    expect(list(service.find_answers([])) == [], "find_answers: gives something for no mails")


def _received(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    desk = "abuse@desk.invalid"
    known = service.attach_external_answer(ticket, CUSTOMER_ADDRESS, desk, "Re: x", "it is fixed", "Defendant")
    expect(known is True, "attach_external_answer: is not True for the customer's own address")
    mails = [(mail.sender, mail.body) for mail in service.get_emails(ticket)]
    expect((CUSTOMER_ADDRESS, "it is fixed") in mails, f"get_emails: {mails!r:.200}; lacks a mail that was received")
    known = service.attach_external_answer(ticket, STRANGER, desk, "Re: x", "I pay", "Defendant")
    expect(known is False, "attach_external_answer: is not False for a stranger")
    expect(service.knows(ticket, CUSTOMER_ADDRESS) is True, "knows: is not True for the customer's own address")
    expect(service.knows(ticket, STRANGER) is False, "knows: is not False for a stranger")


def _templates(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    what = "prefetch_email_from_template of none"
    expect_permanent(EmailServiceException, what, service.prefetch_email_from_template, ticket, "no-such-template")
    mail = service.prefetch_email_from_template(ticket, "customer_notification", lang="EN")
    expect_type(mail, PrefetchedEmail, "prefetch_email_from_template")
    expect(mail.category in CATEGORIES, f"prefetch_email_from_template: category {mail.category!r}")
    expect(CUSTOMER_ADDRESS in mail.recipients, f"prefetch_email_from_template: recipients {mail.recipients!r}")
    expect(mail.body.strip(), "prefetch_email_from_template: an empty body")
    service.close_thread(ticket)


CHECKS = (
    Check("a ticket without mails has none", _nothing_yet),
    Check("a mail that is sent is in the conversation, under its own Message-ID", _sent, acts=True),
    Check("one dedupe_key sends one mail", _once, acts=True),
    Check("what cannot be sent is a permanent fault", _refused, acts=True),
    Check("an answer finds its ticket", _answers, acts=True),
    Check("a mail that is received is in the conversation", _received, acts=True),
    Check("a template is filled in, and none is a permanent fault", _templates),
)
