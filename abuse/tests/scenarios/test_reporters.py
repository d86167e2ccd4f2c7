"""What reporters are told: that a case exists already, and how it ended; never machines, never the forged."""

from __future__ import annotations

import pytest

from .desk import Desk
from .mails import mail
from .people import CERT, address
from .sink import text_of

FIRST, SECOND, THIRD = (f"{name}@elsewhere.example" for name in ("first", "second", "third"))


def complaint(sender: str, **headers: str) -> bytes:
    return mail(f"We received spam from {address(1)} today.", sender=sender, subject="Spam", **headers)


def switch(desk: Desk, sender: str, column: str, value: bool) -> None:
    desk.rows(
        f"INSERT INTO abuse_provider (email, trusted, parseable, priority, {column})"
        " VALUES (%s, false, false, 'Normal', %s)"
        f" ON CONFLICT (email) DO UPDATE SET {column} = excluded.{column}", sender, value,
    )  # fmt: skip


def close(desk: Desk, resolution: str = "fixed_by_customer") -> None:
    desk.ask("close", desk.ticket().pk, resolution)
    desk.tick()


def test_who_reports_what_others_reported_is_told_so_once(desk: Desk) -> None:
    desk.trust(CERT)
    # all in one transaction, or one after the other: the same
    desk.receive(complaint(CERT), complaint(FIRST), complaint(SECOND, Precedence="bulk"))
    desk.receive(complaint(THIRD), mail(f"Still spam from {address(1)}", sender=FIRST, subject="Spam again"))
    desk.tick()
    ticket = desk.ticket()
    assert [row[:2] for row in desk.outbox()] == [
        ("ack_report_received", CERT),
        ("already_known", FIRST),
        ("already_known", THIRD),
    ]
    (told,) = desk.sink.to(FIRST)
    assert (told["From"], told["Auto-Submitted"]) == (ticket.address("Plaintiff"), "auto-replied")
    assert ticket.public_id in told["Subject"]
    assert "Others told us about this before" in text_of(told)
    assert CERT not in text_of(told)


def test_a_second_trusted_reporter_is_told_that_the_case_is_known_unless_he_wants_it_otherwise(desk: Desk) -> None:
    for sender in (CERT, FIRST, SECOND, THIRD):
        desk.trust(sender)
    switch(desk, SECOND, "mail_already_known", False)
    switch(desk, THIRD, "mail_already_known", False)
    switch(desk, THIRD, "mail_acknowledge", False)
    desk.receive(complaint(CERT), complaint(FIRST), complaint(SECOND), complaint(THIRD))
    assert [row[:2] for row in desk.outbox()] == [
        ("ack_report_received", CERT),
        ("already_known", FIRST),
        ("ack_report_received", SECOND),
    ]


def test_the_same_reporter_again_is_told_nothing_of_others(desk: Desk) -> None:
    desk.rows("UPDATE abuse_reportthreshold SET threshold = 1 WHERE category_id = 'Spam'")
    desk.receive(complaint(FIRST))
    desk.receive(mail(f"More spam from {address(1)}.", sender=FIRST, subject="Spam"))
    assert (len(desk.reports()), desk.outbox()) == (2, [])


def test_reporters_hear_how_a_case_ended_where_that_is_wanted(desk: Desk) -> None:
    desk.trust(CERT)
    for sender in (CERT, FIRST, SECOND):
        switch(desk, sender, "mail_outcome", True)
    desk.receive(complaint(CERT), complaint(FIRST), complaint(SECOND, Precedence="bulk"), complaint(THIRD))
    desk.tick()
    desk.sink.mails.clear()
    close(desk)
    assert sorted(str(one["To"]) for one in desk.sink.mails) == [CERT, FIRST]
    (told,) = desk.sink.to(FIRST)
    assert "Outcome: our customer has removed the cause." in text_of(told)
    assert (told["Auto-Submitted"], told["From"]) == ("auto-generated", desk.ticket().address("Plaintiff"))
    assert not any(word in text_of(told) for word in ("customer1", CERT, address(1)))
    assert desk.history(desk.ticket())[-3:] == ["ChangeStatus Closed", "SendEmail", "SendEmail"]

    desk.sink.mails.clear()
    desk.ask("reopen", desk.ticket().pk)
    close(desk, "fixed")
    assert sorted(str(one["To"]) for one in desk.sink.mails) == [CERT, FIRST]  # once more: it is another ending
    assert "Outcome: we took measures against it." in text_of(desk.sink.to(CERT)[0])


def test_whom_a_person_told_is_not_told_the_outcome_again(desk: Desk) -> None:
    desk.trust(CERT)
    for sender in (CERT, FIRST):
        switch(desk, sender, "mail_outcome", True)
    desk.receive(complaint(CERT), complaint(FIRST))
    desk.ask("write_to_reporter", desk.ticket().pk, CERT)
    close(desk)
    assert [row[1] for row in desk.outbox() if row[0] == "case_outcome"] == [FIRST]


@pytest.mark.parametrize("value", [None, False])
def test_the_outcome_is_told_to_nobody_by_default(desk: Desk, value: bool | None) -> None:
    desk.trust(CERT)
    if value is not None:
        switch(desk, CERT, "mail_outcome", value)
    desk.receive(complaint(CERT))
    close(desk)
    assert [row[0] for row in desk.outbox()] == ["ack_report_received"]
