"""What bounces say, with the forms of RFC 3464 and without."""

from __future__ import annotations

import pytest

from abuse.parsers import ParserContext, parse
from abuse.parsers.values import Returned

HEAD = "From: MAILER-DAEMON@mx.example\nTo: back@desk.example\nSubject: Undelivered Mail Returned to Sender\n"


def returned(raw: str) -> Returned:
    found = parse(raw.encode(), ParserContext()).returned
    assert found is not None
    return found


def report(status: str, more: str = "") -> str:
    return (
        f'{HEAD}MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n\n{status}\n{more}--b--\n"
    )


def test_the_failed_recipient_of_several_is_told_with_status_and_diagnostic() -> None:
    said = returned(
        report(
            "Final-Recipient: rfc822; late@b.example\nAction: delayed\nStatus: 4.4.1\n\n"
            "Original-Recipient: rfc822; Gone@B.example\nFinal-Recipient: rfc822; x@inner.example\n"
            "Action: FAILED (given up)\nStatus: 5.1.1 (unknown)\nDiagnostic-Code: smtp; 550 5.1.1\n  nobody here\n"
        )
    )
    assert said == Returned("gone@b.example", "failed", "5.1.1", "smtp; 550 5.1.1 nobody here")
    assert said.is_final


@pytest.mark.parametrize(
    ("part", "identifier"),
    [
        ("Content-Type: text/rfc822-headers\n\nMessage-ID: <1@desk.example>\nSubject: x\n", "1@desk.example"),
        ("Content-Type: message/rfc822\n\nSubject: x\nMessage-ID: <2@desk.example>\n\ntext\n", "2@desk.example"),
    ],
)
def test_the_message_id_of_what_is_returned_comes_first(part: str, identifier: str) -> None:
    said = returned(report("Action: failed\nStatus: 5.0.0\n", f"--b\n{part}"))
    assert said.message_ids[0] == identifier


def test_a_server_without_forms_is_understood_by_its_words() -> None:
    said = returned(
        f"{HEAD}X-Failed-Recipients: gone@b.example\nIn-Reply-To: <3@desk.example>\n\n"
        "Your mail could not be delivered:\n  550 5.7.1 we do not want it\n\n--- original ---\n"
        "> Message-Id: <4@desk.example>\n"
    )
    assert (said.recipient, said.status, said.diagnostic) == ("gone@b.example", "5.7.1", "550 5.7.1 we do not want it")
    assert said.message_ids == ("3@desk.example", "4@desk.example")


def test_a_reply_code_alone_is_a_status() -> None:
    assert returned(f"{HEAD}\nno such user\n550 go away\n").status == "5.0.0"


@pytest.mark.parametrize(
    "words",
    [
        "Warning: could not send message for past 4 hours",
        "Delivery is delayed; it will be retried for 2 days.",
        "THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
    ],
)
def test_what_is_late_has_not_come_back(words: str) -> None:
    said = returned(f"{HEAD}\n{words}\nuser unknown? no: host not reachable\n")
    assert (said.action, said.is_final) == ("delayed", False)


@pytest.mark.parametrize(
    ("said", "final"),
    [
        (Returned(action="failed", status="4.4.7"), True),
        (Returned(action="delivered", status="2.0.0"), False),
        (Returned(status="5.1.1"), True),
        (Returned(status="4.2.2"), False),
        (Returned(), True),
    ],
)
def test_whether_a_mail_is_lost(said: Returned, final: bool) -> None:
    assert said.is_final is final


def test_only_bounces_return_something() -> None:
    assert (
        parse(b"From: a@b.example\nSubject: spam\n\nSpam from 203.0.113.1, 550 5.1.1\n", ParserContext()).returned
        is None
    )


def test_a_hostile_report_is_bounded() -> None:
    said = returned(report("Action: failed\nDiagnostic-Code: " + "x" * 200_000, "\n" * 100_000))
    assert len(said.diagnostic) <= 1_000
    many = "".join(f"<{number}@desk.example>\n" for number in range(10_000))
    assert len(returned(f"{HEAD}\nuser unknown\n{many}").message_ids) <= 100
