"""The shipped rules that act by themselves, from raw mail: pages looked at before, copyright passed on, bounces."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import correspondence
from abuse.controllers.history import robot
from abuse.controllers.workflow import run_due
from abuse.models import (
    BusinessRulesHistory,
    DefendantRevision,
    OutgoingMessage,
    Proof,
    Provider,
    Report,
    Tag,
    Ticket,
    UrlStatus,
)
from abuse.services.crm.default import DirectoryCRM
from abuse.services.phishing import PingResponse
from abuse.tests.rules.services import Pages, serving

from .conftest import Deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("isp")]

PAGE, OTHER = "http://c1.example.org/login.html", "http://c1.example.org/card.html"
PHISHING = f"A phishing page that imitates our bank is at {PAGE}"


def fired() -> str | None:
    decision = BusinessRulesHistory.filter(is_shadow=False).order_by("-pk").select_related("business_rules").first()
    return decision.business_rules.name if decision and decision.business_rules else None


# --- pages ------------------------------------------------------------------------------------------------------------


def test_pages_are_looked_at_once_before_the_decision(deliver: Deliver) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: PingResponse(100, 404, "DOWN", "odd", False)})) as pages:
        deliver(f"{PHISHING} and again {PAGE}")
    assert pages.asked == [(PAGE, "FR")]
    look = UrlStatus.get()
    assert (look.item.raw_item, look.score, look.http_code, look.direct_status) == (PAGE, 100, 404, "DOWN")
    assert (look.proxied_status, look.is_phishing) == (None, False)
    assert fired() == "phishing_down"
    assert Ticket.get().status == "Closed"


def test_a_page_that_is_up_goes_to_a_person(deliver: Deliver) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: 0})):
        deliver(PHISHING)
    assert (fired(), Report.get().status) == ("phishing_phishtocheck", "PhishToCheck")


def test_a_service_that_fails_counts_as_up_and_holds_up_nothing(deliver: Deliver) -> None:
    with serving("PhishingServiceBase", Pages({OTHER: 100})):
        mail = deliver(f"{PHISHING} and {OTHER}")
    assert (mail.state, fired()) == ("processed", "phishing_phishtocheck")
    assert UrlStatus.get().item.raw_item == OTHER


def test_a_service_that_hangs_holds_up_nothing(deliver: Deliver) -> None:
    import threading

    release = threading.Event()

    class Hanging(Pages):
        def ping_url(self, url: str, country: str | None = None, try_screenshot: bool = True) -> PingResponse:
            release.wait(30)
            return PingResponse(100)

    try:
        with serving("PhishingServiceBase", Hanging({})):
            assert deliver(PHISHING).state == "processed"
        assert UrlStatus.count() == 0
    finally:
        release.set()


@pytest.mark.parametrize(
    "text", ["Spam for http://c1.example.org/login.html", PHISHING.replace("c1.example.org", "nobody.example")]
)
def test_only_pages_of_customers_in_phishing_reports_are_looked_at(deliver: Deliver, text: str) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: 100})) as pages:
        deliver(text)
    assert pages.asked == []


def test_the_reporters_own_category_says_whether_it_is_phishing(deliver: Deliver) -> None:
    Provider.create(email="*@reporter.example", default_category_id="Phishing")
    Provider.create(email="scan@malware.example", default_category_id="Malware")
    with serving("PhishingServiceBase", Pages({PAGE: 100, OTHER: 100})) as pages:
        deliver(f"Please see {PAGE}, abuse", sender="anybody@reporter.example")
        deliver(f"A phishing page is at {OTHER}", sender="scan@malware.example")
    assert [url for url, _ in pages.asked] == [PAGE]


def test_only_what_is_reported_as_phishing_is_looked_at_in_a_mail_of_several_categories(deliver: Deliver) -> None:
    table = f"url,category\n{PAGE},phishing\n{OTHER},spam\n{OTHER}?2,spam\n"
    raw = EmailMessage()
    raw["From"], raw["To"], raw["Subject"] = "soc@reporter.example", "abuse@isp.example.net", "Incidents"
    raw.set_content("See the file.")
    raw.add_attachment(table.encode(), maintype="text", subtype="csv", filename="incidents.csv")
    with serving("PhishingServiceBase", Pages({PAGE: 100, OTHER: 100})) as pages:
        deliver(raw.as_bytes())
    assert {report.category_id for report in Report.all()} == {"Phishing", "Spam"}
    assert [url for url, _ in pages.asked] == [PAGE]
    assert UrlStatus.get().item.raw_item == PAGE


def test_a_trusted_reporters_live_phishing_is_blocked_and_told(deliver: Deliver, trusted: Provider) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: PingResponse(0, 200, "UP", "UP", True)})) as pages:
        deliver(PHISHING, sender=trusted.email)
        assert fired() == "phishing_up"
        ticket = Ticket.get()
        assert (ticket.status, ticket.snooze_duration) == ("WaitingAnswer", 172_800)
        assert Proof.get().content == PAGE
        run_due(now=timezone.now() + timedelta(seconds=1))
        assert pages.blocked == [PAGE]
        pages.answers[PAGE] = 100
        run_due(now=timezone.now() + timedelta(seconds=172_801))
    ticket.refresh_from_db()
    assert (ticket.status, str(ticket.resolution)) == ("Closed", "fixed_by_customer")
    templates = set(OutgoingMessage.all().values_list("template_codename", flat=True))
    assert templates == {"ack_report_received", "phishing_blocked", "case_closed", "ticket_closed"}


def test_an_answer_takes_the_timeout_back(deliver: Deliver, trusted: Provider) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: PingResponse(0, is_phishing=True)})):
        deliver(PHISHING, sender=trusted.email)
        ticket = Ticket.get()
        address = f"ticket+{ticket.public_id}.Defendant@example.net"
        deliver("It is gone.", sender="c1@customer.example", to=address, subject="Re: page")
        run_due(now=timezone.now() + timedelta(seconds=172_801))
    ticket.refresh_from_db()
    assert ticket.status == "Answered"


def test_trusted_phishing_that_nobody_confirmed_goes_to_a_person(deliver: Deliver, trusted: Provider) -> None:
    with serving("PhishingServiceBase", Pages({PAGE: PingResponse(0, is_phishing=None)})):
        deliver(PHISHING, sender=trusted.email)
    assert (fired(), Report.get().status) == ("phishing_phishtocheck", "PhishToCheck")


# --- copyright --------------------------------------------------------------------------------------------------------

ACNS = """We are the rights holders; please write to agent@rights.example about this copyright infringement.

<?xml version="1.0" encoding="UTF-8"?>
<Infringement xmlns="http://www.acns.net/ACNS">
  <Source><TimeStamp>2026-11-22T10:00:00Z</TimeStamp><IP_Address>203.0.113.1</IP_Address><Port>51413</Port></Source>
  <Complainant><Email>agent@rights.example</Email></Complainant>
</Infringement>
"""


@pytest.fixture
def agent() -> Provider:
    provider = Provider.create(email="agent@rights.example", trusted=True, default_category_id="Copyright")
    provider.tags.add(Tag.get(codename="copyright:automatic"))
    return provider


def test_an_acns_notice_is_passed_on_and_closed(deliver: Deliver, agent: Provider) -> None:
    deliver(ACNS, sender=agent.email)
    assert fired() == "acns_forward"
    ticket = Ticket.get()
    assert (ticket.status, str(ticket.resolution), ticket.update) == ("Closed", "forward_acns", False)
    proof = Proof.get().content
    assert proof.startswith("<Infringement")
    assert proof.endswith("</Infringement>")
    assert "agent@rights.example" not in proof
    assert set(OutgoingMessage.all().values_list("recipient", flat=True)) == {agent.email, "c1@customer.example"}
    deliver(ACNS.replace("10:00:00", "11:00:00"), sender=agent.email)
    assert Ticket.filter(status="Closed").count() == 2


def test_another_copyright_notice_waits_two_days(deliver: Deliver, agent: Provider) -> None:
    deliver("Copyright infringement by 203.0.113.1, says agent@rights.example", sender=agent.email)
    assert fired() == "trusted_copyright"
    ticket = Ticket.get()
    assert (ticket.status, ticket.snooze_duration) == ("WaitingAnswer", 172_800)
    assert "email-removed@provider.com" in Proof.get().content
    assert ticket.deadlines.get(kind="task").payload["task"] == "abuse.tasks.rules.ticket_timeout"


def test_copyright_of_others_is_work_for_a_person(deliver: Deliver, agent: Provider) -> None:
    agent.tags.clear()
    deliver(ACNS, sender=agent.email)
    assert (fired(), Ticket.get().status) == ("default_defendant_trusted", "Open")


# --- bounces ----------------------------------------------------------------------------------------------------------


def dsn(ticket: Ticket, category: str, quoted: str) -> bytes:
    """What a mail server returns, in the plain form that many still write."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "MAILER-DAEMON@mx.customer.example", "Undelivered Mail Returned to Sender"
    mail["To"] = f"ticket+{ticket.public_id}.{category}@example.net"
    mail["Date"], mail["Message-ID"] = "Mon, 23 Nov 2026 12:00:00 +0000", f"<{category}@mx.customer.example>"
    mail.set_content(f"This is the mail system.\n\n<c1@customer.example>: unknown user\n\n{quoted}")
    mail["X-Failed-Recipients"] = "c1@customer.example"
    return mail.as_bytes()


@pytest.mark.parametrize(("category", "rule"), [("Defendant", "mailer_daemon"), ("Plaintiff", "other_bounce")])
def test_a_bounce_reaches_its_rule(deliver: Deliver, trusted: Provider, category: str, rule: str) -> None:
    deliver("Spam from 203.0.113.1", sender=trusted.email)
    ticket = Ticket.get()
    DefendantRevision.all().update(spare_email="spare@customer.example")
    correspondence.send_template(
        ticket, "customer_notification", "c1@customer.example", cause="test", actor=robot()
    )  # fmt: skip
    lost = OutgoingMessage.get(template_codename="customer_notification")
    mail = deliver(dsn(ticket, category, lost.body))
    assert (mail.state, mail.kind, fired()) == ("answer", "bounce", rule)
    again = OutgoingMessage.filter(recipient="spare@customer.example")
    assert again.count() == (1 if category == "Defendant" else 0)
    assert ticket.received.count() == 1
    ticket.refresh_from_db()
    assert ticket.status == "Open"


# --- revenue ----------------------------------------------------------------------------------------------------------


def test_revenue_is_asked_before_the_transaction_and_only_if_a_rule_asks(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from django.db import connection

    from abuse.rules.store import save_rule

    asked: list[tuple[str, str | None, int]] = []

    class Paying(DirectoryCRM):
        def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
            asked.append((customer_id, service, len(connection.savepoint_ids)))
            return 250.0

    with serving("CRMServiceBase", Paying()):
        deliver("Spam from 203.0.113.1")
        assert asked == []
        conditions: list[dict[str, Any]] = [
            {"name": "has_defendant", "operator": "is_true"},
            {"name": "defendant_revenue", "operator": "greater_than", "value": 200},
        ]
        config = {"conditions": {"all": conditions}, "actions": [{"name": "do_nothing"}]}
        save_rule(json.dumps({"name": "rich", "rulesType": "Report", "orderId": 0, "config": config}))
        outside = len(connection.savepoint_ids)
        deliver("Spam from 203.0.113.1 again")
        assert fired() == "rich"
        deliver("Spam from 192.0.2.200")
    assert asked == [("c1", "vps-c1", outside)]
