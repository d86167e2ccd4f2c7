"""What happened, told to the KPI service and counted by day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from abuse.config import current
from abuse.controllers import correspondence, counting, moves, ownership, tickets, trust
from abuse.controllers.counting import count_day, count_stale_days, doubt_the_last_days
from abuse.controllers.history import record, robot
from abuse.controllers.telling import tell_reports
from abuse.models import Email, History, KpiCount, KpiDay, Report, ReportOutcome, Ticket, TicketStatus, User
from abuse.models.counts import Figure, counted_until, figures
from abuse.services.facade import facade
from abuse.services.kpi import KPIServiceBase, KPIServiceException
from abuse.services.kpi.days import bounds_of, day_of, mark_stale
from abuse.services.kpi.default import DatabaseKPI
from abuse.sweeper import sweep, sweep_slowly

from .people import make_user
from .test_tickets import make_report, make_ticket

pytestmark = pytest.mark.django_db

Capture = Callable[..., AbstractContextManager[list[Any]]]
Kind = KpiCount.Kind
T = History.Type


def today() -> date:
    return day_of(timezone.now())


class Book(KPIServiceBase):
    """Writes down what it is told, and whether a transaction was open then."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__()
        self.told: list[tuple[str, int]] = []
        self.fault = fault

    def _note(self, event: str, pk: int) -> None:
        self.told.append((event, pk))
        if self.fault is not None:
            raise self.fault

    def new_ticket(self, ticket: Ticket) -> None:
        self._note("new_ticket", ticket.pk)

    def new_ticket_assign(self, ticket: Ticket) -> None:
        self._note("new_ticket_assign", ticket.pk)

    def close_ticket(self, ticket: Ticket) -> None:
        self._note("close_ticket", ticket.pk)

    def new_report(self, report: Report) -> None:
        self._note("new_report", report.pk)


@pytest.fixture
def book() -> Iterator[Book]:
    yield from installed(Book())


def installed(service: Any) -> Iterator[Any]:
    here = facade("KPIServiceBase")
    before = here._implementation
    here.set_up(service)
    yield service
    here.set_up(before)


def counted(kind: KpiCount.Kind, **options: Any) -> list[tuple[str | None, str | None, str | None, int]]:
    """(category, detail, operator, times) of today's counts of a kind."""
    found = figures(today(), today(), by=("category", "detail", "operator"), kinds=[kind], **options)
    return [(one.category, one.detail, one.operator, one.count) for one in found]


def happened(
    kind: History.Type, ticket: Ticket, *, minutes: float = 0, actor: User | None = None, **values: Any
) -> None:
    """Something happened so long after the ticket was opened."""
    record(kind, actor=actor or robot(), ticket=ticket, **values)
    row = History.filter(ticket=ticket).latest("pk")
    History.filter(pk=row.pk).update(date=ticket.creation_date + timedelta(minutes=minutes))


def test_events_are_told_after_the_commit(book: Book, django_capture_on_commit_callbacks: Capture) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    with django_capture_on_commit_callbacks(execute=True):
        report = make_report()
        tell_reports([report])
        ticket = tickets.create_ticket(report, actor=robot())
        for owner in (ann, None, bob):
            ownership.hand_over(ticket, owner, actor=robot())
        moves.close_ticket(ticket, "fixed", actor=ann)
        assert book.told == []
    # Only the first owner counts; he has another one by the time it is told.
    assert book.told == [("new_report", report.pk), ("new_ticket", ticket.pk), ("close_ticket", ticket.pk)]
    with django_capture_on_commit_callbacks(execute=True):
        other = make_ticket(customer="c2")
        ownership.hand_over(other, ann, actor=robot())
    assert book.told[3:] == [("new_ticket", other.pk), ("new_ticket_assign", other.pk)]
    with django_capture_on_commit_callbacks(execute=True):
        ownership.hand_over(other, bob, actor=robot())
    assert len(book.told) == 5


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_told(book: Book) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_ticket()
        raise ZeroDivisionError
    assert book.told == []
    ticket = make_ticket()
    assert book.told == [("new_ticket", ticket.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [KPIServiceException("full"), RuntimeError("a fault of its own")])
def test_a_kpi_service_that_fails_undoes_nothing(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    for book in installed(Book(fault)):
        ticket = make_ticket()
        tickets.close_ticket(ticket, "fixed", actor=robot())
        assert [event for event, _ in book.told] == ["new_ticket", "close_ticket"]
    assert Ticket.get().status == TicketStatus.CLOSED
    assert str(fault) in caplog.text


def test_without_a_kpi_service_nobody_is_told(django_capture_on_commit_callbacks: Capture) -> None:
    for _ in installed(None):
        with django_capture_on_commit_callbacks(execute=True):
            make_ticket()
            tell_reports([make_report()])
    assert KpiDay.count() == 0


def test_the_default_has_the_day_counted(django_capture_on_commit_callbacks: Capture) -> None:
    assert isinstance(facade("KPIServiceBase")._implementation, DatabaseKPI)
    for _ in installed(DatabaseKPI()):
        with django_capture_on_commit_callbacks(execute=True):
            make_ticket()
            assert KpiDay.count() == 0
        assert (KpiDay.get().day, KpiDay.get().counted_at) == (today(), None)
        sweep()
        assert counted(Kind.TICKETS_OPENED) == [("Spam", "", "abuse.robot", 1)]
        until = counted_until(today())
        assert until is not None
        assert until > timezone.now() - timedelta(minutes=1)
        # The next one a moment later: the day is counted anew, but not at once.
        with django_capture_on_commit_callbacks(execute=True):
            make_ticket(customer="c2")
        sweep()
        assert counted(Kind.TICKETS_OPENED) == [("Spam", "", "abuse.robot", 1)]
        assert count_stale_days(now=timezone.now() + timedelta(minutes=2)) == 1
        assert counted(Kind.TICKETS_OPENED) == [("Spam", "", "abuse.robot", 2)]


def test_many_events_are_one_word(django_assert_num_queries: Any) -> None:
    service, ticket = DatabaseKPI(), make_ticket()
    with django_assert_num_queries(1):
        for _ in range(50):
            service.new_ticket(ticket)
            service.close_ticket(ticket)
    assert KpiDay.count() == 1


def test_a_day_that_is_counted_and_quiet_is_left_alone() -> None:
    mark_stale([today()])
    KpiDay.all().update(marked_at=timezone.now() - timedelta(minutes=10))
    assert count_stale_days() == 1
    assert count_stale_days(now=timezone.now() + timedelta(hours=1)) == 0
    mark_stale([today()])
    assert count_stale_days(now=timezone.now() + timedelta(hours=1)) == 1


def test_a_lost_word_is_made_up_for_within_the_hour() -> None:
    doubt_the_last_days()
    assert KpiDay.count() == 0  # no days are counted at this desk
    make_ticket()
    count_day(today() - timedelta(days=9))
    sweep_slowly()
    assert count_stale_days() == 2
    assert counted(Kind.TICKETS_OPENED) == [("Spam", "", "abuse.robot", 1)]
    assert set(KpiDay.all().values_list("day", flat=True)) == {today() - timedelta(days=days) for days in (0, 1, 9)}


def test_each_kind_is_counted_from_the_rows_that_tell_of_it() -> None:
    ann = make_user("ann")
    ticket = make_ticket()
    start = bounds_of(today())[0]
    Ticket.filter(pk=ticket.pk).update(creation_date=start)
    ticket.refresh_from_db()
    make_report(category="Phishing", priority="High")
    make_report(category="Phishing", priority="High")
    happened(T.CHANGE_TREATED_BY, ticket, minutes=10, new="ann")
    happened(T.CHANGE_TREATED_BY, ticket, minutes=50, old="ann", new="bob")
    happened(T.SEND_EMAIL, ticket, minutes=0, new="r@reporter.example", category="Plaintiff")
    happened(T.SEND_EMAIL, ticket, minutes=30, actor=ann, new="c@customer.example", category="Defendant")
    happened(T.SEND_EMAIL, ticket, minutes=40, actor=ann, new="c@customer.example", category="Defendant")
    happened(T.SEND_EMAIL, ticket, minutes=1, new="c@customer.example", category="Masscontact")
    happened(T.RECEIVE_EMAIL, ticket, minutes=45, new="c@customer.example", category="Defendant")
    for end in ("doing", "ok", "actionError", "unknown"):
        happened(T.APPLY_ACTION, ticket, minutes=46, old="suspend", new=end)
    for old, new, resolution in (
        ("Open", "ActionError", None), ("ActionError", "Closed", "fixed"), ("Closed", "Reopened", None),
        ("Reopened", "Closed", "no_more_content"),
    ):  # fmt: skip
        happened(
            T.CHANGE_STATUS, ticket, minutes=60, actor=ann, field="status", old=old, new=new, resolution=resolution
        )
    trust.record_outcome(Report.filter(category="Phishing")[0], ReportOutcome.Outcome.FALSE, actor=ann)
    for number, (kind, about) in enumerate((("bounce", ticket), ("bounce", None), ("auto_reply", ticket))):
        Email.create(
            sha256=f"{number:064}", size=1, source="test", received_at=start, last_delivered_at=start, kind=kind,
            state="answer", next_attempt_at=start, ticket=about,
        )  # fmt: skip
    assert count_day(today())
    assert counted(Kind.REPORTS) == [
        ("Phishing", "high@reporter.example", None, 2), ("Spam", "normal@reporter.example", None, 1),
    ]  # fmt: skip
    assert counted(Kind.TICKETS_OPENED) == [("Spam", "", "abuse.robot", 1)]
    assert counted(Kind.TICKETS_ASSIGNED) == [("Spam", "", "ann", 1)]
    assert counted(Kind.TICKETS_ANSWERED) == [("Spam", "Defendant", "ann", 1), ("Spam", "Plaintiff", "abuse.robot", 1)]
    assert counted(Kind.MAILS_SENT) == [
        ("Spam", "Defendant", "ann", 2), ("Spam", "Masscontact", "abuse.robot", 1),
        ("Spam", "Plaintiff", "abuse.robot", 1),
    ]  # fmt: skip
    assert counted(Kind.ANSWERS) == [("Spam", "Defendant", None, 1)]
    assert counted(Kind.ACTIONS_DONE) == [("Spam", "suspend", None, 1)]
    assert counted(Kind.ACTIONS_FAILED) == [("Spam", "suspend", None, 2)]
    assert counted(Kind.ACTION_ERRORS) == [("Spam", "", None, 1)]
    assert counted(Kind.TICKETS_CLOSED) == [("Spam", "fixed", "ann", 1), ("Spam", "no_more_content", "ann", 1)]
    assert counted(Kind.TICKETS_REOPENED) == [("Spam", "", "ann", 1)]
    assert counted(Kind.BOUNCES) == [("Spam", "", None, 1), (None, "", None, 1)]
    assert counted(Kind.VERDICTS) == [("Phishing", "false", "ann", 1)]
    assert {row.kind for row in KpiCount.all()} == set(Kind.values)
    spent = {one.kind: (one.mean_seconds, one.longest_seconds) for one in figures(today(), today())}
    assert spent[Kind.TICKETS_ASSIGNED] == (600, 600)
    assert spent[Kind.TICKETS_ANSWERED] == (900, 1800)  # at once to the reporter, after half an hour to the customer
    assert spent[Kind.TICKETS_CLOSED] == (3600, 3600)
    assert spent[Kind.REPORTS] == (None, None)


def test_real_work_is_counted() -> None:
    """Not rows made for the purpose: what controllers write."""
    ann = make_user("ann")
    ticket = make_ticket()
    report = Report.get(ticket=ticket)
    correspondence.acknowledge(report, ticket, codename="ack_report_received", lang="EN", actor=robot())
    ownership.hand_over(ticket, ann, actor=ann)
    moves.close_ticket(ticket, "fixed", actor=ann)
    moves.reopen(ticket, actor=ann)
    count_day(today())
    found = {(one.kind, one.detail): one.count for one in figures(today(), today(), by=("kind", "detail"))}
    assert found == {
        ("reports", "normal@reporter.example"): 1,
        ("tickets_opened", ""): 1,
        ("tickets_assigned", ""): 1,
        ("tickets_answered", "Plaintiff"): 1,
        ("mails_sent", "Plaintiff"): 1,
        ("tickets_closed", "fixed"): 1,
        ("tickets_reopened", ""): 1,
        ("verdicts", "confirmed"): 1,
    }


def test_counting_twice_gives_the_same() -> None:
    make_ticket()
    make_ticket(customer="c2", category="Malware")
    count_day(today())
    fields = ("kind", "category", "detail", "operator", "times", "seconds", "longest")
    before = sorted(map(str, KpiCount.all().values_list(*fields)))
    assert len(before) == 4
    count_day(today())
    assert sorted(map(str, KpiCount.all().values_list(*fields))) == before


def test_an_event_belongs_to_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are those of the zone in which times are shown; where clocks change they are shorter."""
    zone = current().model_copy(update={"DJANGO": current().DJANGO.model_copy(update={"TIME_ZONE": "Europe/Paris"})})
    monkeypatch.setattr("abuse.services.kpi.days.current", lambda: zone)
    first, end = bounds_of(date(2026, 3, 29))
    assert end.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=23)
    late = datetime.fromisoformat("2026-03-29T21:59:59+00:00")
    ticket = make_ticket()
    for moment in (late, late + timedelta(seconds=1)):
        happened(T.CHANGE_STATUS, ticket, field="status", old="Open", new="Closed")
        History.filter(pk=History.filter(ticket=ticket).latest("pk").pk).update(date=moment)
    assert (day_of(late), day_of(late + timedelta(seconds=1))) == (date(2026, 3, 29), date(2026, 3, 30))
    for day in (29, 30):
        count_day(date(2026, 3, day))
        found = figures(date(2026, 3, day), date(2026, 3, day), kinds=[Kind.TICKETS_CLOSED])
        assert [one.count for one in found] == [1]


def test_figures_are_summed_up_as_asked() -> None:
    ann = make_user("ann")
    days = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30)]
    for day, category, seconds in ((days[0], "Spam", 10), (days[1], "Spam", 30), (days[2], "Malware", 50)):
        KpiCount.create(
            day=day, kind=Kind.TICKETS_CLOSED, category_id=category, detail="fixed", operator=ann, times=2,
            seconds=seconds, longest=seconds,
        )  # fmt: skip
    KpiCount.create(day=days[0], kind=Kind.REPORTS, category_id="Spam", detail="a@b.example", times=7)
    closed = [Kind.TICKETS_CLOSED]
    assert figures(days[0], days[1], kinds=closed) == [
        Figure(4, kind="tickets_closed", mean_seconds=10, longest_seconds=30)
    ]
    assert [(one.category, one.count) for one in figures(days[0], days[2], by=("category",), kinds=closed)] == [
        ("Malware", 2), ("Spam", 4),
    ]  # fmt: skip
    assert [(one.day, one.count) for one in figures(days[0], days[2], by=("day",), categories=["Spam"])] == [
        (days[0], 7), (days[0], 2), (days[1], 2),
    ]  # fmt: skip
    assert [(one.operator, one.count) for one in figures(days[0], days[2], by=("operator",), operators=["ann"])] == [
        ("ann", 6)
    ]
    assert figures(days[0], days[2], categories=[]) == []
    with pytest.raises(ValueError, match="2026-11-02 to 2026-11-01; expected the first day not after the last"):
        figures(days[1], days[0])


@pytest.mark.django_db(transaction=True)
def test_only_one_process_counts_at_a_time() -> None:
    make_ticket()
    results: list[bool] = []

    def count_elsewhere() -> None:
        try:
            results.append(count_day(today()))
        finally:
            connections.close_all()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [counting._LOCK])
        thread = threading.Thread(target=count_elsewhere)
        thread.start()
        thread.join(20)
    assert results == [False]
    assert KpiCount.count() == 0
    assert count_day(today())
