"""A ticket: opened, changed, remarked on, tagged."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.models import (
    Comment,
    Deadline,
    History,
    Proof,
    Report,
    Resolution,
    ServiceAction,
    ServiceActionJob,
    StarredTicket,
    Tag,
    Ticket,
)

from ..conftest import Caller, MakeCaller
from ..rows import a_comment, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket
from .wire import encoded, get, ok, refused, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(ann: Caller) -> Ticket:
    return a_ticket(defendant=a_defendant(customer_id="C-1"), service=a_service("vps"), treated_by=ann.user)


def in_client(ann: Caller, ticket: Ticket) -> dict[str, Any]:
    """The ticket as the client holds it: with fields of its own and dates as text."""
    whole: dict[str, Any] = get(ann, f"/tickets/{ticket.pk}")
    return {**whole, "creationDate": "2026-01-01T12:00:00.000Z", "$$hashKey": "object:7", "sources": {"trusted": 1}}


def test_get_tickets_id(ann: Caller) -> None:
    ticket = a_ticket(defendant=a_defendant(), service=a_service("vps"), snooze_duration=3600)
    ticket.tags.add(a_tag("fraud"))
    a_comment(ticket, ann.user, "first")
    a_report(ticket=ticket)
    answer = get(ann, f"/tickets/{ticket.pk}")
    assert answer["justAssigned"] is True
    assert answer["treatedBy"] == "ann"
    assert (answer["comments"][0]["user"], answer["comments"][0]["comment"]) == ("ann", "first")
    assert answer["history"][0]["action"] == "changed treatedBy from nobody to ann"
    assert answer["service"]["name"] == "vps"
    assert [tag["name"] for tag in answer["tags"]] == ["fraud"]
    assert isinstance(answer["creationDate"], int)
    assert answer["attachedReportsCount"] == 1
    assert set(answer["defendant"]) >= {"id", "customerId", "isVIP", "isGS", "isInternal", "tags", "comments", "zip"}
    assert get(ann, f"/tickets/{ticket.pk}")["justAssigned"] is False


def test_opening_a_ticket_of_a_category_that_one_only_reads_takes_nothing(ann: Caller) -> None:
    ticket = a_ticket("Malware")
    assert get(ann, f"/tickets/{ticket.pk}")["justAssigned"] is False
    assert Ticket.get(pk=ticket.pk).treated_by is None


def test_put_tickets_id(ann: Caller, ticket: Ticket) -> None:
    whole = in_client(ann, ticket)
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}", {**whole, "priority": "High", "confidential": True})
    assert (answer["priority"], answer["confidential"], answer["id"]) == ("High", True, ticket.pk)
    assert answer["defendant"]["customerId"] == "C-1"
    rows = History.filter(ticket=ticket).values_list("field", "old", "new").order_by("pk")
    assert list(rows) == [("confidential", "False", "True"), ("priority", "Normal", "High")]


def test_a_whole_ticket_that_says_what_is_so_changes_nothing(ann: Caller, ticket: Ticket) -> None:
    before = dict(Ticket.filter(pk=ticket.pk).values().get())
    ok(ann, "PUT", f"/tickets/{ticket.pk}", in_client(ann, ticket))
    after = dict(Ticket.filter(pk=ticket.pk).values().get())
    assert {name for name in before if before[name] != after[name]} == {"looked_at"}


def test_escalating_drops_the_owner_that_the_whole_ticket_still_names(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}", {**in_client(ann, ticket), "escalated": True})
    assert (answer["escalated"], answer["treatedBy"]) == (True, None)


def test_detaching_and_unassigning(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}", {**in_client(ann, ticket), "defendant": None})
    assert (answer["defendant"], answer["service"], answer["treatedBy"]) == (None, None, "ann")
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}", {**answer, "treatedBy": None})
    assert answer["treatedBy"] is None
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}/defendant", {"defendant": {"customerId": "C-1"}})
    assert answer["defendant"]["customerId"] == "C-1"


def test_two_who_edit_one_ticket_do_not_overwrite_each_other(ann: Caller, ticket: Ticket, root: Caller) -> None:
    whole = in_client(ann, ticket)
    ok(root, "PUT", f"/tickets/{ticket.pk}", {"priority": "Critical"})
    message = refused(ann, "PUT", f"/tickets/{ticket.pk}", {**whole, "priority": "Low"}, status=409)
    assert "version" in message
    assert Ticket.get(pk=ticket.pk).priority == "Critical"


@pytest.mark.parametrize(
    ("body", "named", "status"),
    [
        ({"category": "Nonsense"}, "category", 409),
        ({"priority": "Urgent"}, "priority", 409),
        ({"treatedBy": "nobody-of-that-name"}, "treatedBy", 409),
        ({"defendant": {"customerId": "C-404"}}, "defendant", 409),
        ({"escalated": "perhaps"}, "escalated", 400),
        ({"priority": "High", "category": "\0"}, "category", 400),
    ],
)
def test_a_value_that_cannot_be_is_named_and_nothing_is_changed(
    ann: Caller, ticket: Ticket, body: dict[str, Any], named: str, status: int
) -> None:
    assert named in refused(ann, "PUT", f"/tickets/{ticket.pk}", body, status=status)
    assert Ticket.get(pk=ticket.pk).priority == "Normal"


def test_fields_beyond_the_role_are_dropped_and_refused_when_none_is_left(make_caller: MakeCaller) -> None:
    first_line = make_caller("bob", {"Phishing": "Advanced"}, role="run_level_1")
    ticket = a_ticket(treated_by=first_line.user)
    answer = ok(first_line, "PUT", f"/tickets/{ticket.pk}", {"escalated": True, "priority": "Critical"})
    assert (answer["escalated"], answer["priority"]) == (True, "Normal")
    assert "priority" in refused(first_line, "PUT", f"/tickets/{ticket.pk}", {"priority": "Critical"}, status=403)


def test_who_may_only_read_changes_nothing(ann: Caller) -> None:
    ticket = a_ticket("Malware")
    calls = [
        ("PUT", "", {"alarm": True}),
        ("PUT", "/status/paused", {"pauseDuration": 60}),
        ("POST", "/comments", {"comment": "x"}),
        ("POST", "/tags", {"name": "x"}),
        ("POST", "/proof", {"content": "x"}),
        ("POST", "/interact", {"action": {"codename": "waiting_answer"}}),
    ]
    for method, path, body in calls:
        refused(ann, method, f"/tickets/{ticket.pk}{path}", body, status=403)
    assert not History.filter(ticket=ticket).exists()


def test_put_tickets_id_status_paused_and_unpaused(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}/status/paused", {"pauseDuration": 86400})
    assert (answer["status"], answer["pauseDuration"]) == ("Paused", 86400)
    assert isinstance(answer["pauseStart"], int)
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}/status/unpaused", {"pauseDuration": 0})
    assert (answer["status"], answer["pauseDuration"]) == ("Open", None)


def test_put_tickets_id_status_closed_and_reopened(ann: Caller, ticket: Ticket) -> None:
    resolution = Resolution.get(codename="fixed_by_isp")
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}/status/closed", {"resolution": resolution.pk})
    assert (answer["status"], answer["resolution"]) == ("Closed", "fixed_by_isp")
    refused(ann, "PUT", f"/tickets/{ticket.pk}/status/closed", {"resolution": resolution.pk}, status=409)
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}/status/reopened", {"pauseDuration": 0})
    assert (answer["status"], answer["resolution"]) == ("Reopened", None)
    assert "resolution" in refused(ann, "PUT", f"/tickets/{ticket.pk}/status/closed", {}, status=409)


@pytest.mark.parametrize("status", ["open", "answered", "actionerror", "nonsense"])
def test_a_status_that_cannot_be_set_is_refused_instead_of_passed_over(
    ann: Caller, ticket: Ticket, status: str
) -> None:
    assert "unpaused" in refused(ann, "PUT", f"/tickets/{ticket.pk}/status/{status}", {}, status=409)
    assert Ticket.get(pk=ticket.pk).status == "Open"


def test_patch_tickets_id_snooze_duration(ann: Caller, ticket: Ticket) -> None:
    refused(ann, "PATCH", f"/tickets/{ticket.pk}/snoozeDuration", {"snoozeDuration": 60}, status=409)
    ok(ann, "PUT", f"/tickets/{ticket.pk}/status/waitinganswer", {"snoozeDuration": 3600})
    answer = ok(ann, "PATCH", f"/tickets/{ticket.pk}/snoozeDuration", {"snoozeDuration": 7200})
    assert (answer["status"], answer["snoozeDuration"]) == ("WaitingAnswer", 7200)
    assert Deadline.get(ticket=ticket, state="pending").kind == "snooze"


def test_patch_tickets_id_pause_duration(ann: Caller, ticket: Ticket) -> None:
    ok(ann, "PUT", f"/tickets/{ticket.pk}/status/paused", {"pauseDuration": 60})
    assert ok(ann, "PATCH", f"/tickets/{ticket.pk}/pauseDuration", {"pauseDuration": "120"})["pauseDuration"] == 120
    refused(ann, "PATCH", f"/tickets/{ticket.pk}/pauseDuration", {"pauseDuration": 2_592_001}, status=409)


def test_post_tickets_id_comments(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "POST", f"/tickets/{ticket.pk}/comments", {"comment": "the customer called"})
    comment = Comment.get()
    assert answer["id"] == comment.pk
    assert (answer["user"], answer["comment"]) == ("ann", "the customer called")
    assert answer["date"] == int(comment.date.timestamp())
    assert get(ann, f"/tickets/{ticket.pk}")["comments"][0] == answer


def test_put_tickets_id_comments_id(ann: Caller, ticket: Ticket, root: Caller) -> None:
    own = ok(ann, "POST", f"/tickets/{ticket.pk}/comments", {"comment": "one"})["id"]
    path = f"/tickets/{ticket.pk}/comments/{own}"
    assert ok(ann, "PUT", path, {"comment": "two"})["comment"] == "two"
    refused(root, "PUT", path, {"comment": "three"}, status=403)
    refused(root, "DELETE", path, status=403)
    refused(ann, "PUT", f"/tickets/{a_ticket().pk}/comments/{own}", {"comment": "three"}, status=404)
    assert Comment.get().comment == "two"
    assert "message" in ok(ann, "DELETE", path)
    assert not Comment.all().exists()


def test_post_and_delete_tickets_id_tags(ann: Caller, ticket: Ticket) -> None:
    tag = a_tag("fraud")
    whole = {"id": tag.pk, "name": "fraud", "codename": "fraud", "tagType": "Ticket", "level": 0}
    ok(ann, "POST", f"/tickets/{ticket.pk}/tags", whole)
    ok(ann, "POST", f"/tickets/{ticket.pk}/tags", {"name": "fraud"})
    assert list(ticket.tags.all()) == [tag]
    other = a_tag("of reports", Tag.Type.REPORT)
    refused(ann, "POST", f"/tickets/{ticket.pk}/tags", {"id": other.pk}, status=404)
    ok(ann, "DELETE", f"/tickets/{ticket.pk}/tags/{tag.pk}")
    refused(ann, "DELETE", f"/tickets/{ticket.pk}/tags/{tag.pk}", status=404)
    types = History.filter(ticket=ticket).values_list("action_type", flat=True).order_by("pk")
    assert list(types) == ["AddTag", "RemoveTag"]


def test_get_tickets_id_providers(ann: Caller, ticket: Ticket) -> None:
    a_report(ticket=ticket, provider=a_provider("a@x.example", trusted=True))
    a_report(ticket=ticket, provider=a_provider("b@x.example"))
    a_report(ticket=ticket, provider=a_provider("b@x.example"))
    History.create(ticket=ticket, user=ann.user, action_type="SendEmail", new="B@x.example", date=ticket.creation_date)
    rows = get(ann, f"/tickets/{ticket.pk}/providers")
    assert [(row["email"], row["trusted"], row["contacted"]) for row in rows] == [
        ("a@x.example", True, False),
        ("b@x.example", False, True),
    ]


def test_get_and_post_tickets_id_proof(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "POST", f"/tickets/{ticket.pk}/proof", {"content": "from jo@victim.example: look"})
    assert answer["message"]
    ok(ann, "POST", f"/tickets/{ticket.pk}/proof", [{"content": "two"}, {"content": "three"}])
    rows = get(ann, f"/tickets/{ticket.pk}/proof")
    contents = ["from email-removed@provider.com: look", "two", "three"]
    assert [row["content"] for row in rows] == contents
    refused(ann, "POST", f"/tickets/{ticket.pk}/proof", {"content": "  "}, status=409)


def test_changing_one_proof_leaves_the_others(ann: Caller, ticket: Ticket) -> None:
    one, two = (Proof.create(ticket=ticket, content=text) for text in ("one", "two"))
    ok(ann, "PUT", f"/tickets/{ticket.pk}/proof/{one.pk}", {"content": "uno"})
    assert list(Proof.all().order_by("pk").values_list("content", flat=True)) == ["uno", "two"]
    ok(ann, "DELETE", f"/tickets/{ticket.pk}/proof/{two.pk}")
    assert Proof.get() == one


def test_delete_tickets_id_proof_id(ann: Caller, ticket: Ticket) -> None:
    stranger = Proof.create(ticket=a_ticket(), content="x")
    refused(ann, "DELETE", f"/tickets/{ticket.pk}/proof/{stranger.pk}", status=404)
    refused(ann, "PUT", f"/tickets/{ticket.pk}/proof/{stranger.pk}", {"content": "y"}, status=404)
    assert Proof.get().content == "x"


def test_get_and_delete_tickets_id_jobs(ann: Caller, ticket: Ticket) -> None:
    from abuse.controllers import actions

    assert get(ann, f"/tickets/{ticket.pk}/jobs") == []
    action = ServiceAction.filter(module="VPS").get()
    due = ticket.modification_date.replace(year=2030)
    job = actions.schedule_action(ticket, action, due_at=due, ip=None, actor=ann.user)
    (row,) = get(ann, f"/tickets/{ticket.pk}/jobs")
    assert (row["id"], row["status"], row["action"]["name"], row["ip"]) == (job.pk, "pending", action.name, None)
    assert isinstance(row["creationDate"], int)
    assert (row["executionDate"], row["comment"]) == (None, None)
    refused(ann, "DELETE", f"/tickets/{a_ticket().pk}/jobs/{job.pk}", status=404)
    assert ok(ann, "DELETE", f"/tickets/{ticket.pk}/jobs/{job.pk}")["message"]
    assert ServiceActionJob.get().status == "cancelled"
    assert not Deadline.filter(ticket=ticket, state="pending").exists()
    refused(ann, "DELETE", f"/tickets/{ticket.pk}/jobs/{job.pk}", status=409)


def test_post_tickets(ann: Caller) -> None:
    report = a_report(defendant=a_defendant(), service=a_service())
    whole = get(ann, f"/reports/{report.pk}")
    ok(ann, "POST", "/tickets", {**whole, "receivedDate": "2026-01-01T12:00:00.000Z", "attachments": []})
    answer = get(ann, f"/reports/{report.pk}")
    assert (answer["ticket"], answer["status"]) == (Ticket.get().pk, "Attached")
    second = a_report(defendant=report.defendant, service=report.service)
    ok(ann, "POST", "/tickets", {"id": second.pk})
    assert Ticket.count() == 1
    refused(ann, "POST", "/tickets", {"id": a_report("Malware").pk}, status=403)
    refused(ann, "POST", "/tickets", {"id": 0}, status=400)
    assert Report.filter(ticket__isnull=False).count() == 2


def test_stars_are_ones_own(ann: Caller, ticket: Ticket) -> None:
    ok(ann, "POST", f"/tickets/{ticket.pk}/star")
    refused(ann, "POST", f"/tickets/{ticket.pk}/star", status=409)
    assert StarredTicket.get().user == ann.user
    ok(ann, "DELETE", f"/tickets/{ticket.pk}/star")
    refused(ann, "DELETE", f"/tickets/{ticket.pk}/star", status=409)


def test_the_timeline_is_paged_and_says_what_it_is_about_on_demand(ann: Caller, ticket: Ticket) -> None:
    ok(ann, "POST", f"/tickets/{ticket.pk}/comments", {"comment": "hello"})
    ok(ann, "PUT", f"/tickets/{ticket.pk}", {"priority": "High"})
    newest, oldest = get(ann, f"/tickets/{ticket.pk}/timeline")
    assert (newest["log"], newest["metadata"]) == ("updated property priority from Normal to High", None)
    rows = get(ann, f"/tickets/{ticket.pk}/timeline", {"withMetadata": True, "reverse": True})
    assert [row["actionType"] for row in rows] == ["AddComment", "UpdateProperty"]
    assert rows[0]["metadata"]["comment"] == "hello"
    assert rows[1]["metadata"]["new"] == "High"
    (page,) = get(ann, f"/tickets/{ticket.pk}/timeline", {"paginate": {"resultsPerPage": "1", "currentPage": 2}})
    assert page == oldest


def test_a_query_in_the_clients_spelling_is_understood(ann: Caller, ticket: Ticket) -> None:
    a_report(ticket=ticket, subject="a page & more: 100% + {x}")
    query = encoded({"where": {"like": [{"subject": ["a page & more: 100% + {x}"]}]}})
    assert "+page+%26" in query
    response = send(ann, "GET", "/tickets", query=query)
    assert [row["id"] for row in response.get_json()] == [ticket.pk]
    assert [row["id"] for row in send(ann, "GET", "/tickets", query="filters=%7B%7D").get_json()] == [ticket.pk]


@pytest.mark.parametrize(
    ("stored", "shown", "answer"),
    [
        ("pending", "pending", None), ("applying", "doing", None), ("doing", "doing", None), ("ok", "done", "ok"),
        ("suspended", "done", "suspended"), ("cancelled", "cancelled", None), ("actionError", "actionError", None),
        ("unknown", "unknown", None),
    ],
)  # fmt: skip
def test_a_measure_is_in_a_state_that_the_client_knows_whatever_its_system_calls_it(
    ann: Caller, ticket: Ticket, stored: str, shown: str, answer: str | None
) -> None:
    action = ServiceAction.filter(module="VPS").get()
    job = ServiceActionJob.create(action=action, status=stored, creation_date=ticket.creation_date)
    ticket.jobs.add(job)
    (row,) = get(ann, f"/tickets/{ticket.pk}/jobs")
    assert (row["status"], row["answer"]) == (shown, answer)


def test_a_paused_ticket_is_sent_back_whole_with_its_clocks_as_text(ann: Caller, ticket: Ticket) -> None:
    paused = ok(ann, "PUT", f"/tickets/{ticket.pk}/status/paused", {"pauseDuration": 60})
    whole = {**in_client(ann, ticket), "pauseStart": "2020-01-01T12:00:00.000Z", "priority": "High"}
    answer = ok(ann, "PUT", f"/tickets/{ticket.pk}", whole)
    assert (answer["priority"], answer["pauseStart"], answer["status"]) == ("High", paused["pauseStart"], "Paused")


def test_what_is_hung_on_a_ticket_does_not_make_what_the_client_holds_of_it_stale(ann: Caller, ticket: Ticket) -> None:
    whole, path = in_client(ann, ticket), f"/tickets/{ticket.pk}"
    ok(ann, "POST", f"{path}/comments", {"comment": "one"})
    ok(ann, "POST", f"{path}/tags", {"id": a_tag("fraud").pk})
    ok(ann, "POST", f"{path}/proof", {"content": "a log line"})
    assert ok(ann, "PUT", path, {**whole, "priority": "High"})["priority"] == "High"


def test_an_owner_of_no_name_is_nobody(ann: Caller, ticket: Ticket) -> None:
    assert ok(ann, "PUT", f"/tickets/{ticket.pk}", {**in_client(ann, ticket), "treatedBy": ""})["treatedBy"] is None
