"""Which RDAP server to ask: the registries of RFC 9224, read from wherever the operator says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..facade import ServiceError
from ..json_client import JsonClient

SECONDS = 86_400.0
"""For which a registry is believed; RFC 9224 has it change rarely."""
MAX_SERVICES = 5_000
_Strings = Annotated[tuple[str, ...], Field(max_length=20_000)]


class _Registry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    services: Annotated[tuple[tuple[_Strings, _Strings], ...], Field(max_length=MAX_SERVICES)]


@dataclass(slots=True)
class _Known:
    """One registry, prepared for looking up: by family and length of prefix, or by domain."""

    until: float
    networks: dict[tuple[int, int], dict[int, str]] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)


class Bootstrap:
    """The files `ipv4.json`, `ipv6.json` and `dns.json` under one URL.

    :param client: for that URL.
    :param plaintext: whether servers that speak http alone are taken.
    """

    def __init__(
        self,
        client: JsonClient,
        error: type[ServiceError],
        *,
        plaintext: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._error, self._plaintext, self._clock = client, error, plaintext, clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self.hosts: set[tuple[str, int | None]] = set()
        """Hosts and ports of all servers that were read: a redirect may lead to these alone."""

    def of_address(self, address: IPv4Address | IPv6Address) -> str | None:
        """The base URL of the server that knows an address: the one of the longest network around it."""
        known = self._registry(f"ipv{address.version}")
        bits = address.max_prefixlen
        for version, length in sorted(known.networks, reverse=True):
            if version == address.version:
                url = known.networks[version, length].get(int(address) >> (bits - length))
                if url is not None:
                    return url
        return None

    def of_domain(self, domain: str) -> str | None:
        """The base URL of the server that knows a domain: the one of the longest domain it lies under."""
        known = self._registry("dns")
        labels = domain.split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        return next((known.domains[name] for name in names if name in known.domains), None)

    def _registry(self, name: str) -> _Known:
        with self._lock:
            known = self._known.get(name)
            if known is None or self._clock() >= known.until:
                known = self._known[name] = self._read(name)
            return known

    def _read(self, name: str) -> _Known:
        answer = self._client.get(f"/{name}.json").content
        try:
            registry = _Registry.model_validate(answer)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise self._error(f"{name}.json: {place}: {first['msg']} (RFC 9224)", permanent=True) from None
        known = _Known(self._clock() + SECONDS)
        for entries, urls in registry.services:
            url = self._chosen(urls)
            if url is None:
                continue
            parts = urlsplit(url)
            self.hosts.add((parts.hostname or "", parts.port))
            for entry in entries:
                self._add(known, entry, url, is_domain=name == "dns")
        return known

    def _add(self, known: _Known, entry: str, url: str, *, is_domain: bool) -> None:
        if is_domain:
            known.domains[entry.lower().rstrip(".")] = url
            return
        try:
            network = ip_network(entry)
        except ValueError:
            return  # an entry that is none is nobody's; the others are not to suffer
        number = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        known.networks.setdefault((network.version, network.prefixlen), {})[number] = url

    def _chosen(self, urls: tuple[str, ...]) -> str | None:
        """HTTPS before HTTP, as RFC 9224 asks of clients."""
        by_scheme: Mapping[str, str] = {urlsplit(url).scheme: url for url in reversed(urls)}
        return by_scheme.get("https") or (by_scheme.get("http") if self._plaintext else None)
