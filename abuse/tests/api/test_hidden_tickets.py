"""What is told of confidential tickets to those who may not see them: nothing, by any door."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from abuse.controllers import flags, notifications, ownership
from abuse.controllers.event_reading import may_hear
from abuse.models import BusinessRulesHistory, Event, Notification, ReportStatus, Ticket, User
from abuse.models.questions import sight_of
from abuse.services.search import SearchService

from .conftest import MakeCaller
from .rows import a_defendant, a_report, a_service, a_ticket, an_item

pytestmark = pytest.mark.django_db


def hide(ticket: Ticket, by: User) -> None:
    flags.set_flag(ticket, "confidential", True, actor=by)


def change(caller: Any, path: str, body: dict[str, Any]) -> Any:
    return caller.client.put(path, json=body, headers={"X-Api-Token": caller.token})


def test_a_confidential_ticket_is_given_to_experts_alone(make_caller: MakeCaller) -> None:
    root = make_caller("root", is_superuser=True)
    make_caller("ann", {"Phishing": "Advanced"})
    make_caller("eve", {"Phishing": "Expert"})
    ticket = a_ticket(confidential=True)
    refused = change(root, f"/api/tickets/{ticket.pk}", {"treatedBy": "ann"})
    assert refused.status_code == 409
    assert "expected an expert of Phishing" in refused.get_json()["message"]
    assert Notification.all().count() == 0
    assert change(root, f"/api/tickets/{ticket.pk}", {"treatedBy": "eve"}).status_code == 200
    assert Notification.get().user.username == "eve"


def test_a_ticket_that_becomes_confidential_is_nobodys_if_its_owner_is_no_expert(make_caller: MakeCaller) -> None:
    root = make_caller("root", is_superuser=True)
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    hers, experts = a_ticket(treated_by=ann.user), a_ticket(treated_by=eve.user)
    for ticket in (hers, experts):
        assert change(root, f"/api/tickets/{ticket.pk}", {"confidential": True}).status_code == 200
    owners = [Ticket.get(pk=ticket.pk).treated_by for ticket in (hers, experts)]
    assert owners == [None, eve.user]


def test_nobody_is_notified_of_a_ticket_that_he_may_not_see(make_caller: MakeCaller) -> None:
    root, ann = make_caller("root", is_superuser=True), make_caller("ann", {"Phishing": "Advanced"})
    ticket = a_ticket(treated_by=ann.user, confidential=True)
    notifications.notify(ann.user, Notification.Kind.ANSWERED, ticket, actor=root.user)
    assert not Notification.all().exists()
    assert not Event.filter(kind=Event.Kind.NOTIFICATION).exists()


def test_notifications_of_a_ticket_are_hidden_with_it(make_caller: MakeCaller) -> None:
    root, ann = make_caller("root", is_superuser=True), make_caller("ann", {"Phishing": "Advanced"})
    ticket, other = a_ticket(), a_ticket()
    for one in (ticket, other):
        ownership.assign(one, ann.user, actor=root.user)
    (event,) = Event.filter(kind=Event.Kind.NOTIFICATION, ticket=ticket)
    assert may_hear(event, user_id=ann.user.pk, sight=sight_of(ann.user))
    hide(ticket, root.user)
    event = Event.get(pk=event.pk)
    assert not may_hear(event, user_id=ann.user.pk, sight=sight_of(ann.user))
    assert [row["ticket"] for row in ann.get("/api/notifications", {}).get_json()] == [other.pk]
    hidden = Notification.get(ticket=ticket)
    assert change(ann, f"/api/notifications/{hidden.pk}", {"read": True}).status_code == 404
    assert [row["ticket"] for row in ann.get("/api/notifications").get_json()] == [other.pk]
    hidden.refresh_from_db()
    assert hidden.shown_at is None


def test_a_report_does_not_name_the_ticket_to_those_who_may_not_see_it(make_caller: MakeCaller) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    ticket = a_ticket(confidential=True)
    report = a_report(ticket=ticket)
    BusinessRulesHistory.create(
        rules_type="Report", report=report, ticket=ticket, date=report.created_at,
        trace={"actions": [{"name": "create_ticket", "result": ticket.public_id}]},
    )  # fmt: skip
    search = {"where": {"in": [{"category": ["Phishing"]}]}}
    shown = {
        name: [
            caller.get("/api/reports").get_json()[0]["ticket"],
            caller.get(f"/api/reports/{report.pk}").get_json()["ticket"],
            caller.get("/api/search", search).get_json()["reports"][0]["ticket"],
            json.loads(caller.client.get(
                "/api/reports/export?form=jsonl", headers={"X-Api-Token": caller.token}
            ).get_data(as_text=True))["ticket"],
            ticket.public_id in caller.get(f"/api/reports/{report.pk}/explain").get_data(as_text=True),
        ]
        for name, caller in (("ann", ann), ("eve", eve))
    }  # fmt: skip
    assert shown == {"ann": [None, None, None, None, False], "eve": [*[ticket.pk] * 4, True]}


def test_a_report_of_a_hidden_ticket_is_written_by_those_alone_who_may_see_the_ticket(make_caller: MakeCaller) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    ticket = a_ticket(confidential=True)
    report = a_report(ticket=ticket)
    path = f"/api/reports/{report.pk}"
    whole = ann.get(path).get_json()
    for body in (whole, {"status": "New"}, {"status": "Archived"}):
        assert change(ann, path, body).status_code == 403
    headers = {"X-Api-Token": ann.token}
    assert ann.client.delete(path, headers=headers).status_code == 403
    order = {"reports": [report.pk], "properties": {"status": "New"}}
    assert change(ann, "/api/reports/bulk", order).status_code == 409
    assert ann.client.post("/api/tickets", json={"id": report.pk}, headers=headers).status_code == 403
    report.refresh_from_db()
    ticket.refresh_from_db()
    assert (report.status, report.ticket_id, ticket.status) == (ReportStatus.ATTACHED, ticket.pk, "Open")
    assert change(eve, path, eve.get(path).get_json()).status_code == 200


def test_no_report_is_put_into_a_hidden_ticket_and_nothing_is_told_of_it(make_caller: MakeCaller) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    matter: dict[str, Any] = {"defendant": a_defendant(), "service": a_service()}
    ticket = a_ticket(confidential=True, **matter)
    report = a_report(**matter)
    headers = {"X-Api-Token": ann.token}
    attached = {"status": "Attached"}
    answers = [
        ann.client.post("/api/tickets", json={"id": report.pk}, headers=headers),
        change(ann, f"/api/reports/{report.pk}", attached),
        change(ann, "/api/reports/bulk", {"reports": [report.pk], "properties": attached}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 409]
    assert not [answer for answer in answers if ticket.public_id in answer.get_data(as_text=True)]
    report.refresh_from_db()
    assert (report.status, report.ticket_id) == (ReportStatus.NEW, None)
    assert change(eve, f"/api/reports/{report.pk}", attached).get_json()["ticket"] == ticket.pk


def ids_of(caller: Any, filters: dict[str, Any], path: str = "/api/reports") -> list[int]:
    """The ids of the rows that filters give, in their order."""
    answer = caller.client.get(
        path, query_string={"filters": json.dumps(filters)}, headers={"X-Api-Token": caller.token}
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    if path.endswith("/export"):
        return [int(row["id"]) for row in csv.DictReader(answer.get_data(as_text=True).splitlines())]
    rows = answer.get_json()
    return [row["id"] for row in (rows if isinstance(rows, list) else rows["reports"])]


def one_of(**values: Any) -> dict[str, Any]:
    return {"where": {"in": [{name: value} for name, value in values.items()]}}


def like(**values: Any) -> dict[str, Any]:
    return {"where": {"like": [{name: value} for name, value in values.items()]}}


@pytest.mark.parametrize("path", ["/api/reports", "/api/reports/export", "/api/search"])
def test_no_hidden_ticket_is_what_reports_are_chosen_by(make_caller: MakeCaller, path: str) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    hidden, elsewhere = a_ticket(confidential=True, priority="High"), a_ticket(category="Spam", priority="High")
    seen = a_ticket(priority="High")
    of_hidden, of_elsewhere, of_seen = (a_report(ticket=one).pk for one in (hidden, elsewhere, seen))
    alone = a_report().pk
    asked = {
        "hidden": one_of(ticket=[hidden.pk, elsewhere.pk]),
        "seen": one_of(ticket=[seen.pk, hidden.pk]),
        "none": one_of(ticket=[None]),
        "seen or none": one_of(ticket=[seen.pk, None]),
        "priority": one_of(priority=["High"]),
        "no priority": one_of(priority=[None]),
        "like": like(ticket=[hidden.pk]),
        "like priority": like(priority=["Hig"], ticket=[elsewhere.pk]),
    }
    if path == "/api/search":
        del asked["no priority"]  # it asks for tickets too, all of which have one
    found = {
        caller.user.username: {name: set(ids_of(caller, what, path)) for name, what in asked.items()}
        for caller in (ann, eve)
    }
    expected = {
        "ann": {
            "hidden": set(), "seen": {of_seen}, "none": {alone},
            "seen or none": {of_seen, alone}, "priority": {of_seen},
            "no priority": {alone}, "like": set(), "like priority": {of_seen},
        },
        "eve": {
            "hidden": {of_hidden}, "seen": {of_seen, of_hidden}, "none": {alone},
            "seen or none": {of_seen, alone}, "priority": {of_seen, of_hidden},
            "no priority": {alone}, "like": {of_hidden}, "like priority": {of_seen, of_hidden},
        },
    }  # fmt: skip
    assert found == {who: {name: rows[name] for name in asked} for who, rows in expected.items()}
    assert set(ids_of(make_caller("root", is_superuser=True), asked["hidden"], path)) == {of_hidden, of_elsewhere}


def test_no_hidden_ticket_is_what_items_are_exported_by(make_caller: MakeCaller) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    hidden = a_ticket(confidential=True)
    item = an_item(a_report(ticket=hidden)).pk
    for caller, of_ticket in ((ann, []), (eve, [item])):
        assert ids_of(caller, one_of(ticket=[hidden.pk]), "/api/items/export") == of_ticket
        assert ids_of(caller, one_of(ticket=[None]), "/api/items/export") == []


@pytest.mark.parametrize("path", ["/api/reports", "/api/reports/export", "/api/search"])
def test_the_name_of_a_hidden_ticket_finds_none_of_its_reports(make_caller: MakeCaller, path: str) -> None:
    ann, eve = make_caller("ann", {"Phishing": "Advanced"}), make_caller("eve", {"Phishing": "Expert"})
    hidden, seen = a_ticket(confidential=True), a_ticket()
    of_hidden, of_seen = a_report(ticket=hidden), a_report(ticket=seen)
    speaking = a_report(body=f"See {hidden.public_id}, they wrote.")
    SearchService.index_reports([of_hidden.pk, of_seen.pk, speaking.pk])

    def found(caller: Any, words: str, how: Callable[..., dict[str, Any]]) -> set[int]:
        return set(ids_of(caller, how(fulltext=[words]), path))

    for how in (one_of, like):
        for words in (hidden.public_id, f" {hidden.public_id.lower()}\t"):
            assert found(eve, words, how) == {of_hidden.pk, speaking.pk}
            assert found(ann, words, how) == {speaking.pk}
        assert found(ann, seen.public_id, how) == {of_seen.pk}


def test_what_is_hidden_takes_a_statement_only_where_a_name_is_looked_for(make_caller: MakeCaller) -> None:
    ann, root = make_caller("ann", {"Phishing": "Advanced"}), make_caller("root", is_superuser=True)
    ticket, hidden = a_ticket(), a_ticket(confidential=True)
    ids = [a_report(ticket=one, body="a considerable nuisance").pk for one in (ticket, hidden)]
    SearchService.index_reports(ids)

    def statements(caller: Any, **values: list[Any]) -> int:
        assert ids_of(caller, one_of(**values))
        with CaptureQueriesContext(connection) as queries:
            ids_of(caller, one_of(**values))
        return len(queries)

    for caller, of_name in ((ann, 1), (root, 0)):
        plain = statements(caller, id=ids)
        assert statements(caller, id=ids, ticket=[ticket.pk, None], priority=[ticket.priority, None]) == plain
        words = statements(caller, fulltext=["considerable"])
        assert statements(caller, fulltext=[ticket.public_id]) == words + of_name
