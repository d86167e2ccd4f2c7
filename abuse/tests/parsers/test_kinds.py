"""What a mail is for."""

from __future__ import annotations

import pytest

from abuse.parsers import MailKind

from .samples import mail, multipart, read, values


def test_a_delivery_status_notification_is_a_bounce_and_gives_no_items() -> None:
    raw = multipart(
        "Content-Type: text/plain\n\nYour message about abuse by 192.0.2.1 was not delivered",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nStatus: 5.1.1\n",
        subtype="report",
        sender="Mail Delivery System <MAILER-DAEMON@mx.example.org>",
    ).replace(b"multipart/report;", b"multipart/report; report-type=delivery-status;")
    parsed = read(raw)
    assert parsed.kind is MailKind.BOUNCE
    assert parsed.kind_reason == "it is a delivery status notification (RFC 3464)"
    assert parsed.items == ()
    assert parsed.category is None


@pytest.mark.parametrize(
    ("sender", "subject", "body", "extra"),
    [
        ("MAILER-DAEMON@mx.example.org", "Undelivered Mail Returned to Sender", "x", ""),
        ("postmaster@example.org", "Undeliverable: Your report", "The recipient's mailbox is full", ""),
        ("mailer-daemon@example.org", "failure notice", "x", "Return-Path: <>\n"),
        ("x@example.org", "Delivery failure", "user unknown", "X-Failed-Recipients: a@example.org\n"),
    ],
)
def test_bounces_without_standard_form(sender: str, subject: str, body: str, extra: str) -> None:
    assert read(mail(body, sender=sender, subject=subject, extra=extra)).kind is MailKind.BOUNCE


def test_a_complaint_with_null_sender_is_no_bounce() -> None:
    raw = mail("Spam from 192.0.2.1", sender="postmaster@victim.example.com", extra="Return-Path: <>\n")
    assert read(raw).kind is MailKind.ABUSE_REPORT


def test_read_receipt() -> None:
    raw = multipart("Content-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n")
    assert read(raw).kind is MailKind.MDN


@pytest.mark.parametrize(
    ("subject", "extra", "body"),
    [
        ("Re: your mail", "Auto-Submitted: auto-replied\n", "x"),
        ("x", "X-Autoreply: yes\n", "x"),
        ("x", "Precedence: auto_reply\n", "x"),
        ("Out of office: Re: complaint", "", "back on Monday"),
        ("Automatische Antwort: Beschwerde", "", "x"),
        ("Réponse automatique : plainte", "", "x"),
        ("自動返信", "", "x"),
        ("Re: abuse", "Auto-Submitted: auto-generated\n", "This mailbox is not monitored."),
        ("[Ticket 1] We have received your request", "", "x"),
    ],
)
def test_automatic_replies(subject: str, extra: str, body: str) -> None:
    assert read(mail(body, subject=subject, extra=extra)).kind is MailKind.AUTO_REPLY


def test_a_generated_complaint_is_no_automatic_reply() -> None:
    raw = mail(
        "Attack from 192.0.2.1. Do not reply.",
        subject="[CERT #123] attack",
        extra="Auto-Submitted: auto-generated\nPrecedence: bulk\nIn-Reply-To: <1@cert.example.org>\n",
    )
    assert read(raw).kind is MailKind.ABUSE_REPORT


class TestAnswers:
    ADDRESS = "ticket+BCDFGHJKLM.Defendant.f00d@abuse.isp.example.net"

    @pytest.mark.parametrize("field", ["To", "Cc", "Delivered-To", "X-Original-To"])
    def test_a_ticket_address_anywhere_makes_an_answer(self, field: str) -> None:
        raw = mail("done", extra=f"{field}: {self.ADDRESS}\n") if field != "To" else mail("done", to=self.ADDRESS)
        parsed = read(raw)
        assert parsed.kind is MailKind.REPLY_TO_TICKET
        assert self.ADDRESS in parsed.recipients

    def test_only_on_the_desks_own_domains_when_they_are_known(self) -> None:
        raw = mail("done", to="ticket+BCDFGHJKLM.Defendant@other.example.org", subject="ok")
        assert read(raw, ticket_domains=("abuse.isp.example.net",)).kind is MailKind.OTHER
        assert (
            read(mail("x", to=self.ADDRESS), ticket_domains=("abuse.isp.example.net",)).kind is MailKind.REPLY_TO_TICKET
        )

    def test_an_answer_to_our_message(self) -> None:
        raw = mail("ok", subject="Re: x", extra="In-Reply-To: <77@abuse.isp.example.net>\n")
        assert read(raw, ticket_domains=("abuse.isp.example.net",)).kind is MailKind.REPLY_TO_TICKET

    def test_only_new_text_of_an_answer_is_searched(self) -> None:
        body = (
            "The attacker was 192.0.2.5.\n\n> You host http://bad.example.org/x on 192.0.2.6\n\n"
            "On Mon, 3 Mar 2025 at 10:02, Abuse wrote:\nhttp://bad.example.org/y\n"
        )
        assert values(read(mail(body, to=self.ADDRESS))) == ["192.0.2.5"]

    def test_a_machine_readable_report_beats_the_address(self) -> None:
        raw = multipart(
            "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nSource-IP: 192.0.2.1\n", to=self.ADDRESS
        )
        assert read(raw).kind is MailKind.FEEDBACK_REPORT


def test_newsletters() -> None:
    raw = mail(
        "Our firewall stops 192.0.2.1! https://shop.example.org/",
        subject="March news",
        extra="List-Unsubscribe: <https://x.example.org>\n",
    )
    parsed = read(raw)
    assert (parsed.kind, parsed.items, parsed.category) == (MailKind.NEWSLETTER, (), None)


def test_a_complaint_through_a_list_server_is_a_complaint() -> None:
    raw = mail("Phishing at http://bad.example.org/", extra="List-Unsubscribe: <https://x.example.org>\n")
    assert read(raw).kind is MailKind.ABUSE_REPORT


def test_advertising_is_spam_and_its_words_are_words() -> None:
    assert read(mail("Buy backlinks http://seo.example.org/", subject="Rank your website")).kind is MailKind.SPAM
    assert read(mail("Un magasin spécialiste", subject="Bonjour")).kind is MailKind.OTHER


def test_a_mail_about_nothing_is_other() -> None:
    parsed = read(mail("Hello, how are you?", subject="Hello"))
    assert (parsed.kind, parsed.category) == (MailKind.OTHER, "Other")
    assert parsed.kind_reason
