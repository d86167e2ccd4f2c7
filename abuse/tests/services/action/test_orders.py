"""What all action services have in common, by the one that only writes down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import actions, tickets, workflow
from abuse.controllers.history import robot
from abuse.models import Report, ReportItem, ServiceActionJob, Ticket
from abuse.services.action import ActionServiceException
from abuse.services.action.default import DryRunActionService
from abuse.services.facade import facade
from abuse.tests.controllers.test_tickets import make_report

from .orders import IP, a_measure, a_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "orders.jsonl"


@pytest.fixture
def service(book: Path) -> Iterator[DryRunActionService]:
    here = facade("ActionServiceBase")
    before = here._implementation
    service = DryRunActionService.create({"file": str(book)})
    here.set_up(service)
    yield service
    here.set_up(before)


def written(book: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in book.read_text().splitlines()]


def test_an_order_says_all_there_is_to_know(service: DryRunActionService, book: Path) -> None:
    ticket = a_ticket()
    user = robot()
    result = service.apply_action_once(ticket.pk, a_measure().pk, IP, user.pk, idempotency_key="k1")
    assert (result.todo_id, result.status, result.comment) == ("dry-run-k1", "dry run", "would have done: suspend")
    (line,) = written(book)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "type": "service.action",
        "key": "k1",
        "ticket": {"public_id": ticket.public_id, "category": "Spam"},
        "customer": "c1",
        "service": {"id": "s-42", "name": "vps of c1", "domain": "c1.example.org", "type": "VPS", "reference": None},
        "action": {"name": "suspend", "module": "VPS", "level": "1"},
        "ip": IP,
        "ordered_by": "abuse.robot",
    }
    assert book.stat().st_mode & 0o777 == 0o600


def test_what_does_not_exist_is_refused(service: DryRunActionService, book: Path) -> None:
    ticket = a_ticket()
    for ids, fault in (((0, a_measure().pk), "ticket 0: there is none"), ((ticket.pk, 0), "action 0: there is none")):
        with pytest.raises(ActionServiceException, match=fault) as caught:
            service.apply_action_on_service(*ids, None, robot().pk)
        assert caught.value.permanent
    stranger = tickets.create_ticket(make_report(named=False), actor=robot())
    with pytest.raises(ActionServiceException, match="has no customer"):
        service.close_defendant(stranger)
    Ticket.filter(pk=ticket.pk).update(service=None)
    with pytest.raises(ActionServiceException, match="has no service"):
        service.close_service(Ticket.get(pk=ticket.pk))
    service.close_all_services(Ticket.get(pk=ticket.pk), robot())
    assert [line["type"] for line in written(book)] == ["customer.close_services"]


@pytest.mark.parametrize(
    ("modules", "type_", "offered"),
    [
        (None, "VPS", ["default_action", "suspend", "block port 25", "throttle"]),
        ({}, "VPS", []),
        ({"vps": ["VPS"], "*": ["mail"]}, "VPS", ["default_action", "suspend", "block port 25"]),
        ({"VPS": ["VPS", "net"]}, "vps", ["default_action", "suspend", "throttle"]),
        ({"VPS": ["VPS"], "*": ["mail"]}, None, ["block port 25"]),
        ({"VPS": ["VPS"]}, "web", []),
    ],
)
def test_measures_are_offered_by_type_of_service(
    modules: dict[str, list[str]] | None, type_: str | None, offered: list[str]
) -> None:
    a_measure()
    a_measure("block port 25", "mail")
    a_measure("throttle", "net")
    a_measure("close_service", "closing", "service")
    listed = DryRunActionService(modules=modules).list_actions_for_ticket(a_ticket(component_type=type_))
    assert [action.name for action in listed] == offered


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"modules": {"VPS": "VPS"}}, r"modules\.VPS: 'VPS'; expected a list"),
        ({"modules": {"VPS": [1]}}, r"modules\.VPS: \[1\]; expected a list"),
        ({"file": "/nowhere/at/all"}, "expected a file in a directory that exists"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        DryRunActionService.create(config)


def test_a_book_that_cannot_be_written_is_a_passing_fault(book: Path) -> None:
    service = DryRunActionService(file=str(book))
    book.mkdir()
    with pytest.raises(ActionServiceException, match="Is a directory") as caught:
        service.close_service(a_ticket())
    assert not caught.value.permanent


def test_the_desks_orders_have_their_own_keys(service: DryRunActionService, book: Path) -> None:
    ticket = a_ticket()
    report = Report.filter(ticket=ticket).get()
    ReportItem.create(report=report, item_type="IP", raw_item=IP, network=IP, date=timezone.now())
    job = actions.schedule_action(ticket, a_measure(), due_at=timezone.now(), ip=IP, actor=robot())
    closing = actions.request_service_closing(a_ticket("c2"), "all_services", actor=robot())
    assert workflow.run_due() == 2
    job.refresh_from_db()
    assert (job.status, job.action_todo_id) == ("dry run", f"dry-run-{job.idempotency_key}")
    keys = {line["type"]: line["key"] for line in written(book)}
    assert keys == {"service.action": job.idempotency_key, "customer.close_services": closing.idempotency_key}


def test_the_call_without_a_key_takes_that_of_the_running_order(service: DryRunActionService, book: Path) -> None:
    ticket, measure, now = a_ticket(), a_measure(), timezone.now()
    for key, status, ip in (("mine", "applying", IP), ("other", "applying", None), ("old", "ok", IP)):
        job = ServiceActionJob.create(
            action=measure, creation_date=now - timedelta(days=1), idempotency_key=key, status=status, ip=ip
        )
        ticket.jobs.add(job)
    service.apply_action_on_service(ticket.pk, measure.pk, IP, robot().pk)
    service.apply_action_on_service(a_ticket("c2").pk, measure.pk, IP, robot().pk)
    first, second = (line["key"] for line in written(book))
    assert first == "mine"
    assert second not in ("old", "mine", "other")
    assert len(second) == 32
