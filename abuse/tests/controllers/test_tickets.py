"""Tickets: moved by the table, with clocks, reports and history."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from itertools import count, product

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from abuse.controllers import editing, merging, reports, tickets, workflow
from abuse.controllers.history import record, robot, written_together
from abuse.models import (
    TICKET_MOVES,
    Category,
    Deadline,
    DeadlineState,
    Defendant,
    DefendantRevision,
    History,
    MoveRefused,
    Provider,
    Report,
    ReportStatus,
    Service,
    Ticket,
    TicketStatus,
)

from ..counted import are_counted, kept_counts, true_counts

pytestmark = pytest.mark.django_db
_numbers = count()


def make_report(
    *, customer: str = "c1", priority: str = "Normal", age_days: int = 1000, named: bool = True, category: str = "Spam"
) -> Report:
    now = timezone.now()
    provider, _ = Provider.get_or_create(email=f"{priority.lower()}@reporter.example", defaults={"priority": priority})
    defendant = service = None
    if named:
        defendant, _ = Defendant.get_or_create(customer_id=customer)
        if defendant.details is None:
            created = now - timedelta(days=age_days)
            address = f"{customer}@customer.example"
            defendant.details = DefendantRevision.create(
                defendant=defendant, digest="d", email=address, creation_date=created
            )
            defendant.save()
        service, _ = Service.get_or_create(key=customer, defaults={"name": f"vps of {customer}"})
    return Report.create(
        provider=provider,
        category=Category.get(name=category),
        defendant=defendant,
        service=service,
        received_date=now,
        created_at=now,
        filename=f"{next(_numbers):064x}",
    )


def make_ticket(**options: object) -> Ticket:
    return tickets.create_ticket(make_report(**options), actor=robot())  # type: ignore[arg-type]


def test_public_ids_are_ten_distinct_consonants() -> None:
    for _ in range(200):
        name = tickets.new_public_id()
        assert len(set(name)) == len(name) == 10
        assert not set(name) & set("AEIOUY")


@pytest.mark.parametrize(("old", "new"), list(product(TicketStatus, repeat=2)))
def test_every_move_is_made_or_refused_as_the_table_says(old: TicketStatus, new: TicketStatus) -> None:
    ticket = make_ticket()
    clock = {"pause_start": timezone.now(), "pause_duration": 60} if old == TicketStatus.PAUSED else {}
    Ticket.filter(pk=ticket.pk).update(status=old, **clock)
    ticket.refresh_from_db()
    if new == TicketStatus.PAUSED:
        ticket.pause_start, ticket.pause_duration = timezone.now(), 60
        Ticket.filter(pk=ticket.pk).update(pause_start=ticket.pause_start, pause_duration=60)
    if new in TICKET_MOVES[old]:
        tickets.set_status(ticket, new, actor=robot())
        ticket.refresh_from_db()
        assert (ticket.status, ticket.previous_status) == (new, old)
        row = History.filter(ticket=ticket, action_type="ChangeStatus").get()
        assert (row.old, row.new, row.user.username) == (old, new, "abuse.robot")
    else:
        before = ticket.version
        with pytest.raises(MoveRefused):
            tickets.set_status(ticket, new, actor=robot())
        ticket.refresh_from_db()
        assert (ticket.status, ticket.version) == (old, before)


def test_closing_archives_reports_cancels_what_was_to_come_and_says_why() -> None:
    ticket = make_ticket()
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now + timedelta(hours=1), created_at=now)
    tickets.close_ticket(ticket, "fixed", actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, ticket.update) == ("Closed", False)
    assert ticket.resolution is not None
    assert ticket.resolution.codename == "fixed"
    assert Report.get(ticket=ticket).status == "Archived"
    assert Deadline.get().state == DeadlineState.CANCELLED
    assert History.get(action_type="ChangeStatus").refs == {"resolution": "fixed"}
    assert tickets.open_ticket_of(Report.get()) is None


def test_a_reopened_ticket_has_no_resolution_any_more_and_history_keeps_it() -> None:
    ticket = make_ticket()
    tickets.close_ticket(ticket, "fixed", actor=robot())
    tickets.set_status(ticket, TicketStatus.REOPENED, actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, ticket.previous_status, ticket.resolution) == ("Reopened", "Closed", None)
    closed, reopened = History.filter(ticket=ticket, action_type="ChangeStatus").order_by("pk")
    assert (closed.refs["resolution"], reopened.old, reopened.new) == ("fixed", "Closed", "Reopened")


def test_closing_twice_is_refused() -> None:
    ticket = make_ticket()
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(MoveRefused, match="expected one of: Reopened"):
        tickets.close_ticket(ticket, "fixed", actor=robot())


def test_a_second_ticket_for_the_same_matter_joins_the_first() -> None:
    first = make_ticket()
    second = make_ticket()
    assert first == second
    assert Report.filter(ticket=first).count() == 2
    assert History.filter(action_type="CreateTicket").count() == 1


def test_a_report_that_is_put_into_another_ticket_leaves_the_one_it_was_in() -> None:
    first = make_ticket()
    second = make_ticket(customer="c2")
    stale = Report.get(ticket=first)
    moved = Report.get(pk=stale.pk)
    tickets.attach_report(moved, second, actor=robot())
    are_counted(0, 2)
    third = make_ticket(customer="c3")
    tickets.attach_report(stale, third, actor=robot())  # it was in the first one when it was read
    are_counted(0, 1, 2)


@pytest.mark.parametrize("are_together", [False, True])
def test_a_report_is_counted_once_however_often_it_is_attached(are_together: bool) -> None:
    with written_together() if are_together else nullcontext():
        ticket = make_ticket()
        report = Report.get()
        tickets.attach_report(report, ticket, actor=robot())
        reports.set_status(report, ReportStatus.ARCHIVED, actor=robot())
        tickets.attach_report(report, ticket, actor=robot())
    are_counted(1)
    assert ticket.attached_reports_count == 1


def test_an_edit_of_a_ticket_that_was_read_long_ago_leaves_the_number_of_its_reports() -> None:
    ticket = make_ticket()
    old = Ticket.get()
    tickets.attach_report(make_report(), ticket, actor=robot())
    editing.write(old, escalated=True)
    are_counted(2)


def test_a_number_that_was_never_kept_stops_nobody() -> None:
    ticket = make_ticket()
    Ticket.all().update(attached_reports_count=0)  # an older version put it in
    merging.merge(ticket, make_ticket(customer="c1", category="Phishing"), actor=robot())
    assert kept_counts() == true_counts()


def test_the_reports_that_were_there_before_they_were_counted_are_counted_once() -> None:
    ticket = make_ticket()
    tickets.attach_report(make_report(), ticket, actor=robot())
    make_ticket(customer="c2")
    make_report(customer="c3")
    Ticket.all().update(attached_reports_count=0)
    migration = import_module("abuse.migrations.0025_orders_of_tickets")
    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT)
        assert cursor.rowcount == 2
        are_counted(2, 1)
        cursor.execute(migration.COUNT)
        assert cursor.rowcount == 0


def test_the_database_itself_refuses_a_second_open_ticket() -> None:
    ticket = make_ticket()
    ticket.pk, ticket.public_id = None, "BBBBBBBBBB"
    with pytest.raises(IntegrityError, match="one_open_ticket"), transaction.atomic():
        ticket.save(force_insert=True)


def test_a_ticket_that_nobody_may_join() -> None:
    first = make_ticket()
    second = tickets.create_ticket(make_report(), actor=robot(), joinable=False)
    assert (second == first, second.update) == (False, False)
    assert tickets.open_ticket_of(Report.filter(ticket=second).get()) == first


def test_a_ticket_without_a_customer() -> None:
    ticket = make_ticket(named=False)
    assert (ticket.defendant, ticket.service) == (None, None)
    assert make_ticket(named=False) != ticket


def test_priority_is_the_highest_of_the_reporters() -> None:
    ticket = make_ticket(priority="Low")
    assert ticket.priority == "Low"
    tickets.attach_report(make_report(priority="Critical"), ticket, actor=robot())
    assert Ticket.get().priority == "Critical"
    tickets.attach_report(make_report(priority="Low"), ticket, actor=robot())
    assert Ticket.get().priority == "Critical"


def test_a_new_customer_is_urgent() -> None:
    assert make_ticket(age_days=10).priority == "High"
    assert make_ticket(customer="c2", age_days=31).priority == "Normal"


def test_many_reports_are_urgent() -> None:
    ticket = make_ticket()
    for _ in range(49):
        tickets.attach_report(make_report(), ticket, actor=robot())
    assert Ticket.get().priority == "Normal"
    tickets.attach_report(make_report(), ticket, actor=robot())
    assert Ticket.get().priority == "High"


def test_a_priority_set_by_hand_stays() -> None:
    ticket = make_ticket()
    Ticket.all().update(priority="Low", priority_is_manual=True)
    ticket.refresh_from_db()
    tickets.attach_report(make_report(priority="Critical"), ticket, actor=robot())
    assert Ticket.get().priority == "Low"


def test_attaching_twice_is_once() -> None:
    ticket = make_ticket()
    report = Report.get()
    tickets.attach_report(report, ticket, actor=robot())
    assert History.filter(action_type="AttachReport").count() == 1


def test_each_change_counts_the_version() -> None:
    ticket = make_ticket()
    before = Ticket.get().version
    tickets.set_status(ticket, TicketStatus.ALARM, actor=robot())
    assert Ticket.get().version == before + 1 == ticket.version


def test_history_written_together_is_written_once_and_not_at_all_on_failure() -> None:
    ticket = make_ticket()
    before = History.count()
    with written_together():
        record(History.Type.ADD_TAG, actor=robot(), ticket=ticket, new="a")
        assert History.count() == before
    assert History.count() == before + 1
    with pytest.raises(RuntimeError), written_together():
        record(History.Type.ADD_TAG, actor=robot(), ticket=ticket, new="b")
        raise RuntimeError
    assert History.count() == before + 1


def due(kind: str, ticket: Ticket) -> None:
    now = timezone.now()
    Deadline.create(kind=kind, ticket=ticket, due_at=now - timedelta(seconds=1), created_at=now)


def test_a_snooze_that_is_over_wakes_the_ticket() -> None:
    ticket = make_ticket()
    tickets.set_status(ticket, TicketStatus.WAITING_ANSWER, actor=robot())
    due("snooze", ticket)
    assert workflow.run_due() == 1
    assert Ticket.get().status == "Alarm"
    assert workflow.run_due() == 0


def test_a_snooze_of_a_ticket_that_was_answered_does_nothing() -> None:
    ticket = make_ticket()
    tickets.set_status(ticket, TicketStatus.ANSWERED, actor=robot())
    due("snooze", ticket)
    assert workflow.run_due() == 1
    assert Ticket.get().status == "Answered"
    assert Deadline.get().result == "the ticket was Answered"


def test_a_pause_that_is_over_gives_back_the_status() -> None:
    ticket = make_ticket()
    tickets.set_status(ticket, TicketStatus.ALARM, actor=robot())
    Ticket.all().update(pause_start=timezone.now(), pause_duration=60)
    ticket.refresh_from_db()
    tickets.set_status(ticket, TicketStatus.PAUSED, actor=robot())
    due("pause", ticket)
    workflow.run_due()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.pause_start, ticket.pause_duration) == ("Alarm", None, None)


def test_a_deadline_that_fails_is_put_off_then_parked_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make_ticket()
    tickets.set_status(ticket, TicketStatus.WAITING_ANSWER, actor=robot())
    due("pause", ticket)
    due("snooze", ticket)

    def broken(deadline: Deadline, moment: object, actor: object) -> str:
        raise ValueError("broken")

    monkeypatch.setitem(workflow._HANDLERS, Deadline.Kind.PAUSE, broken)
    assert workflow.run_due() == 1
    pause = Deadline.get(kind="pause")
    assert (pause.state, pause.attempts, pause.result) == ("pending", 1, "ValueError: broken")
    assert pause.due_at > timezone.now()
    Deadline.filter(kind="pause").update(attempts=workflow.MAX_ATTEMPTS - 1, due_at=timezone.now())
    workflow.run_due()
    assert Deadline.get(kind="pause").state == DeadlineState.FAILED
