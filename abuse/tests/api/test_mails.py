"""Mails that came in, and mails of the desk, for those who look after them."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from abuse.models import AuditEntry, Email, History, OutgoingMessage
from abuse.services.storage import StorageService

from .conftest import Caller, MakeCaller
from .rows import a_mail, a_report, a_ticket, an_outgoing_mail

pytestmark = pytest.mark.django_db
RAW = b"From: <script>@x.example\r\n\r\n<h1>Hello</h1>\r\n"


@pytest.fixture
def boss(make_caller: MakeCaller) -> Caller:
    return make_caller("boss", {"Phishing": "Read-only"}, role="admin")


def post(caller: Caller, path: str, status: int = 200) -> dict[str, Any]:
    answer = caller.client.post(path, headers={"X-Api-Token": caller.token})
    assert answer.status_code == status, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def test_mails_are_listed_by_state_newest_first(boss: Caller) -> None:
    rows = [a_mail(state) for state in ("failed", "processed", "ignored", "failed")]
    page = boss.get("/api/emails").get_json()
    assert [row["id"] for row in page["emails"]] == [row.pk for row in reversed(rows)]
    parked = boss.get("/api/emails", {"where": {"in": [{"state": ["failed"]}]}}).get_json()
    assert ([row["id"] for row in parked["emails"]], parked["emailsCount"]) == ([rows[3].pk, rows[0].pk], 2)


def test_a_mail_tells_what_became_of_it(boss: Caller) -> None:
    mail = a_mail("processed", message_id="<1@x.example>", envelope_recipients=["abuse@example.net"])
    ticket = a_ticket()
    on, off = a_report(ticket=ticket, email=mail), a_report("Spam", email=mail)
    again = a_mail("duplicate", duplicate_of=mail)
    shown = boss.get(f"/api/emails/{mail.pk}").get_json()
    assert [(one["report"], one["ticket"]) for one in shown["reports"]] == [(on.pk, ticket.pk), (off.pk, None)]
    assert (shown["envelopeRecipients"], shown["canBeRetried"]) == (["abuse@example.net"], False)
    assert boss.get(f"/api/emails/{again.pk}").get_json()["duplicateOf"] == mail.pk


def test_the_bytes_of_a_mail_are_a_download_and_reading_them_is_on_record(boss: Caller) -> None:
    mail = a_mail(sha256="d" * 64)
    StorageService.write(mail.sha256, RAW)
    answer = boss.get(f"/api/emails/{mail.pk}/raw")
    assert (answer.status_code, answer.get_data(), answer.mimetype) == (200, RAW, "message/rfc822")
    assert answer.headers["Content-Disposition"] == f"attachment; filename=mail-{mail.pk}.eml"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    entry = AuditEntry.get()
    assert (entry.endpoint, entry.about, entry.user) == ("emails.get_raw_email", f"email_id={mail.pk}", boss.user)
    assert boss.get(f"/api/emails/{a_mail().pk}/raw").status_code == 404, "its bytes are gone"


def test_a_parked_mail_is_tried_again_and_a_settled_one_is_not(boss: Caller, queue_server: redis.Redis) -> None:
    mail = a_mail(attempts=5, error="ValueError", reason="gave up after 5 attempts")
    assert boss.get(f"/api/emails/{mail.pk}").get_json()["canBeRetried"] is True
    post(boss, f"/api/emails/{mail.pk}/retry")
    row = Email.get()
    assert (row.state, row.attempts, row.reason) == ("received", 0, "")
    assert queue_server.keys("rq:queue:*"), "somebody was rung for"
    assert "processed" in post(boss, f"/api/emails/{a_mail('processed').pk}/retry", 409)["message"]


def test_a_mail_of_ours_is_sent_again_or_taken_back_with_history(boss: Caller) -> None:
    ticket = a_ticket()
    mail = an_outgoing_mail(ticket=ticket, attempts=12, error="550 no such user")
    (row,) = boss.get("/api/outbox", {"where": {"in": [{"state": ["failed", "uncertain"]}]}}).get_json()["messages"]
    assert (row["error"], row["ticket"], row["canBeSentAgain"], row["canBeCancelled"]) == (
        "550 no such user", ticket.pk, True, True
    )  # fmt: skip
    assert "body" not in row
    assert post(boss, f"/api/outbox/{mail.pk}/requeue")["state"] == "pending"
    assert OutgoingMessage.get().attempts == 0
    assert post(boss, f"/api/outbox/{mail.pk}/cancel")["state"] == "cancelled"
    actions = list(History.filter(ticket=ticket).order_by("pk").values_list("action_type", "user__username"))
    assert actions == [(str(History.Type.REQUEUE_EMAIL), "boss"), (str(History.Type.CANCEL_EMAIL), "boss")]


@pytest.mark.parametrize(("state", "again", "back"), [("sent", 409, 409), ("sending", 409, 409), ("pending", 409, 200)])
def test_what_was_sent_stays_sent(boss: Caller, state: str, again: int, back: int) -> None:
    for call, expected in (("requeue", again), ("cancel", back)):
        post(boss, f"/api/outbox/{an_outgoing_mail(state).pk}/{call}", expected)


def test_others_than_administrators_see_no_mails(make_caller: MakeCaller) -> None:
    expert = make_caller("expert", {"Phishing": "Expert"})
    mail, ours = a_mail(), an_outgoing_mail()
    for path in ("/api/emails", f"/api/emails/{mail.pk}", f"/api/emails/{mail.pk}/raw", "/api/outbox"):
        assert expert.get(path).status_code == 403
    for path in (f"/api/emails/{mail.pk}/retry", f"/api/outbox/{ours.pk}/requeue", f"/api/outbox/{ours.pk}/cancel"):
        post(expert, path, 403)
