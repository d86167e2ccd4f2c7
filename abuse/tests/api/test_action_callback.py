"""Orders that are carried out later: the system answers 202, and calls back."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import connections
from django.utils import timezone
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from abuse.controllers import actions, applying, clocks, correspondence, merging, tickets, workflow
from abuse.controllers.actions import Then
from abuse.controllers.history import robot
from abuse.models import (
    Deadline,
    DeadlineState,
    History,
    OutgoingMessage,
    Report,
    ReportItem,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketStatus,
)
from abuse.services.action.default import DryRunActionService
from abuse.services.action.webhook import WebhookActionService
from abuse.services.facade import facade
from abuse.services.signed_webhook import read_secret, sign
from abuse.tests.controllers.test_tickets import make_ticket
from abuse.tests.controllers.time_machine import pass_time
from abuse.tests.services.phishing.lab import WebServer, page, web_server

pytestmark = pytest.mark.django_db

SECRET = "a secret that both sides know"
OTHER = "another one, that nobody shares"
IP = "203.0.113.7"
PATH = "/api/actions/callback"


@pytest.fixture
def receiver() -> Iterator[WebServer]:
    """The system that carries out measures: it takes every order, and does it later."""
    with web_server({"/orders": page('{"todo_id": "4711", "comment": "queued"}', "202 Accepted")}) as server:
        yield server


@pytest.fixture(autouse=True)
def service(receiver: WebServer) -> Iterator[None]:
    here = facade("ActionServiceBase")
    before = here._implementation
    config = {"url": receiver.url("/orders"), "secret": SECRET, "plaintext": True, "pause_seconds": 0}
    here.set_up(WebhookActionService.create({**config, "callback_seconds": 3600}))
    yield
    here.set_up(before)


def given(then: Then | None = None) -> ServiceActionJob:
    """An order that the system took."""
    ticket = make_ticket()
    report = Report.filter(ticket=ticket).latest("pk")
    ReportItem.create(report=report, item_type="IP", raw_item=IP, network=IP, date=timezone.now())
    correspondence.send_template(ticket, "customer_notification", "c1@customer.example", cause="x", actor=robot())
    measure = ServiceAction.filter(module="VPS").get()
    then = then or Then(resolution="fixed_by_isp")
    job = actions.schedule_action(ticket, measure, due_at=timezone.now(), ip=IP, actor=robot(), then=then)
    assert workflow.run_due() == 1
    return renewed(job)


def renewed(job: ServiceActionJob) -> ServiceActionJob:
    return ServiceActionJob.get(pk=job.pk)


def ticket_of(job: ServiceActionJob) -> Ticket:
    return Ticket.get(jobs=job)


def result(job: ServiceActionJob, status: str = "ok", **more: Any) -> dict[str, Any]:
    return {"type": "order.result", "key": job.idempotency_key, "status": status, **more}


def signed(content: Any, *, secret: str = SECRET, at: float | None = None) -> tuple[dict[str, str], bytes]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    stamp = int(time.time() if at is None else at)
    signature = sign(read_secret(secret), "event-1", stamp, body)
    return {"webhook-id": "event-1", "webhook-timestamp": str(stamp), "webhook-signature": signature}, body


def call(client: FlaskClient, content: Any, **options: Any) -> TestResponse:
    headers, body = signed(content, **options)
    return client.post(PATH, data=body, headers=headers)


def told(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["message"]


def test_an_order_that_was_only_taken_is_waited_for() -> None:
    job = given()
    ticket = ticket_of(job)
    assert (job.status, job.action_todo_id, job.comment, job.execution_date) == ("doing", "4711", "queued", None)
    assert (ticket.status, ticket.action, OutgoingMessage.count()) == (TicketStatus.OPEN, job.action, 1)
    deadline = Deadline.get(kind="service_action")
    assert (deadline.state, deadline.result) == (DeadlineState.PENDING, "pending: queued")
    assert timedelta(minutes=59) < deadline.due_at - timezone.now() < timedelta(minutes=61)
    assert History.get(action_type="ApplyAction").new == "doing"
    assert workflow.run_due() == 0


def test_what_follows_follows_the_callback(client: FlaskClient) -> None:
    job = given()
    assert told(call(client, result(job, todo_id="4712", comment="suspended"))) == (200, "noted")
    job, ticket = renewed(job), ticket_of(job)
    assert (job.status, job.action_todo_id, job.comment) == ("ok", "4712", "suspended")
    assert (ticket.status, ticket.resolution and ticket.resolution.codename) == ("Closed", "fixed_by_isp")
    assert ticket.action is None
    assert OutgoingMessage.filter(template_codename="service_blocked").count() == 1
    assert list(History.filter(action_type="ApplyAction").order_by("pk").values_list("new", flat=True)) == [
        "doing", "ok",
    ]  # fmt: skip
    assert Deadline.get(kind="service_action").state == DeadlineState.DONE
    pass_time(hours=2)
    assert workflow.run_due() == 0


def test_the_same_callback_again_changes_nothing(client: FlaskClient) -> None:
    job = given()
    headers, body = signed(result(job))
    answers = [told(client.post(PATH, data=body, headers=headers)) for _ in range(3)]
    assert answers == [(200, "noted"), (200, "known already"), (200, "known already")]
    assert told(call(client, result(job, comment="again"))) == (200, "known already")
    assert (History.filter(action_type="ApplyAction").count(), OutgoingMessage.count()) == (2, 2)


def test_a_failure_is_put_to_a_person(client: FlaskClient) -> None:
    job = given()
    assert told(call(client, result(job, "failed", comment="no such machine"))) == (200, "noted")
    job, ticket = renewed(job), ticket_of(job)
    assert (job.status, job.comment, ticket.status) == ("actionError", "no such machine", "ActionError")
    assert History.filter(action_type="ChangeStatus").latest("pk").refs["reason"] == "no such machine"
    assert OutgoingMessage.count() == 1
    answer = call(client, result(job, "ok"))
    assert told(answer) == (409, f"status: 'ok', but order '{job.idempotency_key}' has ended with 'actionError'")
    assert renewed(job).status == "actionError"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secret": OTHER}, "callback: header webhook-signature: is not ours"),
        ({"seconds_from_now": -400}, "is more than 300 seconds from now"),
        ({"seconds_from_now": 400}, "is more than 300 seconds from now"),
    ],
)
def test_a_callback_that_is_not_ours_changes_nothing(
    client: FlaskClient, options: dict[str, Any], message: str
) -> None:
    job = given()
    if "seconds_from_now" in options:
        # Of this moment, not of that at which the tests were collected: they may run for minutes before this one.
        options = {"at": time.time() + options["seconds_from_now"]}
    status, said = told(call(client, result(job), **options))
    assert (status, message in said) == (401, True), said
    assert renewed(job).status == "doing"


def test_a_callback_without_a_signature_or_with_another_body_changes_nothing(client: FlaskClient) -> None:
    job = given()
    assert told(client.post(PATH, json=result(job))) == (401, "callback: header webhook-id: is missing")
    headers, _ = signed(result(job, "failed"))
    answer = client.post(PATH, data=json.dumps(result(job)), headers=headers)
    assert answer.status_code == 401
    assert renewed(job).status == "doing"


def test_a_callback_that_says_nothing_clear_is_refused(client: FlaskClient) -> None:
    job = given()
    assert told(call(client, result(job, "perhaps"))) == (400, "callback: status: 'perhaps'; expected ok or failed")
    assert told(call(client, b"[]"))[0] == 400
    unknown = {**result(job), "key": "nobodys"}
    assert told(call(client, unknown)) == (404, "key: 'nobodys'; expected that of an order")
    assert call(client, result(job, comment="x" * 70_000)).status_code == 413
    assert renewed(job).status == "doing"


def test_an_order_that_was_never_given_has_no_result(client: FlaskClient) -> None:
    job = given()
    ServiceActionJob.filter(pk=job.pk).update(status="cancelled")
    assert told(call(client, result(job))) == (
        409,
        f"key: order '{job.idempotency_key}' is cancelled: it was never given",
    )


def test_a_callback_that_never_comes_is_put_to_a_person_and_a_late_one_is_written_down(client: FlaskClient) -> None:
    job = given()
    pass_time(minutes=61)
    assert workflow.run_due() == 1
    job, ticket = renewed(job), ticket_of(job)
    assert (job.status, ticket.status, ticket.action) == ("unknown", "ActionError", None)
    assert (job.comment or "").startswith("unknown result: the system took the order and did not say in time")
    assert Deadline.get(kind="service_action").state == DeadlineState.FAILED
    assert told(call(client, result(job, comment="suspended"))) == (
        200, "noted, but too late: a person sees to the ticket",
    )  # fmt: skip
    job = renewed(job)
    assert (job.status, job.comment, ticket_of(job).status) == ("ok", "late: suspended", "ActionError")
    assert OutgoingMessage.count() == 1
    assert told(call(client, result(job))) == (200, "known already")


def test_a_callback_may_be_faster_than_the_answer(client: FlaskClient, receiver: WebServer) -> None:
    """The system calls back before its 202 is read."""
    ticket = make_ticket()
    report = Report.filter(ticket=ticket).latest("pk")
    ReportItem.create(report=report, item_type="IP", raw_item=IP, network=IP, date=timezone.now())
    measure = ServiceAction.filter(module="VPS").get()
    job = actions.schedule_action(ticket, measure, due_at=timezone.now(), ip=IP, actor=robot())
    order = applying._begin(Deadline.get(kind="service_action").pk, moment=timezone.now(), actor=robot())
    assert isinstance(order, applying._Order)
    answer = applying._ask(order)
    assert told(call(client, result(job))) == (200, "noted")
    applying._finish(order, answer, actor=robot())
    assert (renewed(job).status, ticket_of(job).status) == ("ok", "Alarm")
    assert History.filter(action_type="ApplyAction").count() == 1


def test_a_measure_that_is_being_taken_is_neither_taken_back_nor_stopped_by_a_pause(client: FlaskClient) -> None:
    job = given()
    ticket = ticket_of(job)
    assert actions.cancel_pending(ticket, reason="too late", actor=robot()) == 0
    clocks.pause(ticket, 7200, actor=robot())
    assert told(call(client, result(job))) == (200, "noted")
    assert (renewed(job).status, ticket_of(job).status) == ("ok", "Paused")


def test_a_customer_who_answers_meanwhile_is_left_to_people(client: FlaskClient) -> None:
    job = given()
    tickets.set_status(ticket_of(job), TicketStatus.ANSWERED, actor=robot())
    assert told(call(client, result(job))) == (200, "noted")
    assert ticket_of(job).status == "Answered"


def test_a_merged_ticket_hands_the_end_of_its_measure_on(client: FlaskClient) -> None:
    job = given()
    source = ticket_of(job)
    Ticket.filter(pk=source.pk).update(update=False)
    target = make_ticket()
    merging.merge(source, target, actor=robot())
    assert told(call(client, result(job, "failed", comment="no such machine"))) == (200, "noted")
    target.refresh_from_db()
    assert target.status == "ActionError"
    assert History.filter(ticket=target, action_type="ApplyAction", new="actionError").exists()


def test_closing_a_service_is_waited_for_as_well(client: FlaskClient, receiver: WebServer) -> None:
    ticket = make_ticket()
    assert ticket.service is not None
    job = actions.request_service_closing(ticket, "service", actor=robot())
    workflow.run_due()
    assert renewed(job).status == "doing"
    assert json.loads(receiver.heads[-1].partition("\r\n\r\n")[2])["key"] == job.idempotency_key
    assert told(call(client, result(job))) == (200, "noted")
    assert (renewed(job).status, ticket_of(job).status) == ("ok", "Alarm")


def test_a_service_that_is_not_told_has_no_callbacks(client: FlaskClient) -> None:
    job = given()
    facade("ActionServiceBase").set_up(DryRunActionService())
    expected = (404, "There is no action service that takes callbacks")
    assert told(call(client, result(job))) == expected
    facade("ActionServiceBase").set_up(None)
    assert told(call(client, result(job))) == expected
    pass_time(minutes=61)
    assert workflow.run_due() == 1
    assert ticket_of(job).status == "ActionError"


@pytest.mark.django_db(transaction=True)
def test_a_system_that_calls_back_over_http_several_times_at_once_is_heard_once(app: APIFlask) -> None:
    """A real system: it answers 202, and then calls the real door, from several threads."""
    answers: list[int] = []
    callers: list[threading.Thread] = []
    gate = threading.Event()
    door = make_server("127.0.0.1", 0, app, threaded=True)

    def call_back(key: str) -> None:
        gate.wait(20)
        headers, body = signed({"type": "order.result", "key": key, "status": "ok"})
        connection = http.client.HTTPConnection("127.0.0.1", door.server_port, timeout=20)
        connection.request("POST", PATH, body=body, headers=headers)
        answers.append(connection.getresponse().status)
        connection.close()

    def take(client: socket.socket) -> None:
        key = json.loads(system.heads[-1].partition("\r\n\r\n")[2])["key"]
        callers.extend(threading.Thread(target=call_back, args=[key]) for _ in range(3))
        for caller in callers:
            caller.start()
        client.sendall(page('{"todo_id": "4711"}', "202 Accepted"))

    serving = threading.Thread(target=door.serve_forever, daemon=True)
    serving.start()
    app.teardown_appcontext_funcs.append(lambda error: connections.close_all())
    try:
        with web_server({"/orders": take}) as system:
            config = {"url": system.url("/orders"), "secret": SECRET, "plaintext": True}
            facade("ActionServiceBase").set_up(WebhookActionService.create(config))
            job = given()
            assert job.status == "doing"
            gate.set()
            for caller in callers:
                caller.join(20)
    finally:
        app.teardown_appcontext_funcs.pop()
        door.shutdown()
        door.server_close()
        serving.join(20)
    assert answers == [200, 200, 200]
    assert (renewed(job).status, ticket_of(job).status) == ("ok", "Closed")
    assert History.filter(action_type="ApplyAction", new="ok").count() == 1
    assert OutgoingMessage.filter(template_codename="service_blocked").count() == 1
