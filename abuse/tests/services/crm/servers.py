"""Web servers on the loopback interface that answer JSON as they are told."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a form, each once."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Said:
    """An answer: an object is sent as JSON, bytes as they are."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Asked], Said]


@dataclass
class JsonServer:
    """What runs; `asked` is all it was asked, in order. `answering` may be changed while it runs."""

    port: int
    answering: Answering
    asked: list[Asked] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str = "") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextlib.contextmanager
def json_server(answering: Answering, *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[JsonServer]:
    """A server on 127.0.0.1 for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, unquote(parts.path), parse_qs(parts.query), headers, body)
            running.asked.append(asked)
            said = running.answering(asked)
            content = said.content if isinstance(said.content, bytes) else json.dumps(said.content).encode()
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is said on standard error."""

    with _Quiet(("127.0.0.1", port), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        running = JsonServer(server.server_address[1], answering, scheme="http" if tls is None else "https")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
