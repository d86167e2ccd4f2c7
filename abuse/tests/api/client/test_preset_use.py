"""A preset used with one call: texts that say what will be true, to whom they are for, and the decision, or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.models import (
    Deadline,
    History,
    OutgoingMessage,
    Resolution,
    ServiceAction,
    Ticket,
    TicketStatus,
    TicketWorkflowPreset,
)
from abuse.services.email.texts.formats import format_date

from ..conftest import Caller, MakeCaller
from ..rows import a_defendant, a_provider, a_report, a_service, a_ticket
from .wire import get, ok, refused

pytestmark = pytest.mark.django_db

CUSTOMER = "jo@customer.example"
REPORTER = "cert@reporter.example"


@pytest.fixture
def ticket(ann: Caller) -> Ticket:
    row = a_ticket(
        defendant=a_defendant(email=CUSTOMER, lang="EN"), service=a_service("vps7"), treated_by=ann.user
    )  # fmt: skip
    a_report(ticket=row, provider=a_provider(REPORTER), body="Somebody at 192.0.2.7 phishes.")
    return row


def preset(codename: str) -> int:
    return TicketWorkflowPreset.get(codename=codename).pk


def mails() -> list[tuple[str, str, str]]:
    return list(OutgoingMessage.all().order_by("pk").values_list("recipient", "category", "template_codename"))


def test_the_customer_is_told_with_one_call_what_happens_by_when(ann: Caller, ticket: Ticket) -> None:
    answer = ok(ann, "POST", f"/tickets/{ticket.pk}/presets/{preset('first_alert')}", {})
    assert answer["message"] == "Ticket updated, 1 mails written"
    assert mails() == [(CUSTOMER, "Defendant", "first_alert")]
    body = OutgoingMessage.get().body
    due_at = Deadline.get(ticket=ticket, kind=Deadline.Kind.SNOOZE).due_at
    assert abs(due_at - timezone.now() - timedelta(days=1)) < timedelta(minutes=1)
    assert f"Please answer by {due_at:%-d %B %Y}" in body
    assert "Your service: vps7" in body and REPORTER not in body
    ticket.refresh_from_db()
    assert (ticket.status, ticket.snooze_duration) == (TicketStatus.WAITING_ANSWER, 86_400)
    row = History.get(ticket=ticket, action_type=History.Type.SEND_EMAIL)
    assert (row.new, row.refs["template"], row.user) == (CUSTOMER, "first_alert", ann.user)


def test_looking_at_a_preset_shows_the_same_text_and_changes_nothing(ann: Caller, ticket: Ticket) -> None:
    version = ticket.version
    (text,) = get(ann, f"/tickets/{ticket.pk}/presets/{preset('first_notice')}")["templates"]
    assert f"Please answer by {timezone.now() + timedelta(days=2):%-d %B %Y}" in text["body"]
    assert text["to"] == [CUSTOMER]
    ticket.refresh_from_db()
    assert (ticket.status, ticket.version, ticket.looked_at) == (TicketStatus.OPEN, version, None)
    assert (Deadline.count(), OutgoingMessage.count(), History.filter(ticket=ticket).count()) == (0, 0, 0)


def test_the_end_is_told_to_those_who_knew_of_the_case(ann: Caller, ticket: Ticket) -> None:
    path = f"/tickets/{ticket.pk}/presets/{preset('close_fixed_by_customer')}"
    assert [text["to"] for text in get(ann, path)["templates"]] == [[], []]
    ok(ann, "POST", f"/tickets/{ticket.pk}/presets/{preset('first_notice')}", {})
    ok(ann, "POST", f"/tickets/{ticket.pk}/presets/{preset('ask_details')}", {})
    ok(ann, "POST", path, {})
    assert sorted(mails()[2:]) == [(REPORTER, "Plaintiff", "case_closed"), (CUSTOMER, "Defendant", "ticket_closed")]
    assert "Outcome: the cause has been removed." in OutgoingMessage.get(template_codename="case_closed").body
    ticket.refresh_from_db()
    assert (ticket.status, ticket.resolution) == (TicketStatus.CLOSED, Resolution.get(codename="fixed_by_customer"))


def test_a_machine_is_asked_for_nothing(ann: Caller) -> None:
    ticket = a_ticket(treated_by=ann.user)
    a_report(ticket=ticket, provider=a_provider("noreply@reporter.example"))
    path = f"/tickets/{ticket.pk}/presets/{preset('ask_details')}"
    assert "more_details has nobody to go to" in refused(ann, "POST", path, {}, status=409)
    message = refused(ann, "POST", f"/tickets/{ticket.pk}/presets/{preset('first_notice')}", {}, status=409)
    assert "customer_notification has nobody to go to; expected a customer with an address" in message
    assert (Ticket.get().status, OutgoingMessage.count()) == (TicketStatus.OPEN, 0)


@pytest.mark.usefixtures("actions")
def test_what_a_preset_leaves_open_comes_with_the_call(ann: Caller, ticket: Ticket) -> None:
    path = f"/tickets/{ticket.pk}/presets/{preset('alert_then_measure')}"
    assert "needs action" in refused(ann, "POST", path, {}, status=409)
    assert OutgoingMessage.count() == 0
    action = ServiceAction.get(name="default_action")
    ok(ann, "POST", path, {"params": {"action": action.pk}})
    due_at = Deadline.get(ticket=ticket, kind=Deadline.Kind.SERVICE_ACTION).due_at
    assert f"Please answer by {format_date(due_at, 'EN')}" in OutgoingMessage.get().body
    assert "Without your answer this measure follows: default action." in OutgoingMessage.get().body


def test_who_may_not_decide_may_not_use_a_preset(make_caller: MakeCaller, ticket: Ticket) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    refused(reader, "POST", f"/tickets/{ticket.pk}/presets/{preset('first_notice')}", {}, status=403)
    first_line = make_caller("bob", {"Phishing": "Advanced"}, role="run_level_1")
    refused(first_line, "POST", f"/tickets/{ticket.pk}/presets/{preset('measure_then_close')}", {}, status=404)
    assert OutgoingMessage.count() == 0


def test_a_preset_without_an_action_is_for_looking_at(ann: Caller, root: Caller, ticket: Ticket) -> None:
    made = ok(root, "POST", "/presets", {"name": "Only a text"})["id"]
    assert "has no action" in refused(ann, "POST", f"/tickets/{ticket.pk}/presets/{made}", {}, status=409)


def test_a_ticket_that_has_changed_meanwhile_is_left_alone(ann: Caller, ticket: Ticket) -> None:
    body = {"version": ticket.version + 1}
    refused(ann, "POST", f"/tickets/{ticket.pk}/presets/{preset('first_notice')}", body, status=409)
    assert (Ticket.get().status, OutgoingMessage.count()) == (TicketStatus.OPEN, 0)
