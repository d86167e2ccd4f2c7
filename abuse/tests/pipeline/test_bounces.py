"""Mails of ours that come back: which one it was is found, whatever the server returns."""

from __future__ import annotations

import pytest

from abuse.config import current
from abuse.config.mail import Mail, Relay
from abuse.controllers.inbox import Delivery, receive_many
from abuse.models import Email, History, OutgoingMessage, Provider, Report, Ticket
from abuse.pipeline.inbox import work
from abuse.services.email import EmailService
from abuse.services.email.addresses import bounce_address, ticket_address
from abuse.services.facade import facade

from .conftest import Deliver, make_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

DAEMON = "MAILER-DAEMON@mx.customer.example"
TEXT = "Your service is reported to send spam.\nPlease stop it within two days."


@pytest.fixture
def ticket(deliver: Deliver, trusted: Provider) -> Ticket:
    deliver("Spam from 203.0.113.1", sender=trusted.email)
    ticket = Ticket.get()
    EmailService.send_email(ticket, "c1@customer.example", "Your service", TEXT, "Defendant")
    EmailService.send_email(ticket, "spare@customer.example", "Your service", "Another text.", "Defendant")
    return ticket


def notice() -> OutgoingMessage:
    return OutgoingMessage.get(recipient="c1@customer.example")


def address(ticket: Ticket) -> str:
    return ticket_address(ticket.public_id, "Defendant", "example.net")


def report(
    to: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    recipient: str = "c1@customer.example",
    original: str = "",
) -> bytes:
    """A delivery status notification (RFC 3464), with or without the header of what it returns."""
    returned = f"--b\nContent-Type: text/rfc822-headers\n\n{original}\n" if original else ""
    return (
        f"From: {DAEMON}\nTo: {to}\nSubject: Delivery report\nMIME-Version: 1.0\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <dsn@mx.customer.example>\nAuto-Submitted: auto-replied\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nWe could not deliver a mail.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} nobody of that name\n"
        f"{returned}--b--\n"
    ).encode()


def bounced() -> list[str]:
    return list(OutgoingMessage.filter(bounced_at__isnull=False).values_list("recipient", flat=True))


def test_by_the_message_id_it_returns(deliver: Deliver, ticket: Ticket) -> None:
    email = deliver(report("abuse@example.net", recipient="", original=f"Message-ID: {notice().message_id}\n"))
    assert (email.state, email.ticket_id, bounced()) == ("answer", ticket.pk, ["c1@customer.example"])
    message = notice()
    assert (message.bounce_status, message.bounce_email_id) == ("5.1.1", email.pk)
    assert message.bounce_diagnostic == "smtp; 550 5.1.1 nobody of that name"
    row = History.get(action_type="BounceEmail")
    assert (row.ticket_id, row.new, row.refs["message_id"]) == (ticket.pk, "c1@customer.example", message.message_id)
    fates = {mail.recipient: (mail.fate, mail.fate_reason) for mail in EmailService.get_emails(ticket)}
    assert fates["c1@customer.example"] == ("bounced", "5.1.1 smtp; 550 5.1.1 nobody of that name")
    assert fates["spare@customer.example"][0] == "pending"


def test_by_the_address_it_came_back_to_though_nothing_is_returned(
    ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = Mail(relay=Relay(host="127.0.0.1", bounce_address="back@example.net"))
    monkeypatch.setattr(facade("EmailServiceBase")._implementation, "_settings", mail)
    to = bounce_address("back@example.net", notice().pk)
    said = "550 user unknown. The mail could not be delivered."
    raw = make_mail(said, sender=DAEMON, to=to, subject="failure notice")
    receive_many([Delivery(raw, "lmtp", "", (to,))], ring=False)
    work(current())
    assert bounced() == ["c1@customer.example"]
    assert Email.all().order_by("-pk")[0].ticket_id == ticket.pk


def test_by_whom_it_was_for_when_it_came_to_the_ticket(deliver: Deliver, ticket: Ticket) -> None:
    deliver(report(address(ticket), recipient="spare@customer.example"))
    assert bounced() == ["spare@customer.example"]


def test_by_the_text_it_quotes_when_it_says_nothing_else(deliver: Deliver, ticket: Ticket) -> None:
    quoted = "\n".join(f"> {line}" for line in TEXT.splitlines())
    said = f"Your message was not delivered: no such user here.\n\n{quoted}\n"
    deliver(said, sender=DAEMON, to=address(ticket), subject="Returned mail")
    assert bounced() == ["c1@customer.example"]
    assert notice().bounce_status == ""


def test_nothing_is_marked_when_nothing_tells_which_mail_it_was(deliver: Deliver, ticket: Ticket) -> None:
    deliver("Your message was not delivered.", sender=DAEMON, to=address(ticket), subject="Returned mail")
    assert bounced() == []
    assert History.get(action_type="BounceEmail").refs["message_id"] is None
    ticket.refresh_from_db()
    assert ticket.status == "Alarm"  # the customer may not have been told: a person looks


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("relayed", "2.0.0"), ("delivered", "2.1.5")])
def test_what_is_late_or_has_arrived_did_not_come_back(
    deliver: Deliver, ticket: Ticket, action: str, status: str
) -> None:
    email = deliver(report(address(ticket), action=action, status=status))
    assert (email.state, bounced()) == ("answer", [])
    ticket.refresh_from_db()
    assert ticket.status == "Open"
    assert History.get(action_type="BounceEmail").refs["final"] is False


def test_a_mail_that_was_given_up_after_days_came_back_though_its_code_is_transient(
    deliver: Deliver, ticket: Ticket
) -> None:
    deliver(report(address(ticket), action="failed", status="4.4.7"))
    assert (bounced(), notice().bounce_status) == (["c1@customer.example"], "4.4.7")


def test_the_second_bounce_of_a_mail_changes_nothing(deliver: Deliver, ticket: Ticket) -> None:
    first = deliver(report(address(ticket)))
    deliver(report(address(ticket), status="5.2.2").replace(b"<dsn@", b"<dsn2@"))
    assert (notice().bounce_email_id, notice().bounce_status) == (first.pk, "5.1.1")


def test_a_bounce_of_a_mail_that_is_about_no_ticket_is_marked_too(deliver: Deliver) -> None:
    EmailService.send_email(None, "jo@reporter.example", "x", "y", "Other")
    email = deliver(report("abuse@example.net", original=f"Message-ID: {OutgoingMessage.get().message_id}\n"))
    assert (email.state, bounced(), Report.count()) == ("ignored", ["jo@reporter.example"], 0)


def test_a_bounce_of_somebody_elses_mail_marks_nothing(deliver: Deliver, ticket: Ticket) -> None:
    email = deliver(report("abuse@example.net", original="Message-ID: <0@example.net>\n"))
    assert (email.state, bounced()) == ("ignored", [])
