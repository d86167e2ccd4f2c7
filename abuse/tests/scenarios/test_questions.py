"""Asking a reporter for port and time: the answer finds the customer; without one the desk goes on as it would have."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from .desk import Desk
from .mails import mail
from .people import CERT
from .sink import text_of

STRANGER = "jo@reporter.example"
SHARED = "203.0.113.200"
"""An address that customers 1 and 2 share by ports."""
AUTHENTIC = {"Authentication_Results": "mx.desk.example; dkim=pass header.d=reporter.example"}
WHEN = "2026-11-20 14:03:22 +0000"


@pytest.fixture(autouse=True)
def shared_address(desk: Desk) -> Iterator[None]:
    for number, first, last in ((1, 1024, 20000), (2, 20001, 65535)):
        desk.rows(
            "INSERT INTO abuse_directoryresource (service_id, network, port_from, port_to)"
            " SELECT id, %s::inet, %s, %s FROM abuse_directoryservice WHERE service_id = %s",
            f"{SHARED}/32", first, last, f"service{number}",
        )  # fmt: skip
    yield
    desk.rows("DELETE FROM abuse_directoryresource WHERE port_from IS NOT NULL")


def complaint(sender: str = STRANGER, text: str = f"We received spam from {SHARED}.", **headers: str) -> bytes:
    return mail(text, sender=sender, subject="Spam", **({**AUTHENTIC, **headers} if sender == STRANGER else headers))


def ask(desk: Desk, sender: str = STRANGER, **headers: str) -> EmailMessage:
    """The question that a complaint led to."""
    desk.receive(complaint(sender, **headers))
    desk.tick()
    (question,) = desk.sink.to(sender)
    return question


def answer(question: EmailMessage, text: str, *, sender: str = STRANGER, to: str = "", **headers: str) -> bytes:
    quoted = "\n".join(f"> {line}" for line in text_of(question).splitlines())
    named = {"In_Reply_To": str(question["Message-ID"]), **headers}
    body = f"{text}\n\nOn Fri, 20 Nov 2026, the desk wrote:\n{quoted}\n"
    return mail(body, sender=sender, to=to or str(question["From"]), subject=f"Re: {question['Subject']}", **named)


def questions(desk: Desk) -> list[tuple[Any, ...]]:
    """State, and whether it is settled, of each question."""
    return desk.rows("SELECT state, settled_at IS NOT NULL FROM abuse_reporterquestion ORDER BY id")


def customers(desk: Desk) -> list[str | None]:
    rows = desk.rows(
        "SELECT d.customer_id FROM abuse_report r LEFT JOIN abuse_defendant d ON d.id = r.defendant_id ORDER BY r.id"
    )
    return [row[0] for row in rows]


def test_port_and_time_in_the_answer_find_the_customer(desk: Desk) -> None:
    desk.trust(CERT)
    question = ask(desk, CERT)
    said = text_of(question)
    assert "the source port" in said and "exact date and time" in said and SHARED in said
    assert "the address or URL" not in said
    assert str(question["From"]).startswith("ticket+r1.") and question["Auto-Submitted"] == "auto-replied"
    assert (desk.rules(), questions(desk), desk.tickets()) == (["ask_reporter"], [("asked", False)], [])
    assert desk.reports() == [(CERT, "Spam", "New", None)]

    came = answer(question, f"It was {WHEN}, source port 30123.", sender=CERT)
    desk.receive(came, came)
    desk.tick()
    assert desk.mail_states() == ["processed", "answer"]
    assert customers(desk) == ["customer2"]
    assert desk.ticket().customer == "customer2"
    assert desk.rules() == ["ask_reporter", "default_defendant_trusted"]
    assert questions(desk) == [("answered", True)]
    assert desk.rows("SELECT raw_item, port, seen_at::text FROM abuse_reportitem") == [
        (SHARED, 30123, "2026-11-20 14:03:22+00")
    ]
    desk.pass_time()
    assert len(desk.tickets()) == 1
    assert desk.rules() == ["ask_reporter", "default_defendant_trusted"]


def test_an_answer_makes_nobody_trusted(desk: Desk) -> None:
    question = ask(desk)
    desk.receive(answer(question, f"Port 1500\n{WHEN}"))
    desk.tick()
    assert customers(desk) == ["customer1"]
    assert desk.tickets() == []
    assert desk.rules() == ["ask_reporter", "default_defendant_not_trusted_no_ticket"]


def test_two_events_of_two_customers_are_two_reports(desk: Desk) -> None:
    desk.trust(CERT)
    question = ask(desk, CERT)
    text = f"2026-11-20 14:03:22 UTC port 1500\n2026-11-20 15:00:00 UTC port 40000\n\n{SHARED} was it."
    desk.receive(answer(question, text, sender=CERT))
    desk.tick()
    assert sorted(str(one) for one in customers(desk)) == ["customer1", "customer2"]
    assert len(desk.tickets()) == 2


def test_without_an_answer_the_desk_goes_on(desk: Desk) -> None:
    desk.trust(CERT)
    ask(desk, CERT)
    desk.pass_time()
    assert desk.rules() == ["ask_reporter", "to_validate"]
    assert desk.reports() == [(CERT, "Spam", "ToValidate", None)]
    assert questions(desk) == [("unanswered", True)]
    assert len(desk.sink.to(CERT)) == 1


def test_an_answer_without_the_data_is_for_a_person_and_a_better_one_still_counts(desk: Desk) -> None:
    question = ask(desk)
    desk.receive(answer(question, "I do not know, it was spam!"))
    assert desk.reports() == [(STRANGER, "Spam", "ToValidate", None)]
    assert desk.rows("SELECT state, answer FROM abuse_reporterquestion") == [("unclear", "I do not know, it was spam!")]
    desk.pass_time()
    assert desk.rules() == ["ask_reporter"]
    desk.receive(answer(question, f"{WHEN} port 30123", to="abuse@desk.example"))
    desk.tick()
    assert customers(desk) == ["customer2"]
    assert desk.rules()[-1] == "default_defendant_not_trusted_no_ticket"


@pytest.mark.parametrize(
    "headers", [{"Precedence": "bulk"}, {"Auto_Submitted": "auto-generated"}, {"Authentication_Results": "x; none"}]
)
def test_machines_and_strangers_are_never_asked(desk: Desk, headers: dict[str, str]) -> None:
    desk.receive(complaint(**headers))
    desk.tick()
    assert (desk.outbox(), desk.rules()) == ([], ["default_no_defendant"])


def test_a_reporter_who_wants_no_questions_gets_none(desk: Desk) -> None:
    desk.trust(CERT)
    desk.rows("UPDATE abuse_provider SET mail_question = false")
    desk.receive(complaint(CERT))
    assert (desk.outbox(), desk.rules()) == ([], ["to_validate"])


def test_a_machines_reply_and_a_forged_address_are_no_answers(desk: Desk) -> None:
    question = ask(desk)
    desk.receive(answer(question, f"{WHEN} port 30123", Auto_Submitted="auto-replied"))
    wrong = str(question["From"]).replace("ticket+r1.", "ticket+r1.a")
    desk.receive(
        mail(f"{WHEN} port 30123", sender="evil@reporter.example", to=wrong, In_Reply_To=str(question["Message-ID"]))
    )
    assert desk.mail_states()[1] == "ignored"
    assert questions(desk) == [("asked", False)]


def test_nobody_is_accused_on_a_shared_network_without_port_and_zone(desk: Desk) -> None:
    address = "203.0.113.250"
    desk.rows(
        "INSERT INTO abuse_directoryresource (service_id, network, port_from, port_to) SELECT id, %s::inet, 0, 65535"
        " FROM abuse_directoryservice WHERE service_id = 'service3'", f"{address}/32",
    )  # fmt: skip
    desk.trust(CERT)
    desk.receive(complaint(CERT, f"Attack seen\n2026-11-20 14:03:22 {address}:4711 login failed"))
    assert customers(desk) == [None]
    assert desk.rows("SELECT missing_data FROM abuse_report") == [(["zone"],)]
    desk.receive(complaint(CERT, f"Attack seen\n2026-11-20 14:03:22 +0100 {address}:4711 login failed"))
    assert customers(desk) == [None, "customer3"]


def test_a_complaint_about_nothing_is_asked_what_it_is_about(desk: Desk) -> None:
    desk.receive(complaint(text="Your customer sends me spam every day! Please stop the abuse."))
    desk.tick()
    (question,) = desk.sink.to(STRANGER)
    assert "the address or URL" in text_of(question)
    desk.receive(answer(question, "It comes from 203.0.113.3."))
    desk.tick()
    assert customers(desk) == ["customer3"]
