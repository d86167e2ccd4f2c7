"""What others, and we ourselves, know of an address or URL."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..facade import ServiceBase, ServiceError


class ReputationServiceException(ServiceError):
    """The reputation source could not answer."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """One source's word; `result` is True when it lists the address or URL."""

    short_name: str
    full_name: str
    result: bool
    blacklisted: bool | None = None
    last_event: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReputationDetail:
    """One event behind a source's word."""

    detail: str
    timestamp: datetime
    result: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A page elsewhere that tells more."""

    short_name: str
    full_name: str
    uri: str


class ReputationServiceBase(ServiceBase, abc.ABC):
    """Where reputation is asked."""

    @abc.abstractmethod
    def get_ip_rbl_reputations(self, ip: str) -> Sequence[Reputation]:
        """DNS block lists."""

    @abc.abstractmethod
    def get_ip_internal_reputations(self, ip: str) -> Sequence[Reputation]:
        """Our own history."""

    @abc.abstractmethod
    def get_ip_external_reputations(self, ip: str) -> Sequence[Reputation]:
        """Other sources."""

    @abc.abstractmethod
    def get_ip_external_details(self, ip: str, short_name: str) -> Sequence[ReputationDetail]:
        """The events behind one other source's word."""

    @abc.abstractmethod
    def get_url_external_reputations(self, url: str) -> Sequence[Reputation]:
        """Other sources on a URL."""

    @abc.abstractmethod
    def get_ip_tools(self, ip: str) -> Sequence[Tool]:
        """Pages elsewhere that tell more about an address."""
