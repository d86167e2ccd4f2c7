"""Webhooks over the API."""

from __future__ import annotations

import io
from typing import Any

import dns.resolver
import pytest
from werkzeug.test import TestResponse

from abuse.controllers import webhook_sending, webhooks
from abuse.models import AuditEntry, IdempotentCall, Webhook
from abuse.tests.services.crm.servers import Asked, Said, json_server

from .conftest import Caller

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.net/cerberus"


def send(caller: Caller, method: str, path: str, body: Any = None) -> TestResponse:
    return caller.client.open(path, method=method, json=body, headers={"X-Api-Token": caller.token})


def test_a_secret_is_shown_once_and_again_when_it_is_renewed(root: Caller) -> None:
    made = send(root, "POST", "/api/webhooks", {"url": URL, "events": ["ticket.created", "ticket.created"]}).get_json()
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["events"], made["categories"], made["owner"]) == (URL, ["ticket.created"], None, "root")
    path = f"/api/webhooks/{made['id']}"
    assert "secret" not in root.get(path).get_json()
    assert "secret" not in root.get("/api/webhooks").get_json()[0]
    renewed = send(root, "POST", f"{path}/secret").get_json()
    assert renewed["secret"].startswith("whsec_") and renewed["secret"] != made["secret"]
    assert made["secret"] not in str(AuditEntry.all().values())


def test_a_webhook_is_changed_switched_off_and_deleted(root: Caller) -> None:
    made = send(root, "POST", "/api/webhooks", {"url": URL, "events": ["ticket.created"]}).get_json()
    path = f"/api/webhooks/{made['id']}"
    changed = {**made, "events": ["mail.parked"], "categories": ["Phishing"], "isActive": False, "owner": "nobody"}
    answer = send(root, "PUT", path, changed).get_json()
    assert (answer["events"], answer["categories"], answer["isActive"], answer["owner"]) == (
        ["mail.parked"], ["Phishing"], False, "root",
    )  # fmt: skip
    assert root.get(path).get_json() == answer
    assert send(root, "DELETE", path).status_code == 200
    assert root.get(path).status_code == 404
    assert Webhook.count() == 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"url": URL, "events": ["ticket.eaten"]}, 409, "events: ticket.eaten"),
        ({"url": URL, "events": ["notification"]}, 409, "events: notification"),
        ({"url": URL, "events": []}, 400, "events"),
        (
            {"url": "https://127.1.2.3.example/", "events": ["ticket.created"], "categories": ["No"]},
            409,
            "categories: No",
        ),
        ({"url": "https://10.1.2.3/", "events": ["ticket.created"]}, 409, "url: address 10.1.2.3: private"),
        ({"events": ["ticket.created"]}, 400, "url"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_field(root: Caller, body: Any, status: int, field: str) -> None:
    answer = send(root, "POST", "/api/webhooks", body)
    assert answer.status_code == status
    assert answer.get_json()["message"].startswith(field)


def test_deliveries_are_listed_tried_and_sent_again(root: Caller) -> None:
    answers = [Said(status=500), Said(status=204), Said(status=204)]

    def answering(asked: Asked) -> Said:
        return answers.pop(0)

    with json_server(answering) as server:
        made = send(root, "POST", "/api/webhooks", {"url": server.url("/"), "events": ["ticket.created"]}).get_json()
        path = f"/api/webhooks/{made['id']}"
        tried = send(root, "POST", f"{path}/test").get_json()
        assert (tried["event"], tried["state"], tried["attempts"]) == ("webhook.test", "pending", 0)
        assert root.get(path).get_json()["waiting"] == 1
        webhook_sending.send_due()
        (row,) = root.get(f"{path}/deliveries").get_json()["deliveries"]
        assert (row["state"], row["status"], row["attempts"]) == ("pending", 500, 1)
        assert row["error"] == "status 500; expected 200 to 299"
        assert root.get(path).get_json()["failures"] == 1
        send(root, "PUT", path, {**made, "isActive": False})
        send(root, "PUT", path, made)  # switched on again, it is tried at once
        webhook_sending.send_due()
        (row,) = root.get(f"{path}/deliveries").get_json()["deliveries"]
        assert (row["state"], row["status"], row["attempts"]) == ("delivered", 204, 2)
        again = send(root, "POST", f"{path}/deliveries/{row['id']}/redeliver").get_json()
        assert (again["state"], again["eventId"]) == ("pending", row["eventId"])
        assert webhook_sending.send_due() == 1
    assert [asked.headers["webhook-id"] for asked in server.asked] == [row["eventId"]] * 3
    page = root.get(f"{path}/deliveries", {"paginate": {"resultsPerPage": 0}}).get_json()
    assert page == {"deliveries": [], "deliveriesCount": 1}
    other = send(root, "POST", "/api/webhooks", {"url": URL, "events": ["ticket.created"]}).get_json()
    assert send(root, "POST", f"/api/webhooks/{other['id']}/deliveries/{row['id']}/redeliver").status_code == 404


def test_no_secret_is_kept_for_calls_that_are_sent_again(root: Caller) -> None:
    body = {"url": URL, "events": ["ticket.created"]}
    headers = {"X-Api-Token": root.token, "Idempotency-Key": "the same"}
    first, second = (root.client.post("/api/webhooks", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 409)
    path, renewing = f"/api/webhooks/{Webhook.get().pk}/secret", {**headers, "Idempotency-Key": "another"}
    renewed, again = (root.client.post(path, headers=renewing) for _ in range(2))
    assert (renewed.status_code, again.status_code) == (200, 409)
    secrets = {webhooks.secret_of(Webhook.get()), first.get_json()["secret"], renewed.get_json()["secret"]}
    assert len(secrets) == 2, "renewed once"
    assert [row.body for row in IdempotentCall.all()] == [None, None]


def test_without_a_name_server_a_webhook_is_refused_by_its_field(root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    read = dns.resolver.Resolver.read_resolv_conf
    webhooks._sender.cache_clear()
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: read(self, io.StringIO("")))
    response = send(root, "POST", "/api/webhooks", {"url": URL, "events": ["ticket.created"]})
    assert response.status_code == 409
    assert response.get_json()["message"].startswith(
        "url: its host cannot be looked up; EVENTS.webhooks.dns_servers: nameservers: this machine names none"
    )
    assert Webhook.count() == 0
