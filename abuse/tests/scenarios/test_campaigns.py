"""A campaign: one decision, a hundred addresses."""

from __future__ import annotations

from collections import Counter

from .desk import Desk
from .people import CAMPAIGN, address, mailbox
from .sink import text_of

OURS = [address(number) for number in CAMPAIGN]
NOT_GIVEN_OUT = [address(number) for number in range(200, 220)]
ELSEWHERE = [f"198.51.100.{number}" for number in range(20)]
LANGUAGES = '{% if lang == "FR" %}Bonjour{% else %}Hello{% endif %}'
SUBJECT = LANGUAGES + ": {{ service }}, case {{ publicId }}"
BODY = LANGUAGES + ",\n\nyour service {{ service }} is part of a botnet. Case {{ publicId }}.\n"


def test_a_hundred_addresses_are_contacted_once_each(desk: Desk) -> None:
    ips = [*OURS, *NOT_GIVEN_OUT, *ELSEWHERE]
    assert len(ips) == 100
    name = desk.ask("launch", "March of bots", "malware", [*ips, *OURS[:10]], SUBJECT, BODY)
    assert name.startswith("mass_contact_march_of_bots_")
    desk.work()
    desk.tick()

    counts = "state, matching_count, not_matching_count, failed_count"
    assert desk.rows(f"SELECT {counts} FROM abuse_masscontactresult") == [("Done", 60, 40, 0)]
    matched = desk.rows("SELECT host(ip) FROM abuse_masscontacttarget WHERE state = 'matched' ORDER BY ip")
    assert [row[0] for row in matched] == OURS

    tickets = desk.tickets()
    assert sorted(str(ticket.customer) for ticket in tickets) == [f"customer{number}" for number in CAMPAIGN]
    assert {(one.category, one.status, one.resolution) for one in tickets} == {
        ("Malware", "Closed", "fixed_by_customer")
    }
    assert {row[:3] for row in desk.reports()} == {("mass_contact", "Malware", "Archived")}
    assert {row[3] for row in desk.reports()} == {ticket.pk for ticket in tickets}
    tags = "SELECT t.name, count(*) FROM abuse_ticket_tags x JOIN abuse_tag t ON t.id = x.tag_id GROUP BY t.name"
    assert desk.rows(tags) == [(name, 60)]
    for ticket in tickets:
        assert desk.history(ticket) == [
            "CreateTicket",
            "AttachReport",
            "CreateMasscontact",
            "AddTag",
            "SendEmail",
            "ChangeStatus Closed",
        ]

    assert Counter(str(mail["To"]) for mail in desk.sink.mails) == Counter(mailbox(number) for number in CAMPAIGN)
    by_customer = {ticket.customer: ticket for ticket in tickets}
    for number in CAMPAIGN:
        (mail,) = desk.sink.to(mailbox(number))
        ticket = by_customer[f"customer{number}"]
        assert mail["Subject"].startswith("Bonjour: " if number % 2 else "Hello: ")
        assert f"your service vps{number} is part of a botnet. Case {ticket.public_id}." in text_of(mail)
        assert mail["From"] == ticket.address("Masscontact")
    assert {row[2] for row in desk.outbox()} == {"sent"}

    # The bells ring again, and the operator presses the button again.
    desk.tick()
    again = desk.ask("launch", "march of BOTS", "Malware", ips, SUBJECT, BODY)
    assert again == f"refused: campaignName: '{name}' was launched already; expected another name"
    desk.redis.flushall()
    desk.tick()
    assert len(desk.tickets()) == len(desk.sink.mails) == 60
    assert desk.rows(f"SELECT {counts} FROM abuse_masscontactresult") == [("Done", 60, 40, 0)]
