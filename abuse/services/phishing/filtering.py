"""The only way of the browser to the network: a proxy inside this process that asks checked addresses alone.

It listens on the loopback interface for as long as one picture takes, and counts connections, bytes and seconds.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .addresses import RefusedTarget
from .connecting import Reach, Unreachable
from .targets import Target, read_target

log = logging.getLogger(__name__)

MAX_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_DROPPED = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade", "authorization"}
)


class FilteringProxy:
    """`with FilteringProxy(…) as proxy:` – then `proxy.port` takes requests until the end of the block."""

    def __init__(
        self,
        reach: Reach,
        *,
        ports: frozenset[int],
        until: float,
        max_bytes: int = 32 * 1024 * 1024,
        max_connections: int = 128,
    ) -> None:
        self._reach, self._ports, self._until = reach, ports, until
        self._left = max_bytes
        self._connections = max_connections
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_over = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.refused: list[str] = []
        """What was asked for and not to be had."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, name="browser-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_over = True
            connections = list(self._open)
        for one in (self._listener, *connections):
            # Wakes whoever waits on it; closing alone would not.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections -= 1
                may = self._connections >= 0 and not self._is_over
                if may:
                    self._open.add(client)
            if not may:
                client.close()
                continue
            threading.Thread(target=self._attend, args=(client,), name="browser-request", daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        try:
            with client:
                self._answer(client)
        except OSError as error:
            # The browser or the page's server went away: what a browser does all the time.
            log.debug("browser proxy: %s", error)
        finally:
            with self._lock:
                self._open.discard(client)

    def _answer(self, client: socket.socket) -> None:
        head, rest = self._head(client)
        if head is None:
            return
        try:
            target, forwarded = _read_request(head, self._ports)
            channel = self._reach.connect(target, until=self._until)
        except RefusedTarget as error:
            with self._lock:
                if len(self.refused) < 100:
                    self.refused.append(str(error))
            _say(client, "403 Forbidden")
            return
        except Unreachable:
            _say(client, "502 Bad Gateway")
            return
        with contextlib.closing(channel):
            server = channel.plain_socket()
            if forwarded is None:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(forwarded)
            server.sendall(rest)
            with self._lock:
                self._open.add(server)
            try:
                self._pass_on(client, server)
            finally:
                with self._lock:
                    self._open.discard(server)

    def _head(self, client: socket.socket) -> tuple[bytes | None, bytes]:
        """The request's head, and what came after it; None when there was none."""
        data = b""
        while b"\r\n\r\n" not in data:
            seconds = self._until - time.monotonic()
            if seconds <= 0 or len(data) > MAX_HEAD:
                return None, b""
            client.settimeout(seconds)
            more = client.recv(_CHUNK)
            if not more:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Bytes both ways, until one side ends, the time is over, or it has been enough."""
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, (client, server))
            selector.register(server, selectors.EVENT_READ, (server, client))
            while (seconds := self._until - time.monotonic()) > 0:
                for key, _ in selector.select(seconds):
                    source, sink = key.data
                    data = source.recv(_CHUNK)
                    if not data or not self._take(len(data)):
                        return
                    sink.settimeout(max(self._until - time.monotonic(), 0.01))
                    sink.sendall(data)

    def _take(self, count: int) -> bool:
        with self._lock:
            self._left -= count
            return self._left >= 0


def _read_request(head: bytes, ports: frozenset[int]) -> tuple[Target, bytes | None]:
    """Whom a request is for, and what to send there; None for a tunnel, in which the browser says it itself.

    :raises RefusedTarget: for anything else than a proxy is asked for.
    """
    try:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, url, _ = first.split(" ")
        fields = [line.partition(":") for line in lines]
    except ValueError:
        raise RefusedTarget("the browser's request cannot be read") from None
    if method == "CONNECT":
        tunnel = read_target(f"https://{url}/", ports=ports)
        # As http: the browser itself begins TLS in the tunnel.
        return Target("http", tunnel.host, tunnel.port, "/"), None
    if method not in _METHODS or urlsplit(url).scheme.lower() != "http":
        raise RefusedTarget(f"{method[:20]} {url[:100]!r}: expected an http URL")
    target = read_target(url, ports=ports)
    kept = [f"{name}:{value}" for name, _, value in fields if name.lower() not in _DROPPED | {"host"}]
    lines = [f"{method} {target.resource} HTTP/1.1", f"Host: {target.authority}", *kept, "Connection: close"]
    return target, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _say(client: socket.socket, status: str) -> None:
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
