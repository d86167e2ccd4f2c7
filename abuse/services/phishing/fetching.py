"""One page as its server answers, with everything bounded: time, bytes, redirects, and what unpacks."""

from __future__ import annotations

import http.client
import io
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import abuse

from .connecting import Channel, Proxy, Reach, TooLarge, Unreachable
from .targets import Target, read_target

USER_AGENT = f"Mozilla/5.0 (compatible; Cerberus/{abuse.__version__}; abuse desk)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 16 * 1024
_MAX_HEADERS = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a page is taken."""

    total_seconds: float = 10.0
    header_bytes: int = 64 * 1024
    body_bytes: int = 512 * 1024
    """Of the body, as it is sent and as it unpacks."""
    redirects: int = 5
    ports: frozenset[int] = frozenset({80, 443, 8000, 8080, 8443})


@dataclass(frozen=True, slots=True)
class Page:
    """The last answer. `trail`: all URLs asked for, the first one first; `is_whole`: nothing was cut off the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool
    trail: tuple[str, ...]


class TooManyRedirects(Exception):
    """The page leads on and on."""


def fetch(
    url: str,
    reach: Reach,
    limits: Limits,
    *,
    proxy: Proxy | None = None,
    user_agent: str = USER_AGENT,
    until: float | None = None,
) -> Page:
    """Ask for a page and follow its redirects; each of them is checked as the first was. No cookie is kept.

    :raises RefusedTarget: when it, or what it leads to, may not be asked.
    :raises Unreachable: when no answer came.
    :raises TooManyRedirects: when it leads on and on.
    """
    end = until if until is not None else time.monotonic() + limits.total_seconds
    target = read_target(url, ports=limits.ports)
    trail = [target.url]
    while True:
        page = _ask(target, reach, limits, proxy, user_agent, end, tuple(trail))
        location = page.headers.get("location")
        if page.status not in _REDIRECTS or not location:
            return page
        if len(trail) > limits.redirects:
            raise TooManyRedirects(f"{len(trail)} redirects, the last one to {location[:200]!r}")
        # Header fields are read as Latin-1, but browsers take this one as UTF-8.
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
        target = read_target(location, ports=limits.ports, base=target)
        trail.append(target.url)


class Borrowed:
    """A channel as `http.client` wants a socket: which it closes before it has read the answer from its file."""

    def __init__(self, channel: Channel) -> None:
        self.sendall = channel.sendall
        self._channel = channel

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._channel, 4096)

    def close(self) -> None:
        """Whoever opened it closes it."""


def _ask(
    target: Target,
    reach: Reach,
    limits: Limits,
    proxy: Proxy | None,
    user_agent: str,
    end: float,
    trail: tuple[str, ...],
) -> Page:
    channel = reach.connect(target, until=end, proxy=proxy)
    connection = http.client.HTTPConnection(target.authority)
    connection.sock = Borrowed(channel)
    try:
        channel.left = limits.header_bytes
        connection.putrequest("GET", target.resource, skip_host=True, skip_accept_encoding=True)
        for name, value in _request_headers(target, user_agent):
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        headers = _headers(response)
        # What of the body came along with the headers is counted with them.
        channel.left = limits.body_bytes
        body, is_whole = _body(response, headers, limits.body_bytes)
        return Page(response.status, headers, body, is_whole, trail)
    except TooLarge:
        raise Unreachable("broken", f"more than {limits.header_bytes} bytes of headers") from None
    except TimeoutError:
        raise Unreachable("timeout", "no whole answer in time") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable("broken", f"no proper answer: {type(error).__name__} {str(error)[:200]}".rstrip()) from None
    finally:
        connection.close()
        channel.close()


def _request_headers(target: Target, user_agent: str) -> Iterator[tuple[str, str]]:
    yield "Host", target.authority
    yield "User-Agent", user_agent
    yield "Accept", "text/html,application/xhtml+xml,*/*;q=0.8"
    yield "Accept-Language", "en,*;q=0.5"
    yield "Accept-Encoding", "gzip, deflate"
    yield "Connection", "close"


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """Names in lower case; what is sent several times is joined (RFC 9110, 5.2)."""
    headers: dict[str, str] = {}
    for name, value in response.getheaders()[:_MAX_HEADERS]:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _body(response: http.client.HTTPResponse, headers: Mapping[str, str], most: int) -> tuple[bytes, bool]:
    """The beginning of the body, unpacked; and whether it is all of it.

    A body that breaks off, or goes on and on, is as good as its beginning: enough to see what page it is.
    """
    unpacker = _unpacker(headers.get("content-encoding", ""))
    body = bytearray()
    try:
        while len(body) < most:
            data = response.read1(_CHUNK)
            if not data:
                return bytes(body), not response.length
            room = most - len(body)
            # At most `room` bytes come out, however much would; the rest stays packed.
            body += unpacker.decompress(data, room) if unpacker else data[:room]
    except (TooLarge, TimeoutError, OSError, http.client.HTTPException, zlib.error, ValueError):
        return bytes(body), False
    return bytes(body), False


def _unpacker(encoding: str) -> zlib._Decompress | None:
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
        case _:
            return None
