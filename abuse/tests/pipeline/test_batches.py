"""Mails that share a transaction end as if each had come alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.config import current
from abuse.controllers import reports, tickets
from abuse.controllers.history import robot, written_together
from abuse.controllers.inbox import receive
from abuse.models import (
    BusinessRulesHistory,
    Deadline,
    DeadlineState,
    Email,
    History,
    Provider,
    Report,
    ReportThreshold,
    Ticket,
)
from abuse.pipeline.inbox import work

from ..counted import are_counted
from .conftest import make_mail

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("isp"),
    pytest.mark.parametrize("batch_size", [1, 20]),
]

SPAM = "We received spam from 203.0.113.1 port 25 today."


def settle(mails: list[bytes], batch_size: int) -> list[Report]:
    """Take mails in, in this order, and work them off in batches of that size; all reports, in the order of mails."""
    for raw in mails:
        receive(raw, source="test", ring=False)
    pipeline = current().PIPELINE.model_copy(update={"batch_size": batch_size})
    assert work(current().model_copy(update={"PIPELINE": pipeline})) == len(mails)
    return list(Report.all().order_by("email_id", "pk"))


def fired(report: Report) -> str:
    rule = BusinessRulesHistory.get(report=report).business_rules
    return rule.name if rule else ""


def by_strangers(count: int) -> list[bytes]:
    return [make_mail(SPAM, sender=f"r{number}@reporter.example") for number in range(count)]


def test_voices_are_counted_up_to_the_mail_decided_on(batch_size: int) -> None:
    ReportThreshold.filter(category="Spam").update(threshold=3, interval=30)
    made = settle(by_strangers(4), batch_size)
    waits = "default_defendant_not_trusted_no_ticket"
    expected = [waits, waits, "default_defendant_threshold", "default_defendant_not_trusted_ticket"]
    assert [fired(report) for report in made] == expected
    ticket = Ticket.get()
    assert {(report.status, report.ticket_id) for report in made} == {("Attached", ticket.pk)}
    states = Deadline.all().values_list("report_id", "state")
    assert set(states) == {(report.pk, DeadlineState.CANCELLED) for report in made[:2]}
    joined = History.filter(ticket=ticket, action_type="AttachReport").values_list("report_id", flat=True)
    assert sorted(joined) == sorted(report.pk for report in made)
    are_counted(4)


def test_a_new_ticket_takes_along_no_report_that_is_still_to_be_decided_on(batch_size: int, trusted: Provider) -> None:
    text = "A phishing page that imitates our bank: "
    opening = make_mail(f"{text} the server is 203.0.113.1", sender=trusted.email)
    looked_at = make_mail(f"{text} http://c1.example.org/login.html", sender=trusted.email)
    made = settle([opening, looked_at], batch_size)
    assert [report.status for report in made] == ["Attached", "PhishToCheck"]
    assert made[1].ticket is None


def test_many_reports_make_a_ticket_urgent(batch_size: int, trusted: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MANY_REPORTS", 3)
    Provider.filter(pk=trusted.pk).update(priority="Normal")
    settle([make_mail(SPAM, sender=trusted.email)], batch_size)
    settle(by_strangers(2), batch_size)
    ticket = Ticket.get()
    assert (ticket.priority, ticket.version) == ("Normal", 4)
    settle([make_mail(f"{SPAM} Again.", sender="r0@reporter.example")], batch_size)
    ticket = Ticket.get()
    assert (ticket.priority, ticket.version) == ("High", 5)
    are_counted(4)


def test_a_mail_that_was_tried_before_is_settled_beside_fresh_ones(batch_size: int) -> None:
    tried = receive(by_strangers(9)[8], source="test", ring=False)
    Email.filter(pk=tried.email_id).update(attempts=1)
    pipeline = current().PIPELINE.model_copy(update={"batch_size": batch_size})
    for raw in by_strangers(3):
        receive(raw, source="test", ring=False)
    assert work(current().model_copy(update={"PIPELINE": pipeline})) == 4
    assert Email.get(pk=tried.email_id).attempts == 2


def test_a_second_time_out_replaces_the_first(batch_size: int) -> None:
    (report,) = settle(by_strangers(1), batch_size)
    reports.set_timeout(report, days=3, actor=robot())
    with written_together():
        reports.set_timeout(report, days=5, actor=robot())
        reports.set_timeout(report, days=7, actor=robot())
    due = Deadline.get(report=report, state=DeadlineState.PENDING).due_at
    assert timedelta(days=6.9) < due - timezone.now() < timedelta(days=7.1)
