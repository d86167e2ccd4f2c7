"""Complaints of reporters who are trusted, and of those who are not."""

from __future__ import annotations

from .desk import Desk
from .mails import mail
from .people import CERT, address
from .sink import text_of


def test_a_trusted_reporters_complaint_opens_a_ticket_and_is_acknowledged(desk: Desk) -> None:
    desk.trust(CERT)
    desk.take_in(mail(f"We received spam from {address(1)} today.", sender=CERT, subject="Spam"))
    desk.main("run-worker", "--burst")  # once as its users start it; elsewhere as a fork
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.category, ticket.customer) == ("Open", "Spam", "customer1")
    assert desk.mail_states() == ["processed"]
    assert desk.reports() == [(CERT, "Spam", "Attached", ticket.pk)]
    assert desk.rules() == ["default_defendant_trusted"]
    assert desk.history(ticket) == ["CreateTicket", "AttachReport", "SendEmail"]
    assert desk.outbox() == [("ack_report_received", CERT, "sent")]
    assert desk.deadlines() == []

    (acknowledgement,) = desk.sink.mails
    assert acknowledgement["To"] == CERT
    assert acknowledgement["From"] == ticket.address("Plaintiff")
    assert acknowledgement["Auto-Submitted"] == "auto-replied"
    assert ticket.public_id in acknowledgement["Subject"]
    assert ticket.public_id in text_of(acknowledgement)


def test_strangers_wait_until_there_are_enough_of_them(desk: Desk) -> None:
    desk.rows("UPDATE abuse_reportthreshold SET threshold = 3 WHERE category_id = 'Spam'")
    strangers = [f"stranger{number}@elsewhere.example" for number in range(4)]

    def complaint(sender: str) -> bytes:
        return mail(f"We received spam from {address(1)} today.", sender=sender, subject="Spam")

    desk.receive(complaint(strangers[0]), complaint(strangers[1]))
    assert desk.tickets() == []
    assert desk.reports() == [(sender, "Spam", "New", None) for sender in strangers[:2]]
    assert [row[:2] for row in desk.deadlines()] == [("report_timeout", "pending")] * 2

    desk.receive(complaint(strangers[2]))
    ticket = desk.ticket()
    assert (ticket.status, ticket.customer) == ("Open", "customer1")
    assert desk.reports() == [(sender, "Spam", "Attached", ticket.pk) for sender in strangers[:3]]
    assert {row[:2] for row in desk.deadlines()} == {("report_timeout", "cancelled")}

    desk.receive(complaint(strangers[3]))
    desk.pass_time()
    assert desk.ticket() == ticket
    assert desk.reports() == [(sender, "Spam", "Attached", ticket.pk) for sender in strangers]
    assert desk.rules() == [
        "default_defendant_not_trusted_no_ticket",
        "default_defendant_not_trusted_no_ticket",
        "default_defendant_threshold",
        "default_defendant_not_trusted_ticket",
    ]
    assert desk.history(ticket) == ["CreateTicket", *["AttachReport"] * 4, "SendEmail"]
    assert desk.outbox() == [("already_known", strangers[3], "sent")]


def test_a_stranger_whom_nobody_joins_is_archived_in_the_end(desk: Desk) -> None:
    stranger = "stranger@elsewhere.example"
    desk.receive(mail(f"We received spam from {address(1)} today.", sender=stranger, subject="Spam"))
    desk.run("ticket-workflow")
    assert desk.reports() == [(stranger, "Spam", "New", None)]
    desk.pass_time()
    assert desk.reports() == [(stranger, "Spam", "Archived", None)]
    assert desk.deadlines() == [("report_timeout", "done", "archived")]
    assert (desk.tickets(), desk.sink.mails) == ([], [])
