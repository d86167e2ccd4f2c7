"""Whether the sender's domain was authenticated: what the receiving mail server stated (RFC 8601), and what that means.

Anybody can write an Authentication-Results field into his mail. Only those whose authserv-id is one of the operator's
own servers count, and a server removes forged fields of its own name (RFC 8601 section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from .hosts import registered_domain

MAX_FIELDS = 20
MAX_FIELD = 10_000
"""Fields, and characters of one, that are looked at."""

_COMMENT = re2.compile(r"\([^()]{0,500}\)")
_RESULT = re2.compile(r"(?i)^\s*(spf|dkim|dmarc|arc)\s*(?:/\s*\d+)?\s*=\s*([a-z]{1,12})\b(.*)$")
_PROPERTY = re2.compile(
    r"(?i)\b(smtp\.mailfrom|smtp\.helo|header\.d|header\.i|header\.from)\s*=\s*\"?([^\s;\"]{1,320})"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One result: the method (spf, dkim, dmarc, arc), what came out, and for which domain."""

    method: str
    result: str
    domain: str = ""

    @property
    def passed(self) -> bool:
        return self.result == "pass"


@dataclass(frozen=True, slots=True)
class Authentication:
    """All that is known of who really sent a mail. `by` names who checked: a server, or "cerberus"."""

    checks: tuple[Check, ...] = ()
    by: tuple[str, ...] = ()

    def verdict(self, sender: str) -> str:
        """`pass` when the domain of the From address was authenticated, `fail` when the opposite was, else `none`.

        DMARC decides where there is a result; else SPF or DKIM for that domain or another of the same organisation
        (relaxed alignment, RFC 7489 section 3.1).
        """
        domain = sender.rpartition("@")[2].lower().rstrip(".")
        if not domain or not self.checks:
            return "none"
        dmarc = [check for check in self.checks if check.method == "dmarc"]
        if any(check.passed for check in dmarc):
            return "pass"
        if any(check.result == "fail" for check in dmarc):
            return "fail"
        ways = [check for check in self.checks if check.method in ("spf", "dkim")]
        if any(check.passed and _aligned(check.domain, domain) for check in ways):
            return "pass"
        # A broken signature proves nothing: lists and forwarders break them (RFC 6376 section 6.1).
        if any(check.method == "spf" and check.result == "fail" and _aligned(check.domain, domain) for check in ways):
            return "fail"
        return "none"

    def to_json(self) -> dict[str, object]:
        """As it is kept with the mail."""
        return {
            "by": list(self.by),
            "checks": [{"method": one.method, "result": one.result, "domain": one.domain} for one in self.checks],
        }

    def and_also(self, other: Authentication) -> Authentication:
        """Both findings together."""
        return Authentication((*self.checks, *other.checks), (*self.by, *other.by))


def stated(headers: Iterable[tuple[str, str]], authserv_ids: Sequence[str]) -> Authentication:
    """What the operator's own servers stated in Authentication-Results fields."""
    trusted = {name.lower().rstrip(".") for name in authserv_ids}
    checks: list[Check] = []
    by: list[str] = []
    if not trusted:
        return Authentication()
    fields = [value for name, value in headers if name.lower() == "authentication-results"]
    for value in fields[:MAX_FIELDS]:
        text = _COMMENT.sub(" ", value[:MAX_FIELD])
        head, _, rest = text.partition(";")
        server = (head.split() or [""])[0].lower().rstrip(".")
        if server not in trusted:
            continue
        by.append(server)
        checks += _checks(rest)
    return Authentication(tuple(checks), tuple(dict.fromkeys(by)))


def _checks(text: str) -> list[Check]:
    found = []
    for part in text.split(";")[:50]:
        match = _RESULT.match(part)
        if match is None:
            continue
        method, result, properties = match.groups()
        named = {name.lower(): value for name, value in _PROPERTY.findall(properties)}
        domain = next((named[name] for name in _WHERE[method.lower()] if name in named), "")
        found.append(Check(method.lower(), result.lower(), domain.rpartition("@")[2].lower().rstrip(".")))
    return found


_WHERE = {
    "spf": ("smtp.mailfrom", "smtp.helo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from",),
    "arc": ("header.from",),
}


def _aligned(checked: str, domain: str) -> bool:
    return bool(checked) and (checked == domain or registered_domain(checked) == registered_domain(domain))
