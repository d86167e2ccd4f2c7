"""Mails to customers that come back."""

from __future__ import annotations

from .desk import Desk
from .mails import bounce, mail
from .people import RIGHTS, SPARE, SPARE_MAILBOX, address, mailbox
from .sink import text_of


def tell(desk: Desk, customer: int) -> None:
    """A notice comes in and the customer is told."""
    desk.trust(RIGHTS, "copyright:automatic")
    text = f"Copyright infringement: our film is offered at {address(customer)} without our permission."
    desk.receive(mail(text, sender=RIGHTS, subject="Notice of copyright infringement"))
    desk.tick()
    assert desk.ticket().status == "WaitingAnswer"


def test_what_comes_back_goes_to_the_spare_address(desk: Desk) -> None:
    tell(desk, SPARE)
    (notice,) = desk.sink.to(mailbox(SPARE))
    desk.receive(bounce(notice))
    desk.tick()

    ticket = desk.ticket()
    assert ticket.status == "WaitingAnswer"
    assert desk.mail_states() == ["processed", "answer"]
    assert desk.rules() == ["trusted_copyright", "mailer_daemon"]
    assert [row[:2] for row in desk.deadlines()] == [("snooze", "pending"), ("task", "pending")]
    assert desk.history(ticket)[-2:] == ["SendEmail", "ReceiveEmail"]
    assert desk.outbox() == [
        ("ack_report_received", RIGHTS, "sent"),
        ("customer_notification", mailbox(SPARE), "sent"),
        ("customer_notification", SPARE_MAILBOX, "sent"),
    ]
    (again,) = desk.sink.to(SPARE_MAILBOX)
    assert text_of(again) == text_of(notice)
    assert again["From"] == notice["From"] == ticket.address()
    assert again["Message-ID"] != notice["Message-ID"]

    # The spare address does not exist, either: a person has to look, and nobody is written to again.
    desk.receive(bounce(again))
    desk.tick()
    assert desk.ticket().status == "Alarm"
    assert len(desk.sink.mails) == 3


def test_without_a_spare_address_a_person_has_to_look(desk: Desk) -> None:
    tell(desk, 1)
    (notice,) = desk.sink.to(mailbox(1))
    desk.receive(bounce(notice))
    desk.tick()

    ticket = desk.ticket()
    assert ticket.status == "Alarm"
    assert desk.mail_states() == ["processed", "answer"]
    assert desk.history(ticket)[-3:] == ["CancelDeadline", "ChangeStatus Alarm", "ReceiveEmail"]
    assert [row[:2] for row in desk.deadlines()] == [("snooze", "cancelled"), ("task", "pending")]
    assert len(desk.sink.mails) == 2
