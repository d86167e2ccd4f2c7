"""The desk's own door: an LMTP or SMTP server that a mail server delivers to."""

from __future__ import annotations

import asyncio
import logging
import queue
import socket
import threading
import time
from concurrent.futures import Future

from django.db import close_old_connections, connections

from abuse.config import Listener, Settings
from abuse.controllers import inbox

from .delivery_protocol import MAX_CONNECTIONS, Busy, Door, Lmtp, Smtp, most_on_the_wire

log = logging.getLogger(__name__)

_STORERS = 4
"""Threads that store: enough for the disk's and the database's syncs to overlap."""
_BYTES_AT_ONCE = 512 * 1024 * 1024
"""Of mails being received or stored, over all connections; never less than one biggest mail."""
_LOOK = 0.1
_GRACE = 1.5
"""Seconds that mails being stored have to be finished and answered for after `stop`."""


class ListenerError(Exception):
    """The listener cannot start. The text names the settings, their value and what was expected."""


class Storers:
    """Threads of their own for the inbox: the event loop must not wait for a disk, and each keeps its connection."""

    def __init__(self, count: int) -> None:
        self._jobs: queue.SimpleQueue[tuple[inbox.Delivery, Future[inbox.Receipt]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"storer-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def deliver(self, delivery: inbox.Delivery) -> asyncio.Future[inbox.Receipt]:
        """Done when the mail's row is committed; an exception when it is not."""
        future: Future[inbox.Receipt] = Future()
        self._jobs.put((delivery, future))
        return asyncio.wrap_future(future)

    def close(self) -> None:
        """End the threads once they have stored what they are at; wait for that a second at most."""
        for _ in self._threads:
            self._jobs.put(None)
        end = time.monotonic() + 1
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        try:
            while job := self._jobs.get():
                delivery, future = job
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    close_old_connections()
                    [receipt] = inbox.receive_many([delivery])
                except Exception as error:
                    future.set_exception(error)
                else:
                    future.set_result(receipt)
        finally:
            connections.close_all()


def run_listener(settings: Settings, stop: threading.Event) -> None:
    """Take deliveries until `stop` is set; returns within about two seconds of that.

    :raises ListenerError: when it cannot listen where EMAIL_LISTENER says.
    """
    # aiosmtpd tells each command of each client at INFO.
    mail_log = logging.getLogger("mail.log")
    if mail_log.level == logging.NOTSET:
        mail_log.setLevel(logging.ERROR)
    asyncio.run(_serve(settings.EMAIL_LISTENER, stop))


async def _serve(listener: Listener, stop: threading.Event) -> None:
    if listener.host not in ("127.0.0.1", "::1", "localhost") and not listener.recipients:
        log.warning(
            "EMAIL_LISTENER: %s is open to the network and takes mail for every recipient; consider `recipients`",
            listener.host,
        )
    loop = asyncio.get_running_loop()
    storers = Storers(_STORERS)
    door = Door(
        max_message_bytes=listener.max_message_bytes,
        max_bytes_at_once=max(_BYTES_AT_ONCE, most_on_the_wire(listener.max_message_bytes)),
        recipients=frozenset(recipient.casefold() for recipient in listener.recipients),
        deliver=storers.deliver,
        name=listener.protocol,
    )
    protocol = Lmtp if listener.protocol == "lmtp" else Smtp
    hostname = socket.gethostname()

    def answer() -> asyncio.Protocol:
        return protocol(door, loop, hostname) if len(door.connections) < MAX_CONNECTIONS else Busy()

    try:
        try:
            server = await loop.create_server(answer, listener.host, listener.port)
        except OSError as error:
            raise ListenerError(
                f"EMAIL_LISTENER: host {listener.host!r}, port {listener.port}: {error.strerror or error}; "
                "expected an address of this machine and a free port"
            ) from error
        log.info("listening for %s on %s, port %d", listener.protocol.upper(), listener.host, listener.port)
        while not stop.is_set():
            await asyncio.sleep(_LOOK)
        server.close()
        await _hang_up(door)
    finally:
        storers.close()


async def _hang_up(door: Door) -> None:
    """Answer for the mails that are being stored, then close. A client without an answer delivers again: no harm."""
    end = time.monotonic() + _GRACE
    while door.storing and time.monotonic() < end:
        await asyncio.sleep(_LOOK / 2)
    await asyncio.sleep(0)
    for connection in list(door.connections):
        if connection.transport:
            connection.transport.close()
    while door.connections and time.monotonic() < end:
        await asyncio.sleep(_LOOK / 10)
