"""Sending StatsD lines by UDP without waiting: for a socket never, for a name server a moment at most.

<name>:<value>|<type>            c: a counter, ms: a time in milliseconds
<name>:<value>|<type>|#<tag>:<value>,…         the tags of DogStatsD
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from .base import KPIServiceException

PAUSE = 60.0
"""Seconds: a fault is said once in so long, and a name is looked up again after so long."""
LONGEST = 512
"""Bytes of one line at most, with the names and tags that there are."""
_MAX_TAG = 100
# What is no delimiter in any dialect; all other characters are written as an underscore.
_NOT_IN_TAGS = re2.compile(r"[^A-Za-z0-9_./-]")


@dataclass(frozen=True, slots=True)
class Metric:
    """One value. Tags without a value are left out."""

    name: str
    value: int
    kind: str
    tags: Mapping[str, str | None] = field(default_factory=dict)

    def line(self) -> bytes:
        tags = ",".join(
            f"{name}:{_NOT_IN_TAGS.sub('_', value[:_MAX_TAG])}" for name, value in self.tags.items() if value
        )
        return f"{self.name}:{self.value}|{self.kind}{f'|#{tags}' if tags else ''}".encode()


class Datagrams:
    """One StatsD server. Threads may share it; each process has its own.

    :param most: bytes of a datagram.
    :param seconds: that are waited for the address of the host.
    """

    def __init__(self, host: str, port: int, *, most: int, seconds: float) -> None:
        self._host, self._port, self._most, self._seconds = host, port, most, seconds
        self._lock = threading.Lock()
        self._target: tuple[socket.AddressFamily, Any] | None = None
        self._look_up_at = 0.0
        self._silent_until = 0.0
        self._lost = 0

    def send(self, metrics: Sequence[Metric]) -> None:
        """Send values, several in a datagram where they fit.

        :raises KPIServiceException: when they could not be sent; at most once a minute, for all that got lost since.
        """
        target = self._address()
        if target is None:
            self._fault(f"no address of {self._host} within {self._seconds:g} s", len(metrics))
            return
        family, address = target
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                for datagram in packed([metric.line() for metric in metrics], self._most):
                    sender.sendto(datagram, address)
        except OSError as error:
            self._fault(f"{type(error).__name__}: {error}", len(metrics))

    def _address(self) -> tuple[socket.AddressFamily, Any] | None:
        """Where to send to. An address that was found before is good until there is a newer one."""
        with self._lock:
            now = time.monotonic()
            if now < self._look_up_at:
                return self._target
            self._look_up_at = now + PAUSE
            known = self._target
        # In a thread of its own: the system's resolver may take half a minute, and cannot be told not to.
        looking = threading.Thread(target=self._look_up, daemon=True, name="statsd")
        looking.start()
        if known is None:
            looking.join(self._seconds)
        with self._lock:
            return self._target

    def _look_up(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return  # `send` says that there is none
        with self._lock:
            self._target = (found[0][0], found[0][4])

    def _fault(self, said: str, lost: int) -> None:
        with self._lock:
            self._lost += lost
            now = time.monotonic()
            if now < self._silent_until:
                return
            lost, self._lost, self._silent_until = self._lost, 0, now + PAUSE
        raise KPIServiceException(f"StatsD at {self._host}:{self._port}: {said}; {lost} values were lost")


def packed(lines: Sequence[bytes], most: int) -> Iterator[bytes]:
    """The lines as datagrams of at most so many bytes; a line that is longer by itself is left out."""
    datagram = b""
    for line in lines:
        if len(line) > most:
            continue
        if datagram and len(datagram) + 1 + len(line) > most:
            yield datagram
            datagram = b""
        datagram = datagram + b"\n" + line if datagram else line
    if datagram:
        yield datagram
