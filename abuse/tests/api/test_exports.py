"""Whole lists as files: the rows of the lists, and no more memory for more of them."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from typing import Any

import pytest
import redis
from django.db import connection
from werkzeug.test import TestResponse

from abuse.api import exports
from abuse.config import current
from abuse.models import AuditEntry, ReportItem
from abuse.models.inserting import insert_all

from .conftest import Caller, MakeCaller
from .rows import START, a_defendant, a_report, a_tag, a_ticket, an_item

pytestmark = pytest.mark.django_db
PATHS = ("/api/tickets/export", "/api/reports/export", "/api/items/export")


@pytest.fixture(autouse=True)
def _nothing_counted(queue_server: redis.Redis) -> None:
    """No export was made yet."""


def get(caller: Caller, path: str, filters: Any = None, form: str = "csv", status: int = 200) -> TestResponse:
    query = {"form": form} | ({} if filters is None else {"filters": json.dumps(filters)})
    answer = caller.client.get(path, query_string=query, headers={"X-Api-Token": caller.token})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer


def table(answer: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def lines(answer: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]


@pytest.mark.parametrize("name", ["tickets", "reports"])
def test_the_lines_are_the_rows_of_the_list(root: Caller, name: str) -> None:
    for number in range(12):
        ticket = a_ticket(defendant=a_defendant(), status="Closed" if number == 3 else "Open")
        ticket.tags.add(a_tag("fraud"), a_tag("vip"))
        a_report(ticket=ticket)
    order = {"sortBy": {"id": -1}, "paginate": {"resultsPerPage": 250}}
    answer = get(root, f"/api/{name}/export", order, "jsonl")
    assert lines(answer) == root.get(f"/api/{name}", order).get_json()
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}.jsonl"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    chosen = {**order, "where": {"in": [{"id": [lines(answer)[0]["id"]]}]}, "queryFields": ["category"]}
    assert lines(get(root, f"/api/{name}/export", chosen, "jsonl")) == root.get(f"/api/{name}", chosen).get_json()


def test_a_table_has_the_same_in_cells(root: Caller) -> None:
    ticket = a_ticket(defendant=a_defendant(customer_id="C-é"), escalated=True)
    ticket.tags.add(a_tag("fraud"), a_tag("vip"))
    a_ticket()
    first, second = table(get(root, "/api/tickets/export", {"sortBy": {"id": 1}}))
    assert first["id"] == str(ticket.pk)
    assert (first["defendant.customerId"], second["defendant.customerId"]) == ("C-é", "")
    assert {tag.strip() for tag in first["tags"].split(";")} == {"fraud", "vip"}
    assert (first["escalated"], second["escalated"]) == ("true", "false")
    assert first["creationDate"] == str(int(START.timestamp()))
    narrow = table(get(root, "/api/tickets/export", {"queryFields": ["priority", "defendant"]}))
    assert {name.partition(".")[0] for name in narrow[0]} == {
        "id", "priority", "defendant", "attachedReportsCount", "commentsCount", "starredByMe"
    }  # fmt: skip
    assert table(get(root, "/api/tickets/export", {"where": {"in": [{"id": [ticket.pk + 999]}]}})) == []


@pytest.mark.parametrize(
    "subject",
    ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"],
)
def test_a_senders_formula_is_a_text_for_the_spreadsheet_and_itself_for_programs(root: Caller, subject: str) -> None:
    a_report(subject=subject)
    assert [row["subject"] for row in table(get(root, "/api/reports/export"))] == [f"'{subject}"]
    assert [row["subject"] for row in lines(get(root, "/api/reports/export", form="jsonl"))] == [subject]


def test_quotes_commas_and_line_breaks_stay_in_their_cell(root: Caller) -> None:
    report = a_report(subject='a "quoted", text; with\r\na break', body="x,y\n=1")
    report.tags.add(a_tag("=1"))
    (row,) = table(get(root, "/api/reports/export"))
    assert (row["subject"], row["body"], row["tags"]) == (report.subject, "x,y\n=1", "'=1")


def test_one_exports_what_one_may_see(make_caller: MakeCaller) -> None:
    own, other, secret = a_ticket(), a_ticket("Spam"), a_ticket(confidential=True)
    reports = [a_report(ticket=own), a_report("Spam", ticket=other), a_report(ticket=secret)]
    for report in reports:
        an_item(report)
    reader = make_caller("reader", {"Phishing": "Read-only"})
    expert = make_caller("expert", {"Phishing": "Expert"})
    nobody = make_caller("nobody")
    assert [row["id"] for row in table(get(reader, PATHS[0]))] == [str(own.pk)]
    assert [row["id"] for row in table(get(expert, PATHS[0]))] == [str(own.pk), str(secret.pk)]
    for path in PATHS:
        assert table(get(nobody, path)) == []
    for caller in (reader, expert):
        listed = {str(pk) for pk in caller.ids("/api/reports")}
        assert {row["id"] for row in table(get(caller, PATHS[1]))} == listed
        assert {row["report"] for row in table(get(caller, PATHS[2]))} == listed


def test_items_are_chosen_by_what_they_are_in(root: Caller) -> None:
    wanted = an_item(a_report(ticket=(ticket := a_ticket())), "192.0.2.1")
    an_item(a_report("Spam"), "192.0.2.2")
    for condition in ({"ticket": [ticket.pk]}, {"category": ["Phishing"]}, {"rawItem": ["192.0.2.1"]}):
        rows = table(get(root, PATHS[2], {"where": {"in": [condition]}}))
        assert [row["id"] for row in rows] == [str(wanted.pk)]
    message = get(root, PATHS[2], {"where": {"in": [{"nonsense": [1]}]}}, status=400).get_json()["message"]
    assert message.startswith("filters.where.in: ")


def test_each_export_is_on_record(root: Caller) -> None:
    for path in PATHS:
        get(root, path, form="jsonl")
    assert list(AuditEntry.all().order_by("pk").values_list("endpoint", "about", "status")) == [
        (f"exports.export_{name}", "form=jsonl", 200) for name in ("tickets", "reports", "items")
    ]


def test_there_are_so_many_exports_an_hour(
    root: Caller, make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = current()
    few = settings.model_copy(update={"API": settings.API.model_copy(update={"exports_per_hour": 2})})
    monkeypatch.setattr(exports, "current", lambda: few)
    get(root, PATHS[0])
    get(root, PATHS[1])
    refused = get(root, PATHS[2], status=429)
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    get(make_caller("other"), PATHS[0])


def test_a_form_that_there_is_not_is_refused(root: Caller) -> None:
    assert "form" in get(root, PATHS[0], form="xlsx", status=400).get_json()["message"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_twenty_thousand_rows_need_no_more_memory_than_a_few(root: Caller, form: str) -> None:
    report = a_report()
    insert_all(
        [
            ReportItem(report=report, raw_item=f"https://{number}.example/{'x' * 150}", item_type="URL", date=START)
            for number in range(20_000)
        ]
    )
    answer = root.client.get(PATHS[2], query_string={"form": form}, headers={"X-Api-Token": root.token}, buffered=False)
    chunks = iter(answer.response)
    next(chunks)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '%%django%%'")
        assert cursor.fetchone()[0] == 1, "the database holds the rows, not we"
    size = lines_seen = 0
    tracemalloc.start()
    try:
        for chunk in chunks:
            size += len(chunk)
            lines_seen += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines_seen >= 19_999
    assert size > 4_000_000
    assert peak < 5_000_000, f"{peak} bytes for {size} bytes of answer"
