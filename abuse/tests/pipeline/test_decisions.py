"""From raw mail to report and ticket by the default rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from abuse.controllers.workflow import run_due
from abuse.models import (
    BusinessRulesHistory,
    Deadline,
    DeadlineState,
    Email,
    EmailFilter,
    EmailFilterTag,
    History,
    OutgoingMessage,
    Provider,
    Report,
    ReportThreshold,
    Resolution,
    Tag,
    Ticket,
    UrlStatus,
)
from abuse.services.email.addresses import ticket_address

from .conftest import Deliver, make_mail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

SPAM = "We received spam from 203.0.113.1 port 25 today."


def fired(report: Report) -> str | None:
    rule = BusinessRulesHistory.get(report=report).business_rules
    return rule.name if rule else None


def test_a_trusted_report_opens_a_ticket_and_is_acknowledged(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver(SPAM, sender=trusted.email)
    assert (mail.state, mail.reason) == ("processed", "1 report")
    report, ticket = Report.get(), Ticket.get()
    assert fired(report) == "default_defendant_trusted"
    assert (report.status, report.ticket, report.category_id) == ("Attached", ticket, "Spam")
    assert report.defendant is not None
    assert report.defendant.customer_id == "c1"
    assert (ticket.status, ticket.priority, ticket.update) == ("Open", "High", True)
    ack = OutgoingMessage.get()
    assert (ack.recipient, ack.category, ack.ticket) == (trusted.email, "Plaintiff", ticket)
    assert ticket.public_id in ack.subject
    assert ack.sender == ticket_address(ticket.public_id, "Plaintiff", "example.net")
    types = list(History.filter(ticket=ticket).order_by("pk").values_list("action_type", flat=True))
    assert types == ["CreateTicket", "AttachReport", "SendEmail"]
    assert Tag.filter(reports=report).get().name == "report:default_defendant_trusted"


def test_the_second_report_joins_and_nobody_is_told_twice(deliver: Deliver, trusted: Provider) -> None:
    deliver(SPAM, sender=trusted.email)
    deliver(SPAM + " Again.", sender=trusted.email)
    deliver(SPAM + " Me too.", sender="other@reporter.example")
    ticket = Ticket.get()
    assert Report.filter(ticket=ticket, status="Attached").count() == 3
    assert list(OutgoingMessage.all().order_by("pk").values_list("template_codename", "recipient")) == [
        ("ack_report_received", trusted.email), ("already_known", "other@reporter.example"),
    ]  # fmt: skip
    assert fired(Report.all().order_by("pk")[2]) == "default_defendant_not_trusted_ticket"


def test_an_unknown_voice_waits_and_is_archived_after_a_month(deliver: Deliver) -> None:
    deliver(SPAM)
    report = Report.get()
    assert (report.status, Ticket.count()) == ("New", 0)
    assert fired(report) == "default_defendant_not_trusted_no_ticket"
    deadline = Deadline.get()
    days = (deadline.due_at - timezone.now()) / timedelta(days=1)
    assert 29.9 < days < 30.1
    assert run_due(now=timezone.now() + timedelta(days=29)) == 0
    assert run_due(now=timezone.now() + timedelta(days=31)) == 1
    report.refresh_from_db()
    deadline.refresh_from_db()
    assert (report.status, deadline.state) == ("Archived", DeadlineState.DONE)
    assert History.get(report=report, action_type="ChangeReportStatus").new == "Archived"


def test_enough_voices_open_a_ticket_for_all(deliver: Deliver) -> None:
    ReportThreshold.filter(category="Spam").update(threshold=3, interval=30)
    for number in range(3):
        deliver(SPAM, sender=f"r{number}@reporter.example")
    ticket = Ticket.get()
    assert Report.filter(ticket=ticket, status="Attached").count() == 3
    assert fired(Report.all().order_by("pk")[2]) == "default_defendant_threshold"
    states = set(Deadline.all().values_list("state", flat=True))
    assert states == {DeadlineState.CANCELLED}


def test_old_voices_do_not_count(deliver: Deliver) -> None:
    ReportThreshold.filter(category="Spam").update(threshold=2, interval=30)
    deliver(SPAM, sender="r1@reporter.example", date="Mon, 14 Sep 2026 10:00:00 +0000")
    deliver(SPAM, sender="r2@reporter.example")
    assert Ticket.count() == 0


def test_voices_on_other_customers_do_not_count(deliver: Deliver) -> None:
    ReportThreshold.filter(category="Spam").update(threshold=2, interval=30)
    deliver(SPAM, sender="r1@reporter.example")
    deliver(SPAM.replace("203.0.113.1 ", "203.0.113.2 "), sender="r2@reporter.example")
    assert Ticket.count() == 0


def test_nobodys_address_waits_or_is_validated(deliver: Deliver, trusted: Provider) -> None:
    text = SPAM.replace("203.0.113.1", "192.0.2.200")
    deliver(text)
    deliver(text, sender=trusted.email)
    first, second = Report.all().order_by("pk")
    assert (first.status, fired(first), first.defendant) == ("New", "default_no_defendant", None)
    assert (second.status, fired(second)) == ("ToValidate", "to_validate")


def test_a_noisy_reporter_is_archived(deliver: Deliver) -> None:
    noisy = Provider.create(email="noisy@reporter.example")
    noisy.tags.add(Tag.get(codename="distrust:0:autoarchive"))
    deliver(SPAM, sender=noisy.email)
    deliver(SPAM.replace("203.0.113.1", "192.0.2.200"), sender=noisy.email)
    first, second = Report.all().order_by("pk")
    assert (first.status, fired(first)) == ("Archived", "autoarchive_defendant")
    assert (second.status, fired(second)) == ("Archived", "autoarchive_no_defendant")


def test_a_reporter_who_may_only_add(deliver: Deliver, trusted: Provider) -> None:
    adder = Provider.create(email="adder@reporter.example", trusted=True)
    adder.tags.add(Tag.get(codename="distrust:1:attach_if_exists"))
    deliver(SPAM, sender=adder.email)
    assert (Report.get().status, Ticket.count()) == ("Archived", 0)
    deliver(SPAM, sender=trusted.email)
    deliver(SPAM + " More.", sender=adder.email)
    assert Report.filter(ticket=Ticket.get()).count() == 2


PHISHING = "A phishing page that imitates our bank is at http://c1.example.org/login.html"


def test_phishing_with_a_live_page_is_looked_at_by_a_person(deliver: Deliver, trusted: Provider) -> None:
    deliver(PHISHING, sender=trusted.email)
    report = Report.get()
    assert (report.status, fired(report), Ticket.count()) == ("PhishToCheck", "phishing_phishtocheck", 0)


def test_phishing_that_is_down_closes_at_once(deliver: Deliver, trusted: Provider) -> None:
    deliver(PHISHING)
    item = Report.get().items.get()
    UrlStatus.create(item=item, direct_status="DOWN", score=100, date=timezone.now())
    from abuse.controllers.history import robot
    from abuse.rules.apply import RulesRun

    report = Report.objects.select_related("provider", "category", "defendant__details", "service").get()
    Report.filter(pk=report.pk).update(status="New")
    report.status = "New"
    run = RulesRun(robot())
    assert run.decide_report(report, None, None) == "phishing_down"
    ticket = Ticket.get()
    assert (ticket.status, ticket.resolution) == ("Closed", Resolution.get(codename="no_more_content"))
    assert [tag.name for tag in ticket.tags.all()] == ["phishing:autoclosed"]
    assert Report.get().status == "Archived"
    message = OutgoingMessage.get()
    assert message.template_codename == "no_more_content"
    assert "http://c1.example.org/login.html" in message.body


def test_phishing_not_worth_a_look(deliver: Deliver) -> None:
    tired = Provider.create(email="tired@reporter.example")
    tired.tags.add(Tag.get(codename="distrust:2:no_phishtocheck"))
    deliver(PHISHING, sender=tired.email)
    assert (Report.get().status, fired(Report.get())) == ("New", "phishing_ignore")
    assert Deadline.get().kind == "report_timeout"


def test_the_event_time_decides_who_is_accused(deliver: Deliver) -> None:
    text = "Login failed: brute force from 203.0.113.9"
    deliver(text, date="Sat, 31 Oct 2026 23:30:00 +0000")
    deliver(text, date="Sun, 01 Nov 2026 01:30:00 +0200")
    deliver(text, date="Sun, 01 Nov 2026 00:00:00 +0000")
    accused = [report.defendant.customer_id for report in Report.all().order_by("pk") if report.defendant]
    assert accused == ["c1", "c1", "c2"]


def test_one_mail_about_two_customers_gives_two_reports(deliver: Deliver, trusted: Provider) -> None:
    mail = deliver("Spam from 203.0.113.1, from 203.0.113.2 and from 203.0.113.1 again", sender=trusted.email)
    assert mail.reason == "2 reports"
    assert Ticket.count() == 2
    assert [item.raw_item for item in Report.all().order_by("pk")[0].items.all()] == ["203.0.113.1"]


def test_ipv6_items_find_their_customer(deliver: Deliver) -> None:
    deliver("Spam from 2001:0DB8:0001:0000::25 today")
    report = Report.get()
    assert report.defendant is not None
    assert report.defendant.customer_id == "c1"
    assert report.items.get().raw_item == "2001:db8:1::25"


def test_the_reporters_own_category_goes_first(deliver: Deliver) -> None:
    from abuse.models import Category

    Provider.create(email="jo@reporter.example", default_category=Category.get(name="Intrusion"))
    deliver(SPAM)
    assert Report.get().category_id == "Intrusion"


def test_a_domain_pattern_gives_trust_to_exactly_that_domain(deliver: Deliver) -> None:
    Provider.create(email="*@firm.example", trusted=True, name="The firm")
    deliver(SPAM, sender="a@firm.example")
    deliver(SPAM, sender="b@firm.example.evil.test")
    deliver(SPAM, sender="c@notfirm.example")
    trust = dict(Provider.exclude(email__startswith="*").values_list("email", "trusted"))
    assert trust == {"a@firm.example": True, "b@firm.example.evil.test": False, "c@notfirm.example": False}


def test_filters_tag_the_reports_of_mails_that_pass_all_of_them(deliver: Deliver) -> None:
    tag = Tag.create(codename="urgent", name="urgent", tag_type="Report")
    rule = EmailFilterTag.create(name="urgent spam")
    rule.filters.add(
        EmailFilter.create(scope="Provider", value="REPORTER.example"),
        EmailFilter.create(scope="Subject", value="urgent"),
    )
    rule.tags.add(tag)
    EmailFilterTag.create(name="without filters").tags.add(Tag.create(codename="x", name="x", tag_type="Report"))
    deliver(SPAM, subject="URGENT matter")
    deliver(SPAM, subject="no hurry")
    tagged = [set(report.tags.values_list("name", flat=True)) for report in Report.all().order_by("pk")]
    waits = "report:default_defendant_not_trusted_no_ticket"
    assert tagged == [{"urgent", waits}, {waits}]


def test_the_trace_says_which_rules_were_tried_and_why_not(deliver: Deliver) -> None:
    deliver(SPAM)
    trace = BusinessRulesHistory.get(report=Report.get()).trace
    assert trace["rule"] == "default_defendant_not_trusted_no_ticket"
    tried = {entry["rule"]: entry for entry in trace["rules"]}
    assert tried["default_defendant_trusted"]["because"]["name"] == "is_report_trusted"
    assert tried["default_defendant_trusted"]["because"]["actual"] is False
    facts = {fact["name"]: fact["value"] for fact in trace["facts"]}
    assert facts["has_defendant"] is True
    assert facts["report_category"] == "spam"
    assert [action["name"] for action in trace["actions"]] == ["do_nothing", "set_report_timeout"]


def test_attachments_are_kept_by_content_never_by_name(deliver: Deliver) -> None:
    from email.message import EmailMessage

    from abuse.services.storage import StorageService

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "jo@reporter.example", "abuse@example.net", "Spam"
    mail["Message-ID"] = "<a@b>"
    mail.set_content(SPAM)
    mail.add_attachment(b"x" * 10, maintype="application", subtype="octet-stream", filename="../../etc/cron.d/x")
    deliver(mail.as_bytes())
    document = Report.get().attachments.get()
    assert document.name == "../../etc/cron.d/x"
    assert document.size == 10
    assert StorageService.read(document.filename) == b"x" * 10


def test_the_row_of_the_mail_says_what_was_understood(deliver: Deliver) -> None:
    mail = deliver(SPAM, subject="Spam in our inbox")
    assert (mail.kind, mail.provider, mail.subject) == ("abuse_report", "jo@reporter.example", "Spam in our inbox")
    assert mail.sent_at is not None
    assert mail.sent_at.isoformat() == "2026-11-23T10:00:00+00:00"
    assert (mail.attempts, mail.error, mail.claim) == (1, "", None)


def test_a_blacklisted_sender_is_ignored_visibly_and_can_be_retried(deliver: Deliver) -> None:
    from abuse.pipeline.claims import retry

    mail = deliver(SPAM, sender="blacklisted@reporter.example")
    assert (mail.state, mail.reason) == ("ignored", "the sender is in PARSER.blacklisted_providers")
    assert Report.count() == 0
    assert retry([mail.pk]) == 1
    assert Email.get().state == "received"


def test_make_mail_gives_each_mail_an_id_of_its_own() -> None:
    assert make_mail("a") != make_mail("b")


@pytest.mark.parametrize("sender", ["cert@trusted.example", "court@justice.example"])
def test_a_statement_accuses_nobody_and_waits_for_a_person(deliver: Deliver, trusted: Provider, sender: str) -> None:
    text = (
        "Pursuant to the attached court order you are requested to disclose the subscriber data of 203.0.113.1.\n"
        "Police department, cybercrime unit. Case reference 4711."
    )
    deliver(text, sender=sender, subject="Request for subscriber information: court order")
    report = Report.get()
    assert Email.get().kind == "legal_request"
    assert (report.status, report.defendant, Ticket.count(), fired(report)) == ("ToValidate", None, 0, "statements")


def test_a_feed_with_a_column_that_nobody_knows_raises_an_alarm_until_it_is_gone(deliver: Deliver) -> None:
    from email.message import EmailMessage

    from abuse.models import DriftAlarm

    def feed(header: str, row: str, number: int) -> bytes:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "feed@reporter.example", "abuse@example.net", "Events"
        mail["Message-ID"] = f"<feed-{number}@reporter.example>"
        mail.set_content("See the attached table.")
        mail.add_attachment(f"{header}\n{row}\n".encode(), maintype="text", subtype="csv", filename="events.csv")
        return mail.as_bytes()

    deliver(feed("timestamp,ip,port,zorkmid", "2026-11-20 10:00:00,203.0.113.1,25,7", 1))
    alarm = DriftAlarm.get()
    assert (alarm.kind, alarm.details, alarm.settled_at) == ("unknown_columns", {"columns": ["zorkmid"]}, None)
    assert "zorkmid" in alarm.message
    assert alarm.email == Email.get()
    deliver(feed("timestamp,ip,port", "2026-11-21 10:00:00,203.0.113.1,25", 2))
    assert DriftAlarm.get().settled_at is not None
    assert Report.count() == 2
