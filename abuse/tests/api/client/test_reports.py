"""A report: changed, its items, files and pictures, and what people say of them."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest

from abuse.api import origins, screenshots
from abuse.config import current
from abuse.models import (
    AttachedDocument,
    AuditEntry,
    Category,
    History,
    OutgoingMessage,
    Report,
    ReportItem,
    ReportStatus,
    ScreenshotView,
    Tag,
    Ticket,
    UrlCheck,
)
from abuse.services.phishing.looks import url_key
from abuse.services.storage import StorageService
from abuse.tests.services.crm.directory import hold

from ..conftest import Caller
from ..rows import START, a_defendant, a_report, a_service, a_tag, a_ticket, an_item
from .wire import get, ok, refused, send

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
URL = "http://bad.example/login"


def stored(content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    StorageService.write(key, content)
    return key


def a_file(content: bytes, name: str | None, filetype: str = "text/html") -> AttachedDocument:
    return AttachedDocument.create(name=name, filename=stored(content), filetype=filetype, size=len(content))


def a_picture(url: str = URL, look_id: str = "a" * 32) -> UrlCheck:
    return UrlCheck.create(
        look_id=look_id, url_sha256=url_key(url), url=url, looked_at=START, direct_status="UP", http_code=200, score=0,
        headers={"server": "nginx"}, picture=stored(PNG),
    )  # fmt: skip


def in_client(ann: Caller, report: Report) -> dict[str, Any]:
    """The report as the client holds it: with what it hung on it itself."""
    whole: dict[str, Any] = get(ann, f"/reports/{report.pk}")
    return {**whole, "receivedDate": "2026-01-01T12:00:00.000Z", "raw": "x" * 2_000_000, "items": [], "attachments": []}


def test_get_reports(ann: Caller) -> None:
    ticket = a_ticket()
    report = a_report(ticket=ticket)
    a_report()
    filters = {"paginate": {"resultsPerPage": 5, "currentPage": 1}, "where": {"in": [{"ticket": [ticket.pk]}]}}
    (row,) = get(ann, "/reports", filters)
    assert set(row) >= {"id", "receivedDate", "status", "category", "subject", "body", "provider"}
    assert (row["id"], row["provider"]["email"]) == (report.pk, "reporter@example.com")
    filters = {"queryFields": ["provider"], "where": {"in": [{"ticket": [ticket.pk]}]}}
    assert get(ann, "/reports", filters)[0]["provider"]["email"] == "reporter@example.com"


def test_get_reports_id(ann: Caller) -> None:
    report = a_report(ticket=a_ticket(), defendant=a_defendant(), service=a_service("vps"))
    report.tags.add(a_tag("report:x", Tag.Type.REPORT))
    answer = get(ann, f"/reports/{report.pk}")
    assert answer["ticket"] == report.ticket_id
    assert (answer["service"]["name"], answer["service"]["componentType"]) == ("vps", "VPS")
    assert set(answer["service"]) >= {"id", "componentSubType"}
    assert answer["provider"]["trusted"] is False
    assert [tag["name"] for tag in answer["tags"]] == ["report:x"]
    assert answer["defendant"]["comments"] == []


def test_put_reports_id(ann: Caller) -> None:
    report = a_report(defendant=a_defendant(), service=a_service())
    answer = ok(ann, "PUT", f"/reports/{report.pk}", {**in_client(ann, report), "status": "Attached"})
    assert (answer["status"], answer["ticket"]) == ("Attached", Ticket.get().pk)
    answer = ok(ann, "PUT", f"/reports/{report.pk}", {**in_client(ann, report), "status": "New"})
    assert (answer["status"], answer["ticket"]) == ("New", None)
    assert Ticket.get().status == "Closed"
    assert "only report" in History.filter(ticket=Ticket.get(), new="Closed").get().refs["reason"]
    answer = ok(ann, "PUT", f"/reports/{report.pk}", {**in_client(ann, report), "status": "Archived"})
    assert answer["status"] == "Archived"


def test_the_phishing_review_changes_the_category_alone(ann: Caller) -> None:
    report = a_report(status=ReportStatus.PHISH_TO_CHECK)
    body = {"id": report.pk, "status": "PhishToCheck", "category": "Spam"}
    assert ok(ann, "PUT", f"/reports/{report.pk}", body)["category"] == "Spam"
    assert Report.get().status == "PhishToCheck"


@pytest.mark.parametrize("status", ["PhishToCheck", "ToValidate", "Closed"])
def test_a_report_status_that_cannot_be_set_is_refused(ann: Caller, status: str) -> None:
    report = a_report()
    assert "Attached" in refused(ann, "PUT", f"/reports/{report.pk}", {"status": status}, status=409)


def test_a_report_goes_into_the_ticket_named_and_out_again(ann: Caller) -> None:
    report, ticket = a_report(), a_ticket()
    assert ok(ann, "PUT", f"/reports/{report.pk}", {"status": "Attached", "ticket": ticket.pk})["ticket"] == ticket.pk
    message = refused(ann, "PUT", f"/reports/{report.pk}", {"category": "Spam"}, status=409)
    assert "is in ticket" in message
    other = a_ticket("Malware")
    refused(ann, "PUT", f"/reports/{report.pk}", {"ticket": other.pk}, status=403)
    assert ok(ann, "PUT", f"/reports/{report.pk}", {"ticket": None})["status"] == "New"


def test_detaching_the_customer(ann: Caller) -> None:
    defendant = a_defendant()
    report = a_report(ticket=a_ticket(defendant=defendant), defendant=defendant, service=a_service())
    answer = ok(ann, "PUT", f"/reports/{report.pk}", {**in_client(ann, report), "defendant": None})
    assert (answer["defendant"], answer["service"], answer["status"], answer["ticket"]) == (None, None, "New", None)


def test_who_may_only_read_changes_no_report(ann: Caller) -> None:
    report = a_report("Malware")
    item = an_item(report)
    for method, path in [
        ("PUT", ""), ("DELETE", ""), ("POST", "/items"), ("PUT", f"/items/{item.pk}"), ("DELETE", f"/items/{item.pk}")
    ]:  # fmt: skip
        refused(ann, method, f"/reports/{report.pk}{path}", {"rawItem": "x", "status": "Archived"}, status=403)
    assert not History.all().exists()


def test_delete_reports_id_puts_it_away(ann: Caller) -> None:
    report = a_report()
    ok(ann, "DELETE", f"/reports/{report.pk}")
    assert Report.get().status == "Archived"


def test_get_post_put_and_delete_reports_id_items(ann: Caller) -> None:
    hold("C-1", "192.0.2.0/28")
    hold("C-2", "192.0.2.16/28")
    report = a_report(received_date=START + timedelta(days=1), ticket=a_ticket())
    path = f"/reports/{report.pk}/items"
    body = {"rawItem": "192.0.2[.]1", "itemType": "FQDN", "report": 12345}
    answer = ok(ann, "POST", path, body)
    assert (answer["itemType"], answer["rawItem"], answer["report"]) == ("IP", "192.0.2.1", report.pk)
    report.refresh_from_db()
    assert report.defendant is not None
    assert (report.defendant.customer_id, Ticket.get().defendant_id) == ("C-1", report.defendant_id)
    assert "C-2" in refused(ann, "POST", path, {"rawItem": "192.0.2.17"}, status=409)
    assert "no customer" in refused(ann, "POST", path, {"rawItem": "8.8.8.8"}, status=409)
    assert "already" in refused(ann, "POST", path, {"rawItem": "192.0.2.1"}, status=409)
    assert "URL" in refused(ann, "POST", path, {"rawItem": "hello"}, status=409)
    whole = {**answer, "rawItem": "http://192.0.2.2/x"}
    answer = ok(ann, "PUT", f"{path}/{answer['id']}", whole)
    assert (answer["itemType"], answer["rawItem"]) == ("URL", "http://192.0.2.2/x")
    assert get(ann, path)["itemsCount"] == 1
    refused(ann, "DELETE", f"/reports/{a_report().pk}/items/{answer['id']}", status=404)
    ok(ann, "DELETE", f"{path}/{answer['id']}")
    assert get(ann, path) == {"items": [], "itemsCount": 0}
    types = History.filter(report=report, action_type__endswith="Item").order_by("pk")
    assert list(types.values_list("action_type", flat=True)) == ["AddItem", "UpdateItem", "DeleteItem"]


def test_items_that_are_still_the_customers_become_proof(ann: Caller) -> None:
    hold("C-1", "192.0.2.0/28")
    ticket = a_ticket()
    report = a_report(ticket=ticket)
    ok(ann, "POST", f"/reports/{report.pk}/items", {"rawItem": "192.0.2.1"})
    an_item(report, "198.51.100.1")
    ok(ann, "POST", f"/tickets/{ticket.pk}/items/toproof")
    ok(ann, "POST", f"/tickets/{ticket.pk}/items/toproof")
    assert [row["content"] for row in get(ann, f"/tickets/{ticket.pk}/proof")] == ["192.0.2.1"]


def test_get_reports_id_attachments(ann: Caller) -> None:
    report = a_report(ticket=a_ticket())
    document = a_file(b"<script>", "../../etc/evil\u202etxt.html")
    report.attachments.add(document)
    (row,) = get(ann, f"/reports/{report.pk}/attachments")
    assert (row["id"], row["name"], row["filetype"]) == (document.pk, "evil_txt.html", "text/html")
    assert get(ann, f"/tickets/{report.ticket_id}/attachments") == [row]


def test_get_reports_id_attachments_id(ann: Caller) -> None:
    report = a_report(ticket=a_ticket())
    document = a_file(b"<script>", 'a "b"\r\nX: y.html')
    report.attachments.add(document)
    for path in (f"/reports/{report.pk}", f"/tickets/{report.ticket_id}"):
        response = send(ann, "GET", f"{path}/attachments/{document.pk}")
        assert response.mimetype == "text/plain"
        assert b64decode(response.get_data(), validate=True) == b"<script>"
        response = send(ann, "GET", f"{path}/attachments/{document.pk}", query="download=1")
        assert (response.mimetype, response.get_data()) == ("application/octet-stream", b"<script>")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Disposition"] == 'attachment; filename="a _b___X_ y.html"'
        headers = {"X-Api-Token": ann.token, "Accept": "application/octet-stream"}
        response = ann.client.get(f"/api{path}/attachments/{document.pk}", headers=headers)
        assert response.get_data() == b"<script>"


def test_a_file_is_reached_through_its_own_parent_only(ann: Caller) -> None:
    report, other = a_report(ticket=a_ticket()), a_report(ticket=a_ticket())
    document = a_file(b"x", "x")
    other.attachments.add(document)
    for path in (f"/reports/{report.pk}", f"/tickets/{report.ticket_id}"):
        refused(ann, "GET", f"{path}/attachments/{document.pk}", status=404)


def test_get_reports_id_raw_and_dehtmlify(ann: Caller) -> None:
    mail = "From: a@x.example\n\n<b>caf\u00e9</b>".encode()
    report = a_report(filename=stored(mail), body="<p>one</p><script>x</script><p>two</p>")
    assert get(ann, f"/reports/{report.pk}/raw") == {"raw": mail.decode(), "rawIsCut": False}
    assert get(ann, f"/reports/{report.pk}/dehtmlify")["dehtmlify"].split() == ["one", "two"]
    latin = a_report(filename=stored(b"caf\xe9"), body="a < b\n  kept")
    assert get(ann, f"/reports/{latin.pk}/raw")["raw"] == "caf\u00e9"
    assert get(ann, f"/reports/{latin.pk}/dehtmlify")["dehtmlify"] == "a < b\n  kept"
    response = send(ann, "GET", f"/reports/{latin.pk}/raw", query="download=1")
    assert (response.get_data(), response.mimetype) == (b"caf\xe9", "application/octet-stream")
    refused(ann, "GET", f"/reports/{a_report().pk}/raw", status=404)


@pytest.mark.usefixtures("phishing")
def test_get_reports_id_items_screenshots(ann: Caller) -> None:
    report = a_report()
    an_item(report, URL, "URL")
    an_item(report, "http://bad.example/other", "URL")
    a_picture()
    seen, unseen = get(ann, f"/reports/{report.pk}/items/screenshots")
    assert (unseen["rawItem"], unseen["screenshots"]) == ("http://bad.example/other", [])
    (picture,) = seen["screenshots"]
    assert (seen["rawItem"], picture["screenshotId"], picture["timestamp"]) == (URL, "a" * 32, int(START.timestamp()))
    assert picture["phishingGradeDetails"]["grade"] is None
    assert picture["response"]["directAccess"] == {
        "state": "UP", "statusCode": 200, "headers": {"server": "nginx"}, "urls": [URL]
    }  # fmt: skip
    response = ann.client.get(picture["location"])  # as the page does: without a token
    assert (response.mimetype, response.get_data()) == ("image/png", PNG)
    assert ann.client.get(picture["location"] + "x").status_code == 404


@pytest.mark.usefixtures("phishing")
def test_who_looks_at_a_picture_by_its_address_is_on_record_and_among_its_viewers(ann: Caller) -> None:
    report = a_report()
    item = an_item(report, URL, "URL")
    a_picture()
    (picture,) = get(ann, f"/reports/{report.pk}/items/{item.pk}/screenshots")["screenshots"]
    AuditEntry.all().delete()
    for _ in range(2):
        assert ann.client.get(picture["location"], headers={"User-Agent": "Browser/1"}).status_code == 200
    rows = AuditEntry.all().values_list("user", "token", "address", "method", "endpoint", "about", "status")
    told = f"report_id={report.pk} screenshot_id={'a' * 32}"
    token = ann.user.api_tokens.get().pk
    assert list(rows) == 2 * [(ann.user.pk, token, "127.0.0.1", "GET", "screenshots.show_screenshot", told, 200)]
    view = ScreenshotView.get()
    assert (view.check_of.look_id, view.ip, view.user_agent) == ("a" * 32, "127.0.0.1", "Browser/1")
    ann.user.is_active = False
    ann.user.save()
    assert ann.client.get(picture["location"]).status_code == 404
    assert AuditEntry.count() == 2


def test_without_a_service_that_looks_there_are_no_pictures(ann: Caller) -> None:
    report = a_report()
    an_item(report, URL, "URL")
    assert get(ann, f"/reports/{report.pk}/items/screenshots") == [{"rawItem": URL, "screenshots": []}]


@pytest.mark.usefixtures("phishing")
def test_post_reports_id_feedback(ann: Caller) -> None:
    report = a_report(status=ReportStatus.PHISH_TO_CHECK, defendant=a_defendant(), service=a_service())
    with_picture, first, second = (
        an_item(report, url, "URL") for url in (URL, "http://bad.example/1", "http://bad.example/2")
    )
    a_picture()
    body = [
        {"screenshotId": None, "feedback": False},
        {"screenshotId": "a" * 32, "feedback": True},
        {"screenshotId": None, "feedback": True},
    ]
    assert ok(ann, "POST", f"/reports/{report.pk}/feedback", body)["message"]
    report.refresh_from_db()
    assert report.status == "Attached"
    left = ReportItem.filter(report=report).order_by("pk").values_list("raw_item", flat=True)
    assert list(left) == [with_picture.raw_item, second.raw_item], first.raw_item
    message = refused(ann, "POST", f"/reports/{report.pk}/feedback", body, status=409)
    assert "PhishToCheck" in message or "no URL" in message


@pytest.mark.usefixtures("phishing")
def test_a_rule_that_cannot_do_its_work_says_what_is_in_its_way_and_nothing_has_changed(ann: Caller) -> None:
    customer = a_defendant(email="no address")
    report = a_report(status=ReportStatus.PHISH_TO_CHECK, defendant=customer, service=a_service())
    an_item(report, URL, "URL")
    verdict = {"screenshotId": None, "feedback": True}
    message = refused(ann, "POST", f"/reports/{report.pk}/feedback", [verdict], status=409)
    assert "action send_defendant_email failed" in message
    assert "recipient 'no address': expected an e-mail address" in message
    report.refresh_from_db()
    assert (report.status, report.ticket) == ("PhishToCheck", None)
    assert OutgoingMessage.count() == 0


def test_verdicts_on_what_is_not_in_the_report_are_refused(ann: Caller) -> None:
    report = a_report(status=ReportStatus.PHISH_TO_CHECK)
    an_item(report, URL, "URL")
    verdict = {"screenshotId": None, "feedback": True}
    refused(ann, "POST", f"/reports/{report.pk}/feedback", [verdict, verdict], status=409)
    refused(ann, "POST", f"/reports/{report.pk}/feedback", [], status=400)
    refused(ann, "POST", f"/reports/{report.pk}/feedback", {"feedback": True}, status=400)
    refused(ann, "POST", f"/reports/{report.pk}/feedback", [{**verdict, "rawItem": "http://x.example/"}], status=409)
    assert Report.get().status == "PhishToCheck"


def test_a_report_that_waits_for_it_is_vouched_for(ann: Caller) -> None:
    report = a_report(status=ReportStatus.TO_VALIDATE, defendant=a_defendant(), service=a_service())
    ok(ann, "POST", f"/reports/{report.pk}/validate", {})
    report.refresh_from_db()
    assert report.status == "Attached"
    refused(ann, "POST", f"/reports/{report.pk}/validate", {}, status=409)
    wrong = {"domainToRequest": "no domain"}
    assert "no domain" in refused(ann, "POST", f"/reports/{report.pk}/validate", wrong, status=409)


def test_post_and_delete_reports_id_tags(ann: Caller) -> None:
    report, tag = a_report(), a_tag("copied", Tag.Type.REPORT)
    ok(ann, "POST", f"/reports/{report.pk}/tags", {"id": tag.pk, "name": "copied", "tagType": "Report"})
    assert list(report.tags.all()) == [tag]
    ok(ann, "DELETE", f"/reports/{report.pk}/tags/{tag.pk}")
    refused(ann, "DELETE", f"/reports/{report.pk}/tags/{tag.pk}", status=404)


def test_many_reports_at_once(ann: Caller) -> None:
    one, two, foreign = a_report(), a_report(), a_report("Malware")
    tag = a_tag("copied", Tag.Type.REPORT)
    body = {"reports": [one.pk, two.pk, foreign.pk], "properties": {"category": "Spam", "tags": [{"id": tag.pk}]}}
    answer = ok(ann, "PUT", "/reports/bulk", body)
    assert [result["done"] for result in answer["results"]] == [True, True, False]
    assert set(Report.filter(tags=tag).values_list("category", flat=True)) == {"Spam"}
    headers = {"X-Api-Token": ann.token}
    body = {"reports": [one.pk, two.pk], "properties": {"tags": [{"id": tag.pk}]}}
    assert ann.client.delete("/api/reports/bulk", json=body, headers=headers).status_code == 200
    assert not tag.reports.exists()
    assert ann.client.delete("/api/reports/bulk", json={"reports": [one.pk]}, headers=headers).status_code == 200
    assert list(Report.filter(status="Archived")) == [one]
    assert Category.get(name="Spam").reports.count() == 2


@pytest.mark.usefixtures("phishing")
def test_a_picture_is_shown_on_pages_of_origins_that_are_allowed_and_of_no_others(
    ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = a_report()
    an_item(report, URL, "URL")
    a_picture()
    path, page = f"/api/reports/{report.pk}/items/screenshots", "https://desk.example.net"

    def shown(origin: str | None) -> tuple[str, str]:
        headers = {"X-Api-Token": ann.token, **({"Origin": origin} if origin else {})}
        (url,) = ann.client.get(path, headers=headers).get_json()
        address: str = url["screenshots"][0]["location"]
        policy: str = ann.client.get(address).headers["Cross-Origin-Resource-Policy"]
        return address.rpartition("/")[0], policy

    assert shown(None) == shown(page) == ("/api/screenshots", "same-origin")
    changed = current().model_copy(update={"API": current().API.model_copy(update={"allowed_origins": (page,)})})
    for module in (origins, screenshots):
        monkeypatch.setattr(module, "current", lambda: changed)
    assert shown(page) == ("http://localhost/api/screenshots", "cross-origin")
    assert shown(None) == shown("https://elsewhere.example") == ("/api/screenshots", "cross-origin")


@pytest.mark.usefixtures("phishing")
def test_a_page_that_was_asked_for_on_one_way_alone_has_the_fields_of_both(ann: Caller) -> None:
    report = a_report()
    an_item(report, URL, "URL")
    a_picture()
    (url,) = get(ann, f"/reports/{report.pk}/items/screenshots")
    nothing: dict[str, Any] = {"state": "UNKNOWN", "statusCode": None, "headers": {}, "proxyAddr": None}
    assert url["screenshots"][0]["response"]["proxyAccess"] == nothing
