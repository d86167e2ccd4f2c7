"""The mail server that takes what the desk sends, and keeps it."""

from __future__ import annotations

import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from typing import Any

import dkim
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from abuse.tests.intake.dovecot import Certificate

USER, PASSWORD = "cerberus", "a password for the relay"


class Sink:
    """An SMTP server on 127.0.0.1 that takes every mail. With a certificate: of who uses TLS and logs in as `USER`."""

    def __init__(self, port: int, certificate: Certificate | None = None) -> None:
        self.port = port
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        """The same as `mails`, byte for byte as they came."""
        more: dict[str, Any] = {}
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate.certificate, certificate.key)
            more = {
                "tls_context": context,
                "require_starttls": True,
                "authenticator": _authenticate,
                "auth_required": True,
            }
        self._controller = Controller(self, hostname="127.0.0.1", port=port, **more)
        self._controller.start()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        # What is delivered counts, not what the header says.
        assert envelope.rcpt_tos == [mail["To"]]
        self.raw.append(envelope.content)
        self.mails.append(mail)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()

    def empty(self) -> None:
        self.mails.clear()
        self.raw.clear()

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address, oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]

    def summary(self) -> list[tuple[str, str]]:
        """Recipient and subject of each mail, sorted."""
        return sorted((str(mail["To"]), str(mail["Subject"])) for mail in self.mails)

    def unsigned(self, name: str, record: bytes) -> list[str]:
        """The subjects of mails without a DKIM signature that this TXT record, under this name, proves."""

        def look_up(asked: bytes, timeout: float = 5) -> bytes | None:
            return record if asked.decode().rstrip(".") == name else None

        pairs = zip(self.raw, self.mails, strict=True)
        return [str(mail["Subject"]) for raw, mail in pairs if not dkim.verify(raw, dnsfunc=look_up)]


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    given = (data.login, data.password) if isinstance(data, LoginPassword) else None
    return AuthResult(success=given == (USER.encode(), PASSWORD.encode()))


def text_of(mail: MIMEPart) -> str:
    """The text of a mail or a part, with line ends as Python has them."""
    return str(mail.get_content()).replace("\r\n", "\n")
