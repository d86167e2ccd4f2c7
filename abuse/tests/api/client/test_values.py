"""What the client shows is right, not only there: values and types, against rows that were counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.controllers import history, tickets
from abuse.models import OutgoingMessage, Ticket

from ..conftest import Caller, MakeCaller
from ..rows import a_comment, a_defendant, a_provider, a_report, a_service, a_ticket, an_item
from .wire import get, ok, refused

pytestmark = pytest.mark.django_db
EPOCH = 1_700_000_000
ROW_FIELDS = [
    "id", "category", "defendant", "service", "status", "priority", "creationDate", "modificationDate", "treatedBy",
    "attachedReportsCount",
]  # fmt: skip


@pytest.fixture
def boss(make_caller: MakeCaller) -> Caller:
    return make_caller("boss", {"Phishing": "Expert", "Spam": "Expert"}, role="admin")


@pytest.fixture
def ticket(boss: Caller) -> Ticket:
    report = a_report(
        defendant=a_defendant(customer_id="C-1", email="jo@x.example", spare_email="sp@x.example", country="FR"),
        service=a_service("vps.x.example"),
        provider=a_provider("cert@x.example", trusted=True, name="CERT", priority="High"),
    )
    an_item(report, "192.0.2.7")
    an_item(report, "http://vps.x.example/login", "URL")
    made = tickets.create_ticket(report, actor=history.robot())
    tickets.attach_report(a_report(provider=a_provider("other@x.example")), made, actor=history.robot())
    a_comment(made, boss.user)
    return made


def test_a_row_of_the_search_has_what_the_table_shows_of_it(boss: Caller, ticket: Ticket) -> None:
    """Three of the fields shown are not among those asked for."""
    a_ticket()
    answer = get(
        boss, "/search",
        {
            "paginate": {"currentPage": 1, "resultsPerPage": "10"},
            "sortBy": {"creationDate": -1},
            "queryFields": ROW_FIELDS,
            "where": {
                "in": [{"status": ["Open", "Alarm"]}, {"treatedBy": [None]}, {"category": ["Phishing"]}],
                "like": [{"ticketIds": [ticket.public_id.upper()]}],
            },
        },
    )  # fmt: skip
    assert (answer["ticketsCount"], answer["reports"], answer["reportsCount"]) == (1, [], 0)
    (row,) = answer["tickets"]
    assert (row["id"], row["category"], row["status"], row["priority"]) == (ticket.pk, "Phishing", "Open", "High")
    assert (row["defendant"]["email"], row["service"]["name"]) == ("jo@x.example", "vps.x.example")
    assert (row["treatedBy"], row["attachedReportsCount"], row["commentsCount"], row["alarm"]) == (None, 2, 1, False)
    assert isinstance(row["creationDate"], int) and row["creationDate"] > EPOCH
    assert isinstance(row["modificationDate"], int) and row["modificationDate"] >= row["creationDate"]


def test_opening_a_ticket_assigns_it_and_says_so_once(boss: Caller, ticket: Ticket) -> None:
    first, second = get(boss, f"/tickets/{ticket.pk}"), get(boss, f"/tickets/{ticket.pk}")
    assert (first["justAssigned"], first["treatedBy"]) == (True, "boss")
    assert (second["justAssigned"], second["treatedBy"]) == (False, "boss")
    assert first["attachedReportsCount"] == 2
    assert first["defendant"]["creationDate"] == "31/01/24"
    assert [one["user"] for one in first["comments"]] == ["boss"]
    assert all(isinstance(one["date"], int) and one["username"] and one["action"] for one in first["history"])
    assert first["history"][-1]["username"] == "abuse.robot"


def test_clocks_are_seconds_since_the_epoch_and_seconds(boss: Caller, ticket: Ticket) -> None:
    paused = ok(boss, "PUT", f"/tickets/{ticket.pk}/status/paused", {"pauseDuration": 3600})
    assert (paused["status"], paused["pauseDuration"]) == ("Paused", 3600)
    assert paused["pauseStart"] > EPOCH
    longer = ok(boss, "PATCH", f"/tickets/{ticket.pk}/pauseDuration", {"pauseDuration": 7200})
    assert (longer["pauseStart"], longer["pauseDuration"]) == (paused["pauseStart"], 7200)
    ended = ok(boss, "PUT", f"/tickets/{ticket.pk}/status/unpaused", {"pauseDuration": 0})
    assert (ended["status"], ended["pauseStart"], ended["pauseDuration"]) == ("Open", None, None)


def test_the_choice_alarm_for_many_unpauses_and_marks_them(boss: Caller, ticket: Ticket) -> None:
    ok(boss, "PUT", f"/tickets/{ticket.pk}/status/paused", {"pauseDuration": 3600})
    ok(
        boss, "PUT", "/tickets/bulk",
        {"tickets": [ticket.pk], "properties": {"status": "Unpaused", "alarm": True, "priority": "Low"}},
    )  # fmt: skip
    row = get(boss, f"/tickets/{ticket.pk}")
    assert (row["status"], row["alarm"], row["priority"]) == ("Open", True, "Low")


def test_items_of_a_ticket_are_those_of_all_its_reports_with_whom_they_belong_to(boss: Caller, ticket: Ticket) -> None:
    answer = get(boss, f"/tickets/{ticket.pk}/items", {"paginate": {"currentPage": 1, "resultsPerPage": 5}})
    assert answer["itemsCount"] == len(answer["items"]) == 2
    address, url = answer["items"]
    assert (address["itemType"], address["rawItem"], address["viewed"]) == ("IP", "192.0.2.7", False)
    assert address["history"][0]["ip"] == "192.0.2.7"
    assert address["history"][0]["ipCategory"] == "managed"
    assert (url["itemType"], url["rawItem"]) == ("URL", "http://vps.x.example/login")
    assert isinstance(url["history"][0]["date"], int)
    like = {"where": {"like": [{"rawItem": ["LOGIN"]}]}}
    assert [row["id"] for row in get(boss, f"/tickets/{ticket.pk}/items", like)["items"]] == [url["id"]]


def test_the_sources_of_a_ticket_come_with_their_trust(boss: Caller, ticket: Ticket) -> None:
    rows = [(row["email"], row["trusted"]) for row in get(boss, f"/tickets/{ticket.pk}/providers")]
    assert rows == [("cert@x.example", True), ("other@x.example", False)]
    asked = get(boss, "/reports", {"queryFields": ["provider"], "where": {"in": [{"ticket": [ticket.pk]}]}})
    assert sorted(row["provider"]["email"] for row in asked) == ["cert@x.example", "other@x.example"]


def test_counts_agree_with_each_other_and_with_what_was_made(boss: Caller, ticket: Ticket) -> None:
    other = a_ticket("Spam", treated_by=boss.user, status="WaitingAnswer", defendant=ticket.defendant)
    a_report("Spam", ticket=other, defendant=ticket.defendant)
    a_ticket("Spam", treated_by=boss.user, status="Closed", defendant=ticket.defendant)
    bar = get(boss, "/toolbar")
    assert {name: bar[name] for name in bar if name.startswith("myTickets")} == {
        "myTicketsCount": 1, "myTicketsAnsweredCount": 0, "myTicketsTodoCount": 0, "myTicketsSleepingCount": 1,
        "myTicketsStarredCount": 0,
    }  # fmt: skip
    board = get(boss, "/dashboard")
    assert board["ticketsByCategory"] == {"idle": [1, 0], "waiting": [0, 1], "pending": [0, 0]}
    assert board["ticketsByStatus"] == {"Open": 1, "WaitingAnswer": 1}
    assert (board["reportsByCategory"], board["reportsByStatus"]) == ({"Phishing": 2, "Spam": 1}, {"Attached": 3})
    todo = get(boss, "/tickets/todo", {"paginate": {"currentPage": 1, "resultsPerPage": 250}, "onlyUnassigned": True})
    assert (todo["ticketsCount"], [row["id"] for row in todo["tickets"]]) == (1, [ticket.pk])
    busiest = get(boss, "/defendants/top20")
    assert [(row["customerId"], row["count"]) for row in busiest["ticket"]] == [("C-1", 2)]
    charts = {row["name"]: sum(count for _, count in row["data"]) for row in get(boss, "/stats/tickets/C-1")}
    assert charts == {"Phishing": 1, "Spam": 2}


def test_a_mail_can_be_written_without_a_decision(boss: Caller, ticket: Ticket) -> None:
    before = Ticket.filter(pk=ticket.pk).values("status", "snooze_start", "resolution", "treated_by").get()
    body: dict[str, Any] = {"emails": [{"to": ["jo@x.example"], "subject": "Hello", "body": "We look at it."}]}
    assert ok(boss, "POST", f"/tickets/{ticket.pk}/emails", body)["message"]
    mail = OutgoingMessage.get()
    assert (mail.recipient, mail.subject, mail.category) == ("jo@x.example", "Hello", "Defendant")
    assert Ticket.filter(pk=ticket.pk).values("status", "snooze_start", "resolution", "treated_by").get() == before
    (shown,) = get(boss, f"/tickets/{ticket.pk}/emails")
    assert (shown["to"], shown["subject"], shown["body"]) == ("jo@x.example", "Hello", "We look at it.")
    assert isinstance(shown["created"], int) and shown["created"] > EPOCH
    refused(boss, "POST", f"/tickets/{ticket.pk}/emails", {"emails": []}, status=400)
    body["emails"][0]["to"] = ["jo@x.example", "nobody"]
    refused(boss, "POST", f"/tickets/{ticket.pk}/emails", body, status=409)
    body["emails"][0]["to"], body["version"] = ["jo@x.example"], 1
    refused(boss, "POST", f"/tickets/{ticket.pk}/emails", body, status=409)
    assert OutgoingMessage.count() == 1
