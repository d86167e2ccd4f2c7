"""A name server on the loopback interface that serves DNS lists."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT = "SILENT"
"""An answer that never comes."""


@dataclass
class ListServer:
    """Answers by name: addresses and texts in quotes, the name of an error code, or nothing at all (`SILENT`).

    A name that is not known does not exist. `asked`: what was asked, in order.
    """

    port: int
    zone: Mapping[str, list[str] | str]
    ttl: int = 600
    asked: list[str] = field(default_factory=list)

    def answer(self, packet: bytes) -> bytes | None:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        given = self.zone.get(name)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if given == SILENT:
            return None
        if given is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif isinstance(given, str):
            response.set_rcode(dns.rcode.from_text(given))
        else:
            fitting = [one for one in given if one.startswith('"') == (kind == "TXT")]
            if fitting:
                response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *fitting))
        return response.to_wire()


@contextlib.contextmanager
def list_server(zone: Mapping[str, list[str] | str], ttl: int = 600) -> Iterator[ListServer]:
    """A name server on 127.0.0.1 for as long as the block."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(0.1)
    server = ListServer(listener.getsockname()[1], zone, ttl)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError):
                packet, peer = listener.recvfrom(4096)
                answer = server.answer(packet)
                if answer is not None:
                    listener.sendto(answer, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server
    is_over.set()
    thread.join()
    listener.close()
