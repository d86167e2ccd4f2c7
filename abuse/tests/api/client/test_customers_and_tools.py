"""Customers, and the tools that look at what was reported."""

from __future__ import annotations

import pytest

from abuse.models import Comment, Defendant, DirectoryService, History, Tag
from abuse.services.facade import facade
from abuse.tests.services.crm.directory import hold
from abuse.tests.services.phishing.lab import page, web_server

from ..conftest import Caller, MakeCaller
from ..rows import a_defendant, a_report, a_tag, a_ticket
from .wire import get, ok, refused

pytestmark = pytest.mark.django_db


def test_get_defendants_top20(ann: Caller) -> None:
    busy, calm = a_defendant(customer_id="C-1", email="a@x.example"), a_defendant(customer_id="C-2")
    for _ in range(3):
        a_ticket(defendant=busy)
    a_ticket(defendant=calm)
    a_ticket(defendant=calm, status="Closed")
    a_ticket("Copyright", defendant=calm)
    a_report(defendant=calm)
    a_report(defendant=busy, status="Archived")
    answer = get(ann, "/defendants/top20")
    rows = [(row["customerId"], row["count"]) for row in answer["ticket"]]
    assert rows == [("C-1", 3), ("C-2", 1)]
    assert answer["ticket"][0]["email"] == "a@x.example"
    assert [(row["customerId"], row["count"]) for row in answer["report"]] == [("C-2", 1)]


def test_get_defendants_id(ann: Caller, make_caller: MakeCaller) -> None:
    row = a_defendant(customer_id="C-1", email="jo@x.example", is_vip=True)
    answer = get(ann, f"/defendants/{row.pk}")
    assert (answer["customerId"], answer["email"], answer["isVIP"]) == ("C-1", "jo@x.example", True)
    assert (answer["creationDate"], answer["comments"], answer["tags"]) == ("31/01/24", [], [])
    refused(ann, "GET", "/defendants/0", status=404)
    refused(make_caller("nobody"), "GET", f"/defendants/{row.pk}", status=403)


def test_get_defendants_customer_id_services(ann: Caller) -> None:
    hold("C-1", "192.0.2.0/28")
    Defendant.create(customer_id="C-1")
    (zone,) = get(ann, "/defendants/C-1/services")
    (service,) = zone["services"]
    assert service["name"] == "vps of C-1"
    today = ("creationDate", "expirationDate", "autorenew", "state")
    assert {"componentType", "reference"} <= set(service)
    assert [service[name] for name in today] == [None] * 4
    row = DirectoryService.get(customer__customer_id="C-1")
    row.data |= {"creation_date": "2023-11-14T22:13:20Z", "expiration_date": "2027-01-15T08:00:00Z"}
    row.data |= {"autorenew": False, "state": "suspended"}
    row.save()
    (zone,) = get(ann, "/defendants/C-1/services")
    assert [zone["services"][0][name] for name in today] == [1_700_000_000, 1_800_000_000, False, "suspended"]
    refused(ann, "GET", "/defendants/C-404/services", status=404)


def test_post_put_and_delete_defendants_id_comments(ann: Caller, make_caller: MakeCaller) -> None:
    row = a_defendant()
    made = ok(ann, "POST", f"/defendants/{row.pk}/comments", {"comment": "pays late"})
    assert (made["user"], made["comment"]) == ("ann", "pays late")
    assert set(made) == {"id", "user", "comment", "date"}
    path = f"/defendants/{row.pk}/comments/{made['id']}"
    assert ok(ann, "PUT", path, {"comment": "pays"})["comment"] == "pays"
    other = make_caller("bob", {"Phishing": "Expert"})
    refused(other, "PUT", path, {"comment": "x"}, status=403)
    refused(other, "DELETE", path, status=403)
    refused(ann, "PUT", f"/defendants/{a_defendant().pk}/comments/{made['id']}", {"comment": "x"}, status=404)
    assert get(ann, f"/defendants/{row.pk}")["comments"][0]["comment"] == "pays"
    ok(ann, "DELETE", path)
    assert not Comment.all().exists()


def test_post_and_delete_defendants_id_tags_with_a_stray_id_in_the_query(ann: Caller) -> None:
    row, tag = a_defendant(), a_tag("vip", Tag.Type.DEFENDANT)
    ticket = a_ticket(defendant=row)
    a_ticket(defendant=row, status="Closed")
    whole = {"id": tag.pk, "name": "vip", "tagType": "Defendant", "level": 0}
    ok(ann, "POST", f"/defendants/{row.pk}/tags", whole, query=f"Id={tag.pk}")
    assert list(row.tags.all()) == [tag]
    ok(ann, "DELETE", f"/defendants/{row.pk}/tags/{tag.pk}")
    refused(ann, "DELETE", f"/defendants/{row.pk}/tags/{tag.pk}", status=404)
    told = History.all().order_by("pk").values_list("ticket", "action_type")
    assert list(told) == [(ticket.pk, "AddTag"), (ticket.pk, "RemoveTag")]


def test_a_reader_writes_nothing_about_customers(make_caller: MakeCaller) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    row = a_defendant()
    refused(reader, "POST", f"/defendants/{row.pk}/comments", {"comment": "x"}, status=403)
    refused(reader, "POST", f"/defendants/{row.pk}/tags", {"name": "x"}, status=403)


@pytest.mark.usefixtures("phishing")
def test_get_tools_curl(ann: Caller) -> None:
    with web_server({"/login": page("x", X_Made_By="nobody")}) as server:
        url = server.url("/login").replace("http://", "hxxp://").replace("127.0.0.1", "127[.]0.0.1")
        answer = ok(ann, "GET", "/tools/curl", query=f"url={url}")
    assert answer["url"] == server.url("/login")
    assert answer["headers"]["x-made-by"] == "nobody"
    refused(ann, "GET", "/tools/curl?url=file:///etc/passwd", status=409)
    refused(ann, "GET", "/tools/curl?url=http://10.0.0.1:8080/", status=409)
    refused(ann, "GET", "/tools/curl", status=400)


def test_without_a_service_that_looks_the_tool_says_so(ann: Caller) -> None:
    refused(ann, "GET", "/tools/curl?url=http://bad.example/", status=501)


def test_get_tools_whois(ann: Caller) -> None:
    for item, expected in [
        ("192.0.2.7", "managed"),
        ("2001:db8::1", "managed"),
        ("192.0.2.0/25", "managed"),
        ("http://192.0.2[.]7/x", "managed"),
        ("8.8.8.8", "other"),
        ("http://104.16.0.1/x", "cloudflare"),
        ("2606:4700::1", "cloudflare"),
    ]:
        assert ok(ann, "GET", "/tools/whois", query=f"item={item}") == {"ipCategory": expected}, item
    refused(ann, "GET", "/tools/whois?item=hello", status=409)


@pytest.mark.usefixtures("reputation")
@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_get_reputation(ann: Caller, ip: str) -> None:
    assert get(ann, f"/reputation/ip/{ip}/rbl") == []
    assert get(ann, f"/reputation/ip/{ip}/internal") == []
    assert get(ann, f"/reputation/ip/{ip}/external") == [{"shortName": "x", "fullName": "X", "result": 0}]
    assert get(ann, f"/reputation/ip/{ip}/external/x") == []
    assert get(ann, f"/reputation/ip/{ip}/tool")[0]["uri"] == "https://tools.example/"
    assert ok(ann, "POST", "/reputation/url/external", {"url": "hxxp://bad[.]example/x"}) == []
    refused(ann, "GET", "/reputation/ip/hello/rbl", status=404)
    refused(ann, "POST", "/reputation/url/external", {"url": "hello"}, status=409)


def test_without_a_reputation_service_nothing_is_known(ann: Caller) -> None:
    before = facade("ReputationServiceBase")._implementation
    facade("ReputationServiceBase").set_up(None)
    try:
        for kind in ("rbl", "internal", "external", "external/x", "tool"):
            assert get(ann, f"/reputation/ip/192.0.2.1/{kind}") == []
    finally:
        facade("ReputationServiceBase").set_up(before)
