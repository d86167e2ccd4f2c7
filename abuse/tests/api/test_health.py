"""How the desk says that it is well, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from abuse.api import health
from abuse.models import Deadline
from abuse.queues import impatient_connection
from abuse.services.facade import facade
from abuse.services.shared import LEFT_ALONE

from .conftest import Caller
from .rows import a_mail, a_report

pytestmark = pytest.mark.django_db


def states(root: Caller) -> tuple[str, dict[str, tuple[str, str]]]:
    answer = root.get("/api/health")
    assert answer.status_code == 200
    body = answer.get_json()
    return body["state"], {part["name"]: (part["state"], part["message"]) for part in body["parts"]}


def test_every_part_is_named_and_the_worst_counts(root: Caller) -> None:
    state, parts = states(root)
    assert set(parts) == {
        "database", "redis", "workers", "scheduler", "mails", "outbox", "reporters", "neighbours", *health.SERVICES,
    }  # fmt: skip
    assert (parts["database"], parts["workers"][0], state) == (("ok", "answers"), "down", "down")


def test_what_is_late_or_failed_shows(root: Caller) -> None:
    ago = timezone.now() - timedelta(hours=1)
    report = a_report()
    Deadline.create(kind=Deadline.Kind.TASK, report=report, due_at=ago, created_at=ago, payload={})
    a_mail("failed")
    _, parts = states(root)
    assert parts["scheduler"] == ("degraded", "1 deadlines are overdue; does run-scheduler run?")
    assert parts["mails"] == ("degraded", "1 could not be worked off and wait for a person")
    assert parts["outbox"][0] == parts["reporters"][0] == "ok"


def test_a_server_that_is_away_is_down_and_the_others_are_asked(root: Caller, monkeypatch: Any) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_timeout=1, socket_connect_timeout=1)
    monkeypatch.setattr("abuse.api.health.impatient_connection", lambda seconds: away)
    state, parts = states(root)
    assert (state, parts["redis"][0], parts["database"][0]) == ("down", "down", "ok")


def test_a_service_that_is_needed_and_not_there_shows(root: Caller) -> None:
    crm = facade("CRMServiceBase")
    there = crm._implementation
    crm.set_up(None)
    try:
        _, parts = states(root)
    finally:
        crm.set_up(there)
    assert parts["CRMServiceBase"] == ("degraded", "IMPLEMENTATIONS.CRMServiceBase names no class")


def test_systems_that_are_left_alone_are_named(root: Caller) -> None:
    LEFT_ALONE.share_by(lambda: impatient_connection(1.0))
    try:
        LEFT_ALONE.note("rdap.example", 30)
        _, parts = states(root)
        LEFT_ALONE.forget("rdap.example")
    finally:
        LEFT_ALONE.share_by(None)
    assert parts["neighbours"] == ("degraded", "left alone since they do not answer: rdap.example")
