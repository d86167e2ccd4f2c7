"""What the RFCs after 5965 add to feedback reports, and forms of them that are none by the letter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from abuse.parsers import ItemKind, MailKind, ParsedEmail

from ..samples import mail, multipart, read, values

SPAM = (
    "Content-Type: message/rfc822\n\n"
    "Received: from out.bulk.example.org (out.bulk.example.org [198.51.100.150])\n"
    "\tby mx.victim.example.com with ESMTP id 1; Mon, 3 Mar 2025 17:02:11 +0000\n"
    "{extra}From: offers@bulk.example.org\nDate: Mon, 3 Mar 2025 18:02:10 +0100\n\nBuy\n"
)


def report(fields: str, extra: str = "") -> ParsedEmail:
    return read(
        multipart(
            "Content-Type: text/plain\n\nA report.\n",
            f"Content-Type: message/feedback-report\n\n{fields}",
            SPAM.format(extra=extra),
            subtype="report",
        )
    )


def test_incidents_and_comments() -> None:
    (item,) = report(
        "Feedback-Type: abuse\nSource-IP: 192.0.2.25 (out.bulk.example.org)\nSource-Port: 40025 (tcp)\nIncidents: 3\n"
    ).items
    assert (item.value, item.port, item.times) == ("192.0.2.25", 40025, 3)


@pytest.mark.parametrize("incidents", ["0", "many", "-1", "99999999999"])
def test_a_number_of_incidents_that_is_none(incidents: str) -> None:
    assert report(f"Feedback-Type: abuse\nSource-IP: 192.0.2.25\nIncidents: {incidents}\n").items[0].times is None


def test_not_spam_accuses_nobody() -> None:
    parsed = report("Feedback-Type: not-spam\nVersion: 1\nSource-IP: 192.0.2.25\n")
    assert (parsed.kind, parsed.category, parsed.items) == (MailKind.FEEDBACK_REPORT, "Other", ())
    assert "RFC 6430" in parsed.kind_reason


def test_the_forged_domain_is_the_victim() -> None:
    parsed = report(
        "Feedback-Type: auth-failure\nAuth-Failure: dmarc\nDelivery-Result: reject\nIdentity-Alignment: spf, dkim\n"
        "Reported-Domain: bank.example.com\nDKIM-Domain: bank.example.com\nSource-IP: 192.0.2.7\n"
        "Arrival-Date: Mon, 3 Mar 2025 14:00:00 -0500\n"
    )
    assert values(parsed) == ["192.0.2.7"]
    assert parsed.items[0].seen_at == datetime(2025, 3, 3, 19, tzinfo=UTC)
    assert parsed.kind is MailKind.AUTH_FAILURE_REPORT
    assert "Auth-Failure dmarc, Identity-Alignment spf, dkim, Delivery-Result reject" in parsed.kind_reason
    assert parsed.category == "Other", "a mail that fails to authenticate need not be spam"


def test_redacted_recipients_are_accepted() -> None:
    parsed = report(
        "Feedback-Type: abuse\nOriginal-Rcpt-To: <d41d8cd98f00b204e9800998ecf8427e@victim.example.com>\n"
        "Source-IP: 192.0.2.25\n"
    )
    assert values(parsed) == ["192.0.2.25"]


@pytest.mark.parametrize(
    ("fields", "extra", "reference"),
    [
        ("Report-ID: r-1\n", "CFBL-Feedback-ID: c-1\n", "r-1"),
        ("", "CFBL-Address: fbl@bulk.example.org; report=arf\nCFBL-Feedback-ID: c-1\n", "c-1"),
        ("", "", None),
    ],
)
def test_references(fields: str, extra: str, reference: str | None) -> None:
    parsed = report(f"Feedback-Type: abuse\nSource-IP: 192.0.2.25\n{fields}", extra)
    assert parsed.reporter_reference == reference


def test_offences_in_other_vocabularies() -> None:
    parsed = report("Feedback-Type: virus\nSource-IP: 192.0.2.25\n")
    assert (parsed.xarf_type, parsed.rsit_class) == ("content-malware", "malicious-code")


def test_junk_mail_reporting_by_its_fields() -> None:
    parsed = read(multipart(SPAM.format(extra="X-HmXmrOriginalRecipient: a@victim.example.com\n"), subject="Buy"))
    assert (parsed.kind, parsed.template, parsed.category) == (MailKind.FEEDBACK_REPORT, "jmrp", "Spam")
    (item,) = parsed.items
    assert (item.value, item.seen_at) == ("198.51.100.150", datetime(2025, 3, 3, 17, 2, 10, tzinfo=UTC))


def test_junk_mail_reporting_that_passes_the_mail_on_as_it_is() -> None:
    service = (
        "X-HmXmrOriginalRecipient: a@victim.example.com\n{}Received: from out.bulk.example.org ([198.51.100.150])\n"
    )
    later = "Received: from mx.isp.example.net ([203.0.113.5]) by store; Mon, 3 Mar 2025 17:05:00 +0000\n"
    sent = "\tby mx.victim.example.com; Mon, 3 Mar 2025 17:02:11 +0000\nList-Unsubscribe: <http://bulk.example.org/>\n"
    parsed = read(mail("Buy\n", extra=later + service.format("X-Reporter-IP: 192.0.2.40\n") + sent))
    assert (parsed.kind, parsed.template, parsed.category) == (MailKind.FEEDBACK_REPORT, "jmrp", "Spam")
    assert values(parsed) == ["198.51.100.150"]
    # what is delivered to a mailbox of that service has one of the fields, too
    delivered = read(mail("Attack from 192.0.2.1\n", extra=later + service.format("") + sent))
    assert (delivered.kind, values(delivered)) == (MailKind.ABUSE_REPORT, ["192.0.2.1"])


def test_a_dmarc_failure_report_for_people() -> None:
    body = (
        "A message claiming to be from you has failed the published DMARC policy.\n\n"
        "  Sender Domain: bank.example.com\n"
        "  Sender IP Address: 203.0.113.68\n  Received date: Mon, 07 Apr 2025 23:16:09 +0200\n  SPF Alignment: no\n"
    )
    parsed = read(
        mail(body, subject="DMARC Forensic Report for bank.example.com", extra="Auto-Submitted: auto-replied\n")
    )
    assert parsed.kind is MailKind.AUTH_FAILURE_REPORT
    assert [(item.kind, item.value) for item in parsed.items] == [(ItemKind.IP, "203.0.113.68")]
    assert parsed.items[0].seen_at == datetime(2025, 4, 7, 21, 16, 9, tzinfo=UTC)
