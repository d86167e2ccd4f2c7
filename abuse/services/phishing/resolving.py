"""Names to addresses, in limited time. Asked of name servers directly: a machine's own hosts file is nobody's page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

import dns.exception
import dns.resolver

from .addresses import Address

MAX_ADDRESSES = 16


class NoSuchName(Exception):
    """The name has no address, and its name servers say so."""


class NameUnknown(Exception):
    """Nobody can say now what the address of the name is."""


class Resolver(Protocol):
    """Whoever knows the addresses of names."""

    def addresses(self, name: str, *, until: float) -> Sequence[Address]:
        """The addresses of a name, IPv4 first.

        :param until: the moment, on the monotonic clock, at which nobody waits any more.
        :raises NoSuchName: when there are none.
        :raises NameUnknown: when nobody could say.
        """


class DnsResolver:
    """Asks name servers: the machine's own, or those given, each `address` or `address:port` (IPv4)."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        self._resolver = make_resolver(nameservers)

    def addresses(self, name: str, *, until: float) -> Sequence[Address]:
        """See `Resolver`."""
        found: list[Address] = []
        unknown: NameUnknown | None = None
        for kind in ("A", "AAAA"):
            try:
                found += self._ask(name, kind, until - time.monotonic())
            except NameUnknown as error:
                # One of the two kinds is enough: many old name servers never answer about AAAA.
                unknown = error
        if found:
            return found[:MAX_ADDRESSES]
        if unknown is not None:
            raise unknown
        raise NoSuchName(f"{name} has no address")

    def _ask(self, name: str, kind: str, seconds: float) -> list[Address]:
        if seconds <= 0:
            raise NameUnknown(f"{name}: no time left to ask")
        try:
            # From the root: a search list would ask for reported names below the desk's own domain.
            answer = self._resolver.resolve(f"{name}.", kind, lifetime=seconds, search=False)
        except dns.resolver.NXDOMAIN:
            raise NoSuchName(f"{name} does not exist") from None
        except dns.resolver.NoAnswer:
            return []
        except dns.exception.DNSException as error:
            raise NameUnknown(f"{name}: {error}") from None
        return [ip_address(record.address) for record in answer]


def make_resolver(nameservers: Sequence[str] = ()) -> dns.resolver.Resolver:
    """Who asks the machine's own name servers, or those given, each `address` or `address:port` (IPv4).

    :raises ValueError: for anything else, and when there are none.
    """
    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
    except dns.resolver.NoResolverConfiguration as error:
        raise ValueError(f"nameservers: this machine names none ({error}); expected some in the config") from None
    if nameservers:
        pairs = [_address_and_port(one) for one in nameservers]
        resolver.nameservers = [address for address, _ in pairs]
        resolver.nameserver_ports = dict(pairs)
    resolver.timeout = 2.0
    return resolver


def _address_and_port(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    try:
        return str(ip_address(address)), int(port or 53)
    except ValueError:
        raise ValueError(f"nameservers: {text!r}; expected an address, or address:port") from None
