"""Sending, to a real SMTP server that takes, refuses or goes away."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim
import pytest
import redis
from aiosmtpd.controller import Controller
from django.utils import timezone

from abuse.api.sentences import sentence
from abuse.config import Settings, current
from abuse.config.mail import Dkim, Mail, Relay
from abuse.controllers import outbox
from abuse.controllers.history import robot
from abuse.controllers.outbox import MAX_ATTEMPTS
from abuse.controllers.relaying import send_due
from abuse.models import History, MoveRefused, OutboxState, OutgoingMessage, Ticket
from abuse.queues import SEND_THE_OUTBOX, queue
from abuse.services.contract.rows import a_ticket
from abuse.services.email import Attachment, EmailService, EmailServiceException, KeptFile
from abuse.services.email.addresses import read_bounce_address
from abuse.services.storage import StorageService
from abuse.sweeper import OUTBOX_BELL, sweep
from abuse.tasks.outbox import send_the_outbox

pytestmark = pytest.mark.django_db


class Sink:
    """An SMTP server's mind: keeps what it is sent, and says `reply` to the recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.raw: list[bytes] = []
        self.reply = "250 OK"
        self.hangs_up_after_text = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.raw.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if self.hangs_up_after_text:
            server.transport.close()
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


def with_mail(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"MAIL": settings.MAIL.model_copy(update=changes)})


@pytest.fixture
def ticket() -> Ticket:
    return a_ticket()


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


def test_an_answer_that_nobody_hears_leaves_the_mail_in_doubt_and_it_is_not_sent_again(
    sink: tuple[Sink, Settings],
) -> None:
    mind, settings = sink
    mind.hangs_up_after_text = True
    message = waiting()
    assert send_due(settings) == 0
    message.refresh_from_db()
    assert message.state == OutboxState.UNCERTAIN
    assert "instead of an answer" in message.error
    mind.hangs_up_after_text = False
    assert send_due(settings) == 0
    assert len(mind.mails) == 1


def test_a_mail_in_doubt_is_sent_again_where_the_settings_say_so(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    mind.hangs_up_after_text = True
    message = waiting()
    insisting = with_mail(settings, resend_uncertain=True)
    send_due(insisting)
    mind.hangs_up_after_text = False
    assert send_due(insisting) == 1
    message.refresh_from_db()
    assert message.state == OutboxState.SENT
    assert [mail["Message-ID"] for mail in mind.mails] == ["<1@example.net>"] * 2


def test_a_mail_whose_sender_died_is_in_doubt_after_a_while(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    message = waiting()
    claimed = outbox.claim(message.pk)
    assert claimed is not None
    assert outbox.begin(claimed, dead_at=timezone.now() + timedelta(hours=1))
    assert (send_due(settings), OutgoingMessage.get().state) == (0, OutboxState.SENDING)
    OutgoingMessage.all().update(next_attempt_at=timezone.now())
    assert outbox.is_something_due()
    assert (send_due(settings), OutgoingMessage.get().state) == (0, OutboxState.UNCERTAIN)
    assert mind.mails == []
    outbox.sent(claimed)  # he was only slow: what he says counts
    assert OutgoingMessage.get().state == OutboxState.SENT


def test_of_two_who_claimed_a_mail_one_sends_it(sink: tuple[Sink, Settings]) -> None:
    message = waiting()
    first = outbox.claim(message.pk)
    OutgoingMessage.all().update(next_attempt_at=timezone.now())
    second = outbox.claim(message.pk)
    assert first is not None
    assert second is not None
    later = timezone.now() + timedelta(hours=1)
    assert (outbox.begin(first, dead_at=later), outbox.begin(second, dead_at=later)) == (False, True)


def test_a_mail_to_the_customer_that_is_given_up_is_seen_by_people(sink: tuple[Sink, Settings], ticket: Ticket) -> None:
    mind, settings = sink
    mind.reply = "550 5.1.1 no such user"
    message = waiting()
    OutgoingMessage.all().update(ticket=ticket, category="Defendant")
    send_due(settings)
    ticket.refresh_from_db()
    assert ticket.status == "Alarm"
    row = History.get(action_type="FailEmail")
    assert (row.ticket_id, row.new, row.refs["state"]) == (ticket.pk, "jo@reporter.example", "failed")
    assert "550 5.1.1 no such user" in sentence(row)

    mind.reply = "250 OK"
    outbox.send_again(message, actor=robot())
    assert send_due(settings) == 1
    assert History.filter(action_type="RequeueEmail").exists()
    with pytest.raises(MoveRefused, match="sent -> pending"):
        outbox.send_again(message, actor=robot())
    with pytest.raises(MoveRefused, match="sent -> cancelled"):
        outbox.cancel(message, actor=robot())


def test_a_mail_to_a_reporter_that_is_given_up_leaves_the_ticket_as_it_was(
    sink: tuple[Sink, Settings], ticket: Ticket
) -> None:
    mind, settings = sink
    mind.reply = "550 no"
    waiting()
    OutgoingMessage.all().update(ticket=ticket)
    send_due(settings)
    ticket.refresh_from_db()
    assert (ticket.status, History.filter(action_type="FailEmail").count()) == ("Open", 1)


def test_what_is_taken_back_is_not_sent(sink: tuple[Sink, Settings], ticket: Ticket) -> None:
    mind, settings = sink
    message = waiting()
    OutgoingMessage.all().update(ticket=ticket)
    outbox.cancel(message, actor=robot())
    assert (send_due(settings), mind.mails) == (0, [])
    assert sentence(History.get(action_type="CancelEmail")) == "took back an email to jo@reporter.example"
    outbox.send_again(message, actor=robot())
    assert send_due(settings) == 1


def test_mails_are_signed_so_that_anybody_can_verify_them(sink: tuple[Sink, Settings], tmp_path: Path) -> None:
    mind, settings = sink
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    asked = []

    def dns(name: bytes, timeout: float = 5) -> bytes:
        asked.append(name)
        return record

    message = waiting()
    OutgoingMessage.all().update(body="Grüße,\n.\n.. ein Punkt am Anfang\n" + "lang " * 300 + "\n")
    dkim_settings = Dkim(domain="example.net", selector="abuse", key_file=str(key))
    assert send_due(with_mail(settings, dkim=dkim_settings)) == 1
    (raw,) = mind.raw
    assert dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"abuse._domainkey.example.net."]
    assert not dkim.verify(raw.replace(b"Subject: =", b"Subject: X ="), dnsfunc=dns)
    assert not dkim.verify(b"From: mallory@evil.test\r\n" + raw, dnsfunc=dns)
    assert raw.isascii()
    (mail,) = mind.mails
    message.refresh_from_db()
    assert mail.get_content().replace("\r\n", "\n") == message.body


def test_files_go_with_the_mail_also_those_of_one_name(sink: tuple[Sink, Settings], ticket: Ticket) -> None:
    mind, settings = sink
    files = [
        Attachment("log.txt", "text/plain", b"first\n\xff"),
        Attachment("log.txt", "text/plain", b"second"),
        Attachment("../../etc/pass\u202ewd\r\nX: y", "no type", b"\0" * 10),
        Attachment("mail.eml", "message/rfc822", b"From: a@b.example\n\nx"),
    ]
    kept = EmailService.keep(files[:1])
    EmailService.send_email(ticket, "jo@reporter.example", "x", "text", "Other", attachments=[*kept, *files[1:]])
    assert send_due(settings) == 1
    (mail,) = mind.mails
    sent = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in mail.iter_attachments()
    ]
    assert sent == [
        ("log.txt", "text/plain", b"first\n\xff"),
        ("log.txt", "text/plain", b"second"),
        ("passwdX: y", "application/octet-stream", b"\0" * 10),
        ("mail.eml", "application/octet-stream", b"From: a@b.example\n\nx"),
    ]
    (shown,) = EmailService.get_emails(ticket)
    assert [(one.filename, one.size) for one in shown.attachments][:2] == [("log.txt", 7), ("log.txt", 6)]
    assert StorageService.read(shown.attachments[0].key) == b"first\n\xff"


def test_too_large_files_are_refused_before_anything_is_written(ticket: Ticket) -> None:
    limit = current().MAIL.max_attachment_bytes
    with pytest.raises(EmailServiceException, match=r"expected 10485760 at most \(MAIL.max_attachment_bytes\)"):
        EmailService.send_email(
            ticket, "jo@reporter.example", "x", "x", "Other",
            attachments=[KeptFile("a", "text/plain", "0" * 64, limit), KeptFile("b", "text/plain", "0" * 64, 1)],
        )  # fmt: skip
    assert OutgoingMessage.count() == 0


def test_a_file_that_is_gone_keeps_its_mail_visibly_back(sink: tuple[Sink, Settings], ticket: Ticket) -> None:
    mind, settings = sink
    EmailService.send_email(
        ticket, "jo@reporter.example", "x", "x", "Other", attachments=[KeptFile("a", "text/plain", "0" * 64, 3)]
    )
    waiting()
    assert send_due(settings) == 1
    lost = OutgoingMessage.get(ticket=ticket)
    assert lost.state == OutboxState.FAILED
    assert "an attachment cannot be read" in lost.error
    assert len(mind.mails) == 1


def test_each_mail_has_a_bounce_address_of_its_own(sink: tuple[Sink, Settings]) -> None:
    mind, settings = sink
    relay = settings.MAIL.relay
    assert relay is not None
    with_bounces = with_mail(settings, relay=relay.model_copy(update={"bounce_address": "back@example.net"}))
    messages = [waiting(), waiting(2)]
    assert send_due(with_bounces) == 2
    senders = [sender for sender, _ in mind.envelopes]
    assert [read_bounce_address(sender, "back@example.net") for sender in senders] == [one.pk for one in messages]


def test_the_mails_of_a_conversation_are_one_thread(sink: tuple[Sink, Settings], ticket: Ticket) -> None:
    mind, settings = sink

    def write(to: str, subject: str) -> str:
        name = EmailService.send_email(ticket, to, subject, "text", "Defendant", auto_submitted="no")
        send_due(settings)
        return name

    first, _ = write("c1@customer.example", "a"), write("spare@customer.example", "b")
    EmailService.attach_external_answer(
        ticket, "C1@customer.example", "x@example.net", "Re: a", "ok", "Defendant", message_id="their@own.example"
    )
    write("c1@customer.example", "c")
    by_subject = {str(mail["Subject"]): mail for mail in mind.mails}
    assert (by_subject["a"]["References"], by_subject["b"]["In-Reply-To"]) == (None, None)
    assert by_subject["c"]["References"].split() == [first, "<their@own.example>"]
    assert by_subject["c"]["In-Reply-To"] == "<their@own.example>"
    assert by_subject["a"]["Auto-Submitted"] == "no"
    assert "Precedence" not in by_subject["a"]


def test_bells_of_the_outbox_do_not_pile_up_while_workers_are_busy(
    queue_server: redis.Redis, monkeypatch: pytest.MonkeyPatch, sink: tuple[Sink, Settings]
) -> None:
    _, settings = sink
    monkeypatch.setattr("abuse.sweeper.current", lambda: settings)
    waiting()
    for _ in range(20):
        sweep()
    assert queue("default").count == 1
    send_the_outbox()
    sweep()
    assert queue("default").count == 2  # one was heard: what waits now is rung for
    ttl = queue_server.ttl(f"cerberus:rung:{SEND_THE_OUTBOX}")
    assert 0 < ttl <= OUTBOX_BELL
