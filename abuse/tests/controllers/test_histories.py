"""Random lives of tickets: whatever people, rules, answers, the clock and dying processes do, and in whatever order.

The histories are always the same ones, so that a failure is found again. `CERBERUS_HISTORIES=3000` tries that many
new ones instead.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from abuse.controllers import actions, clocks, flags, merging, moves, ownership, tickets, validation, workflow
from abuse.controllers.actions import Then
from abuse.controllers.editing import Refused
from abuse.controllers.history import robot
from abuse.models import (
    TICKET_MOVES,
    Deadline,
    History,
    MoveRefused,
    Priority,
    Report,
    ReportItem,
    ReportStatus,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketStatus,
    User,
)
from abuse.services.facade import facade

from ..counted import kept_counts, true_counts
from .action_services import BookActionService
from .people import make_user
from .test_tickets import make_report
from .time_machine import pass_time

Status = TicketStatus
IP = "203.0.113.7"

NEW_HISTORIES = int(os.environ.get("CERBERUS_HISTORIES", "0"))
PROFILE = settings(
    max_examples=NEW_HISTORIES or 45,
    stateful_step_count=40,
    derandomize=not NEW_HISTORIES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

SECONDS = st.sampled_from([50, 3600, 86_400, 3 * 86_400])
"""Far apart from each other and from HOURS: how long a step takes here must not decide what falls due."""
PICK = st.integers(min_value=0, max_value=2)
"""Which of the tickets or reports that there are."""
HOURS = st.sampled_from([0.1, 0.4, 2, 5, 25, 47, 96])
BEHAVIOUR = st.sampled_from(["ok", "ok", "ok", "refuse", "break", "die before", "die after"])
MAX_TICKETS = 4
"""Few, so that much happens to each."""
LIVE = frozenset(set(Status) - {Status.CLOSED})


class _ProcessDiedError(BaseException):
    """Stands for a kill: nothing of the desk's catches it."""


class MortalService(BookActionService):
    """An action service whose caller may be killed before or after it is asked."""

    def apply_action_on_service(self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int) -> Any:
        if self.behaviour == "die before":
            raise _ProcessDiedError
        done = self._note("apply", ticket_id, action_id, ip_addr)
        if self.behaviour == "die after":
            raise _ProcessDiedError
        return done


@dataclass(frozen=True)
class Snapshot:
    """The rows as they stood after a step."""

    tickets: dict[int, Ticket]
    pending: dict[int, Deadline]

    @classmethod
    def take(cls) -> Snapshot:
        pending = Deadline.filter(state="pending").order_by("pk")
        return cls({ticket.pk: ticket for ticket in Ticket.all().order_by("pk")}, {row.pk: row for row in pending})


class Lives(RuleBasedStateMachine):
    """The machine that drives some tickets of two customers."""

    service: MortalService

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction._from_testcase = True  # type: ignore[attr-defined]  # an outermost one may be durable
        self._transaction.__enter__()
        self.ann, self.bob = make_user("ann", unassignedOnAnswer=True), make_user("bob")
        self.measure = ServiceAction.filter(module="VPS").get()
        self.service.book.unlink(missing_ok=True)
        self.service.behaviour = "ok"
        self.passed = timedelta()
        self.delays_changed = False
        self.before = Snapshot({}, {})
        self.long_ago: dict[int, Ticket] = {}
        self.report_arrives("c1")
        self.before = Snapshot.take()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)

    def having(self, *statuses: TicketStatus) -> list[Ticket]:
        """The tickets of some statuses, as they stood after the last step."""
        return [ticket for ticket in self.before.tickets.values() if ticket.status in (statuses or LIVE)]

    def pick(self, number: int, *statuses: TicketStatus) -> Ticket:
        """One of the tickets of some statuses, read anew; without any of those, one of all."""
        found = self.having(*statuses) or list(self.before.tickets.values())
        return Ticket.get(pk=found[number % len(found)].pk)

    def page(self, number: int, *statuses: TicketStatus) -> Ticket:
        """A ticket as somebody sees it: as it is, or as it was when he opened his page long ago."""
        ticket = self.pick(number, *statuses)
        return copy.copy(self.long_ago[ticket.pk]) if number == 2 and ticket.pk in self.long_ago else ticket

    def try_to(self, do: Callable[[], object]) -> None:
        """Do something that may be refused; what is refused leaves no trace, which the invariants see."""
        try:
            with transaction.atomic():
                do()
        except (Refused, MoveRefused):
            pass

    # What comes in.

    @rule(customer=st.sampled_from(["c1", "c2"]))
    def report_arrives(self, customer: str) -> None:
        report = make_report(customer=customer)
        ReportItem.create(report=report, item_type="IP", raw_item=IP, network=IP, date=timezone.now())
        ticket = tickets.open_ticket_of(report)
        if ticket is not None:
            tickets.attach_report(report, ticket, actor=robot())
        elif Ticket.count() < MAX_TICKETS:
            tickets.create_ticket(report, actor=robot())

    @precondition(lambda self: self.having())
    @rule(number=PICK, is_customer=st.booleans())
    def answer_comes(self, number: int, is_customer: bool) -> None:
        """As the shipped rules do: only the customer's answer takes back what was to come."""
        ticket = self.pick(number)
        if is_customer:
            tickets.cancel_deadlines(ticket, reason="the customer answered", actor=robot())
        if ticket.status not in {Status.ANSWERED, Status.CLOSED}:
            tickets.set_status(ticket, Status.ANSWERED, actor=robot())
        if is_customer:
            left = Deadline.filter(ticket=ticket, state="pending").exclude(payload__has_key="applying")
            assert not left.exists()

    # What people and rules do.

    @rule(number=PICK, seconds=SECONDS)
    def snooze(self, number: int, seconds: int) -> None:
        self.try_to(lambda: clocks.snooze(self.page(number), seconds, actor=self.ann))

    @precondition(lambda self: self.having(Status.WAITING_ANSWER))
    @rule(number=PICK, seconds=st.one_of(st.just(0), SECONDS))
    def change_snooze(self, number: int, seconds: int) -> None:
        self.delays_changed = True
        ticket = self.pick(number, Status.WAITING_ANSWER)
        self.try_to(lambda: clocks.change_snooze(ticket, seconds, actor=self.ann))

    @rule(number=PICK, seconds=SECONDS)
    def pause(self, number: int, seconds: int) -> None:
        self.try_to(lambda: clocks.pause(self.page(number), seconds, actor=self.ann))

    @precondition(lambda self: self.having(Status.WAITING_ANSWER))
    @rule(number=PICK, seconds=SECONDS, hours=st.sampled_from([2, 30, 75]))
    def put_aside(self, number: int, seconds: int, hours: int) -> None:
        """Pause a ticket that waits, and come back to it much later."""
        clocks.pause(self.pick(number, Status.WAITING_ANSWER), seconds, actor=self.ann)
        self.what_holds()
        self.passed = timedelta(hours=hours)
        pass_time(hours=hours)

    @precondition(lambda self: self.having(Status.PAUSED))
    @rule(number=PICK)
    def unpause(self, number: int) -> None:
        clocks.unpause(self.pick(number, Status.PAUSED), actor=self.bob)

    @precondition(lambda self: self.having(Status.PAUSED))
    @rule(number=PICK, seconds=st.one_of(st.just(0), SECONDS))
    def change_pause(self, number: int, seconds: int) -> None:
        clocks.change_pause(self.pick(number, Status.PAUSED), seconds, actor=self.bob)

    @rule(number=PICK, status=st.sampled_from(list(Status)))
    def set_status(self, number: int, status: TicketStatus) -> None:
        self.try_to(lambda: moves.set_status(self.page(number, *Status), status, actor=robot()))

    @precondition(lambda self: self.having())
    @rule(number=PICK, resolution=st.sampled_from(["fixed", "invalid"]), keep=st.booleans())
    def close(self, number: int, resolution: str, keep: bool) -> None:
        moves.close_ticket(self.page(number), resolution, actor=self.ann, keep_update=keep)

    @precondition(lambda self: self.having(Status.CLOSED))
    @rule(number=PICK)
    def reopen(self, number: int) -> None:
        self.try_to(lambda: moves.reopen(self.pick(number, Status.CLOSED), actor=self.ann))

    @rule(number=PICK, hours=HOURS, force=st.booleans(), closes=st.booleans())
    def order_action(self, number: int, hours: float, force: bool, closes: bool) -> None:
        then = Then(resolution="fixed_by_isp") if closes else Then(status=Status.WAITING_ANSWER, snooze_seconds=60)
        due_at = timezone.now() + timedelta(hours=hours)

        def order() -> None:
            actions.schedule_action(
                self.page(number), self.measure, due_at=due_at, ip=IP, actor=self.ann, then=then, force=force
            )

        self.try_to(order)

    @precondition(lambda self: self.having())
    @rule(number=PICK, behaviour=BEHAVIOUR, closes=st.booleans())
    def act_now(self, number: int, behaviour: str, closes: bool) -> None:
        self.order_action(number, hours=0, force=True, closes=closes)
        self.what_holds()
        self.sweep(behaviour)

    @precondition(lambda self: any("applying" in row.payload for row in self.before.pending.values()))
    @rule(behaviour=BEHAVIOUR)
    def a_dead_process_is_missed(self, behaviour: str) -> None:
        self.passed = timedelta(minutes=16)
        pass_time(minutes=16)
        self.what_holds()
        self.sweep(behaviour)

    @precondition(lambda self: any(row.kind == "service_action" for row in self.before.pending.values()))
    @rule(number=PICK)
    def take_back(self, number: int) -> None:
        actions.cancel_pending(self.pick(number), reason="changed my mind", actor=self.bob)

    @rule(
        number=PICK,
        flag=st.sampled_from(["escalated", "protected", "update", "alarm"]),
        value=st.booleans(),
        priority=st.sampled_from([*Priority, None]),
        owner=st.sampled_from(["ann", "bob", None]),
        what=st.sampled_from(["flag", "priority", "owner", "open"]),
    )
    def edit(
        self, number: int, flag: flags.Flag, value: bool, priority: Priority | None, owner: str | None, what: str
    ) -> None:
        ticket = self.page(number)
        user = {"ann": self.ann, "bob": self.bob}.get(owner or "")
        match what:
            case "flag":
                self.try_to(lambda: flags.set_flag(ticket, flag, value, actor=self.ann))
            case "priority":
                self.try_to(lambda: flags.set_priority(ticket, priority, actor=self.bob))
            case "owner":
                self.try_to(lambda: ownership.assign(ticket, user, actor=self.ann))
            case "open":
                ownership.take_on_opening(ticket, actor=self.bob)

    @precondition(lambda self: len(self.having()) > 1)
    @rule(number=PICK, other=PICK)
    def merge(self, number: int, other: int) -> None:
        self.try_to(lambda: merging.merge(self.page(number), self.page(other), actor=self.ann))

    @precondition(lambda self: len(self.before.tickets) < MAX_TICKETS)
    @rule(number=PICK)
    def split(self, number: int) -> None:
        ticket = self.pick(number)
        ids = list(Report.filter(ticket=ticket).order_by("pk").values_list("pk", flat=True)[:1])
        self.try_to(lambda: merging.split(ticket, ids, actor=self.ann))

    @rule(number=PICK, into=PICK, is_taken_out=st.booleans())
    def move_report(self, number: int, into: int, is_taken_out: bool) -> None:
        reports = list(Report.all().select_related("ticket").order_by("pk"))
        report = reports[number % len(reports)]
        if is_taken_out:
            self.try_to(lambda: validation.set_report_status(report, ReportStatus.NEW, actor=self.ann))
        else:
            self.try_to(lambda: validation.attach(report, self.page(into), actor=self.ann))

    # What time does, and what dies.

    @rule(hours=HOURS)
    def time_passes(self, hours: float) -> None:
        self.passed = timedelta(hours=hours)
        pass_time(hours=hours)

    @precondition(lambda self: self.before.pending)
    @rule(behaviour=BEHAVIOUR)
    def next_thing_falls_due(self, behaviour: str) -> None:
        """Sleep until something is to happen, and a little longer."""
        first = min(row.due_at for row in self.before.pending.values())
        self.passed = max(first - timezone.now(), timedelta()) + timedelta(seconds=30)
        pass_time(seconds=self.passed.total_seconds())
        self.what_holds()
        self.sweep(behaviour)

    @precondition(lambda self: self.before.pending)
    @rule(behaviour=BEHAVIOUR)
    def sweep(self, behaviour: str) -> None:
        self.service.behaviour = behaviour
        moment = timezone.now()
        try:
            workflow.run_due(now=moment)
        except _ProcessDiedError:
            return
        stuck = Deadline.filter(state="pending", due_at__lte=moment).select_related("ticket")
        assert all(row.ticket is not None and row.ticket.status == Status.PAUSED for row in stuck)

    # What is true after every step.

    @invariant()
    def what_holds(self) -> None:
        now = Snapshot.take()
        for ticket in now.tickets.values():
            own = [row for row in now.pending.values() if row.ticket_id == ticket.pk]
            self.check_clocks(ticket, own)
            self.check_versions(self.before.tickets.get(ticket.pk), ticket)
            self.check_deadlines(self.before, ticket, own)
        assert kept_counts() == true_counts()
        self.check_orders(now)
        self.check_nothing_lost(now)
        self.check_history(now)
        self.before, self.passed, self.delays_changed = now, timedelta(), False
        self.long_ago = now.tickets | self.long_ago

    def check_clocks(self, ticket: Ticket, own: list[Deadline]) -> None:
        assert ticket.status in Status.values
        due = {kind: [row.due_at for row in own if row.kind == kind] for kind in ("snooze", "pause")}
        is_paused = ticket.status == Status.PAUSED
        assert is_paused == (ticket.pause_start is not None) == (ticket.pause_duration is not None)
        assert due["pause"] == ([end_of(ticket.pause_start, ticket.pause_duration)] if is_paused else [])
        sleeps = ticket.snooze_start is not None
        assert sleeps == (ticket.snooze_duration is not None)
        assert due["snooze"] == ([end_of(ticket.snooze_start, ticket.snooze_duration)] if sleeps else [])
        assert not sleeps or ticket.status in {Status.WAITING_ANSWER, Status.PAUSED}
        if ticket.status == Status.CLOSED:
            assert all("applying" in row.payload for row in own)

    def check_versions(self, before: Ticket | None, ticket: Ticket) -> None:
        if before is None:
            return
        names = ("status", "priority", "treated_by_id", "escalated", "protected", "update", "action_id")
        changed = any(getattr(before, name) != getattr(ticket, name) for name in names)
        assert ticket.version > before.version if changed else ticket.version >= before.version

    def check_deadlines(self, before: Snapshot, ticket: Ticket, own: list[Deadline]) -> None:
        """What was to happen stays where it was, but for a pause that ended: then all moves by what it lasted."""
        moved = {
            row.due_at - (before.pending[row.pk].due_at - self.passed)
            for row in own
            if row.pk in before.pending and row.kind != "pause" and "applying" not in row.payload
        }
        old = before.tickets.get(ticket.pk)
        if old is not None and old.status == Status.PAUSED and ticket.status != Status.PAUSED:
            assert len(moved) <= 1
            lasted = timezone.now() - (old.pause_start or timezone.now())
            assert all(timedelta(0) <= lasted - by < timedelta(seconds=5) for by in moved)
        elif not self.delays_changed:
            assert moved <= {timedelta(0)}

    def check_orders(self, now: Snapshot) -> None:
        waiting = Counter(row.payload["job"] for row in now.pending.values() if row.kind == "service_action")
        jobs = list(ServiceActionJob.all())
        for job in jobs:
            assert waiting[job.pk] == (1 if job.status in {"pending", "applying"} else 0), job.status
            assert job.attempts == (0 if job.status in {"pending", "cancelled"} else 1)
        assert len(self.service.lines()) <= sum(job.attempts for job in jobs)
        asked = sum(job.status in {"ok", "actionError"} for job in jobs)
        assert len(self.service.lines()) >= asked

    def check_nothing_lost(self, now: Snapshot) -> None:
        gone = set(self.before.pending) - set(now.pending)
        ended = {row.pk: row for row in Deadline.filter(pk__in=gone)}
        assert set(ended) == gone
        assert all(row.state in {"done", "cancelled", "failed"} and row.done_at is not None for row in ended.values())

    def check_history(self, now: Snapshot) -> None:
        """Status and owner of each ticket can be told from its history alone, and no move was forbidden."""
        rows = list(History.filter(action_type__in=["ChangeStatus", "ChangeTreatedby"]).order_by("pk"))
        by_name = {ticket.public_id: ticket for ticket in now.tickets.values()}
        by_id = {ticket.pk: ticket.public_id for ticket in now.tickets.values()}
        status: dict[str, str] = dict.fromkeys(by_name, str(Status.OPEN))
        previous: dict[str, str] = dict(status)
        owner: dict[str, str | None] = dict.fromkeys(by_name, None)
        for row in rows:
            name = row.refs.get("merged_from") or by_id[row.ticket_id or 0]
            if row.action_type == "ChangeStatus":
                assert row.old == status[name]
                assert row.new in TICKET_MOVES[Status(row.old or "")]
                previous[name], status[name] = status[name], row.new or ""
            else:
                assert row.old == owner[name]
                owner[name] = row.new
        users = dict(User.objects.values_list("pk", "username"))
        for name, ticket in by_name.items():
            assert (status[name], previous[name]) == (ticket.status, ticket.previous_status)
            assert owner[name] == users.get(ticket.treated_by_id or 0)


def end_of(start: datetime | None, duration: int | None) -> datetime:
    assert start is not None
    assert duration is not None
    return start + timedelta(seconds=duration)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[type[Lives]]:
    """The machine, with an action service of its own."""
    here = facade("ActionServiceBase")
    before = here._implementation
    service = MortalService(str(tmp_path / "book"))
    here.set_up(service)
    yield type("Lives", (Lives,), {"service": service})
    here.set_up(before)


@pytest.mark.django_db
@pytest.mark.timeout(3600)
def test_no_life_breaks_a_ticket(mortal: type[Lives]) -> None:
    run_state_machine_as_test(mortal, settings=PROFILE)
