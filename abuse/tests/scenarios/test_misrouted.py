"""Reports about addresses of others: who is told whose they are, and what is sent on to whom."""

from __future__ import annotations

from abuse.parsers import ParserContext, parse

from .desk import Desk
from .mails import mail
from .people import CERT, address
from .sink import Sink, text_of

THEIRS = "198.51.100.7"
"""Of the carrier, as the registry of the desk says."""
NOBODYS = "192.0.2.7"
REPORTER = "reporter@elsewhere.example"
"""Whom the desk's mail server authenticates."""
STRANGER = "stranger@unknown.example"
CARRIER = "abuse@carrier.example"


def complaint(sender: str, *addresses: str, **headers: str) -> bytes:
    if sender == REPORTER:
        headers["Authentication_Results"] = "mx.desk.example; dkim=pass header.d=elsewhere.example"
    text = "\n".join(f"Your address {one} attacked our server by ssh." for one in addresses)
    return mail(f"{text}\n\nRegards,\n{sender}\n", sender=sender, subject="ssh attack", **headers)


def told(sink: Sink, recipient: str) -> str:
    (one,) = sink.to(recipient)
    text = next(part for part in one.walk() if part.get_content_type() == "text/plain")
    return text_of(text)


def test_a_reporter_is_told_whose_the_address_is_and_the_report_is_sent_on(desk: Desk) -> None:
    desk.receive(complaint(REPORTER, THEIRS))
    desk.tick()
    desk.tick()
    assert desk.rules() == ["misrouted"]
    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution, ticket.customer) == ("Closed", "invalid", None)
    assert desk.outbox() == [("misrouted_report", REPORTER, "sent"), ("forwarded_report", CARRIER, "sent")]
    assert f"{THEIRS}: {CARRIER} (carrier Ltd)" in told(desk.sink, REPORTER)
    (first,) = desk.sink.to(REPORTER)
    assert (first["From"], first["Auto-Submitted"]) == (ticket.address("Plaintiff"), "auto-replied")

    (forwarded,) = desk.sink.to(CARRIER)
    assert (forwarded["From"], forwarded["Auto-Submitted"]) == (ticket.address("Other"), "auto-generated")
    assert THEIRS in told(desk.sink, CARRIER)
    assert REPORTER not in forwarded.as_string()
    assert "elsewhere.example" not in forwarded.as_string()
    (file,) = forwarded.iter_attachments()
    read = parse(forwarded.as_bytes(), ParserContext())
    assert (file.get_filename(), read.template) == ("xarf-1.json", "xarf-4")
    assert [(str(one.kind), one.value) for one in read.items] == [("IP", THEIRS)]
    assert [row[1:3] for row in desk.reports()] == [(read.category, "Archived")]


def test_nobody_is_asked_or_told_twice_about_the_same_network(desk: Desk) -> None:
    desk.receive(complaint(REPORTER, THEIRS))
    desk.tick()
    desk.receive(complaint(REPORTER, "198.51.100.8", In_Reply_To="<x@y.example>"))
    desk.tick()
    desk.tick()
    assert [asked.path for asked in desk.registry.asked] == [f"/rdap/ip/{THEIRS}"]
    assert [row[:2] for row in desk.outbox()].count(("misrouted_report", REPORTER)) == 1
    assert [row[:2] for row in desk.outbox()].count(("forwarded_report", CARRIER)) == 2


def test_strangers_and_those_who_want_none_are_told_nothing(desk: Desk) -> None:
    desk.rows(
        "INSERT INTO abuse_provider (email, trusted, parseable, priority, mail_misrouted)"
        " VALUES (%s, false, false, 'Normal', false)", REPORTER,
    )  # fmt: skip
    desk.receive(complaint(STRANGER, THEIRS), complaint(REPORTER, NOBODYS))
    desk.tick()
    desk.tick()
    assert (desk.outbox(), desk.tickets()) == ([], [])
    assert {row[2] for row in desk.reports()} == {"Archived"}
    assert [asked.path for asked in desk.registry.asked] == [f"/rdap/ip/{NOBODYS}"]


def test_where_the_registry_knows_nobody_the_reporter_is_told_to_look(desk: Desk) -> None:
    desk.receive(complaint(REPORTER, NOBODYS))
    desk.tick()
    desk.tick()
    assert [row[:2] for row in desk.outbox()] == [("misrouted_report", REPORTER)]
    text = told(desk.sink, REPORTER)
    assert ("RDAP" in text, NOBODYS in text) == (True, True)


def test_an_address_of_ours_beside_it_is_no_misrouted_report(desk: Desk) -> None:
    desk.receive(complaint(REPORTER, THEIRS, address(1)))
    desk.tick()
    desk.tick()
    assert (desk.rules(), desk.registry.asked) == (["default_defendant_not_trusted_no_ticket"], [])


def test_a_trusted_reporter_is_heard_by_a_person(desk: Desk) -> None:
    desk.trust(CERT)
    desk.receive(complaint(CERT, THEIRS))
    desk.tick()
    assert desk.rules() == ["to_validate"]
    assert [row[2] for row in desk.reports()] == ["ToValidate"]


def test_a_registry_that_is_down_is_asked_again(desk: Desk) -> None:
    answering, desk.registry.answering = desk.registry.answering, lambda asked: type(answering(asked))({}, 503)
    try:
        desk.receive(complaint(REPORTER, THEIRS))
        desk.tick()
        assert desk.outbox() == []
        assert [row[2] for row in desk.reports()] == ["New"]
    finally:
        desk.registry.answering = answering
    desk.rows("UPDATE abuse_deadline SET due_at = now() WHERE state = 'pending' AND kind = 'task'")
    desk.tick()
    desk.tick()
    assert [row[:2] for row in desk.outbox()] == [("misrouted_report", REPORTER), ("forwarded_report", CARRIER)]
