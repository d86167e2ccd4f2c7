"""What every e-mail service must do."""

from __future__ import annotations

import secrets
from datetime import datetime

from abuse.models import Ticket
from abuse.parsers.values import ParsedEmail

from ..email import Attachment, ConversationMail, EmailServiceBase, EmailServiceException, KeptFile, PrefetchedEmail
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
        expect(mail.fate not in ("", "received"), f"get_emails: fate {mail.fate!r} of a mail of ours")
        expect(mail.authentic is None, f"get_emails: authentic {mail.authentic!r} of a mail of ours; expected None")
    named = sorted(mail.message_id for mail in mails)
    expect(named == sorted(identifiers), f"get_emails: message_id {named!r}; expected {sorted(identifiers)!r}")
    expect(list(service.get_emails(a_ticket())) == [], "get_emails: gives the mails of another ticket")


def _files(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    files = [Attachment("log.txt", "text/plain", b"one"), Attachment("log.txt", "text/plain", b"three")]
    kept = service.keep(files[:1])
    expect_type(kept[0], KeptFile, "keep")
    expect((kept[0].filename, kept[0].size) == ("log.txt", 3), f"keep: {kept[0]!r}; expected log.txt of 3 bytes")
    service.send_email(ticket, CUSTOMER_ADDRESS, "x", "x", "Defendant", attachments=[kept[0], files[1]])
    (mail,) = service.get_emails(ticket)
    found = [(one.filename, one.size) for one in mail.attachments]
    expect(found == [("log.txt", 3), ("log.txt", 5)], f"get_emails: attachments {found!r}; expected both of one name")


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


def _tokens(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    identifier = _send(service, ticket)
    address = service.get_emails(ticket)[0].sender
    (lowered,) = service.is_email_ticket_answer(ParsedEmail(provider=STRANGER, recipients=(address.lower(),)))
    expect(lowered.proven is True, "is_email_ticket_answer: proven is not True for an address that was given out")
    local, _, domain = address.partition("@")
    bare = f"{local.rpartition('.')[0] if local.count('.') > 1 else local}@{domain}"
    for other in service.is_email_ticket_answer(ParsedEmail(provider=STRANGER, recipients=(bare,))):
        expect(other.proven is False, f"is_email_ticket_answer: proven by {bare}, which anybody can guess")
    answer = ParsedEmail(provider=STRANGER, recipients=("abuse@desk.invalid",), in_reply_to=(identifier.strip("<>"),))
    found = service.is_email_ticket_answer(answer)
    expect([one.ticket.pk for one in found] == [ticket.pk], "is_email_ticket_answer: does not know its own Message-ID")
    expect(found[0].proven is False, "is_email_ticket_answer: a Message-ID proves nothing")
    known = service.attach_external_answer(ticket, STRANGER, address, "Re: x", "done", "Defendant")
    expect(known is True, "attach_external_answer: is not True for an address that was given out")


def _received(subject: Subject) -> None:
    service: EmailServiceBase = subject.service
    ticket = a_ticket()
    desk = "abuse@desk.invalid"
    known = service.attach_external_answer(ticket, CUSTOMER_ADDRESS, desk, "Re: x", "it is fixed", "Defendant")
    expect(known is True, "attach_external_answer: is not True for the customer's own address")
    mails = [(mail.sender, mail.body) for mail in service.get_emails(ticket)]
    expect((CUSTOMER_ADDRESS, "it is fixed") in mails, f"get_emails: {mails!r:.200}; lacks a mail that was received")
    forged = service.attach_external_answer(ticket, CUSTOMER_ADDRESS, desk, "x", "x", "Defendant", forged=True)
    expect(forged is False, "attach_external_answer: is not False for a mail that is shown to be forged")
    quoted = "my words\n\nOn Mon, 23 Nov 2026 at 10:00, <abuse@desk.invalid> wrote:\n> theirs"
    file = KeptFile("log.txt", "text/plain", "0" * 64, 3)
    service.attach_external_answer(ticket, CUSTOMER_ADDRESS, desk, "files", quoted, "Defendant", [file])
    (shown,) = (mail for mail in service.get_emails(ticket) if mail.subject == "files")
    expect((shown.fate, shown.authentic) == ("received", True), f"get_emails: {shown!r:.300}; expected it as authentic")
    expect(shown.new_text.strip() == "my words", f"get_emails: new_text {shown.new_text!r:.80}; expected 'my words'")
    expect(shown.body == quoted, "get_emails: the body is not the text as it came")
    expect([one.filename for one in shown.attachments] == ["log.txt"], "get_emails: lacks a file that was received")
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
    Check("files go with a mail, also those of one name", _files, acts=True),
    Check("one dedupe_key sends one mail", _once, acts=True),
    Check("what cannot be sent is a permanent fault", _refused, acts=True),
    Check("an answer finds its ticket", _answers, acts=True),
    Check("an address that was given out proves it, and nothing else does", _tokens, acts=True),
    Check("a mail that is received is in the conversation", _received, acts=True),
    Check("a template is filled in, and none is a permanent fault", _templates),
)
