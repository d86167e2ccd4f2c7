"""Mails that belong to a ticket, and mails that are no complaint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.controllers import merging, tickets
from abuse.controllers.history import robot
from abuse.models import Deadline, DeadlineState, History, OutgoingMessage, Provider, ReceivedMessage, Report, Ticket
from abuse.services.email import EmailService
from abuse.services.email.addresses import ticket_address

from .conftest import Deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]


@pytest.fixture
def ticket(deliver: Deliver, trusted: Provider) -> Ticket:
    """An open ticket of customer c1, with a deadline ahead."""
    deliver("Spam from 203.0.113.1", sender=trusted.email)
    ticket = Ticket.get()
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now + timedelta(days=1), created_at=now)
    return ticket


def address(ticket: Ticket, category: str = "Defendant") -> str:
    return f"ticket+{ticket.public_id}.{category}@example.net"


def test_the_customers_answer_is_kept_and_cancels_what_was_to_come(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver("It is fixed.", sender="c1@customer.example", to=address(ticket), subject="Re: complaint")
    assert (mail.state, mail.ticket_id) == ("answer", ticket.pk)
    ticket.refresh_from_db()
    assert ticket.status == "Answered"
    received = ReceivedMessage.get()
    assert (received.sender, received.authentic, received.category) == ("c1@customer.example", True, "Defendant")
    assert "It is fixed." in received.body
    assert Deadline.get(kind="reminder").state == DeadlineState.CANCELLED
    assert Report.count() == 1


def test_an_answer_without_a_subject_is_an_answer(deliver: Deliver, ticket: Ticket) -> None:
    assert deliver("done", sender="c1@customer.example", to=address(ticket), subject="").state == "answer"


def test_the_address_is_read_whatever_its_case(deliver: Deliver, ticket: Ticket) -> None:
    assert deliver("done", sender="c1@customer.example", to=address(ticket).lower()).state == "answer"


def test_a_stranger_is_heard_but_decides_nothing(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver("It is fixed, honestly.", sender="mallory@evil.test", to=address(ticket))
    assert mail.state == "answer"
    ticket.refresh_from_db()
    assert ticket.status == "Open"
    assert Deadline.get(kind="reminder").state == DeadlineState.PENDING
    assert ReceivedMessage.get().authentic is False
    assert History.get(action_type="ReceiveEmail").refs["known_sender"] is False


def test_the_reporter_who_was_written_to_is_known(deliver: Deliver, ticket: Ticket, trusted: Provider) -> None:
    deliver("More evidence.", sender=trusted.email, to=address(ticket, "Plaintiff"))
    ticket.refresh_from_db()
    assert (ticket.status, ReceivedMessage.get().authentic) == ("Answered", True)
    assert Deadline.get(kind="reminder").state == DeadlineState.PENDING


def test_a_customers_answer_to_a_closed_ticket_reopens_it(deliver: Deliver, ticket: Ticket) -> None:
    tickets.close_ticket(Ticket.get(), "fixed", actor=robot())
    deliver("Thank you.", sender="c1@customer.example", to=address(ticket))
    ticket.refresh_from_db()
    assert (ticket.status, ReceivedMessage.count()) == ("Reopened", 1)


def test_others_who_write_to_a_closed_ticket_are_kept_and_reopen_nothing(
    deliver: Deliver, ticket: Ticket, trusted: Provider
) -> None:
    tickets.close_ticket(Ticket.get(), "fixed", actor=robot())
    deliver("Thanks.", sender=trusted.email, to=address(ticket, "Plaintiff"))
    deliver("Me too.", sender="mallory@evil.test", to=address(ticket))
    ticket.refresh_from_db()
    assert (ticket.status, ReceivedMessage.count()) == ("Closed", 2)


def test_a_robots_answer_is_kept_and_answers_nothing(deliver: Deliver, ticket: Ticket) -> None:
    mail = deliver("I am away.", sender="c1@customer.example", to=address(ticket), Auto_Submitted="auto-replied")
    assert mail.state == "answer"
    assert "an automatic reply, kept with" in mail.reason
    ticket.refresh_from_db()
    assert (ticket.status, ReceivedMessage.count()) == ("Open", 1)


def test_an_address_of_no_ticket_is_no_answer_and_the_mail_is_not_lost(deliver: Deliver) -> None:
    mail = deliver("Spam from 203.0.113.1", to="ticket+BCDFGHJKLM.Defendant@example.net")
    assert (mail.state, Report.count()) == ("processed", 1)


def test_the_conversation_is_in_order(deliver: Deliver, ticket: Ticket) -> None:
    deliver("It is fixed.", sender="c1@customer.example", to=address(ticket), date=format_now())
    senders = [mail.sender for mail in EmailService.get_emails(ticket)]
    assert senders == [ticket_address(ticket.public_id, "Plaintiff", "example.net"), "c1@customer.example"]


def format_now() -> str:
    from email.utils import format_datetime

    return format_datetime(timezone.now() + timedelta(seconds=2))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Auto_Submitted": "auto-replied", "subject": "Out of office"}, "an automatic reply"),
        (
            {
                "subject": "Our news",
                "List_Unsubscribe": "<https://news.example.com/u>",
                "List_Id": "<n.example.com>",
                "Precedence": "bulk",
            },
            "a newsletter",
        ),
    ],
)
def test_what_is_no_complaint_is_ignored_with_the_reason(
    deliver: Deliver, headers: dict[str, str], reason: str
) -> None:
    mail = deliver("Hello, this is our monthly letter with the best offers.", **headers)
    assert mail.state == "ignored"
    assert mail.reason.startswith(reason)
    assert (Report.count(), OutgoingMessage.count()) == (0, 0)


def test_a_trusted_reporters_newsletter_is_a_report(deliver: Deliver, trusted: Provider) -> None:
    headers = {"List_Unsubscribe": "<https://news.example.com/u>", "List_Id": "<n.example.com>", "Precedence": "bulk"}
    letter = "Hello, this is our monthly letter with the best offers."
    mail = deliver(letter, sender=trusted.email, subject="Our news", **headers)
    assert mail.state == "processed"


def test_an_answer_to_a_merged_ticket_is_one_to_the_ticket_it_is_part_of(
    deliver: Deliver, ticket: Ticket, trusted: Provider
) -> None:
    given = ticket_address(ticket.public_id, "Plaintiff", "example.net")
    cases = [ticket]
    for number in range(2):  # twice, so that the way leads over another merged one
        Ticket.filter(pk=cases[-1].pk).update(update=False)
        deliver(f"Spam from 203.0.113.1 again, {number}", sender=trusted.email)
        cases.append(Ticket.all().order_by("pk").last() or ticket)
        merging.merge(Ticket.get(pk=cases[-2].pk), cases[-1], actor=robot())
    assert len({one.pk for one in cases}) == 3
    mail = deliver("We have more.", sender="colleague@trusted.example", to=given, subject="Re: your case")
    assert (mail.state, mail.ticket_id) == ("answer", cases[-1].pk)
    received = ReceivedMessage.get(email=mail)
    # The address proves as before that it was given to him.
    assert (received.ticket_id, received.authentic, received.category) == (cases[-1].pk, True, "Plaintiff")
    assert list(Ticket.all().order_by("pk").values_list("status", flat=True)) == ["Closed", "Closed", "Answered"]
    both = f"{given}, {ticket_address(cases[-1].public_id, 'Plaintiff', 'example.net')}"
    once = deliver("And more.", sender=trusted.email, to=both, subject="Re: your case")
    assert ReceivedMessage.filter(email=once).count() == 1
    forged = given.replace(given.split(".")[2][:4], "aaaa")
    stranger = deliver("Close it.", sender="mallory@evil.test", to=forged, subject="Re: your case")
    kept = ReceivedMessage.get(email=stranger)
    assert (kept.ticket_id, kept.authentic) == (cases[-1].pk, False)
