"""Addresses, URLs and names in free text, in time linear in its length (RE2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

import re2

from . import hosts, urls
from .context import ParserContext, own_name_pattern
from .urls import BRACKET_DOT, DOT, LABEL
from .values import ItemKind, ParsedItem

_IP_DOT = rf"(?:{DOT}|[ \t]dot[ \t]|[ \t]\.[ \t])"
_IPV4 = re2.compile(rf"(?i)\d{{1,3}}(?:{_IP_DOT}\d{{1,5}}){{3,}}".encode())
_IPV4_TAIL = re2.compile(rb"\]?(?:/(\d{1,2})\b|:(\d{1,5})\b| ?(?:\(?port|#)[ :=]{1,2}(\d{1,5})\b)")
# What such a tail begins with: one with a network, and one that can only hold a port.
_NETWORK_FOLLOWS = frozenset((b"/", b"]"))
_PORT_FOLLOWS = frozenset((b":", b" ", b"(", b"p", b"#"))
_COLON = r"(?::|\[:\])"
_IPV6 = re2.compile(rf"(?i)(?:ipv6:)?[0-9a-f]{{0,4}}(?:{_COLON}[0-9a-f]{{0,4}}){{2,}}(?:\.\d{{1,3}}){{0,3}}".encode())
_IPV6_TAIL = re2.compile(rb"(?:%[0-9A-Za-z]{1,16})?(?:/(\d{1,3})\b|\]:(\d{1,5})\b)?")
_DISGUISED_NAME = re2.compile(rf"(?i){LABEL}(?:\.{LABEL})*{BRACKET_DOT}{LABEL}(?:{DOT}{LABEL})*".encode())
_DISGUISED_PATH = re2.compile(rb"(?::\d{1,5})?(/[^\s<>\"'|]*)")
_LABELLED_NAME = re2.compile(
    (
        r"(?im)\b(?:domain(?:[ -]?names?)?|host(?:[ -]?names?)?|fqdn|web ?site|c&c|c2)(?:\(s\))?[ \t]*[:=][ \t]*"
        rf"<?({LABEL}(?:\.{LABEL})+)"
    ).encode()
)
_NEXT_LABEL = re2.compile(r"(?i)(?:port|protocol|proto)$")
_WWW_NAME = re2.compile(rf"(?i)\bwww{DOT}{LABEL}(?:{DOT}{LABEL})+(?::\d{{1,5}})?(?:/[^\s<>\"'|]*)?".encode())
_ANY_NAME = re2.compile(rf"{LABEL}(?:\.{LABEL})+".encode())
# What makes four numbers a version and no address.
_VERSION_BEFORE = re2.compile(
    rb"(?i)(?:\b(?:version|vers?\.?|release|build|firmware|revision|rev|openssh|apache|nginx|kernel|windows nt|php|"
    rb"section|chapter)|\bv)[ \t:=_-]*$"
)
# The attacked side: "DST=…", "our server at …", and what an arrow in a log points to.
_TARGET_BEFORE = re2.compile(
    rb"(?i)(?:\b(?:dst|dstip|dst_ip|dest|daddr|destination|target|victim|attacked|reporting mta|our)[ \t_-]*(?:\(s\))?"
    rb"(?:ip|addr(?:ess)?|host|server|ip addresse?s?)?[ \t]*(?:\(s\))?[ \t]*[:=>]+[ \t]*[\"'\[(]?|"
    rb"\bour (?:own )?(?:servers?|hosts?|systems?|networks?|machines?|sites?)[ \t]*"
    rb"(?:at |with (?:the )?ip (?:address )?)?\(?|"
    rb"[0-9\])][ \t]*-{0,2}>[ \t]?)$"
)
# The last byte of what the two above find, without the punctuation behind it; \xbf ends a "ſ", to RE2 an "s".
_VERSION_ENDS = frozenset(bytes((byte,)) for byte in b"dehlnprstvxDEHLNPRSTVX.\xbf")
_TARGET_ENDS = frozenset((b":", b"=", b">"))
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

Candidate = TypeVar("Candidate")


def _ignore(sentence: str) -> None:
    """For callers that do not collect defects."""


def extract(
    text: str,
    place: str,
    context: ParserContext,
    say: Callable[[str], None] = _ignore,
    *,
    is_record: bool = False,
) -> list[ParsedItem]:
    """What `text` points at, in order of kinds (URL, IP, CIDR, FQDN), each value once.

    Hosts of found URLs are not items of their own. Addresses said to be the attacked side ("DST=", "a -> b") are left
    out, as are names that are neither disguised, nor labelled, nor the company's own (`context.fqdn_re`).
    `say` is told, in a sentence, when a bound was reached. `is_record`: a machine wrote it, so that what it labels a
    host is one, whatever its top-level domain.
    """
    data = text.encode("utf-8", "replace")
    found = _Found(place, context, say)
    masked = bytearray(data)
    is_disguised = False
    for url in found.bounded(urls.find(data)):
        is_disguised = is_disguised or url.raw != url.value
        if hosts.is_wanted_host(url.host, context):
            found.add(ItemKind.URL, url.value, url.raw, url.port)
        masked[url.start : url.end] = b"\n" * (url.end - url.start)
        found.url_hosts.add(url.host)
    for url in found.bounded(urls.find_listed(data) if is_disguised else ()):
        if hosts.is_wanted_host(url.host, context):
            found.add(ItemKind.URL, url.value, url.raw, url.port)
            found.url_hosts.add(url.host)
    rest = bytes(masked)
    _find_ipv4(rest, found)
    _find_ipv6(rest, found)
    _find_names(rest, found, is_record=is_record)
    return found.items()


def weak_names(text: str, place: str, context: ParserContext, say: Callable[[str], None] = _ignore) -> list[ParsedItem]:
    """Names that only start with "www.", for texts in which nothing better was found."""
    found = _Found(place, context, say)
    for match in found.bounded(_WWW_NAME.finditer(text.encode("utf-8", "replace"))):
        url = urls.normalise("http://" + match.group().decode("utf-8", "replace"))
        if url is None or not hosts.has_public_suffix(url.host) or not hosts.is_wanted_host(url.host, context):
            continue
        has_path = len(url.value.removeprefix("http://").partition("/")[2]) > 0
        kind = ItemKind.URL if has_path else ItemKind.FQDN
        found.add(kind, url.value if has_path else url.host, match.group().decode("utf-8", "replace"), url.port)
    return found.items()


class _Found:
    """The items of one text, each value once."""

    def __init__(self, place: str, context: ParserContext, say: Callable[[str], None]) -> None:
        self.place = place
        self.say = say
        self.context = context
        self.url_hosts: set[str] = set()
        self._items: dict[tuple[ItemKind, str], ParsedItem] = {}

    @property
    def is_full(self) -> bool:
        return len(self._items) >= self.context.limits.max_items

    def bounded(self, matches: Iterable[Candidate]) -> Iterator[Candidate]:
        """`matches` as long as the bounds allow; a sentence when they do not."""
        for number, match in enumerate(matches):
            if self.is_full:
                self.say(f"Only the first {self.context.limits.max_items} items are kept.")
                return
            if number >= self.context.limits.max_candidates:
                self.say(f"Only the first {number} possible items of a kind are examined.")
                return
            yield match

    def has_port(self, address: str) -> bool:
        """Whether an address was found, with a port: a further one of it would say nothing new."""
        known = self._items.get((ItemKind.IP, address))
        return known is not None and known.port is not None

    def add(self, kind: ItemKind, value: str, raw: str, port: int | None = None) -> None:
        key = (kind, value)
        known = self._items.get(key)
        if known is None:
            if not self.is_full:
                self._items[key] = ParsedItem(kind, value, raw[:500], self.place, port)
        elif known.port is None and port is not None:
            self._items[key] = ParsedItem(kind, value, known.raw, self.place, port)

    def items(self) -> list[ParsedItem]:
        """The hosts of the URLs taken out."""
        return [item for item in self._items.values() if item.kind is ItemKind.URL or item.value not in self.url_hosts]


def _find_ipv4(data: bytes, found: _Found) -> None:
    for match in found.bounded(_IPV4.finditer(data)):
        start, end = match.span()
        before = data[max(0, start - 40) : start]
        if not _may_start_address(before) or _continues_a_name(data, end):
            continue
        if end - start > urls.MAX_HOST:
            continue
        raw = data[start:end]
        address, port = _numbers(raw)
        if address is None or _says_version(before) or _says_target(before):
            continue
        if not hosts.is_wanted_address(address, found.context):
            continue
        following = data[end : end + 1]
        network = None
        if following in _NETWORK_FOLLOWS or (following in _PORT_FOLLOWS and not found.has_port(address)):
            network, port = _tail(_IPV4_TAIL, data, end, address, port)
        found.add(ItemKind.CIDR if network else ItemKind.IP, network or address, raw.decode("utf-8", "replace"), port)


# Logs name the same addresses over and over. What is remembered is short.
@lru_cache(maxsize=1024)
def _numbers(raw: bytes) -> tuple[str | None, int | None]:
    """The address that numbers with dots, disguised ones too, are, and the port that tcpdump writes as a fifth."""
    numbers = urls.refang(raw.decode("utf-8", "replace")).replace(" ", "").split(".")
    port = int(numbers.pop()) if len(numbers) == 5 and 255 < int(numbers[4]) < 65536 else None
    return hosts.ip(".".join(numbers)), port


def _find_ipv6(data: bytes, found: _Found) -> None:
    for match in found.bounded(_IPV6.finditer(data)):
        start, end = match.span()
        raw = data[start:end].decode("ascii").replace("[:]", ":")
        if raw.endswith(":") and not raw.endswith("::"):
            raw = raw[:-1]  # "from 2001:db8::1: text"
        if len(raw) > 50 or raw.count(":") < (2 if "::" in raw else 6):
            continue  # most are times of day
        before = data[max(0, start - 40) : start]
        if before[-1:] and (before[-1] in _WORD or before[-1:] in b".:-@"):
            continue
        if data[end : end + 1] and data[end] in _WORD:
            continue
        address = hosts.ip(raw)
        if address is None or (":" in address and not hosts.is_global_ipv6(address)):
            continue
        if _says_target(before) or not hosts.is_wanted_address(address, found.context):
            continue
        network, port = _tail(_IPV6_TAIL, data, end, address, None)
        found.add(ItemKind.CIDR if network else ItemKind.IP, network or address, match.group().decode("ascii"), port)


def _tail(pattern: re2._Regexp, data: bytes, end: int, address: str, port: int | None) -> tuple[str | None, int | None]:
    """The network and the port that follow an address."""
    tail = pattern.match(data, end, min(len(data), end + 40))
    if tail is None:
        return None, port
    length, *ports = tail.groups()
    network = hosts.cidr(f"{address}/{length.decode('ascii')}") if length else None
    for text in ports:
        if text and 0 < int(text) < 65536:
            port = int(text)
    return network, port


def _says_version(before: bytes) -> bool:
    last = before.rstrip(b" \t:=_-")[-1:]
    return last in _VERSION_ENDS and _VERSION_BEFORE.search(before) is not None


def _says_target(before: bytes) -> bool:
    last = before.rstrip(b" \t\"'[(")[-1:]
    return (last in _TARGET_ENDS or b"our" in before.lower()) and _TARGET_BEFORE.search(before) is not None


def _may_start_address(before: bytes) -> bool:
    """False when what stands before makes the numbers part of something longer."""
    if not before:
        return True
    last = before[-1:]
    if last[0] in _WORD or last in (b".", b"~", b"+", b"$"):
        return False
    previous = before[-2:-1]
    if last in b"-/@":
        # a range or a list of addresses is fine, "Chrome/1.2.3.4", "host-1.2.3.4" and "user@1.2.3.4" are not
        return not previous or previous[0] not in _WORD or (last in b"-/" and previous.isdigit())
    return True


def _continues_a_name(data: bytes, end: int) -> bool:
    """True for "4.3.2.1.in-addr.arpa", "1.2.3.4-static.isp.example", "1.2.3.4@host" and "1.2.3.4_5"."""
    following = data[end : end + 2]
    if not following:
        return False
    if following[0] in _WORD or following[:1] == b"@":
        return True
    return following[:1] in (b".", b"-") and len(following) == 2 and following[1] in _WORD


def _find_names(data: bytes, found: _Found, *, is_record: bool) -> None:
    for match in found.bounded(_DISGUISED_NAME.finditer(data)):
        start, end = match.span()
        before = data[max(0, start - 4) : start].lower()
        if end - start > urls.MAX_HOST or before.endswith((b"@", b"/", b"[at]", b"(at)")):
            continue
        raw = match.group().decode("utf-8", "replace")
        host = hosts.name(urls.refang(raw))
        if host is None or hosts.is_public_suffix(host) or data[end : end + 1] == b"@":
            continue
        if not hosts.is_wanted_host(host, found.context):
            continue
        path = _DISGUISED_PATH.match(data, end)
        url = urls.normalise(f"http://{host}{path.group().decode('utf-8', 'replace')}") if path else None
        if url is not None and len(path.group(1)) > 1:
            found.add(ItemKind.URL, url.value, raw + path.group().decode("utf-8", "replace"), url.port)
            found.url_hosts.add(host)
        else:
            found.add(ItemKind.FQDN, host, raw)
    for match in found.bounded(_LABELLED_NAME.finditer(data)):
        raw = match.group(1).decode("utf-8", "replace")
        host = hosts.name(raw)
        if host and not hosts.has_public_suffix(host) and data[match.end(1) : match.end(1) + 1] in (b":", b"="):
            cut = _NEXT_LABEL.sub("", raw)  # "host: a.example.comport: 80"
            if (meant := hosts.name(cut)) and hosts.has_public_suffix(meant):
                raw, host = cut, meant
        if host and (is_record or hosts.has_public_suffix(host)) and hosts.is_wanted_host(host, found.context):
            found.add(ItemKind.FQDN, host, raw)
    if found.context.fqdn_re:
        _find_own_names(data, found, found.context.fqdn_re)


def _find_own_names(data: bytes, found: _Found, fqdn_re: str) -> None:
    pattern = own_name_pattern(fqdn_re)
    if pattern.search(data) is None:
        return
    seen: set[bytes] = set()
    for match in found.bounded(_ANY_NAME.finditer(data)):
        candidate = match.group()
        before = data[max(0, match.start() - 1) : match.start()]
        if candidate in seen or before == b"@":
            continue
        seen.add(candidate)
        host = hosts.name(candidate.decode("utf-8", "replace"))
        if host and pattern.fullmatch(host) and hosts.is_wanted_host(host, found.context):
            found.add(ItemKind.FQDN, host, candidate.decode("utf-8", "replace"))
