"""Finding out whether a mail's sender is who he says: what our mail servers stated, and DKIM checked by ourselves.

No transaction is open here: signatures need DNS.
"""

from __future__ import annotations

import logging
import time

import dkim
import dns.exception
import dns.resolver

from abuse.config.schema import Parser
from abuse.parsers import ParsedEmail
from abuse.parsers.authentication import Authentication, Check, stated

log = logging.getLogger(__name__)
# The library tells everything of a sender's mail at the level of errors; what matters is the result.
_SILENT = logging.getLogger(f"{__name__}.dkim")
_SILENT.setLevel(logging.CRITICAL + 1)

MAX_SIGNATURES = 5
MAX_BYTES = 10 * 1024 * 1024
"""Signatures of larger mails are not checked: it would take long, and complaints are small."""
KEY_SECONDS = 3600.0
MAX_KEYS = 10_000

_keys: dict[tuple[str, tuple[str, ...]], tuple[float, bytes | None]] = {}


def authenticate(raw: bytes, parsed: ParsedEmail, settings: Parser) -> Authentication:
    """All that can be known of the sender within the settings; empty when they ask for nothing."""
    found = stated(parsed.headers, settings.authserv_ids)
    if settings.verify_dkim and len(raw) <= MAX_BYTES:
        found = found.and_also(_check_signatures(raw, parsed, settings))
    return found


def _check_signatures(raw: bytes, parsed: ParsedEmail, settings: Parser) -> Authentication:
    count = sum(name.lower() == "dkim-signature" for name, _ in parsed.headers)
    if not count:
        return Authentication()
    keys = _KeyFinder(settings)
    checks = []
    for index in range(min(count, MAX_SIGNATURES)):
        checker = dkim.DKIM(raw, logger=_SILENT, timeout=settings.dns_seconds, minkey=1024)
        try:
            result = "pass" if checker.verify(index, dnsfunc=keys.find) else "fail"
        except dkim.DKIMException as error:
            result = "fail" if "body hash" in str(error) else "permerror"
            log.debug("signature %s: %s", index, error)
        except (dns.exception.DNSException, OSError, ValueError, IndexError, UnicodeError) as error:
            # A signature is the sender's text: what the library stumbles over is a signature that proves nothing.
            result = "temperror" if isinstance(error, dns.exception.Timeout) else "permerror"
            log.debug("signature %s: %s", index, error)
        domain = getattr(checker, "domain", b"") or b""
        checks.append(Check("dkim", result, domain.decode("ascii", "replace").lower().rstrip(".")))
    return Authentication(tuple(checks), ("cerberus",))


class _KeyFinder:
    """Public keys from DNS, each name asked at most once an hour, with one time limit for all of a mail."""

    def __init__(self, settings: Parser) -> None:
        self._servers = settings.dns_servers
        self._resolver = dns.resolver.Resolver(configure=not self._servers)
        if self._servers:
            self._resolver.nameservers = [server.partition("#")[0] for server in self._servers]
            self._resolver.port = int(self._servers[0].partition("#")[2] or 53)
        self._end = time.monotonic() + settings.dns_seconds

    def find(self, name: bytes, timeout: float = 5) -> bytes | None:
        """The TXT record of a name; None when there is none.

        :raises dns.exception.Timeout: when the time for this mail is over.
        """
        text = name.decode("ascii").lower().rstrip(".")
        key = (text, self._servers)
        kept = _keys.get(key)
        if kept is not None and time.monotonic() - kept[0] < KEY_SECONDS:
            return kept[1]
        left = self._end - time.monotonic()
        if left <= 0:
            raise dns.exception.Timeout
        try:
            answer = self._resolver.resolve(text, "TXT", lifetime=left)
            found: bytes | None = b"".join(next(iter(answer)).strings)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            found = None
        if len(_keys) >= MAX_KEYS:
            _keys.clear()
        _keys[key] = (time.monotonic(), found)
        return found
