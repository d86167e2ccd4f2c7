"""Measures taken by a system that is told over HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from abuse.controllers.history import robot
from abuse.services.action import ActionServiceException
from abuse.services.action.webhook import WebhookActionService
from abuse.services.signed_webhook import read_secret, sign, verify
from abuse.tests.services.phishing.lab import WebServer, page, web_server

from .orders import IP, a_measure, a_ticket, an_order

SECRET = "a secret that both sides know"
OTHER = "another one, for callbacks only"


def service(server: WebServer | None = None, **config: Any) -> WebhookActionService:
    url = server.url("/orders") if server else "http://127.0.0.1:1/"
    base = {"url": url, "secret": SECRET, "plaintext": True, "attempts": 2, "pause_seconds": 0, "timeout_seconds": 2}
    return WebhookActionService.create({**base, **config})


def callback(content: Any, *, secret: str = SECRET, at: float | None = None) -> tuple[dict[str, str], bytes]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    stamp = int(time.time() if at is None else at)
    signature = sign(read_secret(secret), "event-1", stamp, body)
    return {"webhook-id": "event-1", "webhook-timestamp": str(stamp), "webhook-signature": signature}, body


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page('{"todo_id": 4711, "status": "ok", "comment": "suspended"}'), ("4711", "ok", "suspended")),
        (page(""), ("", "ok", "")),
        (page("{}", "201 Created"), ("", "ok", "")),
        (page('{"todo_id": "t"}', "202 Accepted"), ("t", "pending", "")),
        (page('{"status": "queued"}', "202 Accepted"), ("", "queued", "")),
        (
            page(json.dumps({"todo_id": "x" * 500, "comment": "a\x00\n" + "b" * 500})),
            ("x" * 128, "ok", "a" + "b" * 253),
        ),
    ],
)
def test_what_is_answered(answer: bytes, expected: tuple[str, str, str]) -> None:
    with web_server({"/orders": answer}) as server:
        result = service(server).carry_out(an_order())
    assert (result.todo_id, result.status, result.comment) == expected


@pytest.mark.django_db
def test_an_order_is_signed_and_has_the_key_of_the_job() -> None:
    ticket = a_ticket()
    with web_server({"/orders": page("{}")}) as server:
        service(server).apply_action_once(ticket.pk, a_measure().pk, IP, robot().pk, idempotency_key="job-key")
        service(server).close_service(ticket, robot())
    for raw, kind in zip(server.heads, ("service.action", "service.close"), strict=True):
        head, _, body = raw.partition("\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        content = json.loads(body)
        assert verify([read_secret(SECRET)], headers, body.encode("latin-1")) == content["key"]
        assert headers["Idempotency-Key"] == content["key"]
        assert (content["type"], content["customer"]) == (kind, "c1")
    assert json.loads(server.heads[0].partition("\r\n\r\n")[2])["key"] == "job-key"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "permanent", "calls"), [("503 X", False, 2), ("404 X", True, 1), ("302 X", True, 1)]
)
def test_a_fault_is_temporary_or_permanent(status: str, permanent: bool, calls: int) -> None:
    with web_server({"/orders": page("why", status)}) as server:
        with pytest.raises(ActionServiceException, match="why") as caught:
            service(server).carry_out(an_order())
        assert (caught.value.permanent, len(server.heads)) == (permanent, calls)


@pytest.mark.django_db
@pytest.mark.parametrize("content", ['{"status": ["ok"]}', '{"todo_id": true}', '{"comment": {}}'])
def test_an_answer_of_another_form_is_a_fault(content: str) -> None:
    with web_server({"/orders": page(content)}) as server, pytest.raises(ActionServiceException, match="a text"):
        service(server).carry_out(an_order())


def test_a_callback_says_how_an_order_ended() -> None:
    content = {"type": "order.result", "key": "job-key", "status": "ok", "todo_id": "4711", "comment": "done"}
    result = service().read_callback(*callback(content))
    assert (result.key, result.result.todo_id, result.result.status, result.result.comment) == (
        "job-key", "4711", "ok", "done",
    )  # fmt: skip
    headers, body = callback(content, at=1000, secret=OTHER)
    assert service(callback_secrets=[SECRET, OTHER]).read_callback(headers, body, now=1100).key == "job-key"


GOOD = {"type": "order.result", "key": "k", "status": "ok"}


@pytest.mark.parametrize(
    ("content", "secret", "at", "fault"),
    [
        (GOOD, OTHER, None, "is not ours"),
        (GOOD, SECRET, 1000.0, "more than 300 seconds"),
        # an order of ours, sent back to us
        ({**GOOD, "type": "service.action"}, SECRET, None, "of the type order.result"),
        ([GOOD], SECRET, None, "expected a JSON object"),
        (b"nonsense", SECRET, None, "expected a JSON object"),
        (b"[" * 100_000, SECRET, None, "expected a JSON object"),
        ({**GOOD, "key": ""}, SECRET, None, "key: ''"),
        ({**GOOD, "key": 5}, SECRET, None, "key: '5'"),
        ({**GOOD, "key": "k" * 65}, SECRET, None, "key: 'kkk"),
        ({**GOOD, "status": None}, SECRET, None, "status: is missing"),
        ({**GOOD, "status": {}}, SECRET, None, "status"),
        ({**GOOD, "status": 1.5}, SECRET, None, "expected a text"),
    ],
)
def test_any_other_callback_is_refused(content: Any, secret: str, at: float | None, fault: str) -> None:
    with pytest.raises(ActionServiceException, match=fault) as caught:
        service().read_callback(*callback(content, secret=secret, at=at))
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"secret": "x"}, "secret: 1 bytes"),
        ({"callback_secrets": ["x"]}, "callback_secrets: 1 bytes"),
        ({"plaintext": False}, "expected https://"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        service(**config)
