"""Where a reported URL leads, read as browsers read it: what is checked must be what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

import re2

from .addresses import Address, RefusedTarget

MAX_URL = 8192
"""Characters; nothing longer is asked for."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re2.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re2.compile(r"0x[0-9a-f]*|[0-9]+")
_STRIPPED = "".join(map(chr, range(33)))
_REMOVED = str.maketrans("", "", "\t\r\n")
_KEPT_IN_PATHS = "/%:@!$&'()*+,;=~-._[]|?"


@dataclass(frozen=True, slots=True)
class Target:
    """A page to ask for. `host` is a name in A-label form, or an address; `resource` the path with the query."""

    scheme: str
    host: str | Address
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if isinstance(self.host, IPv6Address) else str(self.host)
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.resource}"


def read_target(url: str, *, ports: frozenset[int], base: Target | None = None) -> Target:
    """Where a URL leads; user names and passwords in it are dropped, since nobody is to be sent any.

    :param base: the page whose redirect it is.
    :raises RefusedTarget: for anything but http and https, for a host that is none, and for a port not in `ports`.
    """
    shown = url[:200]
    if len(url) > MAX_URL:
        raise RefusedTarget(f"URL {shown!r}: {len(url)} characters; expected at most {MAX_URL}")
    # As browsers do: a backslash is a slash, tabs and line ends are not there.
    text = url.strip(_STRIPPED).translate(_REMOVED)
    before, mark, query = text.partition("?")
    text = before.replace("\\", "/") + mark + query
    try:
        if base is not None:
            text = urljoin(base.url, text)
        parts = urlsplit(text)
        scheme, port, name = parts.scheme.lower(), parts.port, parts.hostname
    except ValueError as error:
        raise RefusedTarget(f"URL {shown!r}: {error}") from None
    if scheme not in DEFAULT_PORTS:
        raise RefusedTarget(f"URL {shown!r}: scheme {scheme[:20]!r}; expected http or https")
    if port is None:
        port = DEFAULT_PORTS[scheme]
    if port not in ports:
        raise RefusedTarget(f"URL {shown!r}: port {port}; expected one of {', '.join(map(str, sorted(ports)))}")
    if not name:
        raise RefusedTarget(f"URL {shown!r}: has no host")
    resource = quote(parts.path or "/", safe=_KEPT_IN_PATHS, errors="replace")
    if parts.query:
        resource += "?" + quote(parts.query, safe=_KEPT_IN_PATHS, errors="replace")
    return Target(scheme, read_host(name, bracketed="[" in parts.netloc), port, resource)


def read_host(name: str, *, bracketed: bool = False) -> str | Address:
    """A host as it is asked for: an address in whatever spelling browsers take, or a name in A-label form.

    :raises RefusedTarget: when it is neither.
    """
    shown = name[:200]
    if bracketed:
        try:
            if "%" in name:
                raise AddressValueError("a zone is of this machine alone")
            return IPv6Address(name)
        except AddressValueError:
            raise RefusedTarget(f"host [{shown}]: expected an IPv6 address") from None
    try:
        host = unquote_to_bytes(name).decode("utf-8").lower()
        if not host.isascii():
            host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise RefusedTarget(f"host {shown!r}: expected a host name") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _read_numbers(labels, shown)
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedTarget(f"host {shown!r}: expected the full name of a host")
    return host


def _read_numbers(labels: list[str], shown: str) -> IPv4Address:
    """An IPv4 address of one to four numbers, decimal, octal or hexadecimal (WHATWG URL Standard, IPv4 parser)."""
    fault = RefusedTarget(f"host {shown!r}: expected an IPv4 address")
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) and len(label) <= 16 for label in labels):
        raise fault
    try:
        numbers = [_read_number(label) for label in labels]
    except ValueError:
        raise fault from None
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
        raise fault
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last)


def _read_number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if label.startswith("0") else int(label)
