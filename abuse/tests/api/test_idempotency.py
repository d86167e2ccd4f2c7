"""A POST that is sent again with the same Idempotency-Key is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import OperationalError, connections
from django.utils import timezone
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from abuse.controllers import idempotency
from abuse.controllers.idempotency import forget_old_keys
from abuse.models import ApiToken, IdempotentCall, News, TicketComment, Webhook

from .conftest import PASSWORD, Caller, MakeCaller
from .rows import a_ticket

pytestmark = pytest.mark.django_db
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
NEWS = {"title": "Maintenance", "content": "At night."}


def post(caller: Caller, path: str = "/api/news", body: Any = NEWS, key: str = KEY) -> TestResponse:
    return caller.client.post(path, json=body, headers={"X-Api-Token": caller.token, "Idempotency-Key": key})


@pytest.fixture
def ann(make_caller: MakeCaller) -> Caller:
    return make_caller("ann", {"Phishing": "Expert"})


def test_the_same_call_with_the_same_key_is_answered_as_before_and_done_once(ann: Caller) -> None:
    first, second = post(ann), post(ann)
    assert first.status_code == second.status_code == 200
    assert second.get_json() == first.get_json()
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert second.content_type == first.content_type
    assert News.count() == 1
    assert post(ann, key=f'"{KEY}"').get_json() == first.get_json(), "quoted, as the draft writes it"
    assert News.count() == 1


def test_without_a_key_each_call_is_done(ann: Caller) -> None:
    for _ in range(2):
        assert ann.client.post("/api/news", json=NEWS, headers={"X-Api-Token": ann.token}).status_code == 200
    assert News.count() == 2
    assert IdempotentCall.count() == 0


def test_a_key_that_was_used_for_something_else_is_refused(ann: Caller) -> None:
    assert post(ann).status_code == 200
    other_body = post(ann, body={**NEWS, "title": "Other"})
    ticket = a_ticket()
    other_path = post(ann, f"/api/tickets/{ticket.pk}/comments", {"comment": "x"})
    for answer in (other_body, other_path):
        assert answer.status_code == 422
        assert KEY in answer.get_json()["message"]
    assert (News.count(), TicketComment.count()) == (1, 0)


def test_users_do_not_share_keys(ann: Caller, make_caller: MakeCaller) -> None:
    bob = make_caller("bob", {"Phishing": "Expert"})
    assert post(ann).get_json()["id"] != post(bob).get_json()["id"]


def test_a_refusal_is_answered_again_too(ann: Caller) -> None:
    first = post(ann, "/api/tickets/1/comments", {"comment": "x"})
    second = post(ann, "/api/tickets/1/comments", {"comment": "x"})
    assert first.status_code == second.status_code == 404
    assert second.get_json() == first.get_json()
    assert second.headers["Idempotency-Replayed"] == "true"


def test_an_error_of_the_server_is_not_kept(ann: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**columns: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(News, "create", away)
        assert post(ann).status_code == 503
    assert IdempotentCall.count() == 0
    assert post(ann).status_code == 200
    assert News.count() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é", "a\tb", '"'])
def test_a_key_that_is_none_is_refused(ann: Caller, key: str) -> None:
    answer = post(ann, key=key)
    assert (answer.status_code, News.count()) == ((400, 0) if key != '"' else (200, 1))
    assert key == '"' or "Idempotency-Key" in answer.get_json()["message"]


def test_while_the_first_call_runs_the_second_waits_its_turn(ann: Caller) -> None:
    row_id = post(ann) and IdempotentCall.get().pk
    IdempotentCall.filter(pk=row_id).update(status=None, body=None)
    answer = post(ann)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")
    IdempotentCall.filter(pk=row_id).update(created_at=timezone.now() - idempotency.LONGEST_CALL)
    answer = post(ann)
    assert answer.status_code == 409
    assert "Retry-After" not in answer.headers
    assert "may have been carried out or not" in answer.get_json()["message"]
    assert News.count() == 1


def test_an_answer_that_is_too_large_is_not_kept_and_the_call_not_repeated(
    ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWER_BYTES", 10)
    assert post(ann).status_code == 200
    answer = post(ann)
    assert answer.status_code == 409
    assert "answered with 200" in answer.get_json()["message"]
    assert (News.count(), IdempotentCall.get().body) == (1, None)


def test_keys_are_forgotten_after_a_day(ann: Caller) -> None:
    post(ann)
    post(ann, key="another")
    IdempotentCall.filter(key=KEY).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert post(ann).headers.get("Idempotency-Replayed") is None
    assert News.count() == 3
    IdempotentCall.filter(key=KEY).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert forget_old_keys() == 1
    assert [row.key for row in IdempotentCall.all()] == ["another"]


def test_answers_with_secrets_are_not_kept(ann: Caller) -> None:
    order = {"name": "ci", "scopes": ["read"], "days": 1}
    assert post(ann, "/api/users/me/tokens", order).status_code == 200
    kept = IdempotentCall.get()
    assert (kept.status, kept.body, kept.headers) == (200, None, {})


@pytest.mark.parametrize(
    ("path", "order", "made"),
    [
        ("/api/users/me/tokens", {"name": "ci", "scopes": ["read"]}, lambda: ApiToken.filter(name="ci").count()),
        ("/api/webhooks", {"url": "https://hooks.example.net/", "events": ["ticket.created"]}, Webhook.count),
    ],
)
def test_what_was_answered_with_a_secret_is_not_made_twice(
    make_caller: MakeCaller, path: str, order: dict[str, Any], made: Callable[[], int]
) -> None:
    boss = make_caller("boss", {"Spam": "Expert"}, role="admin")
    assert post(boss, path, order).status_code == 200
    again = post(boss, path, order)
    assert (again.status_code, made()) == (409, 1)
    assert "answered with 200, but its answer was not kept: it held a secret" in again.get_json()["message"]
    assert post(boss, path, {**order, "name": "x", "description": "x"}).status_code == 422


def test_passwords_leave_no_trace_under_a_key(ann: Caller) -> None:
    post(ann, "/api/users/me/totp", {"password": PASSWORD})
    post(ann, "/api/auth", {"name": "ann", "password": PASSWORD})
    assert IdempotentCall.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_at_once_one_is_carried_out(app: APIFlask, ann: Caller) -> None:
    gate = threading.Barrier(6)
    answers: list[TestResponse] = []

    def call() -> None:
        client: FlaskClient = app.test_client()
        try:
            gate.wait(20)
            answers.append(
                client.post("/api/news", json=NEWS, headers={"X-Api-Token": ann.token, "Idempotency-Key": KEY})
            )
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 6
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.get_json()["id"] for answer in done}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in done) == 1
    assert (News.count(), post(ann).status_code) == (1, 200)


def test_the_document_names_the_header_where_it_is_taken(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").get_json()["paths"]
    taking = {
        (path, method)
        for path, item in paths.items()
        for method, operation in item.items()
        if any(one["name"] == "Idempotency-Key" for one in operation["parameters"])
    }
    assert {method for _, method in taking} == {"post"}
    assert {("/api/news", "post"), ("/api/submissions", "post"), ("/api/tickets", "post")} <= taking
    assert not {path for path, _ in taking} & {"/api/auth", "/api/session", "/api/users/me/totp", "/api/logout"}
