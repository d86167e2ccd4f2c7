"""One event sent to a URL that an administrator named: signed, to a checked address, everything bounded.

The headers are those of `signed_webhook`. No redirect is followed, and nothing of the answer is kept but its status.
"""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass, field

import abuse

from .phishing.addresses import RefusedTarget, check_address
from .phishing.connecting import Reach, TooLarge, Unreachable
from .phishing.fetching import Borrowed
from .phishing.targets import Target, read_target
from .signed_webhook import read_secret, sign

MAX_BODY = 64 * 1024
_ANY_PORT = frozenset(range(1, 65536))
_MAX_HEAD = 64 * 1024
_LONGEST_PAUSE = 3600.0
_WORTH_WAITING = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it. `status`: of the answer; None without one. `wait`: seconds that the receiver asks for."""

    status: int | None
    error: str = ""
    wait: float = 0.0

    @property
    def was_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def may_pass(self) -> bool:
        """Whether it says nothing about this event: no answer, or one that another attempt may change."""
        return self.status is None or self.status in _WORTH_WAITING or self.status >= 500


@dataclass(frozen=True)
class Sender:
    """Who may be asked and how. `tls`: with which certificates."""

    reach: Reach
    timeout_seconds: float
    plaintext: bool = False
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def check_url(self, url: str) -> Target:
        """Where a URL leads, as far as can be said without asking for addresses of names.

        :raises RefusedTarget: for one that nothing is sent to.
        """
        target = read_target(url, ports=_ANY_PORT)
        if target.scheme != "https" and not self.plaintext:
            raise RefusedTarget(f"URL {url[:200]!r}: scheme http; expected https")
        if "@" in url.partition("//")[2].partition("/")[0]:
            raise RefusedTarget("URL: holds a user name; expected none")
        if not isinstance(target.host, str):
            check_address(target.host, allowed=self.reach.allowed, refused=self.reach.refused)
        return target

    def post(self, url: str, secret: str, identifier: str, body: bytes) -> Posted:
        """Send an event once."""
        until = time.monotonic() + self.timeout_seconds
        try:
            return self._ask(self.check_url(url), secret, identifier, body, until)
        except RefusedTarget as error:
            return Posted(None, f"not asked: {error}"[:500])
        except Unreachable as error:
            return Posted(None, f"{error.kind}: {error}"[:500])
        except TooLarge:
            return Posted(None, f"broken: more than {_MAX_HEAD} bytes of headers")
        except TimeoutError:
            return Posted(None, f"timeout: no answer within {self.timeout_seconds:g} seconds")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Posted(None, f"broken: {type(error).__name__} {error}"[:500])

    def _ask(self, target: Target, secret: str, identifier: str, body: bytes, until: float) -> Posted:
        timestamp = int(time.time())
        headers = {
            "Host": target.authority,
            "User-Agent": f"Cerberus/{abuse.__version__}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "webhook-id": identifier,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(read_secret(secret), identifier, timestamp, body),
            "Connection": "close",
        }
        channel = self.reach.connect(target, until=until, tls=self.tls)
        connection = http.client.HTTPConnection(target.authority)
        connection.sock = Borrowed(channel)
        try:
            channel.left = _MAX_HEAD
            connection.putrequest("POST", target.resource, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            error = "" if 200 <= response.status < 300 else f"status {response.status}; expected 200 to 299"
            return Posted(response.status, error, _seconds(response.getheader("Retry-After", "")))
        finally:
            connection.close()
            channel.close()


def _seconds(text: str) -> float:
    return min(float(text), _LONGEST_PAUSE) if text.isascii() and text.isdecimal() and len(text) < 7 else 0.0
