"""Whom no machine should answer, and whom one may."""

from __future__ import annotations

import pytest

from abuse.parsers import ParserContext, parse
from abuse.parsers.robots import is_robot_mailbox, why_not_answered, written_by_machine
from abuse.parsers.values import MailKind

PERSON = "jo@reporter.example"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Auto-Submitted": "auto-generated"}, "Auto-Submitted is auto-generated"),
        ({"auto-submitted": "AUTO-REPLIED; x=y"}, "Auto-Submitted is auto-replied"),
        ({"Return-Path": " <> "}, "its envelope has the null sender"),
        ({"Precedence": "Bulk"}, "its Precedence is bulk"),
        ({"X-Precedence": "junk"}, "its Precedence is junk"),
        ({"List-Id": "<x>"}, "it has List-Id"),
        ({"LIST-POST": "<x>"}, "it has List-Post"),
        ({"X-Autoreply": "yes"}, "it has X-Autoreply"),
        ({"X-Auto-Response-Suppress": "DR, All"}, "it asks for no automatic response"),
    ],
)
def test_machines_are_not_answered(fields: dict[str, str], said: str) -> None:
    assert why_not_answered(fields.items(), PERSON, MailKind.ABUSE_REPORT) == said


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "no (a person)", "Return-Path": "<jo@reporter.example>"},
        {"X-Autoreply": "no", "Precedence": "first-class"},
        {"X-Auto-Response-Suppress": "DR, RN, NRN"},
        {"Reply-To": "list-id@x.example", "Subject": "List-Id: <x>"},
    ],
)
def test_people_may_be_answered(fields: dict[str, str]) -> None:
    assert why_not_answered(fields.items(), PERSON, MailKind.ABUSE_REPORT, PERSON) == ""


@pytest.mark.parametrize("envelope", ["", "<>", " "])
def test_the_envelope_tells_too(envelope: str) -> None:
    assert written_by_machine([], envelope) == "its envelope has the null sender"
    assert written_by_machine([], None) == ""


@pytest.mark.parametrize("kind", [MailKind.BOUNCE, MailKind.MDN, MailKind.AUTO_REPLY, MailKind.FEEDBACK_REPORT])
def test_some_kinds_of_mail_are_never_answered(kind: MailKind) -> None:
    assert why_not_answered([], PERSON, kind)


def test_a_mail_without_a_sender_is_not_answered() -> None:
    parsed = parse(b"Subject: spam\n\nWe received spam from 203.0.113.1 today.\n", ParserContext())
    assert why_not_answered(parsed.headers, parsed.provider, parsed.kind) == "it names no sender"


@pytest.mark.parametrize("local", ["MAILER-DAEMON", "noreply", "no-reply+1", "bounces-17", "bounce=jo=x", "postmaster"])
def test_mailboxes_that_nobody_reads(local: str) -> None:
    assert is_robot_mailbox(f"{local}@x.example")


@pytest.mark.parametrize("local", ["jo", "noreplyman", "bouncer", "nora.reply", "abuse"])
def test_mailboxes_of_people(local: str) -> None:
    assert not is_robot_mailbox(f"{local}@x.example")
