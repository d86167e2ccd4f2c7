"""Calls to systems of the operator's own, signed both ways as Standard Webhooks are (HMAC-SHA256, with the time).

webhook-id          the key of the call, the same at every attempt; also sent as Idempotency-Key
webhook-timestamp   seconds since 1970
webhook-signature   v1,<base64 of HMAC-SHA256(secret, "<id>.<timestamp>.<body>")>, several separated by spaces
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import abuse

from .facade import ServiceError

TOLERANCE = 300
"""Seconds that the clocks of the two sides may differ, and a call may be under way."""
MIN_SECRET = 24
MAX_ANSWER = 64 * 1024
MAX_BODY = 1024 * 1024
_TEMPORARY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 30.0


class WebhookError(ServiceError):
    """The call was not answered as it should be; `permanent` when another attempt would not help."""


class SignatureError(ServiceError):
    """A call is not from whom it says. Permanent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    content: Mapping[str, Any]


def read_secret(text: str, *, name: str = "secret") -> bytes:
    """A shared secret: `whsec_` and base64 as other implementations write it, or any text.

    :raises ValueError: for less than 24 bytes.
    """
    try:
        secret = base64.b64decode(text[6:], validate=True) if text.startswith("whsec_") else text.encode()
    except binascii.Error:
        raise ValueError(f"{name}: expected base64 after whsec_") from None
    if len(secret) < MIN_SECRET:
        raise ValueError(f"{name}: {len(secret)} bytes; expected at least {MIN_SECRET}")
    return secret


def sign(secret: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """The signature of a call."""
    digest = hmac.new(secret, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> str:
    """The key of a call that was signed with one of the secrets, lately.

    Whoever recorded a call can repeat it for as long as `TOLERANCE`: what it says must be harmless to hear twice.

    :raises SignatureError: for any other.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(name)]
    if missing:
        raise SignatureError(f"header {missing[0]}: is missing")
    if len(body) > MAX_BODY:
        raise SignatureError(f"body: {len(body)} bytes; expected at most {MAX_BODY}")
    stamp = given["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise SignatureError(f"header webhook-timestamp: {stamp[:40]!r}; expected seconds since 1970")
    moment = time.time() if now is None else now
    if abs(moment - int(stamp)) > TOLERANCE:
        raise SignatureError(f"header webhook-timestamp: {stamp} is more than {TOLERANCE} seconds from now")
    identifier = given["webhook-id"]
    expected = [sign(secret, identifier, int(stamp), body).encode() for secret in secrets]
    for signature in given["webhook-signature"].split()[:16]:
        if any(hmac.compare_digest(one, signature.encode("utf-8", "replace")) for one in expected):
            return identifier
    raise SignatureError("header webhook-signature: is not ours")


class SignedWebhook:
    """One URL that takes signed JSON and answers in JSON. No redirect is followed.

    :param secret: shared with the other side; at least 24 bytes, or `whsec_` and base64.
    :param timeout_seconds: for each attempt.
    :param attempts: how often in all, when the fault is a passing one: no answer, 408, 409, 425, 429, 500, 502-504.
    :param pause_seconds: before the second attempt; doubles each time. A `Retry-After` counts, up to 30 seconds.
    :param plaintext: whether the URL may be http, for a system on the same machine or a network of its own.
    :raises ValueError: for what cannot be.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        timeout_seconds: float = 15.0,
        attempts: int = 4,
        pause_seconds: float = 1.0,
        ca_file: str | None = None,
        plaintext: bool = False,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and plaintext):
            raise ValueError(f"url: {url!r}; expected https:// (http:// with plaintext: true)")
        if not parts.hostname or parts.username:
            raise ValueError("url: expected a host, and no user name")
        if not (0 < timeout_seconds <= 60 and 1 <= attempts <= 5 and 0 <= pause_seconds <= 10):
            raise ValueError("timeout_seconds, attempts, pause_seconds: expected up to 60, 1 to 5, and 0 to 10")
        self._host, self._port = parts.hostname, parts.port
        self._resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret = read_secret(secret)
        self._timeout, self._attempts, self._pause = timeout_seconds, attempts, pause_seconds
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None

    def call(self, identifier: str, payload: Mapping[str, Any]) -> Answer:
        """Have the payload taken, at the first attempt or a later one; every attempt has the same key.

        :raises WebhookError: when it was not.
        """
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        pause = self._pause
        for attempt in count(1):
            try:
                return self._attempt(identifier, body)
            except _Passing as fault:
                if attempt == self._attempts:
                    raise WebhookError(f"{self._host}: {fault} (at {attempt} attempts)") from None
                time.sleep(min(max(pause, fault.wait), _LONGEST_PAUSE))
                pause *= 2
        raise AssertionError  # for the type checker: `count` has no end

    def _attempt(self, identifier: str, body: bytes) -> Answer:
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Cerberus/{abuse.__version__}",
            "Idempotency-Key": identifier,
            "webhook-id": identifier,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, identifier, timestamp, body),
        }
        connection = self._connection()
        try:
            connection.request("POST", self._resource, body=body, headers=headers)
            with connection.getresponse() as response:
                content = response.read(MAX_ANSWER + 1)
                status, retry_after = response.status, response.getheader("Retry-After", "")
        except ssl.SSLCertVerificationError as error:
            raise WebhookError(f"{self._host}: {error}", permanent=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(f"{type(error).__name__}: {error}") from None
        finally:
            connection.close()
        if status in _TEMPORARY:
            wait = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
            raise _Passing(f"status {status}{_shown(content)}", wait)
        if not 200 <= status < 300:
            raise WebhookError(f"{self._host}: status {status}{_shown(content)}", permanent=True)
        return Answer(status, self._read(content))

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)

    def _read(self, content: bytes) -> Mapping[str, Any]:
        if not content.strip():
            return {}
        if len(content) > MAX_ANSWER:
            raise WebhookError(f"{self._host}: an answer of more than {MAX_ANSWER} bytes", permanent=True)
        try:
            read = json.loads(content)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise WebhookError(f"{self._host}: answered {content[:100]!r}; expected a JSON object", permanent=True)
        return read


class _Passing(Exception):
    """A fault that another attempt may not meet; `wait`: seconds that were asked for."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def _shown(content: bytes) -> str:
    """The beginning of what was answered, for a message."""
    text = " ".join(content[:400].decode("utf-8", "replace").split())
    return f": {text[:200]}" if text else ""


__all__ = ["Answer", "SignatureError", "SignedWebhook", "WebhookError", "read_secret", "sign", "verify"]
