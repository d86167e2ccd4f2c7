"""LMTP (RFC 2033) and SMTP (RFC 5321) as a desk needs them: bounded, and "250" only for a mail that is committed.

aiosmtpd gives the dialogue; the transfer of the mail itself is done here, because aiosmtpd keeps an object for each
line (a mail of empty lines costs it thirty times its size, and minutes), refuses lines over one thousand octets, and
answers once where LMTP wants an answer for each recipient.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from abuse.controllers.inbox import Delivery

from .dot_reader import DotReader

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 100
MAX_RECIPIENTS = 1000
"""Of one mail; RFC 5321, 4.5.3.1.8 wants at least one hundred."""
MAX_LINE_BYTES = 1024 * 1024
"""Far beyond the 1000 octets of RFC 5321: senders of complaints break that rule, and a complaint is still one."""
COMMAND_SECONDS = 300.0
"""The time to wait for the next command: RFC 5321, 4.5.3.2.7."""
DATA_SECONDS = 900.0
"""For one mail from 354 to the final dot, and its storing."""
SESSION_SECONDS = 3600.0
_CHUNK = 1024 * 1024
"""More than the reader ever buffers, which stops the socket at twice its limit."""

OK = "250 2.0.0 taken and stored"
TRY_AGAIN = "451 4.3.0 not stored, please try again later"
TOO_BIG = "552 5.3.4 the mail is bigger than this desk takes"
LINE_TOO_LONG = f"554 5.6.0 a line is longer than {MAX_LINE_BYTES} octets"
NO_ROOM = "452 4.3.1 too much mail at once, please try again later"
UNKNOWN_RECIPIENT = "550 5.1.1 no such recipient here"
TOO_MANY_RECIPIENTS = "452 4.5.3 too many recipients"


@dataclass
class Door:
    """What all connections of a listener share: whom it takes mail for, how much, and who stores it."""

    max_message_bytes: int
    max_bytes_at_once: int
    recipients: frozenset[str]
    deliver: Callable[[Delivery], Awaitable[object]]
    name: str
    bytes_now: int = 0
    connections: set[_DeliveryProtocol] = field(default_factory=set)
    storing: int = 0

    def knows(self, address: str) -> bool:
        """Whether mail for an address is taken: all when there is no list, else as listed, or by its `@domain`."""
        folded = address.casefold()
        return not self.recipients or folded in self.recipients or f"@{folded.rpartition('@')[2]}" in self.recipients


def most_on_the_wire(mail_bytes: int) -> int:
    """What a mail may take with the dots that the transfer adds, one for three bytes at the worst, and its end."""
    return mail_bytes + mail_bytes // 3 + 5


class Busy(asyncio.Protocol):
    """What a connection too many gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writer = cast("asyncio.WriteTransport", transport)
        writer.write(b"421 4.3.2 too many connections, please try again later\r\n")
        writer.close()


class _Hooks:
    """aiosmtpd finds these by their names."""

    def __init__(self, door: Door) -> None:
        self.door = door

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.door.knows(address):
            return UNKNOWN_RECIPIENT
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        log.error("unexpected error in a delivery: %s", error, exc_info=error)
        return "451 4.3.0 internal error"


class _DeliveryProtocol(SMTP):
    """One connection. Lines end with CR LF and nothing else, so a lone CR or LF can neither end nor begin a mail."""

    line_length_limit = 64 * 1024
    replies_for_each_recipient = False

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop, hostname: str) -> None:
        super().__init__(
            _Hooks(door),
            data_size_limit=door.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="Cerberus",
            timeout=COMMAND_SECONDS,
            loop=loop,
        )
        self._door = door
        self._session_end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._door.connections.add(self)
        self._session_end = self.loop.call_later(SESSION_SECONDS, transport.close)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._door.connections.discard(self)
        if self._session_end:
            self._session_end.cancel()
        super().connection_lost(error)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        envelope, session = cast("Envelope", self.envelope), cast("Session", self.session)
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        self._reset_timeout(DATA_SECONDS)
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        status = await self._take_mail(envelope, source=f"{type(self).__name__.lower()}:{_peer(session)}")
        self._reset_timeout()
        self.envelope = self._create_envelope()
        # One write: RFC 2033, 4.2 wants an answer for each recipient, in their order.
        await self.push("\r\n".join([status] * (len(envelope.rcpt_tos) if self.replies_for_each_recipient else 1)))

    async def _take_mail(self, envelope: Envelope, *, source: str) -> str:
        """Read the mail up to the dot and store it. Returns the reply; whatever it is, the dialogue is in step."""
        reader = DotReader()
        held = 0
        refusal: str | None = None
        try:
            rest = None
            while rest is None:
                chunk = await self._reader.read(_CHUNK)
                if not chunk:
                    raise ConnectionResetError("the client left before the end of its mail")
                rest = reader.feed(chunk)
                self._door.bytes_now += reader.size - held
                held = reader.size
                refusal = refusal or self._refuse(reader)
                if refusal is not None:
                    reader.discard()
            if rest:
                # What the client sent ahead: the buffer is empty, since a read takes all that is there.
                self._reader.feed_data(rest)
            if refusal is not None:
                log.info("%s: a mail was refused: %s", source, refusal)
                return refusal
            raw = reader.result()
            if len(raw) > self._door.max_message_bytes:
                return TOO_BIG
            return await self._store(Delivery(raw, source, _sender(envelope), tuple(envelope.rcpt_tos)))
        finally:
            self._door.bytes_now -= held

    def _refuse(self, reader: DotReader) -> str | None:
        if reader.size > most_on_the_wire(self._door.max_message_bytes):
            return TOO_BIG
        if reader.longest_line > MAX_LINE_BYTES:
            return LINE_TOO_LONG
        if self._door.bytes_now > self._door.max_bytes_at_once:
            return NO_ROOM
        return None

    async def _store(self, delivery: Delivery) -> str:
        self._door.storing += 1
        try:
            await self._door.deliver(delivery)
        except Exception as error:
            log.error("%s: a mail was not stored: %s", delivery.source, error)
            return TRY_AGAIN
        finally:
            self._door.storing -= 1
        return OK


class Smtp(_DeliveryProtocol):
    """SMTP: one reply for a mail."""


class Lmtp(_DeliveryProtocol, LMTP):
    """LMTP: a reply for each recipient; LHLO in place of HELO and EHLO."""

    replies_for_each_recipient = True


def _sender(envelope: Envelope) -> str:
    """The reverse path; empty for the null sender `<>` of bounces."""
    sender = envelope.mail_from or ""
    return "" if sender == "<>" else sender


def _peer(session: Session) -> str:
    peer = session.peer
    return str(peer[0]) if isinstance(peer, tuple) else "local"
