"""The demo's mailbox through the real intake and pipeline: every mail becomes what `demo/expected.json` says."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest

from abuse.config import Settings, load
from abuse.controllers.inbox import Receipt
from abuse.models import Email, History, OutgoingMessage, Report, Ticket, TicketStatus
from abuse.parsers import parse
from abuse.parsers.values import host_of_url
from abuse.pipeline.context import parser_context
from abuse.pipeline.inbox import work
from demo.desk import HERE, hand_in, load_customers, load_providers, mailings, set_threshold
from demo.outcome import Details, Expected, Outcome, differences, outcomes, read_expected
from demo.summary import WIDTH, summary

SETTINGS = load(HERE / "settings.yml", environ={})
EXPECTED = read_expected(HERE / "expected.json")


def play(settings: Settings) -> dict[str, Receipt]:
    """The demo, with the worker's work done in this process."""
    mails = mailings(EXPECTED)
    receipts: dict[str, Receipt] = {}
    hand_in([mail for mail in mails if mail.ticket_of is None], receipts)
    work(settings)
    hand_in([mail for mail in mails if mail.ticket_of is not None], receipts)
    work(settings)
    return receipts


@pytest.fixture
def desk(transactional_db: None) -> None:
    load_customers()
    load_providers()
    set_threshold()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("batch_size", [1, 20])
def test_every_mail_becomes_what_is_expected_however_many_share_a_transaction(batch_size: int) -> None:
    pipeline = SETTINGS.PIPELINE.model_copy(update={"batch_size": batch_size})
    receipts = play(SETTINGS.model_copy(update={"PIPELINE": pipeline}))
    lines = differences(EXPECTED, outcomes(receipts))
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("desk")
def test_answers_move_their_tickets_and_a_second_run_changes_nothing() -> None:
    receipts = play(SETTINGS)
    answered = {
        ticket.defendant.customer_id
        for ticket in Ticket.filter(status=TicketStatus.ANSWERED).select_related("defendant")
        if ticket.defendant
    }
    # c1003's mail program said that he is on holiday: his ticket goes on waiting.
    assert answered == {"c1006", "c1004"}
    assert set(Ticket.all().values_list("status", flat=True)) == {TicketStatus.OPEN, TicketStatus.ANSWERED}

    lines = summary(receipts)
    before = outcomes(receipts)
    tables = (Email, Report, Ticket, History, OutgoingMessage)
    counts = [table.all().count() for table in tables]

    again = play(SETTINGS)
    assert [name for name, receipt in again.items() if receipt.new] == []
    assert [table.all().count() for table in tables] == counts
    assert outcomes(again) == before
    assert summary(again) == lines


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("desk")
def test_the_summary_says_what_is_open_and_why_on_one_page() -> None:
    lines = summary(play(SETTINGS))
    text = "\n".join(lines)
    assert len(lines) <= 70
    assert [line for line in lines if len(line) > WIDTH] == []
    assert text.startswith("63 mails came in:")
    for ticket in Ticket.all().select_related("defendant"):
        (line,) = [line for line in lines if f" {ticket.public_id} " in line]
        assert ticket.defendant is not None
        assert f" {ticket.defendant.customer_id} " in line
    assert "default_defendant_trusted: about a customer, the reporter is trusted" in text
    assert re.search(r"default_defendant_threshold: .*enough reports wait \(3 within 30 days\)", " ".join(text.split()))
    assert "Spam, 1 of 3 in 30 days: c1016 Karl-Heinz Osterkamp, c1019 Chloé Lambert" in text


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_parser_sees_what_a_mail_is_about(name: str) -> None:
    expected = EXPECTED[name]
    parsed = parse((HERE / "mailbox" / name).read_bytes(), parser_context(SETTINGS))
    hosts = {host_of_url(url) for url in expected.urls}
    assert set(expected.urls) <= set(parsed.urls)
    assert set(expected.ips) - hosts <= set(parsed.ips)
    assert set(expected.fqdns) - hosts <= set(parsed.fqdn)


def test_a_difference_is_told_with_what_was_expected() -> None:
    name, expected = "24.eml", EXPECTED["24-ssh-bruteforce-log-lines-joins.eml"]
    right = (expected.outcome, Details(expected.event_time, frozenset(), ()))
    assert differences({name: expected}, {name: right}) == []
    assert differences({name: expected}, {}) == ["24.eml: was not handed in"]
    for field in dataclasses.fields(Outcome):
        value: Any = ("c1", "c2") if field.name in {"customers", "takes_along"} else "other"
        wrong = dataclasses.replace(expected.outcome, **{field.name: value})
        (line,) = differences({name: expected}, {name: (wrong, right[1])})
        assert line.startswith(f"24.eml: {field.name}: expected ")
        assert line.endswith("got c1, c2" if isinstance(value, tuple) else "got other")
    assert expected.event_time is not None
    late = Details(expected.event_time + timedelta(seconds=1))
    assert differences({name: expected}, {name: (expected.outcome, late)}) == [
        "24.eml: event time: expected 2026-11-12 19:58:36, got 2026-11-12 19:58:37"
    ]
    strict = dataclasses.replace(expected, port=22, defect=True)
    assert differences({name: strict}, {name: right}) == [
        "24.eml: port: expected 22, got none",
        "24.eml: defect: expected one to be noted, got none",
    ]


def _table_row(expected: Expected) -> tuple[str, str, str]:
    outcome = expected.outcome
    becomes = outcome.becomes + (f" of {outcome.joins.partition('-')[0]}" if outcome.joins else "")
    return outcome.category or "–", ", ".join(outcome.customers) or "–", becomes


def test_the_table_for_people_says_the_same_as_the_file_for_programs() -> None:
    rows = re.findall(r"^\| `(\S+\.eml)` \| (.+?) \| (.+?) \| (.+?) \|", (HERE / "README.md").read_text("utf-8"), re.M)
    assert {name: (category, customers, becomes) for name, category, customers, becomes in rows} == {
        name: _table_row(expected) for name, expected in EXPECTED.items()
    }
