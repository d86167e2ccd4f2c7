"""Every action of Report rules: what it changes, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers.workflow import run_due
from abuse.models import (
    Deadline,
    Defendant,
    History,
    OutgoingMessage,
    Proof,
    Report,
    Service,
    ServiceAction,
    ServiceActionJob,
    Tag,
    Ticket,
    TicketComment,
)
from abuse.rules.actions.report.default import DefaultReportActions
from abuse.rules.engine.errors import ActionError

from .conftest import Do, make_defendant, make_provider, make_report, make_ticket
from .descriptions import DESCRIPTION
from .services import Pages, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(reported: Report) -> Report:
    """The report that `do` acts on."""
    return reported


def types(**about: Any) -> list[str]:
    return list(History.filter(**about).order_by("pk").values_list("action_type", flat=True))


# --- the report -------------------------------------------------------------------------------------------------------


def test_do_nothing(do: Do, report: Report) -> None:
    do("do_nothing")
    report.refresh_from_db()
    assert (report.status, report.ticket, History.count()) == ("New", None, 0)


@pytest.mark.parametrize("status", ["Archived", "ToValidate", "PhishToCheck"])
def test_set_report_status(do: Do, report: Report, status: str) -> None:
    do("set_report_status", status=status)
    report.refresh_from_db()
    assert report.status == status
    assert types(report=report) == ["ChangeReportStatus"]


def test_set_ticket_phishtocheck(do: Do, report: Report) -> None:
    do("set_ticket_phishtocheck")
    assert Report.get(pk=report.pk).status == "PhishToCheck"


def test_set_report_timeout(do: Do, report: Report) -> None:
    do("set_report_timeout", days=2)
    deadline = Deadline.get(report=report, kind="report_timeout")
    assert abs(deadline.due_at - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)
    run_due(now=timezone.now() + timedelta(days=3))
    assert Report.get(pk=report.pk).status == "Archived"


def test_add_report_tag(do: Do, report: Report) -> None:
    do("add_report_tag", tag_name="seen")
    assert list(report.tags.values_list("codename", "tag_type")) == [("seen", "Report")]


# --- the ticket -------------------------------------------------------------------------------------------------------


def test_create_ticket_opens_one_and_takes_those_that_wait(do: Do, report: Report, defendant: Defendant) -> None:
    waiting = make_report(defendant=defendant, service=report.service)
    public_id = do("create_ticket")
    ticket = Ticket.get()
    assert ticket.public_id == public_id
    assert set(Report.filter(ticket=ticket).values_list("pk", flat=True)) == {report.pk, waiting.pk}


def test_create_ticket_leaves_those_that_wait(do: Do, report: Report, defendant: Defendant) -> None:
    make_report(defendant=defendant, service=report.service)
    do("create_ticket", attach_new=False)
    assert Report.filter(ticket=Ticket.get()).get() == report


def test_create_ticket_joins_unless_a_new_one_is_wanted(do: Do, report: Report, defendant: Defendant) -> None:
    found = make_ticket(make_report(defendant=defendant, service=report.service))
    do("create_ticket", ticket=found)
    assert Report.get(pk=report.pk).ticket == found
    other = make_report(defendant=defendant, service=report.service)
    do("create_ticket", ticket=found, on=other, create_new=True, attach_new=False)
    other.refresh_from_db()
    assert other.ticket != found
    assert other.ticket is not None
    assert other.ticket.update is False  # one ticket takes what comes


def test_attach_report_to_ticket(do: Do, report: Report, defendant: Defendant) -> None:
    found = make_ticket(make_report(defendant=defendant, service=report.service))
    do("attach_report_to_ticket", ticket=found)
    report.refresh_from_db()
    assert (report.ticket, report.status) == (found, "Attached")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("attach_report_to_ticket", {}), ("close_ticket", {"resolution": "fixed"}), ("send_provider_ack", {}),
        ("send_defendant_email", {"template_codename": "customer_notification"}), ("close_service", {}),
        ("close_all_services", {}), ("close_defendant", {}), ("add_email_body_as_proof", {}),
        ("set_ticket_status", {"status": "Alarm"}), ("set_ticket_priority", {"priority": "High"}),
        ("set_ticket_alarm", {}), ("set_ticket_escalated", {}), ("set_ticket_moderation", {}),
        ("enqueue_ticket_task", {"task_name": "rules.ticket_timeout"}),
        ("send_email", {"template_codename": "fixed", "email": "a@b.example"}),
    ],
)  # fmt: skip
def test_what_needs_a_ticket_says_so(do: Do, name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ActionError, match="has no ticket; create_ticket must come first"):
        do(name, **params)


@pytest.mark.parametrize("keep", [True, False])
def test_close_ticket(do: Do, report: Report, keep: bool) -> None:
    ticket = make_ticket(report)
    do("close_ticket", resolution="fixed", keep_update=keep)
    ticket.refresh_from_db()
    report.refresh_from_db()
    assert (ticket.status, str(ticket.resolution), ticket.update) == ("Closed", "fixed", keep)
    assert report.status == "Archived"


def test_set_ticket_status(do: Do, report: Report) -> None:
    ticket = make_ticket(report)
    do("set_ticket_status", status="Alarm")
    do("set_ticket_status", status="Alarm")
    ticket.refresh_from_db()
    assert ticket.status == "Alarm"
    assert types(ticket=ticket).count("ChangeStatus") == 1


def test_set_ticket_priority_stays_when_reports_join(do: Do, report: Report, defendant: Defendant) -> None:
    ticket = make_ticket(report)
    do("set_ticket_priority", priority="Low")
    urgent = make_report(
        defendant=defendant, service=report.service, provider=make_provider("x@y.example", priority="High")
    )
    do("attach_report_to_ticket", ticket=Ticket.get(), on=urgent)
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.priority_is_manual) == ("Low", True)


@pytest.mark.parametrize("flag", ["moderation", "escalated", "alarm"])
def test_the_marks_of_a_ticket(do: Do, report: Report, flag: str) -> None:
    ticket = make_ticket(report)
    do(f"set_ticket_{flag}")
    ticket.refresh_from_db()
    assert {name for name in ("moderation", "escalated", "alarm") if getattr(ticket, name)} == {flag}


# --- mail -------------------------------------------------------------------------------------------------------------


def test_send_provider_ack_once_and_not_to_everybody(do: Do, report: Report, defendant: Defendant) -> None:
    ticket = make_ticket(report)
    do("send_provider_ack")
    do("send_provider_ack")
    mail = OutgoingMessage.get()
    assert (mail.recipient, mail.category, mail.ticket) == ("jo@reporter.example", "Plaintiff", ticket)
    quiet = make_report(defendant=defendant, provider=make_provider("q@r.example", tags=("never_auto_ack",)))
    make_ticket(quiet)
    assert do("send_provider_ack", on=quiet, template_codename="fixed") is None
    assert OutgoingMessage.count() == 1


def test_a_customer_without_an_address_is_left_to_a_person(do: Do, report: Report) -> None:
    do("create_ticket")
    details = report.defendant.details if report.defendant else None
    assert details is not None
    details.email, details.spare_email = "", "spare@customer.example"
    details.save(update_fields=["email", "spare_email"])
    report.refresh_from_db()
    do("send_defendant_email", template_codename="customer_notification")
    assert OutgoingMessage.get().recipient == "spare@customer.example"
    OutgoingMessage.all().delete()
    details.spare_email = None
    details.save(update_fields=["spare_email"])
    Ticket.all().update(status="Open", snooze_start=None)
    report.refresh_from_db()
    do("send_defendant_email", template_codename="customer_notification")
    assert OutgoingMessage.count() == 0
    assert TicketComment.get().comment.comment == "customer_notification: no address of the customer is known."
    assert Ticket.get().status == "Open"


def test_send_defendant_email_waits_for_the_answer(do: Do, report: Report) -> None:
    ticket = make_ticket(report)
    do("send_defendant_email", template_codename="customer_notification", snooze_duration=3600)
    mail = OutgoingMessage.get()
    assert (mail.recipient, mail.category) == ("c1@customer.example", "Defendant")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.snooze_duration) == ("WaitingAnswer", 3600)
    due = Deadline.get(ticket=ticket, kind="snooze", state="pending").due_at
    do("send_defendant_email", template_codename="fixed", snooze_duration=60)
    assert Deadline.get(ticket=ticket, kind="snooze", state="pending").due_at == due
    do("send_defendant_email", template_codename="service_blocked", snooze_duration=60, force_snooze=True)
    assert Deadline.get(ticket=ticket, kind="snooze", state="pending").due_at < due
    run_due(now=timezone.now() + timedelta(minutes=2))
    ticket.refresh_from_db()
    assert ticket.status == "Alarm"


def test_send_defendant_email_speaks_his_language(do: Do, service: Service) -> None:
    french = make_report(defendant=make_defendant("F1", lang="FR"), service=service)
    make_ticket(french)
    do("send_defendant_email", on=french, template_codename="customer_notification")
    do("send_email", on=french, template_codename="customer_notification", email="a@b.example")
    do("send_email", on=french, template_codename="customer_notification", email="c@d.example", lang="EN")
    subjects = dict(OutgoingMessage.all().values_list("recipient", "subject"))
    assert subjects["f1@customer.example"] == subjects["a@b.example"]
    assert subjects["a@b.example"].endswith("Une plainte concernant votre service")
    assert subjects["c@d.example"].startswith("[Case ")


# --- proof ------------------------------------------------------------------------------------------------------------


def proof(report: Report) -> list[str]:
    return list(Proof.filter(ticket__reports=report).order_by("pk").values_list("content", flat=True))


def test_add_email_body_as_proof_without_addresses(do: Do, report: Report) -> None:
    make_ticket(report)
    do("add_email_body_as_proof")
    (text,) = proof(report)
    assert "see http://c1.example/x and write to email-removed@provider.com" in text
    assert "jo@" not in text


def test_flush_proof_takes_the_place_of_what_there_was(do: Do, report: Report) -> None:
    make_ticket(report)
    do("add_items_as_proof", item_type="URL")
    do("add_items_as_proof", item_type="IP", flush_proof=False)
    assert proof(report) == ["http://c1.example/x\nhttp://c1.example/y", "203.0.113.1"]
    do("add_email_body_as_proof")
    assert len(proof(report)) == 1


def test_add_email_body_regex_proof(do: Do, report: Report) -> None:
    make_ticket(report)
    do("add_email_body_regex_proof", regex=r"SEE \S+")
    assert proof(report) == ["see http://c1.example/x"]
    do("add_email_body_regex_proof", regex="^see.*?$", multiline=True)
    assert proof(report) == ["see http://c1.example/x and write to email-removed@provider.com"]
    do("add_email_body_regex_proof", regex="all,.*regards")
    assert proof(report)[0].startswith("all,\nsee")


def test_html_in_proof_becomes_text(do: Do, defendant: Defendant) -> None:
    html = make_report(defendant=defendant, body="<html><body><p>Page &amp; more</p></body></html>")
    make_ticket(html)
    do("add_email_body_regex_proof", on=html, regex="<p>.*</p>")
    assert proof(html) == ["Page & more"]
    do("add_email_body_regex_proof", on=html, regex="<p>.*</p>", dehtmlify=False)
    assert proof(html) == ["<p>Page &amp; more</p>"]


def test_proof_that_is_not_there_fails(do: Do, report: Report) -> None:
    make_ticket(report)
    with pytest.raises(ActionError, match="nothing in the mail matches"):
        do("add_email_body_regex_proof", regex="absent")
    with pytest.raises(ActionError, match="names no FQDN"):
        do("add_items_as_proof", item_type="FQDN")


# --- pages ------------------------------------------------------------------------------------------------------------


def test_phishing_close_because_all_down(do: Do, report: Report) -> None:
    do("phishing_close_because_all_down")
    ticket = Ticket.get()
    assert (ticket.status, str(ticket.resolution)) == ("Closed", "no_more_content")
    assert list(ticket.tags.values_list("codename", flat=True)) == ["phishing:autoclosed"]
    assert OutgoingMessage.get().template_codename == "no_more_content"
    assert Report.get(pk=report.pk).status == "Archived"
    assert Proof.count() == 0  # what was made for the mail alone is gone


def test_block_report_url_after_the_commit(do: Do, report: Report) -> None:
    pages = Pages({"http://c1.example/x": 0, "http://c1.example/y": 0})
    with serving("PhishingServiceBase", pages):
        assert do("block_report_url") == 2
        assert pages.blocked == []
        run_due(now=timezone.now() + timedelta(seconds=1))
    assert pages.blocked == ["http://c1.example/x", "http://c1.example/y"]
    assert Deadline.get(report=report).result == "2 pages blocked"


def test_a_page_that_cannot_be_blocked_is_tried_again(do: Do, report: Report) -> None:
    with serving("PhishingServiceBase", Pages({"http://c1.example/y": 0})) as pages:
        do("block_report_url")
        run_due(now=timezone.now() + timedelta(seconds=1))
    assert pages.blocked == ["http://c1.example/y"]
    deadline = Deadline.get(report=report)
    assert (deadline.state, deadline.due_at > timezone.now()) == ("pending", True)
    assert "http://c1.example/x: not known" in deadline.result


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "level"), [("close_service", "service"), ("close_all_services", "all"), ("close_defendant", "customer")]
)
def test_closing_is_ordered(do: Do, report: Report, name: str, level: str) -> None:
    ticket = make_ticket(report)
    do(name)
    ordered = ServiceActionJob.get(tickets=ticket)
    assert (ordered.action.module, ordered.action.level, ordered.status) == ("closing", level, "pending")


@pytest.mark.parametrize("close", [True, False])
def test_schedule_service_action(do: Do, report: Report, close: bool) -> None:
    ticket = make_ticket(report)
    do("schedule_service_action", description=DESCRIPTION, close_ticket=close)
    ordered = ServiceActionJob.get(tickets=ticket)
    assert (ordered.action.level, ordered.ip) == ("1", "203.0.113.1")
    deadline = Deadline.get(ticket=ticket, kind="service_action")
    assert timedelta(minutes=59) < deadline.due_at - timezone.now() <= timedelta(hours=1)
    assert deadline.payload["then"]["resolution"] == ("fixed_by_isp" if close else None)


def test_a_measure_that_is_due_sooner_stays(do: Do, report: Report) -> None:
    ticket = make_ticket(report)
    do("send_defendant_email", template_codename="customer_notification", snooze_duration=60)
    assert do("schedule_service_action", description=DESCRIPTION) == "another measure is due sooner"
    assert ServiceActionJob.filter(tickets=ticket).count() == 0


@pytest.mark.parametrize(
    ("items", "country", "reason"),
    [
        ((("IP", "203.0.113.1"),), "es", "No measure is foreseen"),
        ((("IP", "203.0.113.1"), ("IP", "203.0.113.2")), "fr", "exactly one address of ours"),
        ((("IP", "8.8.8.8"),), "fr", "exactly one address of ours"),
        ((("IP", "203.0.113.1"), ("IP", "8.8.8.8")), "fr", None),
    ],
)
def test_where_no_measure_fits_a_person_is_told_why(
    do: Do, service: Service, items: tuple[tuple[str, str], ...], country: str, reason: str | None
) -> None:
    report = make_report(defendant=make_defendant("X1", country=country), service=service, items=items)
    ticket = make_ticket(report)
    do("schedule_service_action", on=report, description=DESCRIPTION)
    ticket.refresh_from_db()
    if reason is None:
        assert (ticket.status, ServiceActionJob.filter(tickets=ticket).count()) == ("Open", 1)
    else:
        assert ticket.status == "ActionError"
        assert reason in TicketComment.get(ticket=ticket).comment.comment
        assert ServiceActionJob.filter(tickets=ticket).count() == 0


def test_a_measure_that_does_not_exist(do: Do, report: Report) -> None:
    make_ticket(report)
    ServiceAction.all().delete()
    do("schedule_service_action", description=DESCRIPTION)
    assert "There is no measure VPS of level 1." in TicketComment.get().comment.comment


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_enqueue_report_task(do: Do, report: Report) -> None:
    do("enqueue_report_task", task_name="rules.decide_again", seconds=5)
    deadline = Deadline.get(report=report, kind="task")
    assert deadline.payload == {"task": "abuse.tasks.rules.decide_again", "params": {"report_id": report.pk}}
    assert timedelta(0) < deadline.due_at - timezone.now() <= timedelta(seconds=5)


def test_enqueue_ticket_task_with_arguments(do: Do, report: Report) -> None:
    ticket = make_ticket(report)
    do("enqueue_ticket_task", task_name="abuse.tasks.rules.ticket_timeout", task_params={"module": "VPS"})
    params = Deadline.get(ticket=ticket, kind="task").payload["params"]
    assert params == {"ticket_id": ticket.pk, "module": "VPS"}


def test_a_task_refuses_arguments_it_does_not_take(do: Do, report: Report) -> None:
    with pytest.raises(ActionError, match="unexpected keyword argument 'colour'"):
        do("enqueue_report_task", task_name="rules.block_urls", task_params={"colour": 1})


# --- the catalogue ----------------------------------------------------------------------------------------------------

ACTIONS = {
    "create_ticket", "attach_report_to_ticket", "close_ticket", "send_provider_ack", "send_defendant_email",
    "send_email", "close_defendant", "close_all_services", "close_service", "add_email_body_regex_proof",
    "add_email_body_as_proof", "add_items_as_proof", "set_report_status", "set_ticket_status", "set_ticket_priority",
    "set_ticket_moderation", "set_ticket_escalated", "set_ticket_alarm", "set_report_timeout",
    "set_ticket_phishtocheck", "schedule_service_action", "block_report_url", "phishing_close_because_all_down",
    "tell_already_known", "tell_misrouted", "ask_reporter",
    "add_report_tag", "enqueue_report_task", "enqueue_ticket_task", "do_nothing",
}  # fmt: skip


def test_one_class_has_all_actions() -> None:
    actions = DefaultReportActions.get_all_actions()
    assert {action.name for action in actions} == ACTIONS
    assert all(action.label for action in actions)


def test_tags_are_made_once(do: Do, report: Report) -> None:
    do("add_report_tag", tag_name="seen")
    do("add_report_tag", tag_name="seen")
    assert Tag.filter(codename="seen").count() == 1
