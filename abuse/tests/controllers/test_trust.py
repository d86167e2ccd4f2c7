"""What a reporter's word is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from abuse.controllers import tickets, trust
from abuse.controllers.history import robot
from abuse.models import History, Provider, Report, ReportOutcome, Resolution

from .test_tickets import make_report, make_ticket

pytestmark = pytest.mark.django_db
Outcome = ReportOutcome.Outcome


def judged(outcome: ReportOutcome.Outcome, times: int = 1, *, days_ago: float = 0, category: str = "Spam") -> Provider:
    """The provider of some reports that were judged some days ago."""
    for _ in range(times):
        report = make_report(named=False, category=category)
        trust.record_outcome(report, outcome, actor=robot())
        ReportOutcome.filter(report=report).update(date=timezone.now() - timedelta(days=days_ago))
    return Provider.get(email="normal@reporter.example")


def test_nobody_knows_a_new_reporter() -> None:
    provider = Provider.create(email="new@reporter.example")
    assert trust.trust_of(provider, "Spam") == trust.Trust(0.5, 0, 0, 0, 0, hand_set=False)


def test_the_score_is_the_mean_of_what_is_known_and_what_is_believed() -> None:
    provider = judged(Outcome.CONFIRMED, 4)
    assert trust.trust_of(provider, "Spam").score == pytest.approx((4 + 2) / (4 + 4), abs=1e-4)
    judged(Outcome.FALSE, 1)
    judged(Outcome.NOT_OURS, 1)
    found = trust.trust_of(provider, "Spam")
    assert found.score == pytest.approx((4 + 2) / (6 + 4), abs=1e-4)
    assert (found.confirmed, found.false, found.not_ours, found.duplicate) == (4, 1, 1, 0)


def test_duplicates_say_nothing_about_being_right() -> None:
    provider = judged(Outcome.DUPLICATE, 3)
    assert trust.trust_of(provider, "Spam") == trust.Trust(0.5, 0, 0, 3, 0, hand_set=False)


def test_what_was_ninety_days_ago_counts_half() -> None:
    provider = judged(Outcome.FALSE, 4, days_ago=90)
    assert trust.trust_of(provider, "Spam").score == pytest.approx(2 / (2 + 4), abs=1e-4)
    assert trust.trust_of(provider, "Spam").false == 4


def test_an_outcome_of_a_clock_that_is_ahead_counts_once() -> None:
    provider = judged(Outcome.FALSE, 4, days_ago=-900)
    assert trust.trust_of(provider, "Spam").score == pytest.approx(2 / (4 + 4), abs=1e-4)


def test_trust_by_hand_wins() -> None:
    provider = judged(Outcome.FALSE, 50)
    provider.trusted = True
    provider.save(update_fields=["trusted"])
    found = trust.trust_of(provider, "Spam")
    assert (found.score, found.false, found.hand_set) == (1.0, 50, True)


def test_each_category_is_its_own() -> None:
    provider = judged(Outcome.FALSE, 5)
    assert trust.trust_of(provider, "Spam").score < 0.5
    assert trust.trust_of(provider, "Phishing").score == 0.5


def test_many_pairs_cost_one_query() -> None:
    provider = judged(Outcome.CONFIRMED, 2)
    judged(Outcome.CONFIRMED, 1, category="Phishing")
    other = Provider.create(email="other@reporter.example")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = trust.trust_of_many([(provider, "Spam"), (provider, "Phishing"), (other, "Spam")])
    assert len(queries) == 1
    assert [found[provider.email, "Spam"].confirmed, found[provider.email, "Phishing"].confirmed] == [2, 1]
    assert found[other.email, "Spam"].score == 0.5
    assert trust.trust_of_many([]) == {}


def test_a_later_verdict_replaces_the_earlier_one_and_history_has_both() -> None:
    report = make_report()
    trust.record_outcome(report, Outcome.CONFIRMED, actor=robot())
    trust.record_outcome(report, Outcome.FALSE, actor=robot())
    assert ReportOutcome.get().outcome == "false"
    rows = History.filter(report=report, field="outcome").order_by("pk").values_list("old", "new")
    assert list(rows) == [(None, "confirmed"), ("confirmed", "false")]


@pytest.mark.parametrize(
    ("resolution", "named", "outcome"),
    [
        ("fixed", True, "confirmed"),
        ("fixed_by_isp", True, "confirmed"),
        ("fixed_by_customer", True, "confirmed"),
        ("fixed_by_a_miracle", True, "confirmed"),
        ("no_more_content", True, "confirmed"),
        ("forward_acns", True, "confirmed"),
        ("invalid", True, "false"),
        ("invalid", False, "not_ours"),
        ("duplicate", True, "duplicate"),
        ("tired", True, None),
    ],
)
def test_closing_a_ticket_judges_its_reports(resolution: str, named: bool, outcome: str | None) -> None:
    Resolution.get_or_create(codename=resolution)
    ticket = make_ticket(named=named)
    if named:
        tickets.attach_report(make_report(), ticket, actor=robot())
    tickets.close_ticket(ticket, resolution, actor=robot())
    found = set(ReportOutcome.filter(report__ticket=ticket).values_list("outcome", flat=True))
    assert found == ({outcome} if outcome else set())
    assert ReportOutcome.count() == (Report.filter(ticket=ticket).count() if outcome else 0)
