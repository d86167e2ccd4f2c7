"""Asking a system of the operator's for JSON: bounded in time and size, over TLS, repeated where that can help.

Used by services that ask other systems. What they ask for comes from hostile mail, what they ask does not: the host is
the one of the settings, and no redirect leads away from it.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import abuse

from .breaker import CircuitBreaker, CircuitOpen
from .facade import ServiceError

TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST_PAUSE = 10.0
"""Seconds: who asks for a longer pause is not waited for, the call fails and the caller comes back later."""
UNSAID_PAUSE = 60.0
"""Seconds for which a system that was asked too often (429) is to be left alone when it does not say for how long."""
_CHUNK = 64 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+( [\x21-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """What was answered; `content` is None where the body is not JSON and need not be (other statuses than 2xx)."""

    status: int
    content: Any
    location: str = ""


class JsonClient:
    """One system that answers JSON.

    :param url: of all it is asked for; paths are put behind it.
    :param error: what is raised; `permanent` unless asking again may help.
    :param headers: sent each time. A value with line ends or the like is refused.
    :param timeout_seconds: for a call with connecting, sending and reading; of each attempt.
    :param attempts: how often in all, when the fault is a passing one: no answer, or a status of TEMPORARY.
    :param pause_seconds: before the second attempt; doubles each time. A `Retry-After` (RFC 9110) counts instead.
    :param plaintext: whether the URL may be http, for a system on the same machine or a network of its own.
    :raises ValueError: for what cannot be.
    """

    def __init__(
        self,
        url: str,
        *,
        error: type[ServiceError] = ServiceError,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        max_answer_bytes: int = 8 * 1024 * 1024,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and plaintext):
            raise ValueError(f"url: {url!r}; expected https:// (http:// with plaintext: true)")
        if not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"url: {url!r}; expected a host and maybe a path, no user name and no query")
        if not (0 < timeout_seconds <= 60 and 1 <= attempts <= 5 and 0 <= pause_seconds <= 10):
            raise ValueError("timeout_seconds, attempts, pause_seconds: expected up to 60, 1 to 5, and 0 to 10")
        if max_answer_bytes < 1024:
            raise ValueError(f"max_answer_bytes: {max_answer_bytes}; expected at least 1024")
        for name, value in (headers or {}).items():
            if not _TOKEN.fullmatch(value):
                raise ValueError(f"{name}: expected printable ASCII without line ends")
        self.host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._error = error
        self._headers = dict(headers or {})
        self._timeout, self._attempts, self._pause = timeout_seconds, attempts, pause_seconds
        self._max_answer = max_answer_bytes
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._breaker = breaker
        if breaker is not None:
            breaker.share_as(f"{parts.hostname}:{self._port or parts.scheme}{self._path}")

    def get_bytes(self, path: str) -> bytes:
        """The body of an answer that is no JSON, asked for with GET. See `call`."""
        content: bytes = self.call("GET", path, wants_json=False).content
        return content

    def get(self, path: str, query: Any = None, *, allowing: Collection[int] = ()) -> JsonAnswer:
        """Ask with GET; `query` as `urlencode` takes it. See `call`."""
        resource = path + (f"?{urlencode(query, doseq=True)}" if query else "")
        return self.call("GET", resource, allowing=allowing)

    def call(
        self,
        method: str,
        resource: str,
        body: bytes | None = None,
        *,
        headers: Callable[[], Mapping[str, str]] | None = None,
        allowing: Collection[int] = (),
        wants_json: bool = True,
    ) -> JsonAnswer:
        """The answer with a status of 2xx, or one of `allowing`.

        :param headers: made anew for each attempt.
        :param wants_json: else `content` is the bytes as they came.
        :raises ServiceError: of the given class, for all else.
        """
        try:
            if self._breaker is not None:
                self._breaker.enter()
        except CircuitOpen as fault:
            raise self._error(f"{self.host}: {fault}") from None
        try:
            answer = self._repeatedly(method, resource, body, headers, allowing, wants_json)
        except ServiceError as error:
            if self._breaker is not None:
                # A refusal is an answer, too: the system is there.
                self._breaker.succeeded() if error.permanent else self._breaker.failed(str(error))
            raise
        except BaseException:
            if self._breaker is not None:
                self._breaker.failed("the call was broken off")
            raise
        if self._breaker is not None:
            self._breaker.succeeded()
        return answer

    def _repeatedly(
        self,
        method: str,
        resource: str,
        body: bytes | None,
        headers: Callable[[], Mapping[str, str]] | None,
        allowing: Collection[int],
        wants_json: bool,
    ) -> JsonAnswer:
        pause = self._pause
        attempt = 1
        while True:
            try:
                return self._attempt(method, resource, body, headers() if headers else {}, allowing, wants_json)
            except _Passing as fault:
                wait = pause if fault.wait is None else fault.wait
                if attempt == self._attempts or wait > LONGEST_PAUSE:
                    error = self._error(f"{self.host}: {fault} (attempt {attempt} of {self._attempts})")
                    error.wait = fault.wait if fault.wait is not None or not fault.is_limit else UNSAID_PAUSE
                    raise error from None
                time.sleep(wait)
                pause *= 2
                attempt += 1

    def _attempt(
        self,
        method: str,
        resource: str,
        body: bytes | None,
        headers: Mapping[str, str],
        allowing: Collection[int],
        wants_json: bool,
    ) -> JsonAnswer:
        sent = {
            "Accept": "application/json" if wants_json else "*/*",
            "User-Agent": f"Cerberus/{abuse.__version__}",
            **self._headers,
            **headers,
        }
        connection = _Connection(self.host, self._port, self._timeout, self._tls)
        # Whatever drips in byte by byte, the call is over in time: the watch hangs up.
        watch = threading.Timer(self._timeout, connection.hang_up)
        watch.daemon = True
        watch.start()
        try:
            connection.request(method, self._path + resource, body=body, headers=sent)
            with connection.getresponse() as response:
                content = self._read(response)
                status, length = response.status, response.length
                # Some say it in a field of their own.
                reset_after = response.getheader("X-Rate-Limit-Reset-After", "")
                retry_after = response.getheader("Retry-After", "") or reset_after
                location = response.getheader("Location", "")
        except ssl.SSLCertVerificationError as error:
            raise self._error(f"{self.host}: {error}", permanent=True) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if connection.was_hung_up:
                raise _Passing(f"no whole answer within {self._timeout:g} s") from None
            raise _Passing(f"{type(error).__name__}: {error}") from None
        finally:
            watch.cancel()
            connection.close()
        if connection.was_hung_up or length:
            raise _Passing(f"no whole answer within {self._timeout:g} s")
        if status in TEMPORARY and status not in allowing:
            raise _Passing(f"status {status}{_shown(content)}", _wait(retry_after), is_limit=status == 429)
        if not (200 <= status < 300 or status in allowing):
            raise self._error(f"{self.host}: {resource[:200]}: status {status}{_shown(content)}", permanent=True)
        if not wants_json:
            return JsonAnswer(status, content, location)
        return JsonAnswer(status, self._json(content, required=200 <= status < 300), location)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        content = bytearray()
        while chunk := response.read(_CHUNK):
            content += chunk
            if len(content) > self._max_answer:
                raise self._error(f"{self.host}: an answer of more than {self._max_answer} bytes", permanent=True)
        return bytes(content)

    def _json(self, content: bytes, *, required: bool) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            if required:
                shown = content[:100]
                raise self._error(f"{self.host}: answered {shown!r}; expected JSON", permanent=True) from None
            return None


class _Connection(http.client.HTTPConnection):
    """One connection, which another thread may hang up at any moment, the TLS handshake included."""

    def __init__(self, host: str, port: int | None, timeout: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port or (443 if tls else 80), timeout=timeout)
        self._tls = tls
        self.was_hung_up = False

    def connect(self) -> None:
        super().connect()
        if self._tls is not None:
            secured = self._tls.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = secured
            secured.do_handshake()

    def hang_up(self) -> None:
        self.was_hung_up = True
        if self.sock is not None:
            try:
                # Not `close`: the reader has its own hold on the socket, and would go on.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                return  # it was over already


class _Passing(Exception):
    """A fault that another attempt may not meet; `wait`: seconds that were asked for; `is_limit`: we ask too often."""

    def __init__(self, message: str, wait: float | None = None, *, is_limit: bool = False) -> None:
        super().__init__(message)
        self.wait, self.is_limit = wait, is_limit


def _wait(retry_after: str) -> float | None:
    """The seconds of a Retry-After, which is a number or a date (RFC 9110, 10.2.3); None when there is none."""
    if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) <= 9:
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _shown(content: bytes) -> str:
    """The beginning of what was answered, for a message."""
    text = " ".join(content[:400].decode("utf-8", "replace").split())
    return f": {text[:200]}" if text else ""
