"""Reports in the hands of people."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

import pytest
from django.utils import timezone

from abuse.controllers import phishing, reports, tickets, validation, workflow
from abuse.controllers.editing import Refused
from abuse.controllers.history import robot
from abuse.models import (
    BusinessRules,
    CdnRequest,
    Deadline,
    Defendant,
    History,
    OutgoingMessage,
    Proof,
    Report,
    ReportItem,
    ReportOutcome,
    ReportStatus,
    Service,
    Ticket,
    TicketStatus,
    User,
)
from abuse.pipeline import review

from ..counted import are_counted
from .people import make_user
from .test_tickets import make_report, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return make_user("ann")


def waiting_report(status: ReportStatus = ReportStatus.TO_VALIDATE, **options: object) -> Report:
    report = make_report(**options)  # type: ignore[arg-type]
    Report.filter(pk=report.pk).update(status=status, subject="Bad things", body="from me@reporter.example")
    report.refresh_from_db()
    return report


def test_a_report_with_a_customer_is_decided_on_as_if_its_reporter_were_trusted(ann: User) -> None:
    report = waiting_report()
    assert review.validate(report.pk, actor=ann) == "default_defendant_trusted"
    report.refresh_from_db()
    assert (report.status, report.ticket) == ("Attached", Ticket.get())
    moves = History.filter(report=report, field="status").order_by("pk").values_list("old", "new", "user__username")
    assert list(moves) == [("ToValidate", "New", "ann"), ("New", "Attached", "ann")]


def test_a_report_joins_the_open_ticket(ann: User) -> None:
    ticket = make_ticket()
    report = waiting_report()
    review.validate(report.pk, actor=ann)
    report.refresh_from_db()
    assert (report.ticket, Ticket.count()) == (ticket, 1)


def test_a_report_without_a_customer_is_closed_as_not_ours(ann: User) -> None:
    report = waiting_report(named=False)
    assert review.validate(report.pk, actor=ann) == "invalid"
    report.refresh_from_db()
    ticket = Ticket.get()
    assert (ticket.status, ticket.resolution and ticket.resolution.codename) == ("Closed", "invalid")
    assert (report.status, report.ticket) == ("Archived", ticket)
    message = OutgoingMessage.get()
    assert (message.template_codename, message.recipient) == ("not_managed_ip", "normal@reporter.example")
    assert "Bad things" in message.body
    assert "me@reporter.example" not in message.body
    assert Proof.count() == 0
    assert ReportOutcome.get().outcome == "not_ours"


def test_a_report_that_no_rule_wants_stands_where_it_stood(ann: User) -> None:
    BusinessRules.all().update(is_active=False)
    report = waiting_report()
    with pytest.raises(Refused, match="no rule says what is to become of it"):
        review.validate(report.pk, actor=ann)
    report.refresh_from_db()
    assert (report.status, report.ticket, Ticket.count(), History.count()) == ("ToValidate", None, 0, 0)


def test_work_that_fails_leaves_the_report_where_it_stood(ann: User) -> None:
    report = waiting_report()

    def fail(report: Report) -> str:
        tickets.create_ticket(report, actor=ann)
        raise ConnectionError("the disk is full")

    with pytest.raises(ConnectionError):
        validation.validate(report, actor=ann, decide=fail)
    report.refresh_from_db()
    assert (report.status, report.ticket, Ticket.count()) == ("ToValidate", None, 0)


def test_a_new_report_about_a_customer_is_vouched_for_and_its_reporter_told(ann: User) -> None:
    report = waiting_report(ReportStatus.NEW)
    assert review.validate(report.pk, actor=ann) == "default_defendant_trusted"
    report.refresh_from_db()
    assert (report.status, report.ticket) == ("Attached", Ticket.get())
    assert OutgoingMessage.get().template_codename == "ack_report_received"
    with pytest.raises(Refused, match="is Attached"):
        review.validate(report.pk, actor=ann)


def test_only_what_waits_can_be_validated(ann: User) -> None:
    report = waiting_report(ReportStatus.NEW, named=False)
    with pytest.raises(Refused, match="is New; expected ToValidate, or New with a customer"):
        review.validate(report.pk, actor=ann)
    with pytest.raises(Refused, match="is New; expected PhishToCheck"):
        review.review_phishing(report.pk, [], actor=ann)


CLOUDFLARE = [ip_address("104.16.1.1")]


def test_a_content_network_is_asked_about_a_domain(ann: User) -> None:
    report = waiting_report(named=False)
    assert review.ask_content_network(report.pk, "WWW.Bad.Example.", CLOUDFLARE, actor=ann) == "cdn_request_cloudflare"
    request = CdnRequest.get()
    report.refresh_from_db()
    assert (request.domain, request.provider, report.ticket) == ("www.bad.example", "cloudflare", request.ticket)
    assert OutgoingMessage.get().recipient == "abuseteam@cloudflare.com"
    assert ReportItem.get().raw_item == "www.bad.example"
    again = waiting_report(named=False)
    review.ask_content_network(again.pk, "www.bad.example", CLOUDFLARE, actor=ann)
    assert (CdnRequest.count(), OutgoingMessage.count(), Ticket.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("domain", "addresses", "message"),
    [
        ("no domain", ["104.16.1.1"], "expected a domain name"),
        ("bad.example", [], "does not resolve"),
        ("bad.example", ["203.0.113.1"], "no rule says whom to ask"),
    ],
)
def test_nobody_can_be_asked(ann: User, domain: str, addresses: list[str], message: str) -> None:
    report = waiting_report(named=False)
    with pytest.raises(Refused, match=message):
        review.ask_content_network(report.pk, domain, [ip_address(one) for one in addresses], actor=ann)
    report.refresh_from_db()
    assert (report.status, ReportItem.count(), Ticket.count()) == ("ToValidate", 0, 0)


def test_giving_back_the_only_report_closes_its_ticket_with_history(ann: User) -> None:
    ticket = make_ticket()
    report = ticket.reports.get()
    now = timezone.now()
    Deadline.create(kind="reminder", ticket=ticket, due_at=now + timedelta(days=1), created_at=now)
    validation.set_report_status(report, ReportStatus.NEW, actor=ann)
    report.refresh_from_db()
    ticket.refresh_from_db()
    assert (report.status, report.ticket, ticket.status) == ("New", None, "Closed")
    are_counted(0)
    assert not Deadline.filter(state="pending").exists()
    row = History.get(ticket=ticket, action_type="DetachReport")
    assert (row.old, row.new, row.report, row.user) == ("Attached", "New", report, ann)
    assert History.get(ticket=ticket, action_type="ChangeStatus").refs["reason"] == "its only report was taken out"


def test_giving_back_one_of_several_leaves_the_ticket_open(ann: User) -> None:
    ticket = make_ticket()
    report = make_report()
    tickets.attach_report(report, ticket, actor=ann)
    validation.set_report_status(report, ReportStatus.NEW, actor=ann)
    ticket.refresh_from_db()
    assert ticket.status == "Open"
    are_counted(1)


def test_putting_away(ann: User) -> None:
    report = make_report()
    reports.set_timeout(report, days=30, actor=robot())
    validation.set_report_status(report, ReportStatus.ARCHIVED, actor=ann)
    report.refresh_from_db()
    assert (report.status, Deadline.get().state) == ("Archived", "cancelled")
    validation.set_report_status(report, ReportStatus.NEW, actor=ann)
    assert Report.get().status == "New"


@pytest.mark.parametrize("status", [ReportStatus.ATTACHED, ReportStatus.TO_VALIDATE, ReportStatus.PHISH_TO_CHECK])
def test_other_statuses_are_not_set_by_hand(ann: User, status: ReportStatus) -> None:
    with pytest.raises(Refused, match="expected New or Archived"):
        validation.set_report_status(make_report(), status, actor=ann)


def test_attaching_by_hand_moves_a_report(ann: User) -> None:
    first = make_ticket()
    report = make_report(named=False)
    reports.set_timeout(report, days=30, actor=robot())
    own = validation.attach(report, None, actor=ann)
    assert own != first
    assert validation.attach(report, first, actor=ann) == first
    report.refresh_from_db()
    own.refresh_from_db()
    assert (report.ticket, report.status, own.status) == (first, "Attached", "Closed")
    assert Deadline.get(report=report).state == "cancelled"
    assert validation.attach(report, first, actor=ann) == first
    assert History.filter(ticket=first, report=report).count() == 1


def test_what_cannot_be_attached(ann: User) -> None:
    ticket = make_ticket()
    with pytest.raises(Refused, match="is about another customer"):
        validation.attach(make_report(customer="c2"), ticket, actor=ann)
    tickets.close_ticket(ticket, "fixed", actor=ann)
    with pytest.raises(Refused, match="is closed; expected an open one"):
        validation.attach(make_report(), ticket, actor=ann)


def test_saying_whose_a_report_is(ann: User) -> None:
    ticket = make_ticket()
    report = ticket.reports.get()
    other, service = Defendant.create(customer_id="c9"), Service.create(key="s9", name="s9")
    assert validation.set_customer(report, other, service, actor=ann)
    assert not validation.set_customer(report, other, service, actor=ann)
    report.refresh_from_db()
    ticket.refresh_from_db()
    assert (report.defendant, report.service, report.ticket, ticket.status) == (other, service, None, "Closed")
    row = History.get(report=report, field="defendant")
    assert (row.old, row.new) == ("c1", "c9")


def phishing_report(*urls: str) -> tuple[Report, list[ReportItem]]:
    report = waiting_report(ReportStatus.PHISH_TO_CHECK, category="Phishing")
    items = [
        ReportItem.create(report=report, item_type="URL", raw_item=url, date=timezone.now())
        for url in urls or ("http://a.example/", "http://b.example/")
    ]
    return report, items


def test_confirmed_pages_are_acted_on_and_the_others_taken_out(ann: User) -> None:
    report, (bad, good) = phishing_report()
    verdicts = [
        phishing.Verdict(bad.pk, is_phishing=False),
        phishing.Verdict(bad.pk, is_phishing=True),  # one of its pictures shows it
        phishing.Verdict(good.pk, is_phishing=False),
    ]
    assert review.review_phishing(report.pk, verdicts, actor=ann) == "Attached"
    assert list(ReportItem.all()) == [bad]
    ticket = Ticket.get()
    assert ticket.status == "WaitingAnswer"
    row = History.get(action_type="DeleteItem")
    assert (row.old, row.user) == ("http://b.example/", ann)
    row = History.get(action_type="ValidatePhishtocheck")
    assert (row.user, row.ticket, row.refs["rule"]) == (ann, ticket, "phishing_up")


def test_denied_pages_close_the_ticket_and_the_report_was_wrong(ann: User) -> None:
    report, items = phishing_report()
    verdicts = [phishing.Verdict(item.pk, is_phishing=False) for item in items]
    assert review.review_phishing(report.pk, verdicts, actor=ann) == "Archived"
    ticket = Ticket.get()
    assert (ticket.status, ticket.resolution and ticket.resolution.codename) == ("Closed", "no_more_content")
    assert [tag.name for tag in ticket.tags.all()] == ["phishing:autoclosed"]
    assert ReportItem.count() == 0
    assert "http://a.example/" in OutgoingMessage.get().body
    assert ReportOutcome.get().outcome == "false"
    assert History.get(action_type="DenyPhishtocheck").user == ann


def test_a_page_without_a_verdict_keeps_the_report_waiting(ann: User) -> None:
    report, (first, _) = phishing_report()
    verdict = phishing.Verdict(first.pk, is_phishing=False)
    assert review.review_phishing(report.pk, [verdict], actor=ann) == "PhishToCheck"
    assert (ReportItem.count(), Ticket.count()) == (1, 0)


def test_confirmed_phishing_without_a_rule_stands_where_it_stood(ann: User) -> None:
    BusinessRules.filter(name="phishing_up").update(is_active=False)
    report, items = phishing_report()
    verdicts = [phishing.Verdict(items[0].pk, is_phishing=True), phishing.Verdict(items[1].pk, is_phishing=False)]
    with pytest.raises(Exception, match=r"phishing_up|no rule"):
        review.review_phishing(report.pk, verdicts, actor=ann)
    report.refresh_from_db()
    assert (report.status, ReportItem.count(), Ticket.count()) == ("PhishToCheck", 2, 0)


def test_a_verdict_on_something_else_is_refused(ann: User) -> None:
    report, _ = phishing_report()
    other, (item, *_) = phishing_report()
    with pytest.raises(Refused, match=f"item {item.pk} is no URL of {report}"):
        review.review_phishing(report.pk, [phishing.Verdict(item.pk, is_phishing=True)], actor=ann)
    with pytest.raises(Refused, match="0 verdicts"):
        review.review_phishing(other.pk, [], actor=ann)


def test_a_report_time_out_passes_by_what_a_person_has_moved_on(ann: User) -> None:
    report = make_report()
    reports.set_timeout(report, days=-1, actor=robot())
    validation.attach(report, None, actor=ann)
    assert workflow.run_due() == 0
    assert (Report.get().status, Ticket.get().status) == ("Attached", TicketStatus.OPEN)
