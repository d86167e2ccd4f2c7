"""A laboratory on the loopback interface: web servers that misbehave as told, a name server that changes its mind."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from abuse.services.phishing.connecting import Reach
from abuse.services.phishing.fetching import Limits
from abuse.services.phishing.resolving import DnsResolver

Answer = bytes | Callable[[socket.socket], None]
LOOPBACK = (ip_network("127.0.0.0/8"),)


def page(body: bytes | str = b"", status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP answer; `_` in names of header fields stands for `-`."""
    data = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": "text/html", "Content-Length": str(len(data)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def redirect(location: str, status: str = "302 Found") -> bytes:
    return page(status=status, Location=location)


@dataclass
class WebServer:
    """Answers by path; what it was asked, bodies included, is in `heads`."""

    port: int
    answers: Mapping[str, Answer]
    heads: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def attend(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return
            data += more
        fields = [line.partition(b":") for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
        length = next((int(value) for name, _, value in fields if name.lower() == b"content-length"), 0)
        while len(data.partition(b"\r\n\r\n")[2]) < length:
            data += client.recv(65536)
        head = data.decode("latin-1")
        self.heads.append(head)
        path = head.split(" ")[1].partition("?")[0]
        answer = self.answers.get(path, page("nothing", "404 Not Found"))
        if isinstance(answer, bytes):
            client.sendall(answer)
        else:
            answer(client)


@contextlib.contextmanager
def web_server(
    answers: Mapping[str, Answer], wrap: Callable[[socket.socket], socket.socket] | None = None
) -> Iterator[WebServer]:
    """A server on 127.0.0.1 for as long as the block; `wrap` makes TLS of a connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = WebServer(listener.getsockname()[1], answers)

    def attend(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(20)
            if wrap is None:
                server.attend(client)
            else:
                with wrap(client) as wrapped:
                    server.attend(wrapped)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@dataclass
class NameServer:
    """Answers about names with the next of their answers, and with the last one again and again.

    An answer is addresses, or the name of an error code such as `SERVFAIL`. A name that is not known does not exist.
    """

    port: int
    zone: Mapping[str, list[list[str] | str]]
    asked: list[str] = field(default_factory=list)

    def answer(self, packet: bytes) -> bytes:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.to_text().rstrip(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        answers = self.zone.get(name)
        if answers is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response.to_wire()
        # The address of either kind comes with the question for A; a look asks for both.
        turn = sum(asked == f"{name} A" for asked in self.asked)
        given = answers[min(turn if kind == "A" else max(turn - 1, 0), len(answers) - 1)]
        self.asked.append(f"{name} {kind}")
        if isinstance(given, str):
            response.set_rcode(dns.rcode.from_text(given))
            return response.to_wire()
        fitting = [address for address in given if (":" in address) == (kind == "AAAA")]
        if fitting and kind in ("A", "AAAA"):
            response.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *fitting))
        return response.to_wire()


@contextlib.contextmanager
def name_server(zone: Mapping[str, list[list[str] | str]]) -> Iterator[NameServer]:
    """A name server on 127.0.0.1 for as long as the block."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(0.2)
    server = NameServer(listener.getsockname()[1], zone)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                packet, peer = listener.recvfrom(4096)
            except TimeoutError:
                continue
            listener.sendto(server.answer(packet), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server
    is_over.set()
    thread.join()
    listener.close()


def reach(*nameservers: NameServer) -> Reach:
    """What may be asked in the laboratory: loopback, too."""
    return Reach(DnsResolver([f"127.0.0.1:{one.port}" for one in nameservers] or ["127.0.0.1:1"]), allowed=LOOPBACK)


def limits(*servers: WebServer, **other: float) -> Limits:
    """Small bounds, with the ports of the servers."""
    chosen: dict[str, float] = {"total_seconds": 3.0, **other}
    return Limits(ports=frozenset({80, 443, *(server.port for server in servers)}), **chosen)  # type: ignore[arg-type]
