"""DNS lists (RFC 5782): what one is asked, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import dns.exception
import dns.name
import dns.reversename

from ..phishing.addresses import Address

_ANSWERS = ip_network("127.0.0.0/8")
_REFUSALS = (ip_network("127.255.255.0/24"), ip_network("127.0.0.1/32"))
"""What lists answer to those whom they do not serve: blocked, over quota, an open resolver, a wrong question."""
_KEYS = frozenset({"zone", "name", "short_name", "codes", "ipv4", "ipv6"})


class NoAnswer(Exception):
    """A list said nothing that means listed or not listed."""


class ListRefused(NoAnswer):
    """A list does not serve us: it is not to be asked again soon."""


@dataclass(frozen=True, slots=True)
class DnsList:
    """One list. `codes`: what its answers mean, by address; none: every answer is a listing."""

    zone: str
    name: str
    short_name: str
    codes: Mapping[str, str] = field(default_factory=dict)
    ipv4: bool = True
    ipv6: bool = True

    @classmethod
    def read(cls, place: str, value: object) -> DnsList:
        """A list as it stands in the settings.

        :raises ValueError: naming what is wrong.
        """
        if not isinstance(value, Mapping) or not value.get("zone"):
            raise ValueError(f"{place}: {value!r}; expected at least its zone")
        unknown = sorted(set(value) - _KEYS)
        if unknown:
            raise ValueError(f"{place}.{unknown[0]}: unknown key; expected {', '.join(sorted(_KEYS))}")
        zone = str(value["zone"]).strip().rstrip(".").lower()
        try:
            labels = dns.name.from_text(f"{zone}.").labels
        except dns.exception.DNSException as error:
            raise ValueError(f"{place}.zone: {zone[:80]!r}: {error}") from None
        if len(labels) < 3:
            raise ValueError(f"{place}.zone: {zone[:80]!r}; expected a name such as list.example.net")
        codes = value.get("codes") or {}
        if not isinstance(codes, Mapping):
            raise ValueError(f"{place}.codes: {codes!r}; expected answers such as 127.0.0.2 and what they mean")
        for code in codes:
            _check_code(f"{place}.codes", code)
        return cls(
            zone=zone,
            name=str(value.get("name") or zone),
            short_name=str(value.get("short_name") or zone),
            codes={str(ip_address(code)): str(meaning) for code, meaning in codes.items()},
            ipv4=_flag(f"{place}.ipv4", value.get("ipv4", True)),
            ipv6=_flag(f"{place}.ipv6", value.get("ipv6", True)),
        )

    def name_of_address(self, address: Address) -> str | None:
        """What is asked about an address; None where the list does not know addresses of its kind."""
        if not (self.ipv4 if isinstance(address, IPv4Address) else self.ipv6):
            return None
        origin = dns.name.from_text(f"{self.zone}.")
        return dns.reversename.from_address(str(address), origin, origin).to_text()

    def name_of_domain(self, domain: str) -> str | None:
        """What is asked about a domain; None when that would be too long a name."""
        name = f"{domain}.{self.zone}."
        return name if len(name) <= 254 else None

    def listings(self, answers: Iterable[IPv4Address]) -> tuple[str, ...]:
        """What the list says, in words; nothing when it does not list.

        :raises ListRefused: when it says that it does not serve us.
        :raises NoAnswer: for addresses that no list answers: somebody on the way put them there.
        """
        found = []
        for answer in sorted(answers):
            if str(answer) in self.codes:
                found.append(self.codes[str(answer)])
            elif any(answer in refusal for refusal in _REFUSALS):
                raise ListRefused(f"{self.zone} answered {answer}: it does not serve us")
            elif answer not in _ANSWERS:
                raise NoAnswer(f"{self.zone} answered {answer}; expected an address of 127.0.0.0/8")
            elif not self.codes:
                found.append(str(answer))
        return tuple(found)


def read_lists(place: str, values: Sequence[object]) -> tuple[DnsList, ...]:
    """The lists of one kind.

    :raises ValueError: naming what is wrong.
    """
    if isinstance(values, str | Mapping) or not isinstance(values, Sequence):
        raise ValueError(f"{place}: {values!r}; expected a list")
    found = tuple(DnsList.read(f"{place}.{number}", value) for number, value in enumerate(values))
    names = [one.short_name for one in found]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"{place}: two are called {double[0]!r}; expected a short_name of its own for each")
    return found


def _check_code(place: str, code: object) -> None:
    try:
        if ip_address(str(code)) in _ANSWERS:
            return
    except ValueError:
        pass
    raise ValueError(f"{place}: {str(code)[:40]!r}; expected an address of 127.0.0.0/8")


def _flag(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{place}: {value!r}; expected true or false")
    return value
