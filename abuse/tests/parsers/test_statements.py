"""Requests of authorities, counter notices, retractions and information; and complaints that sound like them."""

from __future__ import annotations

import pytest

from abuse.parsers import MailKind

from .samples import mail, read, values


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        (
            "URGENT: data preservation request",
            "In criminal case 7 we ask you to preserve all traffic data for 192.0.2.5.",
        ),
        ("Subpoena", "Please provide the subscriber information for 192.0.2.5."),
        ("Emergency disclosure request", "Detective Smith: please identify the user of 192.0.2.5."),
        (
            "Auskunftsersuchen",
            "Die Kriminalpolizei bittet, zu 192.0.2.5 die Bestandsdaten mitzuteilen: mitteilen Kunden",
        ),
        ("Réquisition judiciaire", "Officier de police judiciaire: communiquer l'identité du titulaire de 192.0.2.5"),
        ("Case 77", "The public prosecutor sends this court order: disclose the account holder details of 192.0.2.5."),
    ],
)
def test_requests_of_authorities(subject: str, body: str) -> None:
    parsed = read(mail(body, subject=subject))
    assert parsed.kind is MailKind.LEGAL_REQUEST
    assert values(parsed) == ["192.0.2.5"], "what the request is about"
    assert parsed.category == "Other"
    assert parsed.kind_reason


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Counter notification re R-88213", "I swear that the removal of http://x.example.org/a was a mistake."),
        ("Re: your removal", "This is my counter-notice. I have a good faith belief that http://x.example.org/a was "
         "removed as a result of a mistake. I consent to the jurisdiction of the court."),
    ],
)  # fmt: skip
def test_counter_notices(subject: str, body: str) -> None:
    parsed = read(mail(body, subject=subject))
    assert (parsed.kind, parsed.category) == (MailKind.COUNTER_NOTICE, "Copyright")
    assert values(parsed) == ["http://x.example.org/a"]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("RETRACTION: DMCA notice R-88213", "The URL http://x.example.org/a was listed."),
        ("Ticket 7", "We hereby withdraw our copyright complaint on http://x.example.org/a."),
        ("Ticket 7", "Hello. Please disregard our previous notice on phishing at http://x.example.org/a."),
        ("Ticket 7", "Our report of 3 March was sent in error: http://x.example.org/a is fine."),
        ("Abuse", "Hiermit ziehen wir unsere Meldung zu http://x.example.org/a zurück."),
        ("Plainte", "Nous retirons notre signalement sur http://x.example.org/a."),
    ],
)
def test_retractions(subject: str, body: str) -> None:
    parsed = read(mail(body, subject=subject))
    assert parsed.kind is MailKind.RETRACTION
    assert values(parsed) == ["http://x.example.org/a"]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("DMCA notice", "If something was removed by mistake, send a counter notification under penalty of perjury. "
         "Infringing: http://x.example.org/a"),
        ("Copyright infringement", "Please preserve all records of the subscriber at http://x.example.org/a, as a "
         "court may subpoena them."),
        ("Phishing", "Remove http://x.example.org/a. If you have done so already, please disregard our notice."),
        ("Phishing", "Remove http://x.example.org/a. In case it is down, please ignore our previous email."),
        ("Phishing", "Police officers were defrauded by http://x.example.org/a"),
    ],
)  # fmt: skip
def test_complaints_that_sound_like_them(subject: str, body: str) -> None:
    parsed = read(mail(body, subject=subject))
    assert parsed.kind is MailKind.ABUSE_REPORT
    assert values(parsed) == ["http://x.example.org/a"]


def test_what_an_answer_quotes_says_nothing_of_it() -> None:
    body = "Gone.\n\nOn 3 Mar 2025, x@example.org wrote:\n> We hereby withdraw our complaint on 192.0.2.1.\n"
    assert read(mail(body, subject="Phishing")).kind is not MailKind.RETRACTION


def test_statistics_are_information() -> None:
    parsed = read(mail("All green.", subject="Monthly statistics for your network"))
    assert parsed.kind is MailKind.INFORMATION
    assert read(mail("Malware on 192.0.2.1", subject="Monthly statistics")).kind is MailKind.ABUSE_REPORT
