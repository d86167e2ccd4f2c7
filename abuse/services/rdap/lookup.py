"""Asking RDAP servers about an address, a domain or an entity."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ValidationError

from abuse.parsers import hosts

from ..breaker import CircuitBreaker
from ..facade import ServiceError
from ..json_client import REDIRECTS, JsonClient
from .answers import Entity, Network, Registration, holding, registration
from .bootstrap import Bootstrap

MAX_REDIRECTS = 3
MAX_SERVERS = 64
_HEADERS = {"Accept": "application/rdap+json, application/json"}
T = TypeVar("T", bound=BaseModel)


class RdapError(ServiceError):
    """A registry could not be asked, or answered what it should not."""


class RdapLookup:
    """Whose an address or a domain is, and where to complain, in the words of its registry. Nothing is cached.

    Nothing is asked of anybody unless the operator names one of the two:

    :param base_url: of one RDAP server that is asked about everything, such as that of one's own registry.
    :param bootstrap_url: where the registries of RFC 9224 are, which say whom to ask. IANA publishes them under
        https://data.iana.org/rdap.
    :param servers: `host` or `host:port` of others that a server may redirect to; those of the bootstrap may be.
    :param timeout_seconds: and the parameters up to `plaintext`: see `JsonClient`.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        bootstrap_url: str | None = None,
        servers: Sequence[str] = (),
        timeout_seconds: float = 10.0,
        attempts: int = 2,
        pause_seconds: float = 0.5,
        ca_file: str | None = None,
        plaintext: bool = False,
        error: type[ServiceError] = RdapError,
    ) -> None:
        if (base_url is None) == (bootstrap_url is None):
            raise ValueError("base_url, bootstrap_url: expected one of them")
        self._error = error
        self._options: dict[str, object] = {
            "timeout_seconds": timeout_seconds, "attempts": attempts, "pause_seconds": pause_seconds,
            "ca_file": ca_file, "plaintext": plaintext,
        }  # fmt: skip
        self._plaintext = plaintext
        self._lock = threading.Lock()
        self._clients: dict[str, JsonClient] = {}
        self._base_url = base_url
        self._bootstrap: Bootstrap | None = None
        if bootstrap_url is not None:
            self._bootstrap = Bootstrap(self._client(bootstrap_url), error, plaintext=plaintext)
        else:
            self._client(base_url or "")
        self._servers = {_host_and_port(f"//{one}") for one in servers}

    def address(self, address: IPv4Address | IPv6Address) -> Registration | None:
        """The most specific network around an address that the registry knows; None when it knows none."""
        base = self._base_url or (self._bootstrap.of_address(address) if self._bootstrap else None)
        return self._registration(base, f"/ip/{address}")

    def domain(self, name: str) -> Registration | None:
        """The registered domain that a host name lies under; None when there is none, or no registry answers for it."""
        host = hosts.name(name)
        domain = hosts.registered_domain(host) if host is not None else ""
        if not domain:
            return None
        base = self._base_url or (self._bootstrap.of_domain(domain) if self._bootstrap else None)
        return self._registration(base, f"/domain/{quote(domain, safe='')}")

    def entity(self, handle: str) -> Registration | None:
        """What the server of `base_url` knows of an entity; None when it knows none of that handle."""
        if self._base_url is None or not (0 < len(handle) <= 64 and handle.isascii() and handle.isprintable()):
            return None
        if handle in {".", ".."}:
            return None
        found = self._ask(self._base_url, f"/entity/{quote(handle, safe='')}", Entity)
        return None if found is None else holding(found[0], found[1])

    def _registration(self, base: str | None, path: str) -> Registration | None:
        found = self._ask(base, path, Network) if base is not None else None
        return None if found is None else registration(found[0], found[1])

    def _ask(self, base: str, path: str, kind: type[T]) -> tuple[T, str] | None:
        """The answer and the host it is from; None for 404."""
        for _ in range(MAX_REDIRECTS + 1):
            client = self._client(base)
            answer = client.call("GET", path, headers=lambda: _HEADERS, allowing={404, *REDIRECTS})
            if answer.status == 404:
                return None
            if answer.status not in REDIRECTS:
                return self._read(kind, answer.content, client.host), client.host
            base, path = self._followed(client.host, base, answer.location)
        raise self._error(f"{urlsplit(base).hostname}: more than {MAX_REDIRECTS} redirects", permanent=True)

    def _followed(self, host: str, base: str, location: str) -> tuple[str, str]:
        """Where a redirect leads: to a server that the operator or the bootstrap names, and to no other."""
        parts = urlsplit(location)
        schemes = {"https", "http"} if self._plaintext else {"https"}
        known = self._servers | {_host_and_port(base)} | (self._bootstrap.hosts if self._bootstrap else set())
        if parts.scheme not in schemes or _host_and_port(location) not in known or parts.username or parts.query:
            shown = location[:200]
            raise self._error(f"{host}: redirects to {shown!r}; expected a server that is known", permanent=True)
        return f"{parts.scheme}://{parts.netloc}", parts.path

    def _client(self, base: str) -> JsonClient:
        with self._lock:
            client = self._clients.get(base)
            if client is None:
                if len(self._clients) >= MAX_SERVERS:
                    self._clients.clear()
                try:
                    client = JsonClient(base, error=self._error, breaker=CircuitBreaker(), **self._options)  # type: ignore[arg-type]
                except ValueError as error:
                    raise self._error(f"{base[:200]}: {error}", permanent=True) from None
                self._clients[base] = client
            return client

    def _read(self, kind: type[T], content: object, host: str) -> T:
        try:
            return kind.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the answer"
            raise self._error(f"{host}: {place}: {first['msg']} (RFC 9083)", permanent=True) from None


def _host_and_port(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
