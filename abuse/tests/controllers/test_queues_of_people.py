"""Which ticket next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abuse.controllers import clocks, ownership, scoring, sla, tickets, todo, trust, workflow
from abuse.controllers.history import robot
from abuse.models import (
    AbusePermission,
    Category,
    History,
    Profile,
    Provider,
    Report,
    ReportOutcome,
    ServiceLevel,
    Tag,
    Ticket,
    TicketStatus,
    User,
)

from .people import make_user
from .test_tickets import make_ticket
from .time_machine import pass_time

pytestmark = pytest.mark.django_db


def a_ticket(name: str, **columns: Any) -> Ticket:
    """A ticket of its own customer, changed as said; `age` in hours since it last changed."""
    ticket = make_ticket(customer=name, category=columns.pop("category", "Spam"))
    changed = timezone.now() - timedelta(hours=columns.pop("age", 0))
    if columns.get("status") == "Paused":
        columns |= {"pause_start": changed, "pause_duration": 60}
    Ticket.filter(pk=ticket.pk).update(modification_date=changed, **columns)
    return ticket


def names(user: User, algorithm: str, **options: Any) -> list[str]:
    found = todo.todo(user, algorithm, **options).select_related("defendant")
    return [ticket.defendant.customer_id for ticket in found if ticket.defendant]


def test_the_global_order() -> None:
    ann, bob = make_user("ann"), make_user("bob")
    a_ticket("open-low", priority="Low")
    a_ticket("open-new")
    a_ticket("open-old", age=5)
    a_ticket("open-bobs", treated_by=bob)
    a_ticket("open-mine", treated_by=ann)
    a_ticket("open-high", priority="High")
    a_ticket("alarm-old", status="Alarm", age=9)
    a_ticket("reopened-older", status="Reopened", age=10)
    a_ticket("answered-low", status="Answered", priority="Low")
    a_ticket("error", status="ActionError")
    a_ticket("critical-open", priority="Critical")
    a_ticket("critical-answered", status="Answered", priority="Critical")
    a_ticket("waiting", status="WaitingAnswer")
    a_ticket("paused", status="Paused")
    a_ticket("closed", status="Closed")
    assert names(ann, todo.GLOBAL) == [
        "critical-answered", "critical-open", "error", "answered-low", "reopened-older", "alarm-old", "open-high",
        "open-mine", "open-bobs", "open-old", "open-new", "open-low",
    ]  # fmt: skip
    assert names(ann, todo.GLOBAL, only_unassigned=True)[:2] == ["critical-answered", "critical-open"]
    assert "open-mine" not in names(ann, todo.GLOBAL, only_unassigned=True)


def test_open_tickets_of_one_age_go_by_the_tags_of_their_reports() -> None:
    ann = make_user("ann")
    for name, level in (("one", 1), ("nine", 9), ("none", None)):
        a_ticket(name)
        if level is not None:
            tag = Tag.create(codename=name, name=name, tag_type="Report", level=level)
            Report.get(ticket__defendant__customer_id=name).tags.add(tag)
    Ticket.all().update(modification_date=timezone.now())
    assert names(ann, todo.GLOBAL) == ["nine", "one", "none"]
    assert names(ann, todo.LIMITED_OPEN) == ["nine", "one", "none"]


def test_the_order_for_first_level_staff() -> None:
    ann = make_user("ann")
    a_ticket("low", priority="Low", age=9)
    a_ticket("normal")
    a_ticket("escalated", escalated=True)
    a_ticket("high", priority="High")
    a_ticket("answered", status="Answered")
    for category in ("Spam", "Phishing", "Malware"):
        make_ticket(customer="offender", category=category)
    assert names(ann, todo.LIMITED_OPEN) == ["normal", "low"]
    Ticket.filter(defendant__customer_id="offender", category="Phishing").update(status="Closed")
    Ticket.filter(defendant__customer_id="offender", category="Malware").update(priority="High")
    assert names(ann, todo.LIMITED_OPEN) == ["offender", "normal", "low"] or names(ann, todo.LIMITED_OPEN) == [
        "normal", "offender", "low",
    ]  # fmt: skip


def test_new_customers_with_several_tickets_are_for_first_level_staff() -> None:
    ann = make_user("ann")
    AbusePermission.create(user=ann, category_id="Phishing", profile=Profile.get(name="Expert"))
    for category in ("Spam", "Phishing"):
        make_ticket(customer="young", category=category, age_days=5)
    Ticket.all().update(priority="Normal")
    assert names(ann, todo.LIMITED_OPEN) == ["young", "young"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("Expert", {"plain", "confidential", "escalated", "moderation", "high"}),
        ("Advanced", {"plain", "escalated", "moderation", "high"}),
        ("Beginner", {"plain"}),
        ("Read-only", set()),
        (None, set()),
    ],
)
def test_who_sees_what(profile: str | None, expected: set[str]) -> None:
    a_ticket("plain")
    a_ticket("high", priority="High")
    for flag in ("confidential", "escalated", "moderation"):
        a_ticket(flag, **{flag: True})
    a_ticket("elsewhere", category="Phishing")
    assert set(names(make_user("somebody", profile), todo.GLOBAL)) == expected


def test_a_page_costs_one_query() -> None:
    ann = make_user("ann")
    for number in range(5):
        a_ticket(f"c{number}")
    with CaptureQueriesContext(connection) as queries:
        page = list(todo.todo(ann, todo.GLOBAL)[:10])
    assert len(queries) == 2  # the profiles, and the page
    assert len(page) == 5


def test_an_unknown_order_is_empty() -> None:
    a_ticket("c1")
    assert list(todo.todo(make_user("ann"), "Nope")) == []
    assert list(todo.todo(make_user("bob"), None)) == []
    assert todo.algorithm_of(make_user("carl")) is None
    assert todo.algorithm_of(make_user("dora", schedulingAlgorithm=todo.LIMITED_OPEN)) == todo.LIMITED_OPEN
    assert todo.algorithm_of(make_user("emil", schedulingAlgorithm="Nope")) is None


def scored(user: User, **options: Any) -> dict[str, scoring.ScoredTicket]:
    found = scoring.scored_tickets(user, **options)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    return {one.ticket.defendant.customer_id: one for one in found if one.ticket.defendant}


def reasons(one: scoring.ScoredTicket) -> dict[str, float]:
    return {reason.text: reason.points for reason in one.reasons}


def test_the_score_is_the_sum_of_its_reasons_in_words() -> None:
    ann = make_user("ann")
    old = make_ticket(customer="c1")
    tickets.close_ticket(old, "invalid", actor=robot())  # the reporter was wrong once
    a_ticket("c1", status="Alarm", priority="High")
    soon, later = timezone.now() + timedelta(hours=6), timezone.now() + timedelta(hours=12)
    Ticket.filter(status="Alarm").update(look_due_at=soon, solution_due_at=later)
    found = scored(ann)["c1"]
    assert reasons(found) == {
        "the priority is High": 15,
        "it is about Spam": 12,
        "it is to be looked at within 6.0 hours": pytest.approx(22.5, abs=0.1),
        "the customer has had one earlier ticket": 3,
        "the reporter was right 0 times of 1": pytest.approx(-3.0, abs=0.1),
    }
    assert found.score == pytest.approx(sum(reason.points for reason in found.reasons))
    weights = [abs(reason.points) for reason in found.reasons]
    assert weights == sorted(weights, reverse=True)


def test_a_broken_promise_a_trusted_reporter_and_age_weigh() -> None:
    ann = make_user("ann")
    a_ticket("late", creation_date=timezone.now() - timedelta(days=40))
    a_ticket("fresh")
    Ticket.filter(defendant__customer_id="late").update(solution_due_at=timezone.now() - timedelta(hours=2))
    Provider.all().update(trusted=True)
    late = reasons(scored(ann)["late"])
    assert late["it should have been solved 2.0 hours ago"] == 30
    assert late["it is 40.0 days old"] == 14
    assert late["the reporter is trusted"] == 15
    assert list(scored(ann)) == ["late", "fresh"]
    assert list(scored(ann, limit=1)) == ["late"]


def test_scoring_costs_four_queries_however_many() -> None:
    ann = make_user("ann")
    for number in range(8):
        a_ticket(f"c{number}")
        report = Report.get(ticket__defendant__customer_id=f"c{number}")
        trust.record_outcome(report, ReportOutcome.Outcome.CONFIRMED, actor=robot())
    with CaptureQueriesContext(connection) as queries:
        assert len(scored(ann)) == 8
    assert len(queries) == 4


@pytest.fixture
def promise() -> ServiceLevel:
    return ServiceLevel.create(category=Category.get(name="Spam"), first_look=3600, solution=86_400)


@pytest.mark.usefixtures("promise")
def test_a_ticket_has_what_its_category_promises() -> None:
    ticket = make_ticket()
    stored = Ticket.get()
    assert (stored.look_due_at, stored.solution_due_at) == (ticket.look_due_at, ticket.solution_due_at)
    assert stored.look_due_at is not None
    assert stored.solution_due_at is not None
    assert stored.solution_due_at - stored.look_due_at == timedelta(hours=23)
    assert abs(stored.look_due_at - timezone.now() - timedelta(hours=1)) < timedelta(seconds=10)
    other = make_ticket(category="Phishing")
    assert (other.look_due_at, other.solution_due_at) == (None, None)


@pytest.mark.usefixtures("promise")
def test_who_looks_in_time_keeps_the_first_promise() -> None:
    make_ticket()
    ownership.take_on_opening(Ticket.get(), actor=make_user("ann"))
    pass_time(hours=2)
    workflow.run_due()
    assert Ticket.get().sla_breached_at is None
    pass_time(hours=23)
    workflow.run_due()
    ticket = Ticket.get()
    assert ticket.sla_breached_at == ticket.solution_due_at
    assert History.get(field="sla_breached_at").refs["promise"] == "solution"


@pytest.mark.usefixtures("promise")
def test_what_the_robot_does_is_no_look() -> None:
    ticket = make_ticket()
    tickets.set_status(ticket, TicketStatus.ALARM, actor=robot())
    pass_time(hours=1)
    workflow.run_due()
    workflow.run_due()
    found = Ticket.get()
    assert (found.looked_at, found.sla_breached_at) == (None, found.look_due_at)
    row = History.get(field="sla_breached_at")
    assert (row.refs["promise"], row.user.username) == ("first_look", "abuse.robot")


@pytest.mark.usefixtures("promise")
def test_a_ticket_that_is_closed_late_is_marked_at_once() -> None:
    ticket = make_ticket()
    pass_time(days=2)
    tickets.close_ticket(ticket, "fixed", actor=robot())
    assert Ticket.get().sla_breached_at == Ticket.get().look_due_at
    assert sla.mark_breaches(now=timezone.now(), actor=robot()) == 0


@pytest.mark.usefixtures("promise")
def test_the_clock_of_a_paused_ticket_stands_still() -> None:
    ticket = make_ticket()
    clocks.pause(ticket, 86_400 * 3, actor=robot())
    pass_time(days=2)
    workflow.run_due()
    assert Ticket.get().sla_breached_at is None
    clocks.unpause(ticket, actor=robot())
    workflow.run_due()
    found = Ticket.get()
    assert found.sla_breached_at is None
    assert found.look_due_at is not None
    assert abs(found.look_due_at - timezone.now() - timedelta(hours=1)) < timedelta(seconds=10)
