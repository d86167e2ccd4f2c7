"""The command `outbox`: what it shows, and what it does."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from abuse.commands.outbox import outbox_command
from abuse.models import History, OutgoingMessage
from abuse.services.contract.rows import a_ticket, a_user
from abuse.services.email import EmailService

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> Result:
    return CliRunner().invoke(outbox_command, [str(one) for one in arguments])


@pytest.fixture
def message() -> OutgoingMessage:
    EmailService.send_email(a_ticket(), "jo@reporter.example", "x", "y", "Other")
    return OutgoingMessage.get()


def test_what_waits_or_was_sent_is_no_trouble(message: OutgoingMessage) -> None:
    assert run().stdout == "All mails went as they should.\n"


@pytest.mark.parametrize("state", ["failed", "uncertain"])
def test_trouble_is_shown_and_can_be_sent_again(message: OutgoingMessage, state: str) -> None:
    OutgoingMessage.all().update(state=state, error="550 no\n such user")
    assert message.ticket is not None
    assert run().stdout.split() == [
        str(message.pk), state, message.ticket.public_id, "jo@reporter.example", "550", "no", "such", "user",
    ]  # fmt: skip
    user = a_user()
    assert run(message.pk, "--send-again", "--user", user.username).stdout == f"{message.pk}: waits to be sent\n"
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("pending", 0)
    assert History.get(action_type="RequeueEmail").user == user


def test_what_came_back_is_shown(message: OutgoingMessage) -> None:
    OutgoingMessage.all().update(state="sent", bounced_at=timezone.now(), bounce_status="5.1.1")
    assert run().stdout.split()[1] == "bounced"
    refused = run(message.pk, "--send-again")
    assert (refused.exit_code, "sent -> pending is not allowed" in refused.stderr) == (1, True)


def test_a_waiting_mail_can_be_taken_back(message: OutgoingMessage) -> None:
    assert run(message.pk, "--cancel").exit_code == 0
    message.refresh_from_db()
    assert message.state == "cancelled"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((17,), "with --send-again or --cancel"),
        (("--send-again",), "name mails by their number"),
        ((17, "--send-again", "--cancel"), "exclude each other"),
        ((17, "--send-again"), "there is no mail 17"),
        ((17, "--send-again", "--user", "nobody"), "there is no such user"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[object, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in result.stderr
