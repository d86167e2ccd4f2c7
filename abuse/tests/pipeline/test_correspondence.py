"""Which ticket a mail belongs to, whether it counts, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abuse.config import current
from abuse.controllers.inbox import Delivery, receive_many
from abuse.models import Deadline, Email, History, OutgoingMessage, Provider, ReceivedMessage, Report, Ticket
from abuse.models.questions import files_of_ticket
from abuse.parsers.values import ParsedEmail
from abuse.pipeline.inbox import work
from abuse.services.email import EmailService
from abuse.services.email.addresses import ticket_address
from abuse.services.storage import StorageService

from .conftest import Deliver, make_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

COLLEAGUE = "technician@elsewhere.example"


@pytest.fixture
def ticket(deliver: Deliver, trusted: Provider) -> Ticket:
    """An open ticket of customer c1, with a deadline ahead and a mail to the customer."""
    deliver("Spam from 203.0.113.1", sender=trusted.email)
    ticket = Ticket.get()
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now + timedelta(days=1), created_at=now)
    EmailService.send_email(ticket, "c1@customer.example", "Your service", "Please stop the spam.", "Defendant")
    return ticket


def given(ticket: Ticket, category: str = "Defendant") -> str:
    return ticket_address(ticket.public_id, category, "example.net")


def bare(ticket: Ticket, category: str = "Defendant") -> str:
    return f"ticket+{ticket.public_id}.{category}@example.net"


def notice(ticket: Ticket) -> OutgoingMessage:
    return OutgoingMessage.get(ticket=ticket, category="Defendant")


def counts(ticket: Ticket) -> bool:
    """Whether something has answered the ticket."""
    ticket.refresh_from_db()
    reminder = Deadline.get(kind="reminder").state
    assert (ticket.status, reminder) in {("Answered", "cancelled"), ("Open", "pending")}
    return ticket.status == "Answered"


def test_whoever_was_given_the_address_may_answer_from_another_one(deliver: Deliver, ticket: Ticket) -> None:
    deliver("I mended it for him.", sender=COLLEAGUE, to=given(ticket).lower())
    assert counts(ticket)
    assert ReceivedMessage.get().authentic is True


@pytest.mark.parametrize("token", ["", ".aaaaaaaaaaaaa", ".of-another-part"])
def test_without_the_token_a_strangers_mail_is_kept_and_changes_nothing(
    deliver: Deliver, ticket: Ticket, token: str
) -> None:
    part = given(ticket, "Plaintiff").partition("@")[0].rpartition(".")[2]
    address = bare(ticket).replace("@", f"{token.replace('of-another-part', part)}@")
    assert deliver("It is mended.", sender=COLLEAGUE, to=address).state == "answer"
    assert not counts(ticket)
    (shown,) = (mail for mail in EmailService.get_emails(ticket) if mail.sender == COLLEAGUE)
    assert (shown.authentic, shown.fate) == (False, "received")


def test_a_known_sender_answers_without_a_token(deliver: Deliver, ticket: Ticket) -> None:
    deliver("It is mended.", sender="c1@customer.example", to=bare(ticket))
    assert counts(ticket)


def test_a_known_sender_whose_mail_is_shown_to_be_forged_is_a_stranger(
    ticket: Ticket,
) -> None:
    parser = current().PARSER.model_copy(update={"authserv_ids": ("mx.example.net",)})
    settings = current().model_copy(update={"PARSER": parser})
    failed = {"Authentication_Results": "mx.example.net; dmarc=fail header.from=customer.example"}
    raw = make_mail("It is mended.", sender="c1@customer.example", to=bare(ticket), **failed)
    receive_many([Delivery(raw, "test")], ring=False)
    work(settings)
    assert not counts(ticket)
    assert ReceivedMessage.get().authentic is False


def test_a_mail_that_answers_a_message_of_ours_belongs_to_its_ticket(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver(
        "It is mended.", sender="c1@customer.example", to="abuse@example.net", In_Reply_To=notice(ticket).message_id
    )
    assert (mail.state, mail.ticket_id) == ("answer", ticket.pk)
    assert counts(ticket)
    received = ReceivedMessage.get()
    assert (received.category, received.recipient) == ("Defendant", "abuse@example.net")


def test_who_names_our_message_only_proves_nothing(deliver: Deliver, ticket: Ticket) -> None:
    deliver("It is mended.", sender=COLLEAGUE, References=f"<x@y.example> {notice(ticket).message_id}")
    assert not counts(ticket)
    assert ReceivedMessage.get().authentic is False


def test_a_message_id_that_is_none_of_ours_is_no_answer(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver("Spam from 203.0.113.1", In_Reply_To="<0000@example.net>", References="<1@other.example>")
    assert (mail.state, Report.count()) == ("processed", 2)


def test_the_address_a_mail_was_delivered_to_counts_though_its_header_hides_it(ticket: Ticket) -> None:
    raw = make_mail("It is mended.", sender=COLLEAGUE, to="undisclosed@example.net")
    receive_many([Delivery(raw, "lmtp", COLLEAGUE, (given(ticket),))], ring=False)
    work(current())
    assert counts(ticket)


def test_several_addresses_of_one_part_are_one_answer(deliver: Deliver, ticket: Ticket) -> None:
    deliver("It is mended.", sender=COLLEAGUE, to=f"{bare(ticket)}, {given(ticket)}, {given(ticket).upper()}")
    assert counts(ticket)
    assert ReceivedMessage.get().recipient == given(ticket)
    assert History.filter(action_type="ReceiveEmail").count() == 1


def test_a_batch_asks_as_often_as_one_mail(ticket: Ticket) -> None:
    name = notice(ticket).message_id.strip("<>")
    by_reference = ParsedEmail(provider="a@b.example", recipients=("abuse@example.net",), references=(name,))
    by_address = ParsedEmail(provider="a@b.example", recipients=(given(ticket),))
    asked = []
    for batch in ([by_reference, by_address], [by_reference, by_address] * 50):
        with CaptureQueriesContext(connection) as queries:
            found = EmailService.find_answers(batch)
        assert [[one.ticket.pk for one in answers] for answers in found] == [[ticket.pk]] * len(batch)
        asked.append(len(queries))
    assert asked == [2, 2]


def with_file(ticket: Ticket) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "c1@customer.example", given(ticket), "Re: Your service"
    mail["Date"], mail["Message-ID"] = format_datetime(timezone.now()), "<answer@customer.example>"
    mail.set_content(
        "It is mended.\n\nOn Mon, 23 Nov 2026 at 10:00, <abuse@example.net> wrote:\n> Please stop.\n\n-- \nC1\n"
    )
    mail.add_attachment(b"one", maintype="text", subtype="plain", filename="log.txt")
    mail.add_attachment(b"two", maintype="text", subtype="plain", filename="log.txt")
    return mail.as_bytes()


def test_an_answer_is_kept_with_its_files_its_own_words_and_the_mail_it_came_as(
    deliver: Deliver, ticket: Ticket
) -> None:
    email = deliver(with_file(ticket))
    (shown,) = (mail for mail in EmailService.get_emails(ticket) if mail.fate == "received")
    assert shown.new_text == "It is mended."
    assert "> Please stop." in shown.body
    assert (shown.email_id, shown.message_id, shown.kind) == (email.pk, "<answer@customer.example>", "reply_to_ticket")
    assert [one.filename for one in shown.attachments] == ["log.txt", "log.txt"]
    assert [StorageService.read(one.key).strip() for one in shown.attachments] == [b"one", b"two"]


def test_the_files_of_an_answer_are_the_tickets_too(deliver: Deliver, ticket: Ticket) -> None:
    deliver(with_file(ticket))
    files = list(files_of_ticket(ticket))
    assert [(one.name, StorageService.read(one.filename).strip()) for one in files] == [
        ("log.txt", b"one"),
        ("log.txt", b"two"),
    ]
    deliver(with_file(ticket).replace(b"It is mended.", b"It is mended, as I said.").replace(b"answer@", b"again@"))
    assert [one.pk for one in files_of_ticket(ticket)] == [one.pk for one in files]


def test_an_automatic_reply_is_kept_with_its_files_too(deliver: Deliver, ticket: Ticket) -> None:
    deliver(with_file(ticket).replace(b"Subject:", b"Auto-Submitted: auto-replied\nSubject:", 1))
    assert not counts(ticket)
    received = ReceivedMessage.get()
    assert (received.kind, received.attachments.count()) == ("auto_reply", 2)


def test_a_machines_mail_to_the_customers_part_answers_nothing(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver(
        "Ticket 4711: your mail was filed.", sender="c1@customer.example", to=given(ticket),
        Auto_Submitted="auto-generated",
    )  # fmt: skip
    assert (mail.state, Email.get(pk=mail.pk).reason.partition(",")[0]) == (
        "answer",
        "an automatic reply (Auto-Submitted is auto-generated)",
    )
    assert not counts(ticket)
