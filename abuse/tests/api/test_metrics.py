"""What Prometheus reads, and who may read it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from abuse.api import desk_metrics, metrics
from abuse.config import current
from abuse.config.web import Metrics
from abuse.models import Deadline, DriftAlarm, Email, OutgoingMessage, Provider, Report
from abuse.queues import queue

from .rows import a_report, a_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue_server")]

TOKEN = "a token of some length"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sets API.metrics; without a cache, so that each reading is new."""

    def configure(**values: Any) -> None:
        section = Metrics.model_validate({"cache_seconds": 0, **values})
        changed = current().model_copy(update={"API": current().API.model_copy(update={"metrics": section})})
        monkeypatch.setattr(metrics, "current", lambda: changed)

    monkeypatch.setattr(metrics, "_last", {})
    configure()
    yield configure


def read(client: FlaskClient, **headers: str) -> Samples:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Cache-Control"] == "no-store"
    families = list(text_string_to_metric_families(response.get_data(as_text=True)))
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, tuple(sorted(labels.items()))))


def a_mail(state: str, *, minutes: float = 0, took: float | None = None) -> Email:
    number = Email.count()
    received = timezone.now() - timedelta(minutes=minutes)
    done = None if took is None else received + timedelta(seconds=took)
    return Email.create(
        sha256=f"{number:064}", size=1, source="test", received_at=received, last_delivered_at=received, state=state,
        next_attempt_at=received, done_at=done,
    )  # fmt: skip


def test_an_empty_desk_has_all_its_numbers(client: FlaskClient) -> None:
    samples = read(client)
    assert value(samples, "cerberus_mails", state="received") == 0
    assert value(samples, "cerberus_oldest_waiting_mail_seconds") == 0
    assert value(samples, "cerberus_workers") == 0
    parts = {labels[0][1]: ok for (name, labels), ok in samples.items() if name == "cerberus_scrape_success"}
    assert parts == dict.fromkeys(["mails", "outbox", "deadlines", "tickets", "reports", "drift", "queues"], 1)


def test_mails_are_counted_by_state_and_age(client: FlaskClient) -> None:
    a_mail("received", minutes=30)
    a_mail("processing", minutes=45)
    a_mail("failed", minutes=90)
    for took in (1, 2, 3):
        a_mail("processed", minutes=5, took=took)
    a_mail("processed", minutes=60, took=1000)
    samples = read(client)
    states = ("received", "processing", "failed", "processed")
    assert [value(samples, "cerberus_mails", state=state) for state in states] == [1, 1, 1, 4]
    assert (value(samples, "cerberus_oldest_waiting_mail_seconds") or 0) == pytest.approx(45 * 60, abs=30)
    assert value(samples, "cerberus_recent_mail_seconds", quantile="0.5") == pytest.approx(2)
    assert value(samples, "cerberus_recent_mail_seconds", quantile="1.0") == pytest.approx(3)


def test_work_that_lies_about_is_counted(client: FlaskClient) -> None:
    now = timezone.now()
    ticket = a_ticket("Spam", sla_breached_at=now)
    a_ticket("Spam", status="Closed")
    paused = a_ticket("Phishing", status="Paused", pause_start=now, pause_duration=60)
    a_report("Spam", ticket=ticket)
    Report.filter(pk=a_report("Malware").pk).update(status="Archived")
    late, ahead = now - timedelta(minutes=1), now + timedelta(hours=1)
    for moment, about in ((late, ticket), (ahead, ticket), (late, paused)):
        Deadline.create(kind="task", ticket=about, due_at=moment, created_at=now)
    Deadline.create(kind="service_action", ticket=ticket, due_at=ahead, created_at=now, payload={"doing": True})
    for number, state in enumerate(("pending", "sent", "failed", "failed")):
        OutgoingMessage.create(
            dedupe_key=str(number), message_id=str(number), category="Other", sender="a@b.example", state=state,
            recipient="c@d.example", subject="s", body="b", created_at=now - timedelta(minutes=7), next_attempt_at=now,
        )  # fmt: skip
    provider = Provider.create(email="scan@reporter.example")
    DriftAlarm.create(kind="no_items", provider=provider, message="m", raised_at=now)
    DriftAlarm.create(kind="no_mails", provider=provider, message="m", raised_at=now, settled_at=now)
    queue("email").enqueue("abuse.tasks.email.work_the_inbox")
    samples = read(client)
    assert value(samples, "cerberus_tickets", status="Open", category="Spam") == 1
    assert value(samples, "cerberus_tickets", status="Paused", category="Phishing") == 1
    assert value(samples, "cerberus_tickets", status="Closed", category="Spam") is None
    assert value(samples, "cerberus_tickets_late") == 1
    assert value(samples, "cerberus_reports", status="Attached", category="Spam") == 1
    assert not [labels for name, labels in samples if ("status", "Archived") in labels]
    assert value(samples, "cerberus_deadlines", kind="task") == 2
    assert value(samples, "cerberus_deadlines_overdue", kind="task") == 1
    assert value(samples, "cerberus_deadlines_overdue", kind="service_action") == 0
    assert value(samples, "cerberus_actions_doing") == 1
    assert [value(samples, "cerberus_outbox", state=one) for one in ("pending", "sent", "failed")] == [1, 1, 2]
    assert value(samples, "cerberus_oldest_unsent_mail_seconds") == pytest.approx(420, abs=30)
    assert value(samples, "cerberus_drift_alarms", kind="no_items") == 1
    assert value(samples, "cerberus_drift_alarms", kind="no_mails") == 0
    assert value(samples, "cerberus_queue_jobs", queue="email") == 1
    assert value(samples, "cerberus_queue_failed_jobs", queue="email") == 0


def test_requests_are_counted_by_what_answered_them(client: FlaskClient) -> None:
    def seen(**labels: str) -> float:
        return value(read(client), "cerberus_http_requests_total", **labels) or 0

    before = seen(method="GET", endpoint="monitor.ping", status="200")
    unknown = seen(method="other", endpoint="none", status="405") + seen(method="other", endpoint="none", status="404")
    refused = seen(method="GET", endpoint="tickets.list_tickets", status="401")
    client.get("/api/monitor")
    client.open("/no/such/path", method="BREW")
    client.get("/api/tickets")
    assert seen(method="GET", endpoint="monitor.ping", status="200") == before + 1
    assert seen(method="other", endpoint="none", status="404") + seen(
        method="other", endpoint="none", status="405"
    ) == (unknown + 1)
    assert seen(method="GET", endpoint="tickets.list_tickets", status="401") == refused + 1
    assert value(read(client), "cerberus_http_request_seconds_count", method="GET") is not None


@pytest.mark.parametrize(
    ("values", "options", "status"),
    [
        ({}, {}, 200),
        ({}, {"environ_base": {"REMOTE_ADDR": "::1"}, "headers": {"Host": "[::1]:5000"}}, 200),
        ({}, {"headers": {"Host": "127.0.0.1:5000"}}, 200),
        ({}, {"environ_base": {"REMOTE_ADDR": "192.0.2.9"}}, 403),
        ({}, {"environ_base": {"REMOTE_ADDR": ""}}, 403),
        # a proxy on this machine
        ({}, {"headers": {"X-Forwarded-For": "127.0.0.1"}}, 403),
        ({}, {"headers": {"Via": "1.1 proxy"}}, 403),
        ({}, {"headers": {"Host": "abuse.example.net"}}, 403),
        ({}, {"headers": {"Host": "127.0.0.1.evil.example"}}, 403),
        ({"networks": ["192.0.2.0/24"]}, {"environ_base": {"REMOTE_ADDR": "192.0.2.9"}}, 200),
        ({"networks": ["192.0.2.0/24"]}, {}, 403),
        ({"networks": []}, {}, 403),
        ({"token": TOKEN}, {}, 401),
        ({"token": TOKEN}, {"headers": {"Authorization": f"Bearer {TOKEN}x"}}, 401),
        ({"token": TOKEN}, {"headers": {"Authorization": "Bearer "}}, 401),
        ({"token": TOKEN}, {"headers": {"Authorization": "Bearer \xe9"}}, 401),
        ({"token": TOKEN}, {"headers": {"Authorization": f"Bearer {TOKEN}", "Host": "abuse.example.net"}}, 200),
        ({"enabled": False}, {}, 404),
    ],
)
def test_who_may_read(
    client: FlaskClient, configured: Any, values: dict[str, Any], options: dict[str, Any], status: int
) -> None:
    configured(**values)
    response = client.get("/metrics", **options)
    assert response.status_code == status
    assert (b"cerberus_mails" in response.data) == (status == 200)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected at least 16 characters"):
        Metrics.model_validate({"token": "short"})


def test_a_statement_that_takes_too_long_costs_its_part_only(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(now: object) -> Iterator[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        yield

    monkeypatch.setitem(desk_metrics._PARTS, "reports", slow)
    monkeypatch.setattr(desk_metrics, "STATEMENT_MILLISECONDS", 200)
    samples = read(client)
    assert value(samples, "cerberus_scrape_success", part="reports") == 0
    assert value(samples, "cerberus_scrape_success", part="drift") == 1
    assert value(samples, "cerberus_mails", state="received") == 0


def test_when_the_time_is_over_the_rest_is_missing(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_metrics, "SECONDS", 0.0)
    samples = read(client)
    assert value(samples, "cerberus_scrape_success", part="mails") == 0
    assert value(samples, "cerberus_mails", state="received") is None


def test_a_redis_that_is_away_costs_its_part_only(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_timeout=1, socket_connect_timeout=1)
    monkeypatch.setattr(desk_metrics, "impatient_connection", lambda seconds: away)
    samples = read(client)
    assert value(samples, "cerberus_scrape_success", part="queues") == 0
    assert value(samples, "cerberus_scrape_success", part="mails") == 1


def test_the_database_is_asked_once_for_all_who_read_at_the_same_time(client: FlaskClient, configured: Any) -> None:
    configured(cache_seconds=60)
    assert value(read(client), "cerberus_mails", state="received") == 0
    a_mail("received")
    assert value(read(client), "cerberus_mails", state="received") == 0
    configured(cache_seconds=0)
    assert value(read(client), "cerberus_mails", state="received") == 1


def test_a_reading_is_a_few_statements(client: FlaskClient, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(40) as statements:
        read(client)
    asked = [
        one["sql"] for one in statements.captured_queries if one["sql"].startswith("SELECT") and "FROM" in one["sql"]
    ]
    assert len(asked) <= 12


def test_servers_of_several_processes_add_up_their_requests(tmp_path: Any) -> None:
    """Two processes count, and a third one shows what both counted."""
    count = "from abuse.api import metrics; metrics.REQUESTS.labels('GET', 'monitor.ping', '200').inc()"
    show = (
        "from abuse.api import metrics; from prometheus_client import generate_latest;"
        "print(generate_latest(metrics._process_registry()).decode())"
    )
    start = "from abuse.bootstrap import set_up; set_up();"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for program in (count, count, show):
        done = subprocess.run(
            [sys.executable, "-c", start + program], env=environment, capture_output=True, text=True, check=True
        )
    line = 'cerberus_http_requests_total{endpoint="monitor.ping",method="GET",status="200"} 2.0'
    assert line in done.stdout.splitlines()
