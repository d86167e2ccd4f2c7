"""Giving what waits in the outbox away, each mail once: to a mail server, or however the email service sends."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from abuse.config import Settings, current
from abuse.models import OutgoingMessage
from abuse.services.email import EmailService
from abuse.services.email.addresses import bounce_address
from abuse.services.email.composing import FileToSend, as_bytes, as_mail
from abuse.services.email.signing import Signer, signer_of
from abuse.services.email.transport import Envelope, Session, Transport
from abuse.services.storage import StorageService, StorageServiceException

from . import outbox
from .threads import threads_of

log = logging.getLogger(__name__)

BATCH = 100
LONGEST = 300.0
"""Seconds of one call: others want the worker, too."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How mails go out: by what, where they come back to, signed by whom."""

    transport: Transport
    mailbox: str | None
    signer: Signer | None
    resend: bool

    def envelope(self, message: OutgoingMessage) -> Envelope:
        """It comes back to an address of this mail alone where there is a mailbox for that, else to the ticket."""
        sender = bounce_address(self.mailbox, message.pk) if self.mailbox else message.sender
        return Envelope(sender, message.recipient, not (sender + message.recipient + message.sender).isascii())


def send_due(settings: Settings | None = None, *, seconds: float = LONGEST) -> int:
    """Send the mails that are due; how many were taken. Without a way to send in the settings they wait."""
    settings = settings or current()
    transport = EmailService.transport(settings.MAIL)
    if transport is None:
        return 0
    way = _Way(transport, settings.MAIL.bounce_mailbox, signer_of(settings), settings.MAIL.resend_uncertain)
    outbox.note_dead_senders(resend=way.resend)
    end = time.monotonic() + seconds
    taken = 0
    try:
        while time.monotonic() < end and (due := outbox.due(BATCH)):
            with transport.session() as session:
                taken += _send_all(session, due, way)
    except OSError as error:
        log.warning("%s: %s", transport.place, error)
    return taken


def _send_all(session: Session, due: Sequence[int], way: _Way) -> int:
    rows = OutgoingMessage.filter(pk__in=due).select_related("report__email").prefetch_related("attachments")
    threads = threads_of(list(rows))
    files = {row.pk: list(row.attachments.all()) for row in rows}
    taken = 0
    for pk in due:
        message = outbox.claim(pk)
        if message is None:
            continue
        try:
            contents = [FileToSend(file.name, file.content_type, StorageService.read(file.key)) for file in files[pk]]
        except StorageServiceException as error:
            outbox.refused(message, f"an attachment cannot be read: {error}", permanent=error.permanent)
            continue
        envelope = way.envelope(message)
        mail = as_bytes(as_mail(message, threads.get(pk, ()), contents), international=envelope.is_international)
        if way.signer is not None:
            mail = way.signer.sign(mail)
        taken += _hand_over(session, message, envelope, mail, way)
    return taken


def _hand_over(session: Session, message: OutgoingMessage, envelope: Envelope, mail: bytes, way: _Way) -> bool:
    """One mail; whether the other side took it.

    :raises OSError: when there is no use in going on with this session.
    """
    try:
        reply = session.offer(envelope, mail)
        if reply is None:
            if not outbox.begin(message, dead_at=timezone.now() + timedelta(seconds=way.transport.seconds)):
                session.withdraw()
                return False
            session.give(mail)
    except OSError as error:
        outbox.refused(message, f"{type(error).__name__}: {error}", permanent=False)
        raise
    if reply is None:
        try:
            reply = session.answer()
        except OSError as error:
            outbox.in_doubt(message, f"{type(error).__name__}: {error}, instead of an answer", resend=way.resend)
            raise
    if reply.is_taken:
        outbox.sent(message)
        return True
    outbox.refused(message, reply.text, permanent=reply.permanent)
    if reply.ends_session:
        raise ConnectionError(reply.text)
    session.reset()
    return False
