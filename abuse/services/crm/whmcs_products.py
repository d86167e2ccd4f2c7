"""Which product of WHMCS has which address or domain: its API cannot be asked for that, so all products are read.

They are read page by page within the time that a call has; what was read stays, and the next call goes on from there.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from abuse.models.directory import directory_domain

from .base import CRMServiceException
from .remote import Foreign, suffixes

log = logging.getLogger(__name__)

PAGE = 250
HELD = frozenset({"Active", "Suspended", "Completed"})
"""The statuses of products that are somebody's."""
STALE_SECONDS = 86_400.0
"""For so long what was read before is used when it cannot be read anew."""
_MAX_ADDRESSES = 1024


def _empty(value: object) -> object:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_empty)]


class Row(Foreign):
    """A product as WHMCS lists it."""

    id: int
    clientid: int
    name: Text = ""
    groupname: Text = ""
    domain: Text = ""
    dedicatedip: Text = ""
    assignedips: Text = ""
    regdate: Text = ""
    status: Text = ""
    recurringamount: Text = ""
    billingcycle: Text = ""


@dataclass(frozen=True, slots=True)
class Product:
    """What is kept of a product."""

    id: int
    client: int
    name: str
    group: str
    domain: str
    since: str
    """A day; empty when it is not known."""
    networks: tuple[str, ...] = ()

    @property
    def valid_from(self) -> datetime | None:
        """When it began to be the customer's."""
        return day(self.since)


def product_of(row: Row) -> Product:
    """What is kept of a row."""
    words = f"{row.dedicatedip} {row.assignedips}".replace(",", " ").replace("|", " ").split()
    networks = (_network(word) for word in words[:_MAX_ADDRESSES])
    domain = directory_domain(row.domain) if row.domain else None
    return Product(
        row.id, row.clientid, row.name, row.groupname, domain or "", row.regdate if day(row.regdate) else "",
        tuple(dict.fromkeys(one for one in networks if one)),
    )  # fmt: skip


def day(text: str) -> datetime | None:
    """The midnight (UTC) of a day; None for `0000-00-00` and the like."""
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _network(word: str) -> str:
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        return ""
    return str(network) if network.prefixlen else ""


class Pages(Protocol):
    """Reads a page of products from an offset on; also how many there are in all."""

    def __call__(self, offset: int) -> tuple[Sequence[Row], int]: ...


@dataclass(slots=True)
class _Index:
    """All products of one reading, prepared for looking up."""

    read_at: float
    networks: dict[tuple[int, int], dict[int, list[Product]]] = field(default_factory=dict)
    domains: dict[str, list[Product]] = field(default_factory=dict)

    @classmethod
    def of(cls, products: Sequence[Product], read_at: float) -> _Index:
        index = cls(read_at)
        for product in products:
            for text in product.networks:
                network = ip_network(text)
                number = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                by_number = index.networks.setdefault((network.version, network.prefixlen), {})
                by_number.setdefault(number, []).append(product)
            if product.domain:
                index.domains.setdefault(product.domain, []).append(product)
        return index


class ProductIndex:
    """The products, read anew every `refresh_seconds`.

    :param pages: reads one page.
    :param seconds: for which one call reads at most.
    :param max_products: more are refused.
    :param file: where they are kept for other processes; only the desk may read it.
    :param clock: seconds since 1970.
    """

    def __init__(
        self,
        pages: Pages,
        *,
        refresh_seconds: float,
        seconds: float,
        max_products: int,
        file: Path | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pages, self._refresh, self._seconds = pages, refresh_seconds, seconds
        self._max, self._file, self._clock = max_products, file, clock
        self._lock = threading.Lock()
        self._index: _Index | None = None
        self._reading: list[Product] = []
        self._offset = 0

    def of_address(self, address: IPv4Address | IPv6Address) -> Product | None:
        """The product with the longest network around an address; None when nobody's, or of several customers."""
        index = self._present()
        for version, length in sorted(index.networks, reverse=True):
            if version == address.version:
                found = index.networks[version, length].get(int(address) >> (address.max_prefixlen - length))
                if found:
                    return _only(found)
        return None

    def of_domain(self, host: str) -> Product | None:
        """The product with the longest domain that a name lies under; None when nobody's, or of several customers."""
        index = self._present()
        return next((_only(index.domains[name]) for name in suffixes(host) if name in index.domains), None)

    def _present(self) -> _Index:
        with self._lock:
            now = self._clock()
            if self._index is None or now - self._index.read_at >= self._refresh:
                self._load(now)
            if self._index is None or now - self._index.read_at >= self._refresh:
                self._renew(now)
            if self._index is None:
                raise CRMServiceException("the products are not read yet")
            return self._index

    def _renew(self, now: float) -> None:
        """Read on; what was read before serves for a day when that fails or is not done yet.

        :raises CRMServiceException: when there is nothing that would serve.
        """
        try:
            self._read()
            self._index = _Index.of(self._reading, now)
            self._keep(now)
            self._reading, self._offset = [], 0
        except CRMServiceException as error:
            if self._index is None or now - self._index.read_at >= STALE_SECONDS:
                raise
            minutes = (now - self._index.read_at) / 60
            log.warning("the products of WHMCS are those of %.0f minutes ago: %s", minutes, error)

    def _read(self) -> None:
        end = time.monotonic() + self._seconds
        while True:
            rows, total = self._pages(self._offset)
            self._offset += len(rows)
            self._reading += [product_of(row) for row in rows if row.status in HELD]
            if self._offset > self._max:
                self._reading, self._offset = [], 0
                raise CRMServiceException(f"more than {self._max} products; see config.max_products", permanent=True)
            if not rows or self._offset >= total:
                return
            if time.monotonic() > end:
                said = f"{self._offset} of {total} products were read in {self._seconds:g} s; the next call reads on"
                raise CRMServiceException(said)

    def _keep(self, now: float) -> None:
        if self._file is None:
            return
        temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}.tmp")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"read_at": now, "products": [asdict(one) for one in self._reading]}, file)
            temporary.replace(self._file)
        except OSError as error:
            log.warning("the products of WHMCS cannot be kept for other processes: %s", error)

    def _load(self, now: float) -> None:
        """Take what another process has read, if that is newer."""
        if self._file is None:
            return
        try:
            kept: Any = json.loads(self._file.read_text(encoding="utf-8"))
            read_at, products = float(kept["read_at"]), _PRODUCTS.validate_python(kept["products"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            log.warning("the kept products of WHMCS cannot be read, and are read anew: %s", error)
            return
        if read_at <= now and (self._index is None or read_at > self._index.read_at) and now - read_at < STALE_SECONDS:
            self._index = _Index.of(products, read_at)


_PRODUCTS = TypeAdapter(list[Product])


def _only(products: Sequence[Product]) -> Product | None:
    """The latest product, when all are the same customer's: better no customer than the wrong one."""
    if len({one.client for one in products}) != 1:
        return None
    return max(products, key=lambda one: (one.since, one.id))
