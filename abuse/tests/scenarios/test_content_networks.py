"""Reports whose customer is not known at first: found by a content network, by a person, or not at all."""

from __future__ import annotations

from .desk import Desk
from .mails import mail
from .people import CERT, CLOUDFLARE, address
from .sink import text_of

DOMAIN = "shop.reported.example"
EDGE = ["104.16.1.1"]
"""Where the content network serves the domain from."""


def report(desk: Desk) -> None:
    """A trusted reporter names a domain that nobody of ours is known to have."""
    desk.trust(CERT)
    desk.receive(mail(f"Malware is spread by https://{DOMAIN}/update.exe", sender=CERT, subject="Malware"))
    assert desk.reports() == [(CERT, "Malware", "ToValidate", None)]
    assert desk.rules() == ["to_validate"]
    assert (desk.tickets(), desk.deadlines()) == ([], [])


def test_a_content_network_names_the_server_behind_a_domain(desk: Desk) -> None:
    report(desk)
    assert desk.ask("ask_network", 1, DOMAIN, EDGE) == "cdn_request_cloudflare"
    desk.tick()
    ticket = desk.ticket()
    assert (ticket.status, ticket.customer, ticket.owner) == ("Open", None, "olga")
    assert desk.reports() == [(CERT, "Malware", "Attached", ticket.pk)]
    (question,) = desk.sink.mails
    assert (question["To"], question["From"]) == (CLOUDFLARE, ticket.address("Other"))
    assert DOMAIN in text_of(question).replace("[.]", ".")

    answer = f"The origin server of {DOMAIN} has the address {address(4)}."
    desk.receive(mail(answer, sender=CLOUDFLARE, to=ticket.address("Other"), subject=f"Re: {question['Subject']}"))
    ticket = desk.ticket()
    assert desk.mail_states() == ["processed", "answer"]
    assert (ticket.status, ticket.customer, ticket.owner) == ("Open", "customer4", None)
    assert desk.rows("SELECT raw_item, place FROM abuse_reportitem WHERE item_type = 'IP'") == [
        (address(4), f"behind {DOMAIN}")
    ]
    assert [row[:2] for row in desk.deadlines()] == [("task", "pending")]

    desk.pass_time()
    ticket = desk.ticket()
    assert (ticket.status, ticket.customer) == ("Open", "customer4")
    assert desk.deadlines() == [("task", "done", "default_defendant_trusted")]
    assert desk.rules() == [
        "to_validate",
        "cdn_request_cloudflare",
        "cdn_response_cloudflare",
        "default_defendant_trusted",
    ]
    assert desk.history(ticket) == [
        "CreateTicket",
        "AttachReport",
        "AddProof",
        "SendEmail",
        "ChangeTreatedby",
        "UpdateProperty",
        "UpdateProperty",
        "ReceiveEmail",
        "SendEmail",
    ]
    assert desk.outbox() == [("cloudflare_ip_request", CLOUDFLARE, "sent"), ("ack_report_received", CERT, "sent")]
    assert [str(one["To"]) for one in desk.sink.mails] == [CLOUDFLARE, CERT]


def test_a_report_of_nobody_of_ours_is_answered_and_closed(desk: Desk) -> None:
    report(desk)
    assert desk.ask("validate", 1) == "invalid"
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution, ticket.customer) == ("Closed", "invalid", None)
    assert desk.reports() == [(CERT, "Malware", "Archived", ticket.pk)]
    assert desk.history(ticket) == ["CreateTicket", "AttachReport", "SendEmail", "ChangeStatus Closed"]
    assert desk.outbox() == [("not_managed_ip", CERT, "sent")]
    (answer,) = desk.sink.to(CERT)
    assert "update.exe" in text_of(answer)
    assert desk.rows("SELECT 1 FROM abuse_proof") == []


def test_a_report_whose_customer_a_person_finds_is_treated_like_any_other(desk: Desk) -> None:
    report(desk)
    assert desk.ask("name_customer", 1, address(5)) == "customer5"
    assert desk.ask("validate", 1) == "default_defendant_trusted"
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution, ticket.customer) == ("Open", None, "customer5")
    assert desk.reports() == [(CERT, "Malware", "Attached", ticket.pk)]
    assert desk.history(ticket) == ["CreateTicket", "AttachReport", "SendEmail"]
    assert desk.rules() == ["to_validate", "default_defendant_trusted"]
    assert desk.outbox() == [("ack_report_received", CERT, "sent")]
    assert len(desk.sink.to(CERT)) == 1
