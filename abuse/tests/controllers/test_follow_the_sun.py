"""Tickets of people who are away are marked, and unmarked when they are back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from abuse.controllers.follow_the_sun import follow_the_sun
from abuse.controllers.history import robot
from abuse.controllers.workflow import run_due
from abuse.models import History, Ticket, User
from abuse.tests.rules.conftest import make_defendant, make_report, make_service, make_ticket

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def olga(db: None) -> User:
    long_ago = NOW - timedelta(days=9)
    return User.objects.create(username="olga", last_login=NOW - timedelta(hours=25), date_joined=long_ago)


@pytest.fixture
def ticket(olga: User) -> Ticket:
    ticket = make_ticket(make_report(defendant=make_defendant(), service=make_service()), treated_by=olga)
    History.all().delete()
    return ticket


def alarm(ticket: Ticket, now: datetime = NOW) -> bool:
    follow_the_sun(now=now, actor=robot())
    ticket.refresh_from_db()
    return ticket.alarm


def test_an_owner_who_is_away_and_comes_back(ticket: Ticket, olga: User) -> None:
    assert alarm(ticket) is True
    told = History.get(ticket=ticket)
    assert (told.field, told.new, told.refs["reason"]) == ("alarm", "True", "the owner is away")
    assert follow_the_sun(now=NOW, actor=robot()) == 0
    olga.last_login = NOW
    olga.save()
    assert alarm(ticket) is False
    assert [row.refs["reason"] for row in History.filter(ticket=ticket).order_by("pk")][1] == "the owner is back"


@pytest.mark.parametrize("hours", [23, 25])
def test_a_day_is_what_counts(ticket: Ticket, olga: User, hours: int) -> None:
    User.objects.filter(pk=olga.pk).update(last_login=NOW - timedelta(hours=hours))
    assert alarm(ticket) is (hours > 24)


def test_who_does_something_is_there(ticket: Ticket, olga: User) -> None:
    other = make_ticket(make_report(defendant=make_defendant("C2"), service=make_service("s2")))
    History.create(ticket=other, user=olga, action_type="AddComment", date=NOW - timedelta(hours=1))
    assert alarm(ticket) is False


def test_who_never_logged_in_is_away_a_day_after_he_was_made(ticket: Ticket, olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(last_login=None, date_joined=NOW - timedelta(hours=1))
    assert alarm(ticket) is False
    User.objects.filter(pk=olga.pk).update(date_joined=NOW - timedelta(hours=30))
    assert alarm(ticket) is True


@pytest.mark.parametrize("changes", [{"status": "Closed"}, {"treated_by": None}])
def test_what_nobody_waits_for_is_left_alone(ticket: Ticket, changes: dict[str, str | None]) -> None:
    Ticket.filter(pk=ticket.pk).update(**changes)
    assert alarm(ticket) is False


def test_an_alarm_for_another_reason_stays(ticket: Ticket, olga: User) -> None:
    from abuse.controllers.flags import set_flag

    set_flag(ticket, "alarm", True, actor=robot())
    User.objects.filter(pk=olga.pk).update(last_login=NOW)
    assert alarm(ticket) is True


def test_the_workflow_does_it(ticket: Ticket) -> None:
    run_due(now=NOW)
    ticket.refresh_from_db()
    assert ticket.alarm is True
