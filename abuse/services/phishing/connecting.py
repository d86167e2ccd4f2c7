"""Connections to checked addresses alone, on which everything is counted: bytes, and seconds in all."""

from __future__ import annotations

import base64
import io
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import urlsplit

from .addresses import Address, Network, RefusedTarget, check_address
from .resolving import DnsResolver, NameUnknown, NoSuchName, Resolver
from .targets import Target

MAX_TRIED = 3
"""Addresses of one name that are tried."""
_MAX_PROXY_ANSWER = 8192


class Unreachable(Exception):
    """No answer came. `kind` says in what way."""

    Kind = Literal["no_such_name", "name_unknown", "refused", "timeout", "broken", "proxy"]

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class TooLarge(Exception):
    """More bytes came than were allowed for."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy of the operator's, that lets CONNECT through to the ports looked at."""

    host: str
    port: int
    credentials: str = field(default="", repr=False)

    @classmethod
    def read(cls, text: str) -> Proxy:
        """From `http://[user:password@]host:port`.

        :raises ValueError: for anything else.
        """
        parts = urlsplit(text)
        if parts.scheme != "http" or not parts.hostname or parts.port is None or parts.path.strip("/"):
            raise ValueError(f"proxy at {parts.hostname!r}: expected http://host:port")
        user = f"{parts.username}:{parts.password or ''}" if parts.username else ""
        return cls(parts.hostname, parts.port, base64.b64encode(user.encode()).decode() if user else "")


@dataclass(frozen=True)
class Reach:
    """What may be asked, and who knows the addresses of names."""

    resolver: Resolver = field(default_factory=DnsResolver)
    allowed: Sequence[Network] = ()
    refused: Sequence[Network] = ()

    def checked_addresses(self, host: str | Address, *, until: float) -> list[Address]:
        """The addresses of a host, when every one of them may be asked.

        :raises RefusedTarget: when one may not.
        :raises Unreachable: when there are none, or nobody can say.
        """
        if isinstance(host, IPv4Address | IPv6Address):
            addresses: Sequence[Address] = [host]
        else:
            try:
                addresses = self.resolver.addresses(host, until=until)
            except NoSuchName as error:
                raise Unreachable("no_such_name", str(error)) from None
            except NameUnknown as error:
                raise Unreachable("name_unknown", str(error)) from None
        for address in addresses:
            try:
                check_address(address, allowed=self.allowed, refused=self.refused)
            except RefusedTarget as error:
                raise RefusedTarget(f"host {host}: {error}") from None
        return list(addresses)

    def connect(
        self, target: Target, *, until: float, proxy: Proxy | None = None, tls: ssl.SSLContext | None = None
    ) -> Channel:
        """A connection to a page's server, by an address that was checked: no name is looked up a second time.

        :param tls: how certificates are checked, where something is told that is not for everybody; None: not at all.
        :raises RefusedTarget: when its address may not be asked.
        :raises Unreachable: when it cannot be reached in time.
        """
        addresses = self.checked_addresses(target.host, until=until)[:MAX_TRIED]
        fault = Unreachable("timeout", f"{target.host}: no time left to connect")
        for address in addresses:
            try:
                channel = _open(address, target.port, until, proxy)
            except Unreachable as error:
                fault = error
                continue
            if target.scheme == "https":
                channel.encrypt(target.host if isinstance(target.host, str) else None, tls, checked=str(target.host))
            return channel
        raise fault


class Channel(io.RawIOBase):
    """A connection that ends at a moment, and after so many received bytes."""

    def __init__(self, connection: socket.socket, *, until: float) -> None:
        super().__init__()
        self._socket = connection
        self._until = until
        self.left = 64 * 1024
        """Bytes that may still come; the rest is `TooLarge`."""

    def _wait(self) -> None:
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for this page is over")
        self._socket.settimeout(seconds)

    def encrypt(self, server_name: str | None, context: ssl.SSLContext | None = None, *, checked: str = "") -> None:
        """Begin TLS. Without a context no certificate is believed or asked for: reported pages are told no secret.

        :param checked: with a context: the name or address that the certificate has to be for.
        :raises Unreachable: when the server does not.
        """
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            server_name = checked
        try:
            self._wait()
            self._socket = context.wrap_socket(self._socket, server_hostname=server_name)
        except TimeoutError as error:
            self.close()
            raise Unreachable("timeout", f"TLS: {error}") from None
        except (OSError, ValueError) as error:
            self.close()
            raise Unreachable("broken", f"TLS: {error}") from None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """What came, at most what is left to come.

        :raises TooLarge: when nothing is.
        :raises TimeoutError: when the time is over.
        """
        if self.left <= 0:
            raise TooLarge
        self._wait()
        count = self._socket.recv_into(buffer, min(len(buffer), self.left))
        self.left -= count
        return count

    def plain_socket(self) -> socket.socket:
        """The connection itself, for those who count for themselves."""
        return self._socket

    def sendall(self, data: bytes) -> None:
        """Send all of it in time."""
        self._wait()
        self._socket.sendall(data)

    def close(self) -> None:
        if not self.closed:
            self._socket.close()
        super().close()


def _open(address: Address, port: int, until: float, proxy: Proxy | None) -> Channel:
    peer = (proxy.host, proxy.port) if proxy else (str(address), port)
    shown = f"{address} port {port}"
    try:
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("no time left")
        # A third of the time, so that another address of the name may be tried.
        connection = socket.create_connection(peer, timeout=max(seconds / MAX_TRIED, 0.05))
    except TimeoutError:
        raise Unreachable("proxy" if proxy else "timeout", f"{shown}: no answer") from None
    except ConnectionRefusedError:
        raise Unreachable("proxy" if proxy else "refused", f"{shown}: connection refused") from None
    except OSError as error:
        raise Unreachable("proxy" if proxy else "timeout", f"{shown}: {error}") from None
    channel = Channel(connection, until=until)
    if proxy is not None:
        try:
            _through(channel, address, port, proxy)
        except (OSError, TooLarge) as error:
            channel.close()
            raise Unreachable("proxy", f"proxy {proxy.host}: {error or 'answers without an end'}") from None
        except Unreachable:
            channel.close()
            raise
    return channel


def _through(channel: Channel, address: Address, port: int, proxy: Proxy) -> None:
    """Have the proxy connect to the address: the name is not given to it, so that it cannot find another one."""
    peer = f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"
    lines = [f"CONNECT {peer} HTTP/1.1", f"Host: {peer}"]
    if proxy.credentials:
        lines.append(f"Proxy-Authorization: Basic {proxy.credentials}")
    channel.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    answer = bytearray()
    byte = bytearray(1)
    # Byte by byte: what follows the empty line belongs to the page's server.
    while not answer.endswith(b"\r\n\r\n"):
        if len(answer) > _MAX_PROXY_ANSWER or not channel.readinto(byte):
            raise Unreachable("proxy", f"proxy {proxy.host}: no proper answer to CONNECT")
        answer += byte
    status = bytes(answer[:64]).split(None, 2)[1:2]
    if status != [b"200"]:
        said = b"".join(status).decode("ascii", "replace")
        if status in ([b"502"], [b"503"], [b"504"]):
            raise Unreachable("timeout", f"proxy {proxy.host}: status {said}: cannot reach {peer}")
        raise Unreachable("proxy", f"proxy {proxy.host}: status {said}; expected 200")
