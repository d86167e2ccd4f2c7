"""Sending, to a real SMTP server that takes, refuses or goes away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from abuse.config import Settings, current
from abuse.config.schema import Mail, Relay
from abuse.controllers.outbox import MAX_ATTEMPTS
from abuse.controllers.relaying import send_due
from abuse.models import OutboxState, OutgoingMessage

pytestmark = pytest.mark.django_db


class Sink:
    """An SMTP server's mind: keeps what it is sent, and says `reply` to the recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.reply = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, Settings]]:
    mind = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mind, hostname="127.0.0.1", port=port)
    controller.start()
    relay = Relay(host="127.0.0.1", port=port, tls="none", timeout_seconds=5)
    yield mind, current().model_copy(update={"MAIL": Mail(relay=relay)})
    controller.stop()


def waiting(number: int = 1, recipient: str = "jo@reporter.example") -> OutgoingMessage:
    now = timezone.now()
    return OutgoingMessage.create(
        dedupe_key=f"key-{number}",
        message_id=f"<{number}@example.net>",
        category="Plaintiff",
        sender="ticket+BCDFGHJKLM.Plaintiff@example.net",
        recipient=recipient,
        subject="Réponse à votre signalement",
        body="Bonjour,\n\nmerci.\n",
        next_attempt_at=now,
        created_at=now,
    )


def test_a_mail_is_sent_once_and_marked_as_written_by_a_machine(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    message = waiting()
    assert send_due(settings) == 1
    assert send_due(settings) == 0
    (mail,) = mind.mails
    assert mail["Subject"] == "Réponse à votre signalement"
    assert mail["Message-ID"] == "<1@example.net>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "Bonjour,\n\nmerci.\n"
    assert mind.envelopes == [("ticket+BCDFGHJKLM.Plaintiff@example.net", ["jo@reporter.example"])]
    message.refresh_from_db()
    assert (message.state, message.attempts) == (OutboxState.SENT, 1)
    assert message.sent_at is not None


def test_a_temporary_refusal_is_tried_again_later(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    mind.reply = "451 come back later"
    message = waiting()
    assert send_due(settings) == 0
    message.refresh_from_db()
    assert message.state == OutboxState.PENDING
    assert "451 come back later" in message.error
    assert message.next_attempt_at > timezone.now()
    mind.reply = "250 OK"
    OutgoingMessage.all().update(next_attempt_at=timezone.now())
    assert send_due(settings) == 1


def test_a_permanent_refusal_is_kept_with_the_reason_and_stops_no_other(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    mind.reply = "550 no such user"
    message = waiting()
    send_due(settings)
    mind.reply = "250 OK"
    waiting(2)
    assert send_due(settings) == 1
    message.refresh_from_db()
    assert (message.state, message.error) == (OutboxState.FAILED, "550 no such user")


def test_tries_have_an_end(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    mind.reply = "451 never"
    waiting()
    for _ in range(MAX_ATTEMPTS):
        OutgoingMessage.all().update(next_attempt_at=timezone.now())
        send_due(settings)
    assert OutgoingMessage.get().state == OutboxState.FAILED


def test_a_relay_that_is_away_costs_no_attempt(sink: tuple[Sink, Settings]) -> None:
    _, settings = sink
    away = settings.model_copy(update={"MAIL": Mail(relay=Relay(host="127.0.0.1", port=9, tls="none"))})
    waiting()
    assert send_due(away) == 0
    message = OutgoingMessage.get()
    assert (message.state, message.attempts) == (OutboxState.PENDING, 0)


def test_without_a_relay_mails_wait() -> None:
    waiting()
    assert send_due(current()) == 0
    assert OutgoingMessage.get().state == OutboxState.PENDING
