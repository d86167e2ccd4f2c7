"""The mail server that takes what the desk sends, and keeps it."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from typing import Any

from aiosmtpd.controller import Controller


class Sink:
    """An SMTP server on 127.0.0.1 that takes every mail."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[EmailMessage] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        # What is delivered counts, not what the header says.
        assert envelope.rcpt_tos == [mail["To"]]
        self.mails.append(mail)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address, oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]

    def summary(self) -> list[tuple[str, str]]:
        """Recipient and subject of each mail, sorted."""
        return sorted((str(mail["To"]), str(mail["Subject"])) for mail in self.mails)


def text_of(mail: MIMEPart) -> str:
    """The text of a mail or a part, with line ends as Python has them."""
    return str(mail.get_content()).replace("\r\n", "\n")
