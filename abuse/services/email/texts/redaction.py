"""Taking the reporter out of a text that the customer is to see.

Law and prudence ask for it: whoever reports must not be known to the one reported. What is the customer's own (the
reported addresses, names and URLs, his domain) stays, for it is what he has to look at. All patterns are RE2: linear,
whatever the reporter wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import re2

from abuse.parsers.hosts import is_below, name, registered_domain

REMOVED = "[removed]"
LINK_REMOVED = "[link removed]"
IP_REMOVED = "[IP removed]"
MAX_TEXT = 200_000
MAX_NAMES = 200

_HEADERS = (
    r"received|x-received|return-path|envelope-to|delivered-to|x-original-to|apparently-to|message-id|in-reply-to|"
    r"references|list-[a-z-]+|x-[a-z0-9-]+|dkim-signature|domainkey-signature|authentication-results|received-spf|"
    r"arc-[a-z-]+|feedback-id|cfbl-[a-z-]+|original-rcpt-to|original-envelope-id|reporting-mta|reported-from|"
    r"reporter[a-z_ -]*|complainant[a-z_ -]*|contact[a-z_ -]*|report-id|to|cc|bcc|reply-to|sender|resent-[a-z-]+"
)
_HEADER = re2.compile(rf"(?i)^(?:{_HEADERS})[ \t]{{0,5}}:")
_INDENT = re2.compile(r"^[ \t>|]*")
_FROM = re2.compile(r"(?im)^([ \t>|]{0,20}(?:from|von|de|da|van|od)[ \t]{0,5}:)[^\n]*")
_DEFANGED_SCHEME = re2.compile(r"(?i)\bh(?:xx|tt|\*\*)ps?(?:\[:\]|:)(?://|\[//\])")
_URL = re2.compile(r"(?i)\b(?:(?:h(?:xx|tt|\*\*)ps?|ftp)(?:\[:\]|:)//|www\.)[^\s<>\"'`|]+")
_PART = r"[^\s@<>()\[\]{},;:\"'`|=/?&#]"
_ADDRESS = re2.compile(rf"(?i)(?:mailto:)?({_PART}{{1,64}})(?:@|%40|&#64;|\[at\]|\(at\))((?:{_PART}|\[\.\]){{1,255}})")
_IPV4 = re2.compile(r"\b\d{1,3}(?:(?:\.|\[\.\]|\(\.\))\d{1,3}){3}\b")
_IPV6 = re2.compile(r"(?i)(^|[^0-9a-z:.])((?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4})?)")
_TOKEN = re2.compile(
    r"(?i)unsub|opt-?out|list-?manage|/track|tracking|/click|/open|pixel|beacon|/wf/|/ls/click|utm_|[?&/=][0-9a-z_%.~-]{24,}"
)
_SIGN_OFF = re2.compile(
    r"(?im)^(?:-- ?|_{5,}|(?:kind|best|warm)? ?regards|sincerely|yours [a-z]{1,12}|cordialement|saludos[^\n]{0,20}|"
    r"mit freundlichen gr[^\n]{1,20}|cordiali saluti|distinti saluti|met vriendelijke groet[^\n]{0,10}|"
    r"z powa[^\n]{1,20})[,.! \t]*$"
)
_CONTROL = re2.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x{9f}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who must not be seen (`names`, `domains`), and what is the customer's and stays."""

    names: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    own_hosts: frozenset[str] = frozenset()
    own_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    own_urls: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()

    def owns_host(self, host: str) -> bool:
        return any(host == own or is_below(host, own) for own in self.own_hosts)

    def owns_ip(self, ip: IPv4Address | IPv6Address) -> bool:
        return any(ip.version == one.version and ip in one for one in self.own_networks)


def identity_of(
    addresses: Iterable[str | None],
    names: Iterable[str | None],
    *,
    own_hosts: Iterable[str] = (),
    own_networks: Sequence[IPv4Network | IPv6Network] = (),
    own_urls: Iterable[str] = (),
    own_addresses: Iterable[str] = (),
) -> Identity:
    """An identity from the reporters' addresses and whatever else names them (display names, references)."""
    hosts = {host for host in own_hosts if host}
    hidden: dict[str, None] = {}
    domains: dict[str, None] = {}
    for address in addresses:
        local, at, host = (address or "").strip().strip("<>").lower().rpartition("@")
        normal = name(host.strip(">"))
        if at and normal is not None:
            domain = registered_domain(normal)
            if not any(is_below(own, domain) or own == domain for own in hosts):
                domains[domain] = None
        if at and len(local) >= 4 and local not in _ROLES:
            hidden[local] = None
    for one in names:
        for spelling in {(one or "").strip(), (one or "").strip().strip("\"'<>")}:
            if len(spelling) >= 3:
                hidden[spelling] = None
    return Identity(
        tuple(sorted(hidden, key=len, reverse=True)[:MAX_NAMES]),
        tuple(domains)[:MAX_NAMES],
        frozenset(hosts),
        tuple(own_networks),
        frozenset(own_urls),
        frozenset(address.lower() for address in own_addresses),
    )


_ROLES = frozenset({
    "abuse", "admin", "administrator", "alert", "alerts", "cert", "contact", "help", "helpdesk", "hostmaster", "info",
    "mail", "mailer-daemon", "network", "noreply", "no-reply", "notice", "notices", "notification", "office",
    "phishing", "postmaster",
    "report", "reports", "root", "security", "spam", "staff", "support", "system", "team", "webmaster",
})  # fmt: skip


def redacted(text: str, identity: Identity) -> str:
    """The text without the reporter: headers that lead to him, addresses, links, names, domains and his IPs."""
    readable = text.encode("utf-8", "replace").decode("utf-8")[:MAX_TEXT]
    clean: str = _CONTROL.sub("", readable.replace("\r\n", "\n").replace("\r", "\n"))
    clean = "\n".join(_without_headers(clean.split("\n")))
    clean = _FROM.sub(lambda match: _sender(match, identity), clean)
    clean = _URL.sub(lambda match: _link(match.group(0), identity), clean)
    clean = _ADDRESS.sub(lambda match: _mailbox(match, identity), clean)
    clean = _without_names(clean, identity)
    clean = _IPV4.sub(lambda match: _ip(match.group(0), identity), clean)
    return str(_IPV6.sub(lambda match: match.group(1) + _ip(match.group(2), identity), clean))


def without_addresses(text: str) -> str:
    """The text without e-mail addresses."""
    return str(_ADDRESS.sub(REMOVED, _CONTROL.sub("", text.encode("utf-8", "replace").decode("utf-8"))))


def without_signature(text: str) -> str:
    """The text up to the words with which its writer takes leave."""
    match = _SIGN_OFF.search(text)
    return text[: match.start()].rstrip() if match and match.start() > 0 else text


def without_token(url: str) -> str:
    """A URL without what may say for whom it was made: the path and query of one that follows its reader."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if not separator or not slash or _TOKEN.search("/" + path) is None:
        return url
    return f"{scheme}://{host}/{REMOVED}"


def _without_headers(lines: list[str]) -> Iterator[str]:
    """Lines that are no header that leads to the reporter, nor the continuation of one (RFC 5322 section 2.2.3)."""
    within: int | None = None
    for line in lines:
        indent = len(_INDENT.match(line).group(0))
        if within is not None and indent > within and indent < len(line):
            continue
        within = indent if _HEADER.match(line[indent:]) else None
        if within is None:
            yield line


def _sender(match: re2._Match, identity: Identity) -> str:
    """A From line stays where its address is the customer's: the mail was his."""
    found = _ADDRESS.search(match.group(0))
    return str(match.group(0)) if found and _is_own(found, identity) else f"{match.group(1)} {REMOVED}"


def _is_own(match: re2._Match, identity: Identity) -> bool:
    host = match.group(2).replace("[.]", ".").strip(".").lower()
    address = f"{match.group(1)}@{host}".lower()
    return address in identity.own_addresses or identity.owns_host(host)


def _mailbox(match: re2._Match, identity: Identity) -> str:
    return str(match.group(0)) if _is_own(match, identity) else REMOVED


def _link(url: str, identity: Identity) -> str:
    trimmed = url.rstrip(".,;:!?)]}")
    tail = url[len(trimmed) :]
    plain = _DEFANGED_SCHEME.sub(lambda match: "https://" if "s" in match.group(0).lower()[-6:] else "http://", trimmed)
    plain = plain.replace("[.]", ".").replace("(.)", ".")
    host = plain.partition("://")[2] if "://" in plain else plain
    host = host.partition("/")[0].partition("?")[0].rpartition("@")[2]
    bare = host if host.startswith("[") else host.partition(":")[0]
    if not _owns(bare.strip("[]").lower(), identity):
        return LINK_REMOVED + tail
    return (trimmed if trimmed in identity.own_urls or plain in identity.own_urls else without_token(trimmed)) + tail


def _owns(host: str, identity: Identity) -> bool:
    try:
        return identity.owns_ip(ip_address(host))
    except ValueError:
        return identity.owns_host(host)


def _ip(text: str, identity: Identity) -> str:
    plain = text.replace("[.]", ".").replace("(.)", ".")
    try:
        address = ip_address(plain)
    except ValueError:
        return text
    # "::" alone is no address of anybody; it stands in logs as "any".
    return text if int(address) == 0 or identity.owns_ip(address) else IP_REMOVED


def _without_names(text: str, identity: Identity) -> str:
    dot = r"(?:\.|\[\.\]|\(\.\))"
    below = rf"(?:[a-z0-9_-]{{1,63}}{dot}){{0,10}}"
    words = [below + dot.join(map(re2.escape, domain.split("."))) for domain in identity.domains]
    words += [r"\s+".join(map(re2.escape, one.split())) for one in identity.names]
    for start in range(0, len(words), 50):
        pattern = re2.compile(rf"(?i)(^|[^\pL\pN])(?:{'|'.join(words[start : start + 50])})($|[^\pL\pN])")
        # Twice: what stands between two names is taken by the first match.
        for _ in range(2):
            text = pattern.sub(lambda match: f"{match.group(1)}{REMOVED}{match.group(2)}", text)
    return text
