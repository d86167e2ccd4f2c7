"""A TCP proxy that can do to a connection what networks and broken servers do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

Treatment = Callable[[int, bytes], bytes | None]
"""Given the number of the connection (from 1) and what the server said: what the client hears; None cuts."""


class Proxy:
    """Forwards to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.treatment: Treatment = lambda number, data: data
        self.connections = 0
        self.up = True
        self._upstream = port
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self.up:
                client.close()
                continue
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self._upstream))
            self._pairs.append((client, server))
            self._spawn(self._pump, client, server, None)
            self._spawn(self._pump, server, client, self.connections)

    def _pump(self, source: socket.socket, target: socket.socket, number: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                treated = data if number is None else self.treatment(number, data)
                if treated is None:
                    break
                target.sendall(treated)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break all connections there are."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for pair in self._pairs:
            for end in pair:
                end.close()
