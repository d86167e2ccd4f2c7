"""Versions of what can be edited: nobody overwrites what he has not seen, and nothing known is sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import connection, connections, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from werkzeug.test import TestResponse

from abuse.api.etags import VERSIONED
from abuse.controllers import flags, tickets
from abuse.controllers.versions import ALL, TICKET, lock, version_of
from abuse.models import (
    BusinessRules,
    Category,
    MailTemplate,
    News,
    Provider,
    Report,
    ReportThreshold,
    Tag,
    Ticket,
    User,
    Webhook,
)

from .conftest import Caller, MakeCaller
from .rows import a_defendant, a_provider, a_report, a_tag, a_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(make_caller: MakeCaller) -> Caller:
    return make_caller("boss", {"Phishing": "Expert", "Spam": "Expert"}, role="admin")


def send(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
    sent = {"X-Api-Token": caller.token, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return caller.client.open(path, method=method, json=body, headers=sent)


def etag(caller: Caller, path: str) -> str:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    tag = answer.headers["ETag"]
    assert not tag.startswith("W/")
    return tag


def _news(boss: Caller) -> News:
    send(boss, "POST", "/api/news", {"title": "a", "content": "b"})
    return News.get()


Make = Callable[[Caller], tuple[str, Any, Any]]
"""Makes something: its path, a body that changes it, and one that changes it again."""


def _new_category() -> str:
    return Category.create(name="Bots", label="Bots", description="Bots").pk


def _threshold() -> ReportThreshold:
    return ReportThreshold.create(category_id=_new_category(), threshold=3, interval=3)


def _preset(boss: Caller) -> int:
    made = send(boss, "POST", "/api/presets", {"name": "First"}).get_json()
    return int(made["id"])


def _template(boss: Caller) -> str:
    return f"/api/emailTemplates/{MailTemplate.all()[0].pk}"


def _webhook(boss: Caller) -> int:
    made = send(boss, "POST", "/api/webhooks", {"url": "https://hooks.example.net/", "events": ["ticket.created"]})
    return int(made.get_json()["id"])


def _in_directory(boss: Caller, **changes: str) -> dict[str, Any]:
    service = {"serviceId": "s-1", "name": "vps", "componentType": "VPS", "resources": [{"network": "203.0.113.7/32"}]}
    known = {"email": "ann@shop.example", "creationDate": "2024-01-31T00:00:00Z", **changes}
    return {"customer": {"customerId": "c-1", **known, "services": [service]}}


def _role(boss: Caller) -> int:
    return int(send(boss, "POST", "/api/roles", {"codename": "night"}).get_json()["id"])


def _customer(boss: Caller) -> str:
    path = "/api/customers/c-1"
    assert send(boss, "PUT", path, _in_directory(boss)).status_code == 200
    return path


THINGS: dict[str, Make] = {
    "role": lambda boss: (f"/api/roles/{_role(boss)}", {"name": "Night"}, {"name": "Day"}),
    "webhook": lambda boss: (
        f"/api/webhooks/{_webhook(boss)}",
        {"url": "https://one.example.net/", "events": ["ticket.created"]},
        {"url": "https://two.example.net/", "events": ["ticket.created"]},
    ),
    "customer in the directory": lambda boss: (
        _customer(boss), _in_directory(boss, email="bob@shop.example"), _in_directory(boss, email="eve@shop.example")),
    "ticket": lambda boss: (f"/api/tickets/{a_ticket().pk}", {"priority": "High"}, {"priority": "Low"}),
    "report": lambda boss: (f"/api/reports/{a_report().pk}", {"category": "Spam"}, {"category": "Phishing"}),
    "provider": lambda boss: (f"/api/providers/{a_provider().pk}", {"trusted": True}, {"trusted": False}),
    "user": lambda boss: (
        f"/api/users/{User.objects.create(username='bob').pk}", {"email": "b@x.example"}, {"email": "c@x.example"}
    ),
    "preset": lambda boss: (f"/api/presets/{_preset(boss)}", {"name": "Second"}, {"name": "Third"}),
    "rule": lambda boss: (f"/api/rules/{BusinessRules.all()[0].pk}", {"isActive": False}, {"isActive": True}),
    "template": lambda boss: (_template(boss), {"name": "Second"}, {"name": "Third"}),
    "tag": lambda boss: (f"/api/tags/{a_tag('fraud').pk}", {"name": "second"}, {"name": "third"}),
    "threshold": lambda boss: (
        f"/api/admin/threshold/{_threshold().pk}",
        {"threshold": 9, "interval": 9},
        {"threshold": 8, "interval": 8},
    ),
    "news": lambda boss: (
        f"/api/news/{_news(boss).pk}", {"title": "c", "content": "d"}, {"title": "e", "content": "f"}),
    "category": lambda boss: (
        f"/api/categories/{_new_category()}",
        {"label": "Two", "description": "Two"},
        {"label": "Three", "description": "Three"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", THINGS)
def test_what_can_be_edited_has_a_version_and_a_stale_one_is_refused(boss: Caller, name: str) -> None:
    path, body, other = THINGS[name](boss)
    boss.get(path)  # opening a ticket the first time changes it
    first = etag(boss, path)
    assert etag(boss, path) == first, "nothing has changed"
    known = boss.get(path, **{"If-None-Match": first})
    assert (known.status_code, known.get_data(), known.headers["ETag"]) == (304, b"", first)
    done = send(boss, "PUT", path, body, If_Match=first)
    assert done.status_code == 200, done.get_data(as_text=True)
    second = etag(boss, path)
    assert second == done.headers["ETag"] != first
    assert boss.get(path, **{"If-None-Match": first}).status_code == 200
    before = boss.get(path).get_json()
    stale = send(boss, "PUT", path, other, If_Match=first)
    assert stale.status_code == 412
    assert "get it again" in stale.get_json()["message"]
    assert boss.get(path).get_json() == before
    assert etag(boss, path) == second
    assert send(boss, "PUT", path, body, If_Match="*").status_code == 200
    assert send(boss, "PUT", path, body, If_Match=f'"0", {etag(boss, path)}').status_code == 200


@pytest.mark.parametrize("name", ["report", "provider", "tag", "threshold", "news", "category"])
def test_nothing_is_deleted_that_has_changed_meanwhile(boss: Caller, name: str) -> None:
    path, body, _ = THINGS[name](boss)
    first = etag(boss, path)
    assert send(boss, "PUT", path, body).status_code == 200
    assert send(boss, "DELETE", path, If_Match=first).status_code == 412
    assert boss.get(path).status_code == 200
    assert send(boss, "DELETE", path, If_Match=etag(boss, path)).status_code == 200


def test_every_kind_is_in_the_test() -> None:
    assert {kind.what for kind in ALL} == {*THINGS, "customer"}
    assert {kind.what for kind in VERSIONED.values()} == {kind.what for kind in ALL}
    assert {Provider, Report, Tag, Ticket, User, Category} <= {kind.model for kind in ALL}


def test_without_the_header_the_last_one_wins_as_before(boss: Caller) -> None:
    path, body, _ = THINGS["provider"](boss)
    answer = send(boss, "PUT", path, body)
    assert (answer.status_code, "ETag" in answer.headers) == (200, False)


def test_who_may_not_learns_nothing_of_versions(boss: Caller, make_caller: MakeCaller) -> None:
    ann = make_caller("ann", {"Spam": "Expert"})
    path, body, _ = THINGS["ticket"](boss)
    assert send(ann, "PUT", path, body, If_Match='"stale"').status_code == 403
    assert ann.get(path, **{"If-None-Match": etag(boss, path)}).status_code == 403
    assert send(boss, "PUT", "/api/tickets/99999999", body, If_Match="*").status_code == 404


def test_what_is_shown_along_with_it_is_part_of_the_version(boss: Caller) -> None:
    defendant = a_defendant()
    ticket = a_ticket(defendant=defendant)
    report = a_report(ticket=ticket)
    path = f"/api/tickets/{ticket.pk}"
    seen = {etag(boss, path)}
    changes: list[Callable[[], object]] = [
        lambda: send(boss, "POST", f"{path}/comments", {"comment": "look"}),
        lambda: ticket.tags.add(a_tag("fraud")),
        lambda: report.tags.add(a_tag("seen", Tag.Type.REPORT)),
        lambda: defendant.tags.add(a_tag("vip", Tag.Type.DEFENDANT)),
        lambda: a_report(ticket=ticket),
        lambda: flags.set_priority(Ticket.get(), "High", actor=boss.user),  # type: ignore[arg-type]
        lambda: User.objects.filter(pk=boss.user.pk).update(username="chief"),
    ]
    for number, change in enumerate(changes, 2):
        change()
        seen.add(etag(boss, path))
        assert len(seen) == number


def test_the_customer_has_a_version_too(boss: Caller) -> None:
    defendant = a_defendant()
    a_ticket(defendant=defendant)
    path = f"/api/defendants/{defendant.pk}"
    first = etag(boss, path)
    assert boss.get(path, **{"If-None-Match": first}).status_code == 304
    assert send(boss, "POST", f"{path}/comments", {"comment": "look"}).status_code == 200
    assert etag(boss, path) != first


def test_a_version_costs_one_query(boss: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ticket = a_ticket()
    with django_assert_num_queries(1):
        version_of(TICKET, ticket.pk)
    path, _, _ = THINGS["rule"](boss)
    tag = etag(boss, path)
    with django_assert_num_queries(3):  # the token, the role, the version
        assert boss.get(path, **{"If-None-Match": tag}).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_at_once_on_the_same_version_one_is_made(app: APIFlask, boss: Caller) -> None:
    ticket = a_ticket(treated_by=boss.user)
    path = f"/api/tickets/{ticket.pk}"
    boss.get(path)
    tag = etag(boss, path)
    gate = threading.Barrier(5)
    statuses: list[int] = []

    def change(number: int) -> None:
        client = app.test_client()
        try:
            gate.wait(20)
            headers = {"X-Api-Token": boss.token, "If-Match": tag}
            wanted = [
                {"alarm": True},
                {"escalated": True},
                {"update": False},
                {"protected": True},
                {"priority": "High"},
            ]
            statuses.append(client.put(path, json=wanted[number], headers=headers).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=change, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200, 412, 412, 412, 412]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_while_one_waits_for_the_lock_is_noticed(app: APIFlask, boss: Caller) -> None:
    ticket = a_ticket(treated_by=boss.user)
    path = f"/api/tickets/{ticket.pk}"
    boss.get(path)
    tag = etag(boss, path)
    answers: list[int] = []

    def change() -> None:
        try:
            headers = {"X-Api-Token": boss.token, "If-Match": tag}
            answers.append(app.test_client().put(path, json={"alarm": True}, headers=headers).status_code)
        finally:
            connections.close_all()

    thread = threading.Thread(target=change)
    with transaction.atomic():
        lock(TICKET, ticket.pk)
        thread.start()
        _wait_for_a_waiter()
        tickets.add_tag(ticket, a_tag("fraud").codename, actor=boss.user)
    thread.join(20)
    assert answers == [412]
    assert not Ticket.get().alarm


def _wait_for_a_waiter() -> None:
    """Until another connection waits for a lock of ours."""
    for _ in range(2000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone():
                return
        threading.Event().wait(0.005)
    raise AssertionError("nobody waits for the lock")


STALE = {"If_Match": '"0f5a1c2e9b7d4a68833c1f0e2d9b6a57"'}


@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("PUT", "status/paused", {"pauseDuration": 3600}),
        ("POST", "comments", {"comment": "Look at this."}),
        ("POST", "proof", {"content": "It was here."}),
        ("POST", "interact", {"action": {"codename": "pause_ticket", "params": {"pauseDuration": 3600}}}),
        ("PUT", "defendant", {"defendant": None}),
    ],
)
def test_a_part_of_a_ticket_is_changed_under_the_version_of_the_ticket(
    boss: Caller, method: str, part: str, body: Any
) -> None:
    path = f"/api/tickets/{a_ticket(defendant=a_defendant()).pk}"
    boss.get(path)
    before = etag(boss, path)
    stale = send(boss, method, f"{path}/{part}", body, **STALE)
    assert (stale.status_code, "get it again" in stale.get_json()["message"]) == (412, True)
    assert etag(boss, path) == before, "nothing was done"
    done = send(boss, method, f"{path}/{part}", body, If_Match=before)
    assert done.status_code == 200, done.get_data(as_text=True)
    after = etag(boss, path)
    assert after != before
    assert done.headers.get("ETag") in {None, after}


def test_a_call_that_is_sent_again_with_its_key_and_the_version_of_then_is_answered_as_then(boss: Caller) -> None:
    path = f"/api/tickets/{a_ticket().pk}"
    boss.get(path)
    headers = {"If_Match": etag(boss, path), "Idempotency_Key": "once"}
    first, again = (send(boss, "POST", f"{path}/comments", {"comment": "Look."}, **headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(boss.get(path).get_json()["comments"]) == 1


def test_a_version_of_what_has_none_is_refused_and_not_passed_over(boss: Caller) -> None:
    ticket = a_ticket()
    bulk = {"tickets": [ticket.pk], "properties": {"priority": "High"}}
    refused = send(boss, "PUT", "/api/tickets/bulk", bulk, **STALE)
    assert (refused.status_code, "it has none" in refused.get_json()["message"]) == (412, True)
    ticket.refresh_from_db()
    assert ticket.priority == "Normal"
    assert send(boss, "PUT", "/api/tickets/bulk", bulk, If_Match="*").status_code == 200


def test_what_is_sent_to_a_webhook_is_no_edit_of_it(boss: Caller) -> None:
    path = f"/api/webhooks/{_webhook(boss)}"
    before = etag(boss, path)
    Webhook.all().update(busy_until=timezone.now(), next_attempt_at=timezone.now())
    assert etag(boss, path) == before
    Webhook.all().update(failures=1)
    assert etag(boss, path) != before
