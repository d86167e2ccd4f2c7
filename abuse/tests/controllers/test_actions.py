"""Measures on a customer's service: ordered, taken back, carried out at most once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from abuse.controllers import actions, applying, clocks, correspondence, tickets, workflow
from abuse.controllers.actions import Then
from abuse.controllers.editing import Refused
from abuse.controllers.history import robot
from abuse.models import (
    Deadline,
    DeadlineState,
    DefendantRevision,
    History,
    OutgoingMessage,
    Report,
    ReportItem,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketStatus,
)
from abuse.services.facade import facade

from .action_services import BookActionService, KeyedActionService
from .test_tickets import make_ticket
from .time_machine import pass_time

pytestmark = pytest.mark.django_db
IP = "203.0.113.7"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[BookActionService]:
    """The action service of the test."""
    yield from installed(BookActionService(str(tmp_path / "book")))


@pytest.fixture
def keyed_service(tmp_path: Path) -> Iterator[BookActionService]:
    yield from installed(KeyedActionService(str(tmp_path / "book")))


def installed(service: BookActionService) -> Iterator[BookActionService]:
    here = facade("ActionServiceBase")
    before = here._implementation
    here.set_up(service)
    yield service
    here.set_up(before)


def suspect(*ips: str) -> Ticket:
    """A ticket whose report names addresses."""
    ticket = make_ticket()
    report = Report.filter(ticket=ticket).latest("pk")
    for ip in ips or (IP,):
        ReportItem.create(report=report, item_type="IP", raw_item=ip, network=ip, date=timezone.now())
    return ticket


def an_action() -> ServiceAction:
    return ServiceAction.filter(module="VPS").get()


def order(ticket: Ticket, *, hours: float = 0, then: Then | None = None, **options: bool) -> ServiceActionJob:
    due_at = timezone.now() + timedelta(hours=hours)
    return actions.schedule_action(ticket, an_action(), due_at=due_at, ip=IP, actor=robot(), then=then, **options)


def test_an_order_is_a_row_a_deadline_and_history() -> None:
    ticket = suspect()
    job = order(ticket, hours=24)
    ticket.refresh_from_db()
    assert (job.status, job.ip, ticket.action, list(ticket.jobs.all())) == ("pending", IP, an_action(), [job])
    deadline = Deadline.get()
    assert (deadline.kind, deadline.payload["job"], deadline.state) == ("service_action", job.pk, "pending")
    assert History.get(action_type="SetAction").refs["job"] == job.pk


@pytest.mark.parametrize(("hours", "kinds"), [(35.9, {"service_action"}), (36, {"service_action", "reminder"})])
def test_who_has_long_enough_is_reminded(hours: float, kinds: set[str]) -> None:
    order(suspect(), hours=hours + 0.001)
    assert set(Deadline.all().values_list("kind", flat=True)) == kinds


def test_an_address_that_was_not_reported_is_refused() -> None:
    ticket = suspect()
    with pytest.raises(Refused, match=f"203.0.113.8 is in no report of {ticket}; expected one of 203.0.113.7"):
        actions.schedule_action(ticket, an_action(), due_at=timezone.now(), ip="203.0.113.8", actor=robot())
    with pytest.raises(Refused, match="'x'; expected an address"):
        actions.schedule_action(ticket, an_action(), due_at=timezone.now(), ip="x", actor=robot())
    assert ServiceActionJob.count() == 0


def test_without_an_address_the_one_of_ours_is_meant() -> None:
    ticket = suspect("203.0.113.7", "8.8.8.8")
    job = actions.schedule_action(ticket, an_action(), due_at=timezone.now(), ip=None, actor=robot())
    assert job.ip == IP


def test_without_an_address_several_are_refused() -> None:
    with pytest.raises(Refused, match=r"names 2 addresses of ours; expected one of 203\.0\.113\.7, 203\.0\.113\.8"):
        actions.schedule_action(
            suspect("203.0.113.7", "203.0.113.8"), an_action(), due_at=timezone.now(), ip=None, actor=robot()
        )


def test_an_order_that_comes_sooner_stays() -> None:
    ticket = suspect()
    first = order(ticket, hours=1)
    assert order(ticket, hours=2) == first
    sooner = order(ticket, hours=0.5)
    assert sooner != first
    forced = order(ticket, hours=3, force=True)
    states = dict(ServiceActionJob.all().values_list("pk", "status"))
    assert states == {first.pk: "cancelled", sooner.pk: "cancelled", forced.pk: "pending"}
    assert Deadline.filter(state=DeadlineState.PENDING, kind="service_action").count() == 1


def test_no_measure_for_a_closed_ticket_or_with_an_unknown_resolution() -> None:
    ticket = suspect()
    with pytest.raises(Refused, match="resolution: 'nope'"):
        order(ticket, then=Then(resolution="nope"))
    tickets.close_ticket(ticket, "fixed", actor=robot())
    with pytest.raises(Refused, match="is closed"):
        order(ticket)


def test_taking_back_takes_the_reminder_too() -> None:
    ticket = suspect()
    job = order(ticket, hours=48)
    assert actions.cancel_pending(ticket, reason="he asked nicely", actor=robot()) == 2
    job.refresh_from_db()
    ticket.refresh_from_db()
    assert (job.status, job.comment, ticket.action) == ("cancelled", "he asked nicely", None)
    assert History.get(action_type="CancelAction").new == "he asked nicely"


def test_closing_the_ticket_takes_the_order_back(service: BookActionService) -> None:
    ticket = suspect()
    order(ticket)
    tickets.close_ticket(ticket, "fixed", actor=robot())
    assert workflow.run_due() == 0
    assert (service.lines(), ServiceActionJob.get().status) == ([], "cancelled")


def test_a_measure_is_taken_once_and_closes_the_ticket(service: BookActionService) -> None:
    ticket = suspect()
    report = Report.filter(ticket=ticket).get()
    correspondence.acknowledge(report, ticket, codename="ack_report_received", lang="EN", actor=robot())
    correspondence.send_template(ticket, "customer_notification", "c1@customer.example", cause="x", actor=robot())
    job = order(ticket, then=Then(resolution="fixed_by_isp"))
    assert workflow.run_due() == 1
    assert workflow.run_due() == 0
    assert service.lines() == [f"apply {ticket.pk} {an_action().pk} {IP}"]
    job.refresh_from_db()
    ticket.refresh_from_db()
    assert (job.status, job.action_todo_id, job.comment, job.attempts) == ("ok", "todo-1", "done", 1)
    assert job.execution_date is not None
    assert (ticket.status, ticket.resolution and ticket.resolution.codename) == ("Closed", "fixed_by_isp")
    assert ticket.action is None
    sent = set(OutgoingMessage.all().values_list("template_codename", "recipient"))
    assert ("service_blocked", "c1@customer.example") in sent
    assert ("case_closed", "normal@reporter.example") in sent
    assert History.get(action_type="ApplyAction").new == "ok"


def test_nobody_is_told_who_was_never_written_to(service: BookActionService) -> None:
    order(suspect(), then=Then(resolution="fixed_by_isp"))
    workflow.run_due()
    assert OutgoingMessage.count() == 0
    assert len(service.lines()) == 1


@pytest.mark.parametrize(
    ("then", "status"),
    [
        (Then(), TicketStatus.ALARM),
        (Then(status=TicketStatus.WAITING_ANSWER, snooze_seconds=600), TicketStatus.WAITING_ANSWER),
    ],
)
def test_a_measure_may_leave_the_ticket_open(service: BookActionService, then: Then, status: str) -> None:
    ticket = suspect()
    order(ticket, then=then)
    workflow.run_due()
    ticket.refresh_from_db()
    assert ticket.status == status
    waits = Deadline.filter(kind="snooze", state=DeadlineState.PENDING).exists()
    assert waits == (status == TicketStatus.WAITING_ANSWER)
    assert len(service.lines()) == 1


@pytest.mark.parametrize(
    ("behaviour", "comment"), [("refuse", "this service may not be suspended"), ("break", "KeyError: 'no such key'")]
)
def test_a_measure_that_fails_is_put_to_a_person(service: BookActionService, behaviour: str, comment: str) -> None:
    service.behaviour = behaviour
    ticket = suspect()
    order(ticket, then=Then(resolution="fixed_by_isp"))
    workflow.run_due()
    pass_time(days=1)
    workflow.run_due()
    job = ServiceActionJob.get()
    ticket.refresh_from_db()
    assert (job.status, job.comment, ticket.status, ticket.action) == ("actionError", comment, "ActionError", None)
    assert History.filter(action_type="ChangeStatus").latest("pk").refs["reason"] == comment
    assert len(service.lines()) == 1


def test_no_action_service_is_an_action_error() -> None:
    here = facade("ActionServiceBase")
    before = here._implementation
    here.set_up(None)
    try:
        ticket = suspect()
        order(ticket)
        workflow.run_due()
    finally:
        here.set_up(before)
    ticket.refresh_from_db()
    assert ticket.status == "ActionError"
    assert "no class is configured" in (ServiceActionJob.get().comment or "")


def test_an_answer_takes_the_order_back_in_the_same_transaction(service: BookActionService) -> None:
    ticket = suspect()
    order(ticket)
    tickets.cancel_deadlines(ticket, reason="the customer answered", actor=robot())
    tickets.set_status(ticket, TicketStatus.ANSWERED, actor=robot())
    workflow.run_due()
    assert (service.lines(), ServiceActionJob.get().comment) == ([], "the customer answered")


def test_a_paused_ticket_is_left_alone(service: BookActionService) -> None:
    ticket = suspect()
    order(ticket)
    clocks.pause(ticket, 600, actor=robot())
    assert (workflow.run_due(), service.lines()) == (0, [])
    clocks.unpause(ticket, actor=robot())
    pass_time(seconds=60)
    workflow.run_due()
    assert len(service.lines()) == 1


def begun(ticket: Ticket) -> Deadline:
    """An order whose process died after it had asked, or before."""
    order(ticket, then=Then(resolution="fixed_by_isp"))
    deadline = Deadline.get(kind="service_action")
    begun = applying._begin(deadline.pk, moment=timezone.now(), actor=robot())
    assert isinstance(begun, applying._Order)
    deadline.refresh_from_db()
    return deadline


def test_an_order_that_was_begun_is_not_repeated_but_put_to_a_person(service: BookActionService) -> None:
    ticket = suspect()
    begun(ticket)
    assert (workflow.run_due(), ServiceActionJob.get().status) == (0, "applying")
    pass_time(minutes=16)
    workflow.run_due()
    ticket.refresh_from_db()
    assert (service.lines(), ServiceActionJob.get().status, ticket.status) == ([], "unknown", "ActionError")
    deadline = Deadline.get(kind="service_action")
    assert deadline.state == DeadlineState.FAILED
    assert deadline.result.startswith("unknown result")
    pass_time(days=1)
    assert workflow.run_due() == 0


def test_an_order_that_was_begun_cannot_be_taken_back_any_more(service: BookActionService) -> None:
    ticket = suspect()
    begun(ticket)
    assert actions.cancel_pending(ticket, reason="too late", actor=robot()) == 0
    assert ServiceActionJob.get().status == "applying"


def test_a_service_that_knows_its_orders_is_asked_again(keyed_service: BookActionService) -> None:
    ticket = suspect()
    begun(ticket)
    pass_time(minutes=16)
    workflow.run_due()
    job = ServiceActionJob.get()
    assert job.idempotency_key is not None
    assert [line.rpartition(" ")[2] for line in keyed_service.lines()] == [job.idempotency_key]
    ticket.refresh_from_db()
    assert (job.status, job.attempts, ticket.status) == ("ok", 2, "Closed")


def test_a_ticket_that_was_answered_while_the_measure_was_taken_is_left_to_people(service: BookActionService) -> None:
    ticket = suspect()
    order(ticket, then=Then(resolution="fixed_by_isp"))
    deadline = Deadline.get(kind="service_action")
    begun = applying._begin(deadline.pk, moment=timezone.now(), actor=robot())
    assert isinstance(begun, applying._Order)
    tickets.set_status(ticket, TicketStatus.ANSWERED, actor=robot())
    applying._finish(begun, applying._ask(begun), actor=robot())
    ticket.refresh_from_db()
    assert (ticket.status, ServiceActionJob.get().status, len(service.lines())) == ("Answered", "ok", 1)


def test_a_measure_is_not_forgotten_because_a_mail_fails(service: BookActionService) -> None:
    ticket = suspect()
    correspondence.send_template(ticket, "customer_notification", "c1@customer.example", cause="x", actor=robot())
    DefendantRevision.all().update(email="no address")
    order(ticket, then=Then(resolution="fixed_by_isp"))
    workflow.run_due()
    ticket.refresh_from_db()
    assert (ServiceActionJob.get().status, ticket.status, len(service.lines())) == ("ok", "ActionError", 1)
    reason = History.filter(action_type="ChangeStatus").latest("pk").refs["reason"]
    assert "what follows failed" in reason


@pytest.mark.parametrize(
    ("scope", "asked"),
    [("service", "close_service"), ("all_services", "close_all_services"), ("defendant", "close_defendant")],
)
def test_closing_a_service_is_asked_for_after_the_commit(
    service: BookActionService, scope: actions.Scope, asked: str
) -> None:
    ticket = suspect()
    job = actions.request_service_closing(ticket, scope, actor=robot())
    assert actions.request_service_closing(ticket, scope, actor=robot()) == job
    assert service.lines() == []
    workflow.run_due()
    assert service.lines() == [f"{asked} {ticket.pk}"]
    ticket.refresh_from_db()
    assert ticket.status == "Alarm"


def test_closing_needs_a_customer_and_a_scope() -> None:
    with pytest.raises(Refused, match="expected an open ticket with a customer"):
        actions.request_service_closing(make_ticket(named=False), "service", actor=robot())
    with pytest.raises(Refused, match="scope: 'planet'; expected one of service, all_services, defendant"):
        actions.request_service_closing(make_ticket(), "planet", actor=robot())  # type: ignore[arg-type]


def test_the_customer_is_reminded_at_all_his_addresses(service: BookActionService) -> None:
    ticket = suspect()
    DefendantRevision.all().update(spare_email="spare@customer.example")
    clocks.snooze(ticket, 48 * 3600, actor=robot())
    order(ticket, hours=48)
    pass_time(hours=25)
    assert workflow.run_due() == 1
    sent = OutgoingMessage.filter(template_codename="second_alert_with_action").order_by("recipient")
    assert list(sent.values_list("recipient", flat=True)) == ["c1@customer.example", "spare@customer.example"]
    assert Deadline.get(kind="reminder").result == "reminded at 2 addresses"


def test_who_answered_is_not_reminded(service: BookActionService) -> None:
    ticket = suspect()
    order(ticket, hours=48)
    tickets.set_status(ticket, TicketStatus.ANSWERED, actor=robot())
    pass_time(hours=25)
    workflow.run_due()
    assert (OutgoingMessage.count(), Deadline.get(kind="reminder").result) == (0, "the ticket was Answered")


def _run_and_die(book: str) -> None:
    facade("ActionServiceBase").set_up(BookActionService(book, "die"))
    workflow.run_due()


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_while_it_asks_leaves_one_order_for_a_person(
    service: BookActionService, tmp_path: Path
) -> None:
    ticket = suspect()
    order(ticket, then=Then(resolution="fixed_by_isp"))
    connections.close_all()
    child = multiprocessing.get_context("fork").Process(target=_run_and_die, args=[str(tmp_path / "book")])
    child.start()
    child.join(60)
    assert child.exitcode == -9
    assert ServiceActionJob.get().status == "applying"
    workflow.run_due()
    pass_time(minutes=16)
    workflow.run_due()
    workflow.run_due()
    assert len(service.lines()) == 1
    ticket.refresh_from_db()
    assert (ServiceActionJob.get().status, ticket.status) == ("unknown", "ActionError")


def _sweep(book: str) -> None:
    facade("ActionServiceBase").set_up(BookActionService(book))
    workflow.run_due()


@pytest.mark.django_db(transaction=True)
def test_processes_that_sweep_at_once_take_each_measure_once(service: BookActionService, tmp_path: Path) -> None:
    orders = 6
    for _ in range(orders):
        ticket = suspect()
        order(ticket, then=Then(resolution="fixed_by_isp"))
        Ticket.filter(pk=ticket.pk).update(update=False)  # the next report opens a ticket of its own
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_sweep, args=[str(tmp_path / "book")]) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    workflow.run_due()
    assert len(service.lines()) == len(set(service.lines())) == orders
    assert set(ServiceActionJob.all().values_list("status", "attempts")) == {("ok", 1)}
    assert set(Ticket.all().values_list("status", flat=True)) == {"Closed"}
