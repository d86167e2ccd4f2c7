"""What is in the mails about a ticket: for the customer, for the reporter, in which language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.controllers import clocks, proofs
from abuse.controllers.history import robot
from abuse.models import DefendantRevision, MailTemplate, OutgoingMessage, ReportItem, Ticket, UrlStatus
from abuse.services.email import EmailService
from abuse.services.email.composing import as_mail
from abuse.services.email.texts import find_template, language_code, languages_of
from abuse.services.email.texts.checking import check
from abuse.services.email.texts.writing import Parts
from abuse.tests.rules.conftest import make_defendant, make_provider, make_report, make_service, make_ticket

pytestmark = pytest.mark.django_db

BODY = """\
Hello,

192.0.2.10 sent us spam on 23 Nov, from 192.0.2.10 to 203.0.113.25.
Our case: https://portal.watchdog.example/c/77?key=abc

Kind regards,
Maria Huber
"""


def ticket(**details: Any) -> Ticket:
    report = make_report(
        defendant=make_defendant(**details),
        service=make_service("vps-1", reference="REF-1", domain="customer.example"),
        provider=make_provider("maria.huber@watchdog.example", name="Watchdog CERT"),
        items=(("IP", "192.0.2.10"), ("URL", "http://customer.example/?a=1&b='2'")),
        body=BODY,
        subject="Spam & more",
        reporter_reference="WD-77",
    )
    ReportItem.filter(report=report, item_type="IP").update(
        seen_at=datetime(2026, 11, 23, 22, 15, tzinfo=UTC), port=25, times=17
    )
    return make_ticket(report)


def body(about: Ticket, codename: str, **more: Any) -> str:
    return EmailService.prefetch_email_from_template(about, codename, **more).body


def test_the_customer_reads_what_when_where_and_what_to_do() -> None:
    about = ticket()
    clocks.snooze(about, 172_800, actor=robot())
    text = body(about, "customer_notification")
    for expected in (
        about.public_id, "What was reported: spam (unwanted bulk mail)", "When: 23 November 2026, 22:15 (UTC)",
        "Your service: vps-1", "Reference: REF-1", "Domain: customer.example", "IP addresses: 192.0.2.10",
        "192.0.2.10, port 25, 17 times, 23 November 2026, 22:15 (UTC)", "http://customer.example/?a=1&b='2'",
        "    192.0.2.10 sent us spam on 23 Nov", "Change the password of the mailbox concerned",
        f"Please answer by {(timezone.now() + timedelta(days=2)).day} ", "reply to this message",
    ):  # fmt: skip
        assert expected in text
    assert "&amp;" not in text and "&#39;" not in text


def test_the_customer_does_not_read_who_reported() -> None:
    about = ticket()
    for codename in ("customer_notification", "first_alert", "second_alert_with_action", "service_blocked"):
        text = body(about, codename)
        for secret in ("watchdog", "maria", "huber", "203.0.113", "wd-77", "key=abc"):
            assert secret not in text.lower(), codename


def test_proof_that_a_person_chose_is_shown_instead_without_the_reporter() -> None:
    about = ticket()
    proofs.add_proof(about, "seen by Watchdog CERT at 203.0.113.25: a<b", actor=robot())
    text = body(about, "customer_notification")
    assert "    seen by [removed] at [IP removed]: a<b" in text
    assert "sent us spam" not in text


def test_many_items_are_bounded_and_the_rest_is_counted() -> None:
    about = ticket()
    report = about.reports.get()
    now = timezone.now()
    ReportItem.objects.bulk_create(
        ReportItem(report=report, item_type="URL", raw_item=f"http://customer.example/{n}", date=now) for n in range(60)
    )
    text = body(about, "customer_notification")
    assert text.count("http://customer.example/") == 39
    assert "… and 22 more" in text


def test_the_reporter_reads_his_own_reference_and_nothing_of_the_customer() -> None:
    about = ticket(firstname="Jo", name="Secret")
    report = about.reports.get()
    other = make_report(
        defendant=about.defendant, service=about.service, provider=make_provider("x@y.example"),
        items=(("URL", "http://other.example/"),), reporter_reference="OTHER-1",
    )  # fmt: skip
    other.ticket = about
    other.status = "Attached"
    other.save()
    for codename in ("ack_report_received", "case_closed", "fixed", "no_more_content", "not_managed_ip"):
        text = body(about, codename, acknowledged_report=report)
        assert "WD-77" in text
        for secret in ("vps-1", "REF-1", "Secret", "c1@customer.example", "OTHER-1", "other.example", "http://other"):
            assert secret not in text, codename
    assert "WD-77" not in body(about, "case_closed")  # nobody says to whom


@pytest.mark.parametrize(
    ("details", "start"),
    [
        ({"lang": "FR"}, "Bonjour"),
        ({"lang": "de_AT"}, "Guten Tag"),
        ({"lang": None, "country": "pl"}, "Dzień dobry"),
        ({"lang": "PT", "country": "ES"}, "Hola"),
        ({"lang": "", "country": "JP"}, "Hello"),
        ({"lang": None, "country": None, "billing_country": "IT"}, "Buongiorno"),
    ],
)
def test_the_customer_is_written_to_in_his_language(details: dict[str, Any], start: str) -> None:
    text = body(ticket(**details), "customer_notification")
    assert text.startswith(start)


def test_the_reporter_is_written_to_in_his_language_if_it_is_known() -> None:
    about = ticket(lang="FR")
    report = about.reports.get()
    assert body(about, "ack_report_received", acknowledged_report=report).startswith("Hello")
    report.provider.lang = "nl"
    report.provider.save()
    assert body(about, "ack_report_received", acknowledged_report=report).startswith("Geachte")
    assert body(about, "ack_report_received", acknowledged_report=report, lang="DE").startswith("Guten Tag")


def test_language_codes() -> None:
    assert [language_code(one) for one in ("fr_FR", "PT-br", " de ", "French", "", None, "1x")] == [
        "FR", "PT", "DE", None, None, None, None,
    ]  # fmt: skip
    assert languages_of(None) == ("EN",)
    assert languages_of(DefendantRevision(lang="de", country="CH")) == ("DE", "EN")


def test_several_languages_of_one_codename_live_together() -> None:
    assert MailTemplate.filter(codename="customer_notification").count() == 7
    for lang in ("EN", "FR", "PL"):
        row = find_template("customer_notification", lang)
        assert row is not None and row.lang == lang
    fallback = find_template("customer_notification", "PT")
    assert fallback is not None and fallback.lang == "EN"


def test_a_text_with_html_is_sent_in_both_forms() -> None:
    MailTemplate.filter(codename="ticket_closed", lang="EN").update(
        body_html='<p>{{ service }}</p>{% include "signature" %}'
    )
    about = ticket()
    mail = EmailService.prefetch_email_from_template(about, "ticket_closed")
    EmailService.send_email(
        about, "c1@customer.example", mail.subject, mail.body, mail.category, body_html=mail.body_html
    )
    written = as_mail(OutgoingMessage.get())
    assert written.get_content_type() == "multipart/alternative"
    plain, html = written.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "<p>vps-1</p>The abuse desk<br>" in html.get_content()


def test_links_in_spam_lose_what_says_who_read_it() -> None:
    about = ticket()
    item = ReportItem.get(report__ticket=about, item_type="URL")
    item.raw_item = "http://customer.example/unsubscribe?u=5f4dcc3b5aa765d61d8327deb882cf99"
    item.save()
    assert UrlStatus.count() == 0
    text = body(about, "customer_notification")
    assert "5f4dcc3b" not in text and "http://customer.example/[removed]" in text


def test_a_text_for_many_customers_names_the_addresses_of_the_service() -> None:
    row = MailTemplate.get(codename="mass_contact", lang="EN")
    row.body = '{% if lang == "EN" %}{{ service }}:{% for ip in ips %} {{ ip }}{% endfor %}{% endif %}'
    row.save()
    assert body(ticket(), "mass_contact") == "vps-1: 192.0.2.10\n"
    assert check(Parts.of(row), row.recipient_type, "EN", {}) == []
