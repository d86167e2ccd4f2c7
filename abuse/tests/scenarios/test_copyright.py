"""Notices of those whose word is passed on: a time to answer, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from .desk import Desk, TicketRow
from .mails import acns_notice, mail
from .people import RIGHTS, address, mailbox
from .sink import text_of

TOLD = [
    "CreateTicket",
    "AttachReport",
    "AddProof",
    "SendEmail",
    "ChangeStatus WaitingAnswer",
    "SetDeadline",
    "SendEmail",
    "SetDeadline",
]
"""What happened to a ticket once the customer was told and given time."""


@pytest.fixture
def told(desk: Desk) -> TicketRow:
    """The ticket of a notice about customer 1, who was told of it just now."""
    desk.trust(RIGHTS, "copyright:automatic")
    desk.receive(
        mail(
            f"Copyright infringement: our film is offered at {address(1)} without our permission.",
            sender=RIGHTS,
            subject="Notice of copyright infringement",
        )
    )
    desk.tick()
    ticket = desk.ticket()
    assert (ticket.status, ticket.category, ticket.customer) == ("WaitingAnswer", "Copyright", "customer1")
    assert desk.rules() == ["trusted_copyright"]
    assert desk.history(ticket) == TOLD
    assert [row[:2] for row in desk.deadlines()] == [("snooze", "pending"), ("task", "pending")]
    assert desk.outbox() == [("ack_report_received", RIGHTS, "sent"), ("customer_notification", mailbox(1), "sent")]
    (notice,) = desk.sink.to(mailbox(1))
    assert notice["From"] == ticket.address()
    assert "our film is offered" in text_of(notice)
    assert RIGHTS not in text_of(notice)
    return ticket


def answer(ticket: TicketRow) -> bytes:
    text = "We removed the film and the account that put it there."
    return mail(text, sender=mailbox(1), to=ticket.address(), subject="Re: A complaint about your service")


def test_a_customer_who_lets_the_time_pass_is_acted_on_once(desk: Desk, told: TicketRow) -> None:
    desk.run("ticket-workflow")
    assert desk.ticket() == told

    desk.pass_time()
    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Closed", "fixed")
    assert desk.reports() == [(RIGHTS, "Copyright", "Archived", ticket.pk)]
    assert desk.measures() == [f"apply {ticket.pk} {measure(desk)} {address(1)}"]
    assert desk.rows("SELECT status, host(ip), attempts, action_todo_id FROM abuse_serviceactionjob") == [
        ("ok", address(1), 1, "todo-1")
    ]
    assert desk.deadlines() == [
        ("snooze", "done", "the ticket woke up"),
        ("task", "done", "ordered: 1 default_action"),
        ("service_action", "done", "ok: done"),
    ]
    assert desk.history(ticket) == [
        *TOLD,
        "ChangeStatus Alarm",
        "SetDeadline",
        "SetAction",
        "AddTag",
        "ApplyAction",
        "SendEmail",
        "ChangeStatus Closed",
        "SendEmail",
    ]
    assert desk.outbox() == [
        ("ack_report_received", RIGHTS, "sent"),
        ("customer_notification", mailbox(1), "sent"),
        ("service_blocked", mailbox(1), "sent"),
        ("case_closed", RIGHTS, "sent"),
    ]
    assert len(desk.sink.mails) == 4

    desk.pass_time()
    assert len(desk.measures()) == 1
    assert len(desk.sink.mails) == 4


def test_an_answer_in_time_takes_back_what_was_to_come(desk: Desk, told: TicketRow) -> None:
    desk.receive(answer(told))
    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Answered", None)
    assert desk.mail_states() == ["processed", "answer"]
    assert [row[:2] for row in desk.deadlines()] == [("snooze", "cancelled"), ("task", "cancelled")]

    desk.rows("UPDATE abuse_deadline SET due_at = now() - interval '1 day'")
    desk.tick()
    assert desk.ticket() == ticket
    assert desk.measures() == []
    assert len(desk.sink.mails) == 2
    assert desk.history(ticket) == [
        *TOLD,
        "ReceiveEmail",
        "CancelDeadline",
        "CancelDeadline",
        "ChangeStatus Answered",
    ]
    assert desk.rows("SELECT sender, category, authentic FROM abuse_receivedmessage") == [
        (mailbox(1), "Defendant", True)
    ]


def test_an_answer_takes_back_a_measure_that_was_ordered_in_the_same_transaction(desk: Desk, told: TicketRow) -> None:
    # The task has ordered the measure, and the answer comes in before anybody carries it out.
    desk.rows("UPDATE abuse_deadline SET due_at = now() - interval '1 second' WHERE kind = 'task'")
    desk.rows("UPDATE abuse_deadline SET due_at = now() + interval '1 hour' WHERE kind = 'snooze'")
    desk.run("ticket-workflow")
    assert [row[:2] for row in desk.deadlines()][2:] == [("service_action", "pending")]
    tables = ["abuse_receivedmessage", "abuse_deadline", "abuse_serviceactionjob"]
    with transactions_of(desk, tables) as written:
        desk.receive(answer(told))

    ticket = desk.ticket()
    assert ticket.status == "Answered"
    assert desk.deadlines()[2][:2] == ("service_action", "cancelled")
    assert desk.rows("SELECT status FROM abuse_serviceactionjob") == [("cancelled",)]
    assert {table for table, _ in written} == set(tables)
    assert len({transaction for _, transaction in written}) == 1

    desk.rows("UPDATE abuse_deadline SET due_at = now() - interval '1 day'")
    desk.tick()
    assert desk.measures() == []
    assert desk.ticket() == ticket


def test_an_answer_after_the_measure_brings_the_case_back_to_a_person(desk: Desk, told: TicketRow) -> None:
    desk.pass_time()
    closed = desk.ticket()
    assert (closed.status, closed.resolution) == ("Closed", "fixed")
    desk.receive(answer(told))
    desk.tick()

    assert desk.ticket().status == "Reopened"
    assert desk.mail_states() == ["processed", "answer"]
    after_closing = desk.history(closed)[desk.history(closed).index("ChangeStatus Closed") :]
    assert after_closing[:4] == ["ChangeStatus Closed", "SendEmail", "ReceiveEmail", "ChangeStatus Reopened"]
    assert desk.rows("SELECT sender, authentic FROM abuse_receivedmessage") == [(mailbox(1), True)]
    assert len(desk.measures()) == 1
    assert len(desk.sink.mails) == 4


def test_an_acns_notice_is_passed_on_and_closed(desk: Desk) -> None:
    desk.trust(RIGHTS, "copyright:automatic")
    desk.receive(acns_notice(address(1), sender=RIGHTS, case="RX-1001"))
    desk.tick()

    ticket = desk.ticket()
    assert (ticket.status, ticket.resolution) == ("Closed", "forward_acns")
    assert (ticket.category, ticket.customer) == ("Copyright", "customer1")
    assert desk.reports() == [(RIGHTS, "Copyright", "Archived", ticket.pk)]
    assert desk.rows("SELECT reporter_reference FROM abuse_report") == [("RX-1001",)]
    assert desk.rules() == ["acns_forward"]
    assert desk.history(ticket) == [
        "CreateTicket",
        "AttachReport",
        "AddProof",
        "SendEmail",
        "ChangeStatus WaitingAnswer",
        "SetDeadline",
        "SendEmail",
        "CancelDeadline",
        "ChangeStatus Closed",
    ]
    assert [row[:2] for row in desk.deadlines()] == [("snooze", "cancelled")]
    assert desk.outbox() == [("ack_report_received", RIGHTS, "sent"), ("customer_notification", mailbox(1), "sent")]
    (notice,) = desk.sink.to(mailbox(1))
    assert "<FileName>a.film.mkv</FileName>" in text_of(notice)
    assert RIGHTS not in text_of(notice)

    desk.receive(acns_notice(address(1), sender=RIGHTS, case="RX-1002"))
    assert [one.status for one in desk.tickets()] == ["Closed", "Closed"]


def measure(desk: Desk) -> int:
    ((pk,),) = desk.rows("SELECT id FROM abuse_serviceaction")
    assert isinstance(pk, int)
    return pk


@contextmanager
def transactions_of(desk: Desk, tables: Sequence[str]) -> Iterator[list[tuple[str, int]]]:
    """After the block: who wrote to some tables in it, by the number of the whole transaction."""
    written: list[tuple[str, int]] = []
    desk.rows("CREATE TABLE story_write (name text, number xid8)")
    desk.rows(
        "CREATE FUNCTION story_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO story_write VALUES (TG_TABLE_NAME, pg_current_xact_id()); RETURN NULL; END $$"
    )
    try:
        for table in tables:
            when = "AFTER INSERT OR UPDATE"
            desk.rows(f"CREATE TRIGGER story {when} ON {table} FOR EACH ROW EXECUTE FUNCTION story_note()")
        yield written
        written += desk.rows("SELECT name, number::text::bigint FROM story_write")
    finally:
        desk.rows("DROP FUNCTION story_note() CASCADE")
        desk.rows("DROP TABLE story_write")
