"""Sending what waits in the outbox, each mail once."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from django.db import transaction
from django.utils import timezone

from abuse.config import Settings, current
from abuse.config.schema import Relay
from abuse.models import OutboxState, OutgoingMessage

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
BATCH = 100


def send_due(settings: Settings | None = None) -> int:
    """Hand the mails that are due to the relay; how many it took. Without a relay in the settings they wait."""
    relay = (settings or current()).MAIL.relay
    if relay is None:
        return 0
    sent = 0
    due = list(
        OutgoingMessage.filter(state=OutboxState.PENDING, next_attempt_at__lte=timezone.now())
        .order_by("next_attempt_at", "pk")
        .values_list("pk", flat=True)[:BATCH]
    )
    if not due:
        return 0
    try:
        with _session(relay) as session:
            for pk in due:
                sent += _send_one(session, pk, relay)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("MAIL.relay %s:%s: %s", relay.host, relay.port, error)
    return sent


def _send_one(session: smtplib.SMTP, pk: int, relay: Relay) -> bool:
    """Send one mail. The attempt is committed before the relay is spoken to, so that no mail is sent for ever.

    The row is marked as sent right after the relay took it. A process that dies in between sends the mail again with
    the same Message-ID: twice is seen and harmless, never is neither.
    """
    with transaction.atomic():
        message = (
            OutgoingMessage.filter(pk=pk, state=OutboxState.PENDING, next_attempt_at__lte=timezone.now())
            .select_for_update(skip_locked=True)
            .first()
        )
        if message is None:
            return False
        message.attempts += 1
        message.next_attempt_at = timezone.now() + min(FIRST_RETRY * 2 ** (message.attempts - 1), LONGEST_RETRY)
        message.save(update_fields=["attempts", "next_attempt_at"])
    try:
        session.send_message(
            as_mail(message), from_addr=relay.bounce_address or message.sender, to_addrs=[message.recipient]
        )
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[message.recipient]
        return _not_sent(message, f"{code} {text.decode('utf-8', 'replace')}", permanent=code >= 500)
    except smtplib.SMTPResponseException as error:
        return _not_sent(message, f"{error.smtp_code} {error.smtp_error!r}", permanent=error.smtp_code >= 500)
    OutgoingMessage.filter(pk=pk).update(state=OutboxState.SENT, sent_at=timezone.now(), error="")
    return True


def _not_sent(message: OutgoingMessage, error: str, *, permanent: bool) -> bool:
    state = OutboxState.FAILED if permanent or message.attempts >= MAX_ATTEMPTS else OutboxState.PENDING
    OutgoingMessage.filter(pk=message.pk).update(state=state, error=error[:2000])
    return False


def as_mail(message: OutgoingMessage) -> EmailMessage:
    """The row as a mail (RFC 5322), marked as written by a machine (RFC 3834)."""
    mail = EmailMessage()
    mail["From"] = message.sender
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = message.message_id
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in message.headers.items():
        mail[name] = value
    mail.set_content(message.body)
    return mail


@contextmanager
def _session(relay: Relay) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=relay.ca_file)
    session: smtplib.SMTP
    if relay.tls == "implicit":
        session = smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.timeout_seconds, context=context)
    else:
        session = smtplib.SMTP(relay.host, relay.port, timeout=relay.timeout_seconds)
    with session:
        if relay.tls == "starttls":
            session.starttls(context=context)
        if relay.user is not None:
            session.login(relay.user, relay.password.get_secret_value() if relay.password else "")
        yield session
