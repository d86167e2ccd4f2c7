"""Giving what waits in the outbox to the mail server, each mail once."""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from abuse.config import Settings, current
from abuse.config.schema import Relay
from abuse.models import OutgoingMessage
from abuse.services.email.addresses import bounce_address
from abuse.services.email.composing import FileToSend, as_bytes, as_mail
from abuse.services.email.signing import Signer, signer_of
from abuse.services.storage import StorageService, StorageServiceException

from . import outbox
from .threads import threads_of

log = logging.getLogger(__name__)

BATCH = 100
LONGEST = 300.0
"""Seconds of one call: others want the worker, too."""
ANSWERS = 6
"""What the mail server may need its time limit for between the begin and the end of one mail."""
_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True)
class _Way:
    """How mails go out: to which server, signed by whom."""

    relay: Relay
    signer: Signer | None
    resend: bool

    def envelope_sender(self, message: OutgoingMessage) -> str:
        """Where it comes back to: an address of this mail alone where there is a mailbox for that, else the ticket."""
        mailbox = self.relay.bounce_address
        return bounce_address(mailbox, message.pk) if mailbox else message.sender


def send_due(settings: Settings | None = None, *, seconds: float = LONGEST) -> int:
    """Hand the mails that are due to the relay; how many it took. Without a relay in the settings they wait."""
    settings = settings or current()
    if settings.MAIL.relay is None:
        return 0
    way = _Way(settings.MAIL.relay, signer_of(settings), settings.MAIL.resend_uncertain)
    outbox.note_dead_senders(resend=way.resend)
    end = time.monotonic() + seconds
    taken = 0
    try:
        while time.monotonic() < end and (due := outbox.due(BATCH)):
            with _session(way.relay) as session:
                taken += _send_all(session, due, way)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("MAIL.relay %s:%s: %s", way.relay.host, way.relay.port, error)
    return taken


def _send_all(session: smtplib.SMTP, due: Sequence[int], way: _Way) -> int:
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
        sender = way.envelope_sender(message)
        is_international = not (sender + message.recipient + message.sender).isascii()
        mail = as_bytes(as_mail(message, threads.get(pk, ()), contents), international=is_international)
        if way.signer is not None:
            mail = way.signer.sign(mail)
        taken += _hand_over(session, message, sender, mail, way)
    return taken


def _hand_over(session: smtplib.SMTP, message: OutgoingMessage, sender: str, mail: bytes, way: _Way) -> bool:
    """One mail transaction (RFC 5321 section 3.3); whether the server took the mail.

    :raises OSError, SMTPException: when there is no use in going on with this session.
    """
    try:
        answer = _offer(session, message, sender, mail) or _ask_for_text(session)
        if answer is None:
            if not outbox.begin(message, dead_at=_dead_at(way.relay)):
                session.close()  # there is no other way to take DATA back
                raise smtplib.SMTPServerDisconnected("another sender has the mail")
            # Whatever breaks now breaks before the final dot has left: nothing can have been taken.
            session.send(_DOT.sub(b"..", mail) + b".\r\n")
    except (OSError, smtplib.SMTPException) as error:
        outbox.refused(message, f"{type(error).__name__}: {error}", permanent=False)
        raise
    if answer is None:
        try:
            answer = session.getreply()
        except (OSError, smtplib.SMTPException) as error:
            outbox.in_doubt(message, f"{type(error).__name__}: {error}, instead of an answer", resend=way.resend)
            raise
    code, text = answer
    if 200 <= code < 300:
        outbox.sent(message)
        return True
    outbox.refused(message, f"{code} {text.decode('utf-8', 'replace')}", permanent=code >= 500)
    if code == 421:  # the server hangs up
        raise smtplib.SMTPServerDisconnected(f"{code} {text!r}")
    session.rset()
    return False


Answer = tuple[int, bytes]


def _offer(session: smtplib.SMTP, message: OutgoingMessage, sender: str, mail: bytes) -> Answer | None:
    """Name sender and recipient; the server's refusal, or None when it wants the mail."""
    options = [f"SIZE={len(mail)}"] if session.has_extn("size") else []
    if not (sender + message.recipient + message.sender).isascii():
        if not session.has_extn("smtputf8"):
            return 550, b"the relay takes no addresses beyond ASCII (SMTPUTF8)"
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    answer = session.mail(sender, options)
    if answer[0] != 250:
        return answer
    answer = session.rcpt(message.recipient)
    return answer if answer[0] not in (250, 251) else None


def _ask_for_text(session: smtplib.SMTP) -> Answer | None:
    answer = session.docmd("DATA")
    return answer if answer[0] != 354 else None


def _dead_at(relay: Relay) -> datetime:
    return timezone.now() + timedelta(seconds=ANSWERS * relay.timeout_seconds)


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
        session.ehlo_or_helo_if_needed()
        yield session
