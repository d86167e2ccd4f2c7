"""Nothing is ever sent in answer to a machine, and no machine answers for a customer (RFC 3834)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.config import current
from abuse.controllers.correspondence import acknowledge
from abuse.controllers.history import robot
from abuse.models import AnswerGiven, Deadline, OutgoingMessage, Provider, ReceivedMessage, Report, Ticket
from abuse.services.email import EmailService
from abuse.services.email.addresses import ticket_address

from .conftest import Deliver, make_mail
from .robots import COMPLAINTS, REPLIES, RETURNED, Robot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]


def name_of(one: Robot) -> str:
    return one.name


@pytest.fixture
def ticket(deliver: Deliver, trusted: Provider) -> Ticket:
    """An open ticket of customer c1, with a deadline ahead and a mail to the customer."""
    deliver("Spam from 203.0.113.1", sender=trusted.email)
    ticket = Ticket.get()
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now + timedelta(days=1), created_at=now)
    EmailService.send_email(ticket, "c1@customer.example", "Your service", "Please stop the spam.", "Defendant")
    return ticket


def said_by(one: Robot, to: str) -> bytes:
    fields = {name.replace("-", "_"): value for name, value in one.fields.items()}
    return make_mail(one.text, sender=one.sender or "c1@customer.example", to=to, subject=one.subject, **fields)


@pytest.mark.parametrize("one", [*REPLIES, *RETURNED], ids=name_of)
def test_what_a_machine_says_to_a_ticket_is_kept_and_answered_by_nobody(
    deliver: Deliver, ticket: Ticket, one: Robot
) -> None:
    written = OutgoingMessage.count()
    mail = deliver(said_by(one, ticket_address(ticket.public_id, "Defendant", "example.net")))
    assert (mail.state, mail.ticket_id, OutgoingMessage.count()) == ("answer", ticket.pk, written)
    assert (ReceivedMessage.count(), Report.count()) == (1, 1)
    ticket.refresh_from_db()
    # a person looks after a mail that came back; a robot's word never answers, and takes nothing back
    assert ticket.status in ({"Open"} if one in REPLIES else {"Open", "Alarm"})
    assert Deadline.get(kind="reminder").state == "pending"


@pytest.mark.parametrize("one", [*REPLIES, *RETURNED], ids=name_of)
def test_what_a_machine_says_to_the_desk_is_answered_by_nobody(
    deliver: Deliver, ticket: Ticket, trusted: Provider, one: Robot
) -> None:
    written = OutgoingMessage.count()
    sender = one.sender or trusted.email
    Provider.get_or_create(email=sender.lower(), defaults={"trusted": True})
    accusing = Robot(one.name, one.subject, f"{one.text}\n203.0.113.2\n", one.fields, sender)
    deliver(said_by(accusing, "abuse@example.net"))
    assert OutgoingMessage.count() == written


@pytest.mark.parametrize("one", COMPLAINTS, ids=name_of)
def test_a_complaint_that_a_machine_sends_is_worked_on_and_not_acknowledged(
    deliver: Deliver, trusted: Provider, one: Robot
) -> None:
    sender = one.sender or trusted.email
    Provider.get_or_create(email=sender, defaults={"trusted": True})
    complaint = Robot(one.name, one.subject, "We received spam from 203.0.113.1 today.", one.fields, sender)
    deliver(said_by(complaint, "abuse@example.net"))
    assert (Ticket.count(), OutgoingMessage.count(), AnswerGiven.count()) == (1, 0, 0)


def test_a_feedback_loop_is_not_acknowledged(deliver: Deliver, trusted: Provider) -> None:
    deliver(
        f"From: {trusted.email}\nTo: abuse@example.net\nSubject: complaint\nMIME-Version: 1.0\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <fbl@trusted.example>\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nA user complains.\n"
        "--b\nContent-Type: message/feedback-report\n\n"
        "Feedback-Type: abuse\nUser-Agent: test/1\nVersion: 1\nSource-IP: 203.0.113.1\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: buy\nFrom: a@b.example\n\nbuy\n--b--\n".encode()
    )
    assert (Report.get().category_id, Ticket.count(), OutgoingMessage.count()) == ("Spam", 1, 0)


def test_the_desk_does_not_talk_to_itself(deliver: Deliver) -> None:
    own = ticket_address("BCDFGHJKLM", "Plaintiff", "example.net").lower()
    Provider.create(email=own, trusted=True)
    deliver("We received spam from 203.0.113.1 today.", sender=own)
    assert (Ticket.count(), OutgoingMessage.count()) == (1, 0)


def test_a_reporter_is_acknowledged_once_a_ticket_and_period(deliver: Deliver, trusted: Provider) -> None:
    for number in range(3):
        deliver(f"Spam from 203.0.113.1, mail {number}", sender=trusted.email, subject=f"Spam {number}")
    assert (Report.count(), Ticket.count(), OutgoingMessage.count()) == (3, 1, 1)
    deliver("Spam from 203.0.113.2", sender=trusted.email)
    assert OutgoingMessage.count() == 2  # about another ticket

    given = AnswerGiven.all().order_by("pk")[0]
    period = timedelta(seconds=current().MAIL.answer_period_seconds)
    AnswerGiven.filter(pk=given.pk).update(given_at=timezone.now() - period)
    for number in range(2):
        deliver(f"Spam from 203.0.113.1, still, {number}", sender=trusted.email)
    assert OutgoingMessage.count() == 3
    given.refresh_from_db()
    assert (given.times, given.sender) == (2, trusted.email)


def test_an_acknowledgement_says_that_it_is_one_and_answers_the_complaint(deliver: Deliver, trusted: Provider) -> None:
    from abuse.controllers.threads import threads_of

    email = deliver("Spam from 203.0.113.1", sender=trusted.email)
    (message,) = OutgoingMessage.all().select_related("report__email")
    assert message.headers == {"Auto-Submitted": "auto-replied"}
    assert threads_of([message]) == {message.pk: (f"<{email.message_id}>",)}


def test_a_rolled_back_answer_was_never_given(ticket: Ticket) -> None:
    from django.db import transaction

    AnswerGiven.all().delete()
    report = Report.all().select_related("provider")[0]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        acknowledge(report, ticket, codename="ack_report_received", lang="EN", actor=robot())
        raise ZeroDivisionError
    assert AnswerGiven.count() == 0
