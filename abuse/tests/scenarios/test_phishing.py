"""Reported pages: gone already, up and blocked, up and harmless."""

from __future__ import annotations

import json

import pytest

from abuse.tests.services.phishing.lab import page

from .desk import Desk
from .mails import mail
from .people import CERT, domain, mailbox
from .sink import text_of

PAGE = "/secure/login.html"
LOGIN = page("<html><title>Your bank</title><form>Name <input> Password <input type=password></form></html>")


@pytest.fixture
def url(desk: Desk) -> str:
    """The address of a page of customer 3, who is reported for it."""
    return desk.web.url(PAGE, host=domain(3))


def report(url: str) -> bytes:
    return mail(
        f"Dear abuse desk,\n\na phishing page that steals bank passwords is at\n\n{url}\n\nPlease take it down.\n",
        sender=CERT,
        subject="Phishing page on your network",
    )


def blocked(desk: Desk) -> list[dict[str, object]]:
    """The orders that the system got which blocks pages."""
    orders = [head.partition("\r\n\r\n") for head in desk.web.heads if head.startswith("POST /block ")]
    return [json.loads(body) for _, _, body in orders]


def test_pages_that_are_down_close_the_case_at_once(desk: Desk, url: str) -> None:
    desk.trust(CERT)
    desk.receive(report(url))
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Closed", "no_more_content")
    assert (ticket.category, ticket.customer) == ("Phishing", "customer3")
    assert desk.reports() == [(CERT, "Phishing", "Archived", ticket.pk)]
    assert desk.mail_states() == ["processed"]
    assert desk.rules() == ["phishing_down"]
    assert desk.history(ticket) == ["CreateTicket", "AttachReport", "SendEmail", "ChangeStatus Closed", "AddTag"]
    assert desk.rows("SELECT http_code, score >= 75 FROM abuse_urlstatus") == [(404, True)]
    assert desk.deadlines() == []

    (answer,) = desk.sink.mails
    assert answer["To"] == CERT
    assert desk.outbox() == [("no_more_content", CERT, "sent")]
    assert PAGE in text_of(answer)
    assert blocked(desk) == []


def test_a_page_that_is_up_is_seen_by_a_person_blocked_and_closed_when_it_is_gone(desk: Desk, url: str) -> None:
    desk.trust(CERT)
    desk.pages[PAGE] = LOGIN
    desk.receive(report(url))
    desk.tick()
    assert desk.reports() == [(CERT, "Phishing", "PhishToCheck", None)]
    assert desk.rules() == ["phishing_phishtocheck"]
    assert desk.sink.mails == []

    assert desk.ask("review_phishing", 1, [(item(desk), True)]) == "Attached"
    desk.tick()
    ticket = desk.ticket()
    assert (ticket.status, ticket.customer) == ("WaitingAnswer", "customer3")
    assert desk.rules() == ["phishing_phishtocheck", "phishing_up"]
    (order,) = blocked(desk)
    assert (order["type"], order["url"]) == ("url.block", url)
    assert desk.outbox() == [("ack_report_received", CERT, "sent"), ("phishing_blocked", mailbox(3), "sent")]
    (warning,) = desk.sink.to(mailbox(3))
    assert PAGE in text_of(warning)

    del desk.pages[PAGE]
    desk.pass_time()
    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Closed", "fixed_by_customer")
    assert desk.reports() == [(CERT, "Phishing", "Archived", ticket.pk)]
    assert desk.history(ticket) == [
        "CreateTicket",
        "AttachReport",
        "AddProof",
        "SendEmail",
        "ChangeStatus WaitingAnswer",
        "SetDeadline",
        "SendEmail",
        "SetDeadline",
        "ValidatePhishtocheck",
        "ChangeStatus Alarm",
        "ChangeStatus Closed",
        "SendEmail",
        "SendEmail",
        "AddTag",
    ]
    assert desk.deadlines() == [
        ("task", "done", "1 pages blocked"),
        ("snooze", "done", "the ticket woke up"),
        ("task", "done", "closed: every page is down"),
    ]
    assert [subject for _, subject in desk.sink.summary()] == [
        f"[Case {ticket.public_id}] Closed",
        f"[Case {ticket.public_id}] We received your report",
        f"[Case {ticket.public_id}] A phishing page on your service was blocked",
        f"[Case {ticket.public_id}] Closed",
    ]
    assert desk.measures() == []


def test_a_page_that_a_person_finds_harmless_closes_the_case(desk: Desk, url: str) -> None:
    desk.trust(CERT)
    desk.pages[PAGE] = page("<html><title>Flowers</title>We sell flowers.</html>")
    desk.receive(report(url))
    assert desk.ask("review_phishing", 1, [(item(desk), False)]) == "Archived"
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Closed", "no_more_content")
    assert desk.reports() == [(CERT, "Phishing", "Archived", ticket.pk)]
    assert desk.history(ticket) == [
        "CreateTicket",
        "AttachReport",
        "DenyPhishtocheck",
        "SendEmail",
        "ChangeStatus Closed",
        "AddTag",
        "UpdateProperty",
        "DeleteItem",
    ]
    assert desk.rows("SELECT raw_item FROM abuse_reportitem WHERE item_type = 'URL'") == []
    assert desk.outbox() == [("no_more_content", CERT, "sent")]
    assert desk.rows("SELECT outcome FROM abuse_reportoutcome") == [("false",)]
    assert PAGE in text_of(desk.sink.mails[0])
    assert blocked(desk) == []


def item(desk: Desk) -> int:
    """The one URL that is reported."""
    ((pk,),) = desk.rows("SELECT id FROM abuse_reportitem WHERE item_type = 'URL'")
    assert isinstance(pk, int)
    return pk
