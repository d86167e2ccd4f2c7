"""What all CRM services have in common that ask another system: each thing once, what is known not at all."""

from __future__ import annotations

import abc
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from abuse.models.directory import directory_domain

from .base import CRMServiceBase, CRMServiceException, Match, Query
from .records import faults_of
from .windows import Holding, Question, WindowCache

MAX_IDENTIFIER = 256
_MAX_FAULTS = 5
T = TypeVar("T", bound=BaseModel)


class RemoteCRM(CRMServiceBase, abc.ABC):
    """A CRM service whose `find` asks `look_up` for what it does not know any more or yet.

    An item with an address and a name is looked up by its address; by its name when the address is nobody's.

    :param networks: whose addresses alone are asked for, such as one's own; empty: all addresses.
    """

    def __init__(self, cache: WindowCache, networks: Sequence[str] = ()) -> None:
        super().__init__()
        self._cache = cache
        self._networks = [_network(text) for text in networks]

    @abc.abstractmethod
    def look_up(self, questions: Sequence[Question]) -> Mapping[Question, Holding]:
        """Who had the things, asked of the other system; what is missing was nobody's then.

        :raises CRMServiceException: when it cannot say.
        """

    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        """See `CRMServiceBase`.

        :raises ValueError: when a query's moment has no zone.
        """
        by_address = [self._address_question(query) for query in queries]
        matches = self._answers(by_address)
        by_name = [
            _name_question(query) if match is None else None for query, match in zip(queries, matches, strict=True)
        ]
        return [one or other for one, other in zip(matches, self._answers(by_name), strict=True)]

    def _answers(self, questions: Sequence[Question | None]) -> list[Match | None]:
        wanted = dict.fromkeys(question for question in questions if question is not None)
        known: dict[Question, Holding] = {}
        for question in wanted:
            holding = self._cache.get(question)
            if holding is not None:
                known[question] = holding
        missing = [question for question in wanted if question not in known]
        if missing:
            found = self.look_up(missing)
            for question in missing:
                holding = found.get(question)
                if holding is None or not holding.covers(question.at):
                    holding = nobody_at(question.at)
                self._cache.put(question, holding)
                known[question] = holding
        return [None if question is None else known[question].match for question in questions]

    def _address_question(self, query: Query) -> Question | None:
        if query.at.utcoffset() is None:
            raise ValueError(f"at: {query.at.isoformat()} has no zone; expected an aware datetime")
        if query.address is None:
            return None
        address = plain_address(query.address)
        if self._networks and not any(address in network for network in self._networks):
            return None
        port = query.port if query.port is not None and 0 < query.port <= 65535 else None
        return Question(str(address), True, query.at, port)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise CRMServiceException(f"config.networks: {text!r}; expected a network ({error})", permanent=True) from None


def plain_address(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address as other systems know it: IPv4-mapped ones (RFC 4291) as IPv4, and without a scope."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _name_question(query: Query) -> Question | None:
    host = directory_domain(query.host) if query.host is not None else None
    return None if host is None else Question(host, False, query.at)


def nobody_at(moment: datetime) -> Holding:
    """Nobody had it then; nothing is said of any other moment."""
    return Holding(None, moment, moment + timedelta(microseconds=1))


def read_answer(kind: type[T], said: object, place: str) -> T:
    """What another system answered, checked field by field.

    :raises CRMServiceException: permanent, naming what is wrong with which field.
    """
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        faults = [str(fault) for fault in faults_of(place, error)]
        more = f"; and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
        raise CRMServiceException("; ".join(faults[:_MAX_FAULTS]) + more, permanent=True) from None


class Foreign(BaseModel):
    """A part of what a system answers that says more than the desk needs."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Stopwatch:
    """How long one `find` may take: the mails are claimed for a time only.

    What was found out before the time was up is kept in the cache, so that the next attempt goes on from there.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds

    def check(self, done: int, wanted: int) -> None:
        """:raises CRMServiceException: temporary, when the time is up."""
        if time.monotonic() > self._end:
            raise CRMServiceException(f"{done} of {wanted} things were looked up in {self._seconds:g} s")


def suffixes(host: str) -> list[str]:
    """The domains that a host name lies under, the longest first, itself included; none of one label."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def is_identifier(text: str) -> bool:
    """Whether a text can be the id of a customer or service; what cannot is not asked for."""
    return 0 < len(text) <= MAX_IDENTIFIER and text.isprintable() and text == text.strip()


def address_of(question: Question) -> IPv4Address | IPv6Address:
    """The address that a question is about."""
    return ip_address(question.thing)
