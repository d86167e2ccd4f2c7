"""The customer database is down for a while: mails wait, are not used up, and go on when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.utils import timezone

from abuse.commands.doctor import command as doctor
from abuse.commands.status import command as status
from abuse.config import current
from abuse.controllers.inbox import receive
from abuse.models import Email, Provider, Report, Ticket
from abuse.pipeline.claims import retry
from abuse.pipeline.inbox import work
from abuse.services.crm.http import HttpCRM
from abuse.services.facade import facade
from abuse.tests.services.crm.servers import Asked, JsonServer, Said, json_server
from abuse.tests.services.crm.worlds import http_crm

from .conftest import make_mail

pytestmark = pytest.mark.django_db
PIPELINE = current().PIPELINE


def down(_: Asked) -> Said:
    return Said({"error": "maintenance"}, 503)


@pytest.fixture
def server() -> Iterator[JsonServer]:
    """A CRM over HTTP that the desk asks; it is down at first."""
    crm = facade("CRMServiceBase")
    before = crm._implementation
    with json_server(down) as running:
        # The breaker would keep its own time: here each try is to be seen.
        crm.set_up(HttpCRM(url=running.url(), token="x", plaintext=True, attempts=1, breaker_failures=1000))
        yield running
        crm.set_up(before)


def stored(text: str = "Spam from 203.0.113.1", **options: str) -> Email:
    return Email.get(pk=receive(make_mail(text, **options), source="test", ring=False).email_id)


def time_passes(**since: Any) -> None:
    """All that waits is due now."""
    Email.filter(state="received").update(next_attempt_at=timezone.now(), **since)


def test_an_outage_uses_up_no_attempt_and_ends_by_itself(server: JsonServer, trusted: Provider) -> None:
    mails = [stored(f"Spam from 203.0.113.{number}", sender=trusted.email) for number in range(1, 8)]
    for _ in range(PIPELINE.max_attempts * 2):
        time_passes()
        assert work(current()) == 0
    rows = Email.filter(pk__in=[mail.pk for mail in mails])
    assert {(row.state, row.attempts) for row in rows} == {("received", 0)}
    assert all("503" in row.error and row.next_attempt_at > timezone.now() for row in rows)
    assert Report.count() == 0
    server.answering = http_crm
    time_passes()
    assert work(current()) == 7
    assert {(row.state, row.attempts, row.postponed_since, row.error) for row in rows.all()} == {
        ("processed", 1, None, "")
    }
    assert {report.defendant.customer_id for report in Report.all() if report.defendant} == {"c1"}
    assert (Report.count(), Ticket.count()) == (7, 1)


def test_it_is_asked_ever_less_often_but_at_least_every_five_minutes(server: JsonServer) -> None:
    stored()
    waits = []
    for hours in (0, 0.05, 1, 20):
        time_passes(postponed_since=timezone.now() - timedelta(hours=hours))
        work(current())
        waits.append(round((Email.get().next_attempt_at - timezone.now()).total_seconds()))
    assert waits == [round(PIPELINE.retry_seconds), 90, 300, 300]


def test_after_the_hours_of_the_settings_a_mail_is_parked_visibly_and_can_be_tried_again(server: JsonServer) -> None:
    mail = stored()
    work(current())
    time_passes(postponed_since=timezone.now() - timedelta(hours=PIPELINE.outage_hours))
    work(current())
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == ("failed", 0)
    assert mail.reason == f"the customer database could not answer for {PIPELINE.outage_hours:g} hours"
    assert mail.done_at is not None
    server.answering = http_crm
    retry([mail.pk])
    assert work(current()) == 1
    mail.refresh_from_db()
    assert mail.state == "processed"


def test_mails_that_ask_for_nothing_do_not_wait(server: JsonServer) -> None:
    waiting = stored()
    silent = stored("There is something wrong with your network.", sender="b@reporter.example")
    work(current())
    waiting.refresh_from_db()
    silent.refresh_from_db()
    assert (waiting.state, silent.state) == ("received", "processed")


def test_a_thing_that_the_crm_stumbles_over_keeps_its_own_mail_waiting_alone(server: JsonServer) -> None:
    def stumble(asked: Asked) -> Said:
        return down(asked) if b"203.0.113.66" in asked.body else http_crm(asked)

    server.answering = stumble
    mails = [stored(f"Spam from 203.0.113.{number}") for number in (1, 66, 2, 3, 4)]
    assert work(current()) == 4
    states = [Email.get(pk=mail.pk).state for mail in mails]
    assert states == ["processed", "received", "processed", "processed", "processed"]


def test_a_permanent_fault_counts_as_an_attempt(server: JsonServer) -> None:
    mail = stored()
    server.answering = lambda _: Said({"error": "who are you?"}, 403)
    work(current())
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.postponed_since) == ("received", 1, None)


def test_a_mail_that_fails_for_another_reason_afterwards_no_longer_waits_for_the_crm(server: JsonServer) -> None:
    mail = stored()
    work(current())
    assert Email.get().postponed_since is not None
    server.answering = lambda _: Said({"error": "who are you?"}, 403)
    time_passes()
    work(current())
    mail.refresh_from_db()
    assert (mail.attempts, mail.postponed_since) == (1, None)


def test_status_and_doctor_say_so(server: JsonServer) -> None:
    stored()
    work(current())
    said = CliRunner().invoke(status).output
    assert "Warning: 1 mails wait for the customer database since " in said
    assert "status 503" in said
    checked = CliRunner().invoke(doctor)
    assert "WRONG customer database: 127.0.0.1: status 503" in checked.output
    assert "WRONG mails: 1 wait for the customer database since " in checked.output
    server.answering = http_crm
    time_passes()
    work(current())
    assert "Warning" not in CliRunner().invoke(status).output
    checked = CliRunner().invoke(doctor)
    assert "ok    customer database" in checked.output
    assert "wait for the customer database" not in checked.output
