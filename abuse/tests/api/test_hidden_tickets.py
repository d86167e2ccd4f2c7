"""What is told of confidential tickets to those who may not see them: nothing, by any door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from abuse.controllers import flags, notifications, ownership
from abuse.controllers.event_reading import may_hear
from abuse.models import BusinessRulesHistory, Event, Notification, ReportStatus, Ticket, User
from abuse.models.questions import sight_of

from .conftest import MakeCaller
from .rows import a_defendant, a_report, a_service, a_ticket

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
