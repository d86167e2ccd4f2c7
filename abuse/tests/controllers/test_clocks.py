"""Waiting and standing still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from abuse.controllers import clocks, deadlines, tickets, workflow
from abuse.controllers.editing import Refused, StaleEdit
from abuse.controllers.history import robot
from abuse.models import Deadline, DeadlineState, History, MoveRefused, Ticket, TicketStatus

from .test_tickets import make_ticket
from .time_machine import pass_time

pytestmark = pytest.mark.django_db
DAY = 86_400


def pending(ticket: Ticket) -> dict[str, datetime]:
    rows = Deadline.filter(ticket=ticket, state=DeadlineState.PENDING)
    return {str(row.kind): row.due_at for row in rows}


def add_reminder(ticket: Ticket, **ahead: float) -> datetime:
    now = timezone.now()
    due_at = now + timedelta(**ahead)
    Deadline.create(kind="reminder", ticket=ticket, due_at=due_at, created_at=now)
    return due_at


def test_a_snooze_has_a_deadline_and_wakes_the_ticket() -> None:
    ticket = make_ticket()
    due_at = clocks.snooze(ticket, 3600, actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, ticket.snooze_duration) == ("WaitingAnswer", 3600)
    assert ticket.snooze_start is not None
    assert pending(ticket) == {"snooze": due_at} == {"snooze": ticket.snooze_start + timedelta(hours=1)}
    assert workflow.run_due() == 0
    pass_time(hours=1)
    assert workflow.run_due() == 1
    found = Ticket.get()
    assert (found.status, found.snooze_start, found.snooze_duration) == ("Alarm", None, None)


def test_waiting_anew_replaces_the_snooze() -> None:
    ticket = make_ticket()
    clocks.snooze(ticket, 60, actor=robot())
    due_at = clocks.snooze(ticket, 600, actor=robot())
    assert pending(ticket) == {"snooze": due_at}


@pytest.mark.parametrize("seconds", [0, -1, clocks.MAX_SNOOZE + 1, True, 1.5])
def test_a_snooze_of_no_duration_is_refused(seconds: int) -> None:
    with pytest.raises(Refused, match="expected a whole number of seconds from 1 to 10000000"):
        clocks.snooze(make_ticket(), seconds, actor=robot())


def test_a_closed_ticket_waits_for_nothing() -> None:
    ticket = make_ticket()
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(MoveRefused):
        clocks.snooze(ticket, 60, actor=robot())
    with pytest.raises(MoveRefused):
        clocks.pause(ticket, 60, actor=robot())
    assert pending(ticket) == {}


def test_another_delay_moves_what_was_to_happen_at_its_end() -> None:
    ticket = make_ticket()
    clocks.snooze(ticket, 3600, actor=robot())
    before = add_reminder(ticket, seconds=1800)
    pass_time(minutes=10)
    clocks.change_snooze(ticket, 7200, actor=robot())
    now = timezone.now()
    found = pending(ticket)
    assert abs(found["snooze"] - now - timedelta(hours=2)) < timedelta(seconds=5)
    moved = found["reminder"] - (before - timedelta(minutes=10))
    assert abs(moved - timedelta(minutes=70)) < timedelta(seconds=5)
    row = History.get(action_type="UpdateProperty", field="snooze_duration")
    assert (row.old, row.new) == ("3600", "7200")


def test_a_delay_of_nothing_wakes_the_ticket_with_history() -> None:
    ticket = make_ticket()
    clocks.snooze(ticket, 3600, actor=robot())
    clocks.change_snooze(ticket, 0, actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, pending(ticket)) == ("Alarm", {})
    row = History.filter(action_type="ChangeStatus").latest("pk")
    assert (row.old, row.new, row.refs["reason"]) == ("WaitingAnswer", "Alarm", "the delay was set to 0")


def test_the_delay_of_a_ticket_that_does_not_wait_is_refused() -> None:
    ticket = make_ticket()
    with pytest.raises(Refused, match="is Open; expected one that waits"):
        clocks.change_snooze(ticket, 60, actor=robot())
    with pytest.raises(Refused, match="is Open; expected one that is paused"):
        clocks.change_pause(ticket, 60, actor=robot())
    with pytest.raises(Refused, match="is Open; expected one that is paused"):
        clocks.unpause(ticket, actor=robot())


def paused_waiting_ticket() -> tuple[Ticket, dict[str, datetime]]:
    """A ticket that waits for ten days, has a reminder in twelve and is paused for three."""
    ticket = make_ticket()
    now = timezone.now()
    promised = now + timedelta(days=20)
    Ticket.filter(pk=ticket.pk).update(look_due_at=promised, solution_due_at=promised)
    clocks.snooze(ticket, 10 * DAY, actor=robot())
    add_reminder(ticket, days=12)
    before = pending(ticket)
    clocks.pause(ticket, 3 * DAY, actor=robot())
    return ticket, before


def test_three_days_of_pause_move_every_deadline_by_three_days() -> None:
    ticket, before = paused_waiting_ticket()
    assert pending(ticket)["snooze"] == before["snooze"]
    pass_time(days=3)
    before = {kind: due_at - timedelta(days=3) for kind, due_at in before.items()}
    ticket.refresh_from_db()
    start = ticket.pause_start
    assert start is not None
    moment = timezone.now()
    workflow.run_due(now=moment)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.pause_start, ticket.pause_duration) == ("WaitingAnswer", None, None)
    by = moment - start
    assert abs(by - timedelta(days=3)) < timedelta(seconds=5)
    assert pending(ticket) == {kind: due_at + by for kind, due_at in before.items()}
    assert ticket.snooze_start is not None
    assert ticket.snooze_start + timedelta(days=10) == pending(ticket)["snooze"]
    assert ticket.look_due_at is not None
    assert abs(ticket.look_due_at - timezone.now() - timedelta(days=20)) < timedelta(seconds=5)
    assert ticket.solution_due_at == ticket.look_due_at


def test_a_pause_that_ends_early_moves_deadlines_by_what_it_lasted() -> None:
    ticket, before = paused_waiting_ticket()
    pass_time(hours=30)
    clocks.unpause(ticket, actor=robot())
    ticket.refresh_from_db()
    assert ticket.status == "WaitingAnswer"
    for kind, due_at in pending(ticket).items():
        assert abs(due_at - before[kind]) < timedelta(seconds=5)  # 30 hours nearer, 30 hours later
    assert Deadline.get(kind="pause").state == DeadlineState.CANCELLED


def test_a_pause_that_ends_late_moves_deadlines_by_what_it_lasted() -> None:
    ticket, before = paused_waiting_ticket()
    pass_time(days=11)
    assert workflow.run_due() == 1  # the snooze was overdue, and did not fire
    ticket.refresh_from_db()
    assert ticket.status == "WaitingAnswer"
    for kind, due_at in pending(ticket).items():
        assert abs(due_at - before[kind]) < timedelta(seconds=5)


def test_nothing_of_a_paused_ticket_falls_due() -> None:
    ticket, _ = paused_waiting_ticket()
    Deadline.filter(kind__in=["snooze", "reminder"]).update(due_at=timezone.now() - timedelta(days=1))
    assert workflow.run_due() == 0
    assert set(pending(ticket)) == {"snooze", "reminder", "pause"}


def test_an_answer_ends_a_pause() -> None:
    ticket, before = paused_waiting_ticket()
    pass_time(days=1)
    tickets.set_status(ticket, TicketStatus.ANSWERED, actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, ticket.pause_start, ticket.pause_duration, ticket.snooze_start) == ("Answered",) + (
        None,
    ) * 3
    assert set(pending(ticket)) == {"reminder"}
    assert abs(pending(ticket)["reminder"] - before["reminder"]) < timedelta(seconds=5)


def test_a_pause_across_the_change_to_summer_time_is_as_long_as_it_is() -> None:
    """Clocks in Paris went from 02:00 to 03:00 on 29 March 2026: from noon to noon it was 23 hours."""
    ticket, _ = paused_waiting_ticket()
    paris = ZoneInfo("Europe/Paris")
    start = datetime(2026, 3, 28, 12, tzinfo=paris)
    end = datetime(2026, 3, 29, 12, tzinfo=paris)
    due_at = datetime(2026, 4, 1, 9, tzinfo=UTC)
    Ticket.filter(pk=ticket.pk).update(pause_start=start, snooze_start=start)
    Deadline.filter(kind="pause").update(due_at=end)
    Deadline.filter(kind="reminder").update(due_at=due_at)
    workflow.run_due(now=end)
    assert pending(ticket)["reminder"] - due_at == timedelta(hours=23)


def test_another_pause_counts_from_the_beginning_of_the_pause() -> None:
    ticket, _ = paused_waiting_ticket()
    pass_time(days=1)
    clocks.change_pause(ticket, 2 * DAY, actor=robot())
    ticket.refresh_from_db()
    assert ticket.pause_start is not None
    assert pending(ticket)["pause"] == ticket.pause_start + timedelta(days=2)
    clocks.change_pause(ticket, DAY // 2, actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, "pause" in pending(ticket)) == ("WaitingAnswer", False)


def test_a_pause_of_more_than_thirty_days_is_refused() -> None:
    with pytest.raises(Refused, match="pauseDuration"):
        clocks.pause(make_ticket(), clocks.MAX_PAUSE + 1, actor=robot())


def test_pausing_twice_is_refused_and_again_after_the_end_is_not() -> None:
    ticket = make_ticket()
    clocks.pause(ticket, 60, actor=robot())
    with pytest.raises(MoveRefused):
        clocks.pause(ticket, 60, actor=robot())
    clocks.unpause(ticket, actor=robot())
    clocks.pause(ticket, 60, actor=robot())
    assert set(pending(ticket)) == {"pause"}


def test_a_stale_edit_says_what_the_version_is_and_changes_nothing() -> None:
    ticket = make_ticket()
    seen = Ticket.get().version
    clocks.snooze(Ticket.get(), 60, actor=robot(), expected_version=seen)
    current = Ticket.get().version
    assert current > seen
    with pytest.raises(StaleEdit, match=f"version {seen} was edited.*its version is {current}") as caught:
        clocks.pause(ticket, 60, actor=robot(), expected_version=seen)
    assert (caught.value.current_version, caught.value.expected_version) == (current, seen)
    assert Ticket.get().status == "WaitingAnswer"


def test_cancelling_takes_back_what_was_to_be_done_and_lets_the_clocks_go_on() -> None:
    ticket, _ = paused_waiting_ticket()
    assert deadlines.cancel_deadlines(ticket, reason="the customer answered", actor=robot()) == 1
    assert set(pending(ticket)) == {"pause", "snooze"}
    row = History.filter(action_type="CancelDeadline").latest("pk")
    assert (row.new, row.refs["kinds"]) == ("the customer answered", ["reminder"])


def test_a_status_alone_pauses_nothing() -> None:
    with pytest.raises(Refused, match="expected how long it is to be paused"):
        tickets.set_status(make_ticket(), TicketStatus.PAUSED, actor=robot())
