"""A reporter who changed his mails is noticed, one who never gave anything is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from abuse.controllers.drift import Reading, look_for_drift, record_readings
from abuse.models import DriftAlarm, Provider, ReporterReading

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def read(provider: str, *, days_ago: int, mails: int, items: int, template: str = "t") -> None:
    Provider.get_or_create(email=provider)
    record_readings([Reading(provider, template, items)] * mails, day=(NOW - timedelta(days=days_ago)).date())


def test_readings_add_up_by_day_and_template() -> None:
    read("a@r.example", days_ago=1, mails=2, items=3)
    read("a@r.example", days_ago=1, mails=1, items=0)
    read("a@r.example", days_ago=1, mails=1, items=1, template="other")
    row = ReporterReading.get(template="t")
    assert (row.mails, row.empty, row.items) == (3, 1, 6)
    assert ReporterReading.count() == 2


def test_a_known_reporter_who_suddenly_gives_nothing_raises_one_alarm() -> None:
    read("a@r.example", days_ago=10, mails=20, items=1)
    read("a@r.example", days_ago=0, mails=4, items=0, template="default")
    (message,) = look_for_drift(now=NOW).raised
    assert message.startswith(
        "a@r.example: 4 of 4 mails since 2026-11-23 gave nothing; in the 30 days before it was 0 of 20"
    )
    assert look_for_drift(now=NOW).raised == ()
    assert DriftAlarm.get().kind == "no_items"


def test_the_alarm_is_settled_when_the_reporter_is_understood_again() -> None:
    read("a@r.example", days_ago=10, mails=20, items=1)
    read("a@r.example", days_ago=1, mails=4, items=0)
    look_for_drift(now=NOW)
    read("a@r.example", days_ago=0, mails=4, items=2)
    assert look_for_drift(now=NOW).settled == 1
    assert DriftAlarm.get().settled_at is not None


@pytest.mark.parametrize(
    ("usual", "usual_items", "late", "late_items"),
    [(5, 1, 5, 0), (20, 0, 5, 0), (20, 1, 2, 0), (20, 1, 5, 1), (20, 1, 0, 0)],
    ids=["too few to be a habit", "never gave anything", "too few of late", "still gives", "sends nothing"],
)
def test_what_is_no_drift(usual: int, usual_items: int, late: int, late_items: int) -> None:
    read("a@r.example", days_ago=10, mails=usual, items=usual_items)
    if late:
        read("a@r.example", days_ago=0, mails=late, items=late_items)
    assert look_for_drift(now=NOW).raised == ()
