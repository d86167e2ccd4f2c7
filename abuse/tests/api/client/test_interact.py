"""Deciding on a ticket: actions, presets, mail texts, the conversation, many at once."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from abuse.controllers import presets
from abuse.models import (
    MailTemplate,
    OutgoingMessage,
    Priority,
    Profile,
    Proof,
    ReceivedMessage,
    ReportItem,
    Resolution,
    ServiceAction,
    Ticket,
    TicketStatus,
    TicketWorkflowPreset,
)

from ..conftest import Caller, MakeCaller
from ..rows import START, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket, an_item
from .wire import get, ok, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(ann: Caller) -> Ticket:
    row = a_ticket(
        defendant=a_defendant(email="jo@customer.example", lang="FR"), service=a_service("vps"), treated_by=ann.user
    )
    a_report(ticket=row, provider=a_provider("cert@reporter.example"))
    return row


def a_template(codename: str = "notice", body: str = "About {{ publicId }}", **fields: str) -> MailTemplate:
    return MailTemplate.create(codename=codename, name=codename, subject="Case {{ publicId }}", body=body, **fields)


def a_preset(codename: str, templates: list[int], *roles: str) -> TicketWorkflowPreset:
    return presets.save_preset(
        codename,
        presets.PresetContent(
            codename, "waiting_answer", {"snoozeDuration": 172800}, templates, roles or ("run_level_3",)
        ),
    )


@pytest.mark.usefixtures("actions")
def test_get_tickets_id_actions_list(ann: Caller, ticket: Ticket) -> None:
    action = ServiceAction.filter(module="VPS").get()
    Profile.get(name="Expert").actions.clear()
    assert get(ann, f"/tickets/{ticket.pk}/actions/list") == []
    Profile.get(name="Expert").actions.add(action)
    (row,) = get(ann, f"/tickets/{ticket.pk}/actions/list")
    assert row == {"id": action.pk, "name": action.name, "level": action.level, "module": "VPS"}


def test_without_a_service_that_acts_no_actions_are_offered(root: Caller, ticket: Ticket) -> None:
    assert get(root, f"/tickets/{ticket.pk}/actions/list") == []


def test_get_tickets_id_presets_id(ann: Caller, ticket: Ticket) -> None:
    plain = a_template()
    a_template(body="A propos de {{ publicId }}", lang="FR")
    reporter = a_template("thanks", recipient_type="Plaintiff")
    preset = a_preset("first", [plain.pk, reporter.pk])
    answer = get(ann, f"/tickets/{ticket.pk}/presets/{preset.pk}")
    assert answer["id"] == preset.pk
    assert answer["action"] == {"codename": "waiting_answer", "params": {"snoozeDuration": 172800}}
    to_reporter, to_customer = sorted(answer["templates"], key=lambda one: str(one["recipientType"]), reverse=True)
    assert (to_customer["to"], to_customer["body"]) == (["jo@customer.example"], f"A propos de {ticket.public_id}\n")
    assert (to_reporter["to"], to_reporter["subject"]) == (["cert@reporter.example"], f"Case {ticket.public_id}")


def test_a_preset_of_another_role_is_not_there(ann: Caller, ticket: Ticket) -> None:
    preset = a_preset("first", [], "run_level_1")
    refused(ann, "GET", f"/tickets/{ticket.pk}/presets/{preset.pk}", status=404)


def test_get_tickets_id_templates_id(ann: Caller, ticket: Ticket) -> None:
    template = a_template(body="{% for one in proof %}{{ one }}{% endfor %}")
    assert "proof" in refused(ann, "GET", f"/tickets/{ticket.pk}/templates/{template.pk}", status=400)
    Proof.create(ticket=ticket, content="a log line")
    answer = get(ann, f"/tickets/{ticket.pk}/templates/{template.pk}")
    assert (answer["subject"], answer["body"]) == (f"Case {ticket.public_id}", "a log line\n")
    assert answer["to"] == ["jo@customer.example"]
    refused(ann, "GET", f"/tickets/{ticket.pk}/templates/{template.pk + 1000}", status=404)


def test_post_tickets_id_interact(ann: Caller, ticket: Ticket) -> None:
    body = {
        "emails": [
            {"to": ["jo@customer.example", "cert@reporter.example"], "subject": "Look", "body": "Please."},
            {"to": ["other@elsewhere.example"], "subject": "FYI", "body": "This."},
        ],
        "action": {
            "codename": "waiting_answer",
            "params": {"snoozeDuration": 3600, "pauseDuration": None},
            "id": 3,
            "name": "Wait",
        },
    }
    assert ok(ann, "POST", f"/tickets/{ticket.pk}/interact", body)["message"]
    assert Ticket.get().status == "WaitingAnswer"
    assert Ticket.get().snooze_duration == 3600
    rows = OutgoingMessage.all().order_by("pk").values_list("recipient", "category", "subject")
    assert list(rows) == [
        ("jo@customer.example", "Defendant", "Look"),
        ("cert@reporter.example", "Plaintiff", "Look"),
        ("other@elsewhere.example", "Other", "FYI"),
    ]


def test_closing_takes_the_resolution_by_its_id(ann: Caller, ticket: Ticket) -> None:
    resolution = Resolution.get(codename="fixed_by_isp")
    action = {"codename": "close_with_resolution", "params": {"resolution": str(resolution.pk)}}
    ok(ann, "POST", f"/tickets/{ticket.pk}/interact", {"emails": [], "action": action})
    assert Ticket.get().resolution == resolution


def test_an_interaction_is_all_or_nothing(ann: Caller, ticket: Ticket) -> None:
    wait = {"codename": "waiting_answer", "params": {}}
    mail = {"to": ["no address"], "subject": "x", "body": "x"}
    message = refused(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": wait, "emails": [mail]}, status=409)
    assert "no address" in message
    assert (Ticket.get().status, OutgoingMessage.count()) == ("Open", 0)
    for wrong, status in (({"codename": "nonsense"}, 409), ({"codename": "close_with_resolution"}, 409), ({}, 400)):
        refused(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": wrong}, status=status)
    file = {**mail, "to": ["a@x.example"], "attachments": [{"filename": "x", "content": "no base64!"}]}
    refused(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": wait, "emails": [file]}, status=409)
    assert OutgoingMessage.count() == 0


def test_files_go_with_a_mail(ann: Caller, ticket: Ticket) -> None:
    file = {"filename": "log.txt", "contentType": "text/plain", "content": b64encode(b"a line").decode()}
    mail = {"to": ["jo@customer.example"], "subject": "Look", "body": "See the file.", "attachments": [file]}
    action = {"codename": "waiting_answer", "params": {}}
    ok(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": action, "emails": [mail]})
    (sent,) = get(ann, f"/tickets/{ticket.pk}/emails")
    assert (sent["attachments"], sent["fate"], sent["authentic"]) == (["log.txt"], "pending", None)


def test_a_move_beyond_the_role_is_refused(make_caller: MakeCaller) -> None:
    first_line = make_caller("bob", {"Phishing": "Advanced"}, role="run_level_1")
    ticket = a_ticket()
    action = {"codename": "action_then_close", "params": {"action": 1, "resolution": 1}}
    refused(first_line, "POST", f"/tickets/{ticket.pk}/interact", {"action": action}, status=403)


def test_get_tickets_id_emails(ann: Caller, ticket: Ticket) -> None:
    assert get(ann, f"/tickets/{ticket.pk}/emails") == []
    assert get(ann, f"/tickets/{ticket.pk}")["mailerId"] is None
    action = {"codename": "waiting_answer", "params": {}}
    mail = {"to": ["jo@customer.example"], "subject": "Look", "body": "Please."}
    ok(ann, "POST", f"/tickets/{ticket.pk}/interact", {"action": action, "emails": [mail]})
    assert get(ann, f"/tickets/{ticket.pk}")["mailerId"] == ticket.pk
    ReceivedMessage.create(
        ticket=ticket, category="Defendant", sender="jo@customer.example", recipient="ticket", subject="Re: Look",
        body="Done.", date=timezone.now(),
    )  # fmt: skip
    sent, received = get(ann, f"/tickets/{ticket.pk}/emails")
    assert (sent["to"], sent["subject"], sent["body"]) == ("jo@customer.example", "Look", "Please.")
    assert (received["from"], received["body"], received["category"]) == ("jo@customer.example", "Done.", "Defendant")
    assert isinstance(sent["created"], int)
    OutgoingMessage.filter(ticket=ticket).delete()
    assert get(ann, f"/tickets/{ticket.pk}")["mailerId"] == ticket.pk


def test_get_tickets_id_items(ann: Caller, ticket: Ticket) -> None:
    reports = [a_report(ticket=ticket) for _ in range(3)]
    for number, report in enumerate(reports):
        for last in range(3):
            an_item(report, f"192.0.2.{number * 10 + last}")
    an_item(a_report(), "192.0.2.99")
    answer = get(ann, f"/tickets/{ticket.pk}/items", {"paginate": {"resultsPerPage": 5, "currentPage": 1}})
    assert (len(answer["items"]), answer["itemsCount"]) == (5, 9)
    row = answer["items"][0]
    assert (row["report"], row["rawItem"], row["itemType"], row["viewed"]) == (
        reports[0].pk, "192.0.2.0", "IP", False
    )  # fmt: skip
    assert (row["history"][0]["ip"], row["history"][0]["ipCategory"]) == ("192.0.2.0", "managed")
    assert row["history"][0]["date"] == int(START.timestamp())
    an_item(reports[0], "104.16.0.1")
    found = get(ann, f"/tickets/{ticket.pk}/items", {"where": {"in": [{"rawItem": ["104.16.0.1"]}]}})
    assert found["items"][0]["history"][0]["ipCategory"] == "cloudflare"
    ReportItem.filter(raw_item="104.16.0.1").delete()
    filters = {"where": {"like": [{"rawItem": ["192.0.2.2"]}]}}
    assert get(ann, f"/tickets/{ticket.pk}/items", filters)["itemsCount"] == 4
    assert get(ann, f"/tickets/{ticket.pk}/items")["itemsCount"] == 9


def test_an_item_is_reached_through_its_own_ticket_only(ann: Caller, ticket: Ticket) -> None:
    item = an_item(a_report(ticket=a_ticket()), "192.0.2.1")
    body = {"id": item.pk, "report": item.report_id, "rawItem": "192.0.2.2"}
    refused(ann, "PUT", f"/tickets/{ticket.pk}/items/{item.pk}", body, status=404)
    refused(ann, "DELETE", f"/tickets/{ticket.pk}/items/{item.pk}", status=404)


def test_deleting_an_item_takes_it_out_of_all_reports_of_the_ticket(ann: Caller, ticket: Ticket) -> None:
    one, two = a_report(ticket=ticket), a_report(ticket=ticket)
    item = an_item(one, "192.0.2.1")
    an_item(two, "192.0.2.1")
    elsewhere = an_item(a_report(ticket=a_ticket()), "192.0.2.1")
    ok(ann, "DELETE", f"/tickets/{ticket.pk}/items/{item.pk}")
    assert get(ann, f"/tickets/{ticket.pk}/items")["itemsCount"] == 0
    elsewhere.refresh_from_db()


def test_get_tickets_todo(ann: Caller) -> None:
    a_ticket(status=TicketStatus.CLOSED)
    a_ticket("Malware")
    plain = a_ticket(treated_by=ann.user)
    urgent = a_ticket(priority=Priority.CRITICAL)
    answer = get(ann, "/tickets/todo", {"paginate": {"resultsPerPage": "10", "currentPage": 1}})
    assert [row["id"] for row in answer["tickets"]] == [urgent.pk, plain.pk]
    assert answer["ticketsCount"] == 2
    assert set(answer["tickets"][0]) >= {"attachedReportsCount", "commentsCount", "alarm", "defendant", "service"}
    answer = get(ann, "/tickets/todo", {"onlyUnassigned": True, "paginate": {"currentPage": 1, "resultsPerPage": 250}})
    assert [row["id"] for row in answer["tickets"]] == [urgent.pk]
    assert get(ann, "/tickets/todo", {"paginate": {"resultsPerPage": 0, "currentPage": 1}}) == {
        "tickets": [],
        "ticketsCount": 2,
    }


def test_a_reader_has_nothing_to_do(make_caller: MakeCaller) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    a_ticket()
    assert get(reader, "/tickets/todo")["ticketsCount"] == 0


def test_a_page_of_fifty_to_do_costs_few_queries(
    ann: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(50):
        ticket = a_ticket(defendant=a_defendant(), service=a_service(), treated_by=ann.user)
        a_report(ticket=ticket)
        ticket.tags.add(a_tag("fraud"))
    with django_assert_max_num_queries(10):
        answer = get(ann, "/tickets/todo", {"paginate": {"resultsPerPage": 50, "currentPage": 1}})
    assert (len(answer["tickets"]), answer["ticketsCount"]) == (50, 50)


def test_get_my_tickets(ann: Caller) -> None:
    mine = a_ticket(treated_by=ann.user, snooze_start=START, snooze_duration=60)
    a_ticket()
    a_ticket(treated_by=ann.user, status=TicketStatus.CLOSED)
    asked: list[dict[str, object] | None] = [
        None,
        {},
        {"paginate": {}},
        {"paginate": {}, "sortBy": {"defendantEmail": 1}},
    ]
    for filters in asked:
        (row,) = get(ann, "/my-tickets", filters)
        assert (row["id"], row["snoozeDuration"], row["snoozeStart"]) == (mine.pk, 60, int(START.timestamp()))


def test_put_tickets_bulk(ann: Caller, root: Caller) -> None:
    first, second = a_ticket(), a_ticket(treated_by=root.user)
    properties = {"priority": "High", "status": "Paused", "pauseDuration": 86400}
    answer = ok(ann, "PUT", "/tickets/bulk", {"tickets": [first.pk, second.pk], "properties": properties})
    assert [one["done"] for one in answer["results"]] == [True, True]
    rows = Ticket.all().order_by("pk").values_list("status", "priority", "pause_duration", "treated_by__username")
    assert list(rows) == [("Paused", "High", 86400, "ann"), ("Paused", "High", 86400, "root")]
    unpaused = {"status": "Unpaused", "alarm": True}
    ok(ann, "PUT", "/tickets/bulk", {"tickets": [first.pk, second.pk], "properties": unpaused})
    assert list(Ticket.all().values_list("status", "alarm").distinct()) == [("Open", True)]
    ok(ann, "PUT", "/tickets/bulk", {"tickets": [first.pk], "properties": unpaused})


def test_closing_many_needs_a_resolution(ann: Caller) -> None:
    ticket, secret = a_ticket(), a_ticket("Malware")
    body = {"tickets": [ticket.pk, secret.pk], "properties": {"status": "Closed"}}
    assert "resolution" in refused(ann, "PUT", "/tickets/bulk", body, status=409)
    body["properties"] = {"status": "Closed", "resolution": Resolution.get(codename="fixed_by_isp").pk}
    answer = ok(ann, "PUT", "/tickets/bulk", body)
    assert [(one["id"], one["done"]) for one in answer["results"]] == [(ticket.pk, True), (secret.pk, False)]
    assert "Read-only" in answer["results"][1]["reason"]
    assert "closed" in refused(ann, "PUT", "/tickets/bulk", body, status=409).lower()


def test_tags_of_many_tickets(ann: Caller) -> None:
    tag, ticket = a_tag("fraud"), a_ticket()
    ok(ann, "PUT", "/tickets/bulk", {"tickets": [ticket.pk], "properties": {"tags": [{"id": tag.pk}]}})
    assert list(ticket.tags.all()) == [tag]
    body = {"tickets": [ticket.pk], "properties": {"tags": [{"id": tag.pk}]}}
    headers = {"X-Api-Token": ann.token}
    assert ann.client.delete("/api/tickets/bulk", json=body, headers=headers).status_code == 200
    assert not ticket.tags.exists()


@pytest.mark.usefixtures("actions")
def test_fields_that_were_left_empty_and_numbers_as_typed_are_understood(ann: Caller, ticket: Ticket) -> None:
    action = ServiceAction.filter(module="VPS").get()
    params = {"action": str(action.pk), "snoozeDuration": "3600", "pauseDuration": "", "resolution": "", "ip": ""}
    mail = {"to": ["jo@customer.example", " "], "subject": "Look", "body": "Please."}
    body = {"action": {"codename": "waiting_answer_then_action", "params": params}, "emails": [mail]}
    ok(ann, "POST", f"/tickets/{ticket.pk}/interact", body)
    assert (Ticket.get().status, Ticket.get().snooze_duration, Ticket.get().action) == ("WaitingAnswer", 3600, action)
    assert OutgoingMessage.get().recipient == "jo@customer.example"
    mail["to"] = ["", " "]
    assert "at least one address" in refused(ann, "POST", f"/tickets/{ticket.pk}/interact", body, status=409)
