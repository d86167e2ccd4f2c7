"""Deciding once more: on a person's word, or alone by one rule."""

from __future__ import annotations

import pytest

from abuse.models import Defendant, History, OutgoingMessage, Proof, Report, Service, Ticket, User
from abuse.pipeline.again import apply_again, decide_again

from .conftest import make_report, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(defendant: Defendant, service: Service) -> Report:
    return make_report(
        defendant=defendant, service=service, category_id="Phishing", items=(("URL", "http://c1.example/x"),)
    )


def test_a_person_vouches_for_a_report(defendant: Defendant, service: Service, actor: User) -> None:
    report = make_report(defendant=defendant, service=service)
    assert decide_again(report.pk, actor=actor, trusted=False) == "default_defendant_not_trusted_no_ticket"
    assert decide_again(report.pk, actor=actor, trusted=True) == "default_defendant_trusted"
    report.refresh_from_db()
    assert report.status == "Attached"
    assert History.filter(report=report, action_type="AttachReport").count() == 1


def test_a_report_joins_the_open_ticket(defendant: Defendant, service: Service, actor: User) -> None:
    found = make_ticket(make_report(defendant=defendant, service=service))
    report = make_report(defendant=defendant, service=service)
    decide_again(report.pk, actor=actor, trusted=True)
    assert Report.get(pk=report.pk).ticket == found


def test_what_a_person_saw_takes_the_place_of_conditions(report: Report, actor: User) -> None:
    seen = frozenset({"urls_down", "all_items_phishing"})
    assert apply_again("phishing_up", report.pk, actor=actor, trusted=True) is False
    assert Ticket.count() == 0
    assert apply_again("phishing_up", report.pk, actor=actor, ignoring=seen, trusted=True) is True
    ticket = Ticket.get()
    assert ticket.status == "WaitingAnswer"
    assert Proof.get(ticket=ticket).content == "http://c1.example/x"
    assert set(OutgoingMessage.all().values_list("template_codename", flat=True)) == {
        "phishing_blocked",
        "ack_report_received",
    }
    assert sorted(ticket.deadlines.filter(state="pending").values_list("kind", flat=True)) == ["snooze", "task"]


def test_a_rule_that_is_not_there_does_nothing(report: Report, actor: User) -> None:
    assert apply_again("no_such_rule", report.pk, actor=actor, trusted=True) is False
