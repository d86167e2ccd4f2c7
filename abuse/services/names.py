"""What DNS says of names and addresses that strangers reported: bounded in time and rate, and only about public ones.

Whoever runs a name's servers may answer anything, slowly, or not at all. What comes back is a host name or an address
in its normal form, or nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol, TypeVar

import dns.exception
import dns.rdatatype
import dns.resolver
import dns.reversename

from abuse.parsers import hosts

from .phishing.addresses import Address, RefusedTarget, check_address
from .phishing.politeness import Politeness
from .phishing.resolving import make_resolver

THREADS = 8
FAULT_SECONDS = 600.0
"""What nobody answered is not asked again for so long."""
_FAULT = "!"
_SPECIAL = (".arpa", ".example", ".test", ".onion", ".invalid", ".localhost")
_SERVERS = "name servers"
Key = TypeVar("Key", str, Address)


class Unknown(Exception):
    """Nobody can say now; asking later may help."""


class Memory(Protocol):
    """Where answers are kept, for all processes."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class NameSays:
    """The first address of a name (A, else AAAA), and the name of that address (PTR)."""

    address: Address | None = None
    reverse: str | None = None


@dataclass(frozen=True, slots=True)
class AddressSays:
    """The name of an address (PTR), and the first address of that name."""

    reverse: str | None = None
    address: Address | None = None


Says = TypeVar("Says", NameSays, AddressSays)


class Names:
    """Asks about many names and addresses at once.

    :param nameservers: `address` or `address:port`; none: the machine's own.
    :param timeout: seconds for one question.
    :param rate: questions a second, all together.
    :param keep: seconds that an answer is kept.
    :raises ValueError: when there is no name server.
    """

    def __init__(self, nameservers: Sequence[str], memory: Memory, *, timeout: float, rate: float, keep: float) -> None:
        self._resolver = make_resolver(nameservers)
        self._resolver.timeout = timeout
        self._memory, self._timeout, self._keep = memory, timeout, keep
        self._turn = Politeness(1 / rate)

    def of_names(self, names: Iterable[str], *, until: float) -> Mapping[str, NameSays]:
        """What is said of each name. Who is missing could not be asked about by `until` (monotonic clock)."""
        return self._each(names, lambda name: self._of_name(name, until))

    def of_addresses(self, addresses: Iterable[Address], *, until: float) -> Mapping[Address, AddressSays]:
        """The same for addresses."""
        return self._each(addresses, lambda address: self._of_address(address, until))

    def _each(self, keys: Iterable[Key], ask: Callable[[Key], Says]) -> dict[Key, Says]:
        wanted = list(dict.fromkeys(keys))
        said: dict[Key, Says] = {}

        def one(key: Key) -> None:
            try:
                said[key] = ask(key)
            except Unknown:
                return

        with ThreadPoolExecutor(min(THREADS, len(wanted) or 1), thread_name_prefix="names") as pool:
            list(pool.map(one, wanted))
        return said

    def _of_name(self, name: str, until: float) -> NameSays:
        address = self._address(name, until)
        return NameSays(address, self._reverse(address, until) if address else None)

    def _of_address(self, address: Address, until: float) -> AddressSays:
        reverse = self._reverse(address, until)
        return AddressSays(reverse, self._address(reverse, until) if reverse else None)

    def _address(self, name: str, until: float) -> Address | None:
        if not is_public_name(name):
            return None
        for kind in ("A", "AAAA"):
            for text in self._ask(name, kind, until):
                return ip_address(text)
        return None

    def _reverse(self, address: Address, until: float) -> str | None:
        if not is_public_address(address):
            return None
        pointers = self._ask(dns.reversename.from_address(str(address)).to_text(omit_final_dot=True), "PTR", until)
        return next((name for text in pointers if (name := hosts.name(text)) is not None), None)

    def _ask(self, name: str, kind: str, until: float) -> list[str]:
        """The answers of one kind, each as text, in a fixed order; from memory where they are known."""
        key = f"{kind} {name}"
        kept = self._memory.get(key)
        if kept is None:
            kept = self._fresh(name, kind, until)
            self._memory.put(key, kept, FAULT_SECONDS if kept == _FAULT else self._keep)
        if kept == _FAULT:
            raise Unknown(f"{name} {kind}: nobody answered")
        return kept.split()

    def _fresh(self, name: str, kind: str, until: float) -> str:
        left = until - time.monotonic()
        if left <= 0 or not self._turn.wait(_SERVERS, until=until):
            raise Unknown(f"{name} {kind}: no time left to ask")
        try:
            # From the root: a search list would ask for reported names below the desk's own domain.
            answer = self._resolver.resolve(f"{name}.", kind, lifetime=min(self._timeout, left), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ""
        except dns.exception.DNSException:
            return _FAULT
        texts = {(record.target if kind == "PTR" else record.address) for record in answer}
        return " ".join(sorted(str(text).rstrip(".") for text in texts)[:4])


def is_public_name(name: str) -> bool:
    """Whether a normal name lies under a top-level domain of the public DNS, and is no special-use name (RFC 6761)."""
    return not f".{name}".endswith(_SPECIAL) and hosts.has_public_suffix(name)


def is_public_address(address: Address) -> bool:
    """Whether an address is a public unicast one."""
    try:
        check_address(address)
    except RefusedTarget:
        return False
    return True
