"""Reports handed in over HTTP become mails like all others."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from werkzeug.test import TestResponse

from abuse.api import submissions
from abuse.config import current
from abuse.models import Email, Report, Submission
from abuse.pipeline.inbox import work
from abuse.services.storage import StorageService

from .conftest import Caller, MakeCaller
from .rows import a_ticket

pytestmark = pytest.mark.django_db

XARF = {
    "xarf_version": "4.2.0",
    "report_id": "r-1",
    "timestamp": "2026-01-01T00:00:00Z",
    "source_identifier": "203.0.113.1",
    "category": "connection",
    "type": "login_attack",
}
FORM: dict[str, Any] = {
    "category": "Phishing",
    "items": ["https://shop.example.net/login", "203.0.113.1"],
    "description": "A copy of our login page.",
    "date": 1767225600,
    "reporter": "case 4711",
}
SetApi = Callable[..., None]


@pytest.fixture(autouse=True)
def _empty_redis(queue_server: redis.Redis) -> None:
    """Nothing was counted yet."""


@pytest.fixture
def reporter(make_caller: MakeCaller) -> Caller:
    return make_caller("reporter", email="Soc@Reporter.example")


@pytest.fixture
def set_api(monkeypatch: pytest.MonkeyPatch) -> SetApi:
    def change(**values: Any) -> None:
        settings = current()
        changed = settings.model_copy(update={"API": settings.API.model_copy(update=values)})
        monkeypatch.setattr(submissions, "current", lambda: changed)

    return change


def hand_in(caller: Caller, body: object, content_type: str = "application/json") -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Api-Token": caller.token, "Content-Type": content_type}
    return caller.client.post("/api/submissions", data=data, headers=headers)


def accepted(caller: Caller, body: object, content_type: str = "application/json") -> dict[str, Any]:
    response = hand_in(caller, body, content_type)
    assert response.status_code == 202, response.get_data(as_text=True)
    receipt: dict[str, Any] = response.get_json()
    return receipt


def refused(caller: Caller, body: object, status: int = 400, content_type: str = "application/json") -> str:
    response = hand_in(caller, body, content_type)
    assert response.status_code == status, response.get_data(as_text=True)
    assert not Email.all().exists()
    message: str = response.get_json()["message"]
    return message


def a_mail(sender: str = "cert@trusted.example") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "abuse@example.net", "Phishing"
    message["Message-ID"] = "<1@trusted.example>"
    message.set_content("Phishing at https://shop.example.net/login")
    return message.as_bytes()


@pytest.mark.parametrize("content_type", ["application/json", "application/xarf+json"])
def test_a_xarf_report_becomes_a_report_of_the_user(reporter: Caller, content_type: str) -> None:
    receipt = accepted(reporter, XARF, content_type)
    assert receipt["sha256"] == hashlib.sha256(json.dumps(XARF).encode()).hexdigest()
    work(current())
    report = Report.get()
    assert (report.provider_id, report.category_id) == ("soc@reporter.example", "Intrusion")
    assert (report.reporter_reference, report.xarf_type) == ("r-1", "connection-login_attack")
    assert [item.raw_item for item in report.items.all()] == ["203.0.113.1"]


def test_a_form_becomes_a_mail_that_says_the_same(reporter: Caller) -> None:
    content = base64.b64encode(b"seen").decode()
    accepted(reporter, {**FORM, "attachments": [{"name": "a.bin", "content": content}]})
    work(current())
    report = Report.get()
    assert (report.category_id, report.reporter_reference) == ("Phishing", "case 4711")
    assert "A copy of our login page." in report.body
    assert {item.raw_item for item in report.items.all()} >= {"https://shop.example.net/login", "203.0.113.1"}
    assert {item.seen_at.timestamp() for item in report.items.all() if item.seen_at} == {1767225600}
    stored = {file.name: StorageService.read(file.filename) for file in report.attachments.all()}
    assert stored["a.bin"] == b"seen"


@pytest.mark.parametrize("lines", [True, False])
def test_a_form_of_a_web_page_is_a_form(reporter: Caller, lines: bool) -> None:
    items = {"items": "\r\n".join(FORM["items"])} if lines else {"items": FORM["items"]}
    sent = urlencode({**FORM, **items}, doseq=True).encode()
    accepted(reporter, sent, "application/x-www-form-urlencoded")
    work(current())
    report = Report.get()
    assert (report.category_id, report.reporter_reference) == ("Phishing", "case 4711")
    assert {item.raw_item for item in report.items.all()} >= {*FORM["items"]}
    assert {item.seen_at.timestamp() for item in report.items.all() if item.seen_at} == {1767225600}


def test_a_form_with_files_brings_them(reporter: Caller) -> None:
    response = reporter.client.post(
        "/api/submissions",
        data={**FORM, "file": (io.BytesIO(b"seen"), "a.bin"), "none": (io.BytesIO(), "")},
        headers={"X-Api-Token": reporter.token},
    )
    assert response.status_code == 202, response.get_data(as_text=True)
    work(current())
    stored = {file.name: StorageService.read(file.filename) for file in Report.get().attachments.all()}
    assert stored["a.bin"] == b"seen"
    assert {item.raw_item for item in Report.get().items.all()} >= {*FORM["items"]}


@pytest.mark.parametrize(
    ("sent", "kind", "said"),
    [
        (b"category=Spam", "application/x-www-form-urlencoded", "items: Field required; description: Field required"),
        (b"date=soon&category=Spam&items=203.0.113.1&description=x", "application/x-www-form-urlencoded", "date: Inp"),
        (b"category=Spam&category=Phishing", "application/x-www-form-urlencoded", "category: given more than once"),
        (b"&" * 5000, "application/x-www-form-urlencoded", "body: is no form of at most 2000 fields"),
        (b"category=%ff", "application/x-www-form-urlencoded", "body: is no form"),
        (b"junk", "multipart/form-data", "body: is no form"),
        (b"junk", 'multipart/form-data; boundary="b"', "body: is no form"),
        (b"junk", "multipart/report", "Content-Type: holds no boundary"),
        (b"junk", 'multipart/report; boundary="b"', "body: holds no line --b"),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/report; report-type=feedback-report; boundary=b", "body: holds no part"),
    ],
)
def test_a_form_or_mail_that_cannot_be_used_is_refused_by_name(
    reporter: Caller, sent: bytes, kind: str, said: str
) -> None:
    assert refused(reporter, sent, content_type=kind).startswith(said)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {**XARF, "source_identifier": None, "timestamp": "yesterday"},
            "source_identifier: None; expected a text that is not empty; "
            "timestamp: 'yesterday'; expected a moment as in RFC 3339",
        ),
        (
            {name: value for name, value in XARF.items() if name not in {"category", "type"}},
            "category: missing; expected a text that is not empty; type: missing; expected a text that is not empty",
        ),
        ([XARF, {**XARF, "category": 5}], "1.category: 5; expected a text that is not empty"),
    ],
)
def test_a_xarf_report_that_nothing_can_be_made_of_is_refused_by_each_field(
    reporter: Caller, document: object, said: str
) -> None:
    assert refused(reporter, document) == said


def test_all_fields_of_a_form_that_are_wrong_are_named(reporter: Caller) -> None:
    said = refused(reporter, {"category": "Spam", "items": [], "description": 5})
    assert [part.split(":")[0] for part in said.split("; ")] == ["items", "description"]
    assert refused(reporter, {"category": "Spam"}) == "items: Field required; description: Field required"


def test_a_whole_mail_is_kept_byte_by_byte_and_its_from_proves_nothing(reporter: Caller) -> None:
    mail = a_mail("cert@trusted.example")
    receipt = accepted(reporter, mail, "message/rfc822")
    row = Email.get()
    assert (row.sha256, row.source) == (receipt["sha256"], "api")
    assert StorageService.read(row.sha256) == mail
    work(current())
    assert Report.get().provider_id == "soc@reporter.example"


def test_an_arf_report_takes_its_boundary_from_the_request(reporter: Caller) -> None:
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nSpam\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"
        b"User-Agent: X/1\r\nSource-IP: 203.0.113.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\nSubject: Buy\r\n\r\nNow\r\n--b--\r\n"
    )
    accepted(reporter, body, 'multipart/report; report-type=feedback-report; boundary="b"')
    work(current())
    report = Report.get()
    assert report.category_id == "Spam"
    assert "203.0.113.1" in [item.raw_item for item in report.items.all()]


def test_the_same_bytes_get_the_same_receipt_and_are_one_report(reporter: Caller, make_caller: MakeCaller) -> None:
    first, second = accepted(reporter, XARF), accepted(reporter, XARF)
    assert first == second
    other = accepted(make_caller("other", email="other@reporter.example"), XARF)
    assert other["receipt"] != first["receipt"]
    assert Submission.all().count() == 2
    mine = Submission.get(receipt=first["receipt"])
    assert Email.filter(submitter="soc@reporter.example").get() == mine.email


def test_whoever_has_the_receipt_learns_state_and_tickets_and_no_more(reporter: Caller) -> None:
    receipt = accepted(reporter, XARF)
    ask = reporter.client.get(receipt["statusUrl"])
    assert ask.get_json() == {"state": "received", "reports": 0, "tickets": []}
    work(current())
    ticket = a_ticket("Intrusion")
    Report.all().update(ticket=ticket)
    answer = reporter.client.get(receipt["statusUrl"]).get_json()
    assert answer == {"state": "processed", "reports": 1, "tickets": [ticket.public_id]}
    assert reporter.client.get("/api/submissions/guessed").status_code == 404
    assert reporter.client.get("/api/submissions/" + "é" * 200).status_code == 404


@pytest.mark.parametrize(
    ("body", "said", "status"),
    [
        (b" ", "body: empty", 400),
        (b"{", "body: is no JSON", 400),
        (b"[" * 100_000, "body: is no JSON", 400),
        ([], "body: is no XARF report", 400),
        ({"a": 1}, "body: is no XARF report", 400),
        ({**FORM, "category": "Nonsense"}, "category: 'Nonsense'; expected one of", 409),
        ({**FORM, "description": "half \ud800"}, "description: Input should be a valid string", 400),
        ({**FORM, "items": []}, "items: List should have at least 1 item", 400),
        ({**FORM, "attachments": [{"name": "a", "content": "?"}]}, "attachments.0.content: expected base64", 409),
        (
            {**FORM, "attachments": [{"name": "a", "content": "", "contentType": "message/rfc822"}]},
            "attachments.0.contentType: 'message/rfc822'",
            409,
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(reporter: Caller, body: object, said: str, status: int) -> None:
    assert refused(reporter, body, status).startswith(said)


def test_other_types_and_sizes_are_refused(reporter: Caller, set_api: SetApi) -> None:
    assert refused(reporter, b"x", 415, "text/html").startswith("Content-Type: 'text/html'; expected one of")
    set_api(submission_max_bytes=1024)
    refused(reporter, b"x" * 1025, 413, "message/rfc822")


def test_a_line_end_in_a_name_adds_no_header_field(reporter: Caller) -> None:
    name = "a\r\nBcc: x@example.com\r\n\r\n.txt"
    accepted(reporter, {**FORM, "attachments": [{"name": name, "content": ""}]})
    raw = StorageService.read(Email.get().sha256)
    assert b"\nBcc:" not in raw


def test_a_token_needs_the_scope_and_its_user_an_address(make_caller: MakeCaller) -> None:
    nobody = make_caller("nobody")
    assert refused(nobody, XARF, 409).startswith("email: your account has no e-mail address")
    nobody.user.api_tokens.update(scopes=["read", "write"])
    assert refused(nobody, XARF, 403) == "The token lacks the scope submit"


def test_a_token_that_hands_in_too_much_is_told_to_wait(reporter: Caller, set_api: SetApi) -> None:
    set_api(submissions_per_minute=2)
    codes = [hand_in(reporter, XARF) for _ in range(6)]
    assert codes[0].status_code == 202
    late = [one for one in codes if one.status_code == 429]
    # The minute may end between two of the calls, once.
    assert len(late) >= 2
    assert 1 <= int(late[0].headers["Retry-After"]) <= 60


def test_every_body_that_the_document_has_is_taken_as_in_its_example(reporter: Caller) -> None:
    document = reporter.client.get("/api/openapi.json").get_json()
    bodies = document["paths"]["/api/submissions"]["post"]["requestBody"]["content"]
    assert set(bodies) == {
        "application/json", "application/xarf+json", "message/rfc822", "multipart/report",
        "application/x-www-form-urlencoded", "multipart/form-data",
    }  # fmt: skip
    for kind, body in bodies.items():
        sent, said = body["example"], {"X-Api-Token": reporter.token, "Content-Type": kind}
        if kind == "multipart/form-data":
            del said["Content-Type"]  # the boundary is the client's
            answer = reporter.client.post(
                "/api/submissions", data=sent, headers=said, content_type="multipart/form-data"
            )
        elif kind == "application/x-www-form-urlencoded":
            answer = reporter.client.post("/api/submissions", data=urlencode(sent), headers=said)
        else:
            said["Content-Type"] += "; boundary=b" if kind == "multipart/report" else ""
            data = sent if isinstance(sent, str) else json.dumps(sent)
            answer = reporter.client.post("/api/submissions", data=data, headers=said)
        assert answer.status_code == 202, (kind, answer.get_data(as_text=True))


def test_fields_at_fault_are_named_for_programs_too(reporter: Caller) -> None:
    answer = hand_in(reporter, {"category": "Spam"}).get_json()
    assert answer == {
        "message": "items: Field required; description: Field required",
        "errors": [
            {"field": "items", "message": "Field required"},
            {"field": "description", "message": "Field required"},
        ],
    }
    schema = reporter.client.post("/api/auth", json={"name": "x"}).get_json()
    assert schema["errors"] == [{"field": "password", "message": "Field required"}]
    assert schema["message"] == "password: Field required"
    (fault,) = reporter.get("/api/tickets", {"sortBy": {"nothing": 5}}).get_json()["errors"]
    assert fault["field"] == "filters.sortBy.nothing"
