"""Giving mails to a mail server by SMTP (RFC 5321), each in a transaction of its own."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from abuse.config.mail import Relay

from .transport import Envelope, Reply, Session, Transport

ANSWERS = 6
"""What the mail server may need its time limit for between the begin and the end of one mail."""
_DOT = re.compile(rb"(?m)^\.")
_HANGS_UP = 421


class RelayTransport(Transport):
    """The mail server of `MAIL.relay`."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(f"MAIL.relay {relay.host}:{relay.port}", ANSWERS * relay.timeout_seconds)
        self._relay = relay

    @contextmanager
    def session(self) -> Iterator[Session]:
        relay = self._relay
        context = ssl.create_default_context(cafile=relay.ca_file)
        connection: smtplib.SMTP
        if relay.tls == "implicit":
            connection = smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.timeout_seconds, context=context)
        else:
            connection = smtplib.SMTP(relay.host, relay.port, timeout=relay.timeout_seconds)
        with connection:
            if relay.tls == "starttls":
                connection.starttls(context=context)
            if relay.user is not None:
                connection.login(relay.user, relay.password.get_secret_value() if relay.password else "")
            connection.ehlo_or_helo_if_needed()
            yield _SmtpSession(connection)


class _SmtpSession(Session):
    """A connection. What `smtplib` raises is an OSError."""

    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection

    def offer(self, envelope: Envelope, mail: bytes) -> Reply | None:
        connection = self._connection
        options = [f"SIZE={len(mail)}"] if connection.has_extn("size") else []
        if envelope.is_international:
            if not connection.has_extn("smtputf8"):
                return _reply(550, b"the relay takes no addresses beyond ASCII (SMTPUTF8)")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        code, text = connection.mail(envelope.sender, options)
        if code != 250:
            return _reply(code, text)
        code, text = connection.rcpt(envelope.recipient)
        if code not in (250, 251):
            return _reply(code, text)
        code, text = connection.docmd("DATA")
        return _reply(code, text) if code != 354 else None

    def give(self, mail: bytes) -> None:
        # Whatever breaks now breaks before the final dot has left: nothing can have been taken.
        self._connection.send(_DOT.sub(b"..", mail) + b".\r\n")

    def answer(self) -> Reply:
        return _reply(*self._connection.getreply())

    def withdraw(self) -> None:
        self._connection.close()  # there is no other way to take DATA back
        raise smtplib.SMTPServerDisconnected("another sender has the mail")

    def reset(self) -> None:
        self._connection.rset()


def _reply(code: int, text: bytes) -> Reply:
    return Reply(
        is_taken=200 <= code < 300,
        text=f"{code} {text.decode('utf-8', 'replace')}",
        permanent=code >= 500,
        ends_session=code == _HANGS_UP,
    )
