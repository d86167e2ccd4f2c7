"""Who has, or had, an address or a name: the question the desk asks of the customer database."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from ..facade import ServiceBase, ServiceError


class CRMServiceException(ServiceError):
    """The customer database could not answer."""


@dataclass(frozen=True, slots=True)
class Query:
    """One thing whose customer is wanted: an address or a host name, at a moment, maybe with the source port."""

    at: datetime
    address: IPv4Address | IPv6Address | None = None
    host: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class DefendantInfo:
    """A customer as the CRM knows him; the fields are those of a revision. `creation_date` is aware.

    An empty `email`: nobody knows where to write to. `tags` are put on the customer beside those that he has.
    """

    customer_id: str
    email: str
    creation_date: datetime
    spare_email: str | None = None
    firstname: str | None = None
    name: str | None = None
    organisation: str | None = None
    legal_form: str | None = None
    address: str | None = None
    zip: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    billing_country: str | None = None
    lang: str | None = None
    phone: str | None = None
    is_vip: bool = False
    is_gs: bool = False
    is_internal: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A product as the CRM knows it.

    The last four are shown beside the others and kept nowhere: when it began and ends (aware), whether it renews
    itself, and a word of the CRM's own for how it stands.
    """

    name: str
    service_id: str | None = None
    domain: str | None = None
    component_type: str | None = None
    component_sub_type: str | None = None
    reference: str | None = None
    creation_date: datetime | None = None
    expiration_date: datetime | None = None
    autorenew: bool | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The customer and the service that had the thing asked for; `reason` says by which network or domain."""

    defendant: DefendantInfo
    service: ServiceInfo
    reason: str = field(default="", compare=False)


class CRMServiceBase(ServiceBase, abc.ABC):
    """The customer database."""

    @abc.abstractmethod
    def find(self, queries: Sequence[Query]) -> Sequence[Match | None]:
        """For each query, in order, who had it; None when nobody of ours did. Any number costs one round trip.

        :raises CRMServiceException: when the database cannot answer; nothing is decided then.
        """

    @abc.abstractmethod
    def get_customer_infos(self, customer_id: str) -> DefendantInfo | None:
        """What is known of a customer today; None when there is no such customer."""

    @abc.abstractmethod
    def get_service_infos(self, service_id: str) -> ServiceInfo | None:
        """What is known of a service today; None when there is no such service."""

    @abc.abstractmethod
    def get_customer_services(self, customer_id: str) -> Sequence[ServiceInfo]:
        """All services of a customer."""

    def get_customer_revenue(self, customer_id: str, service: str | None = None) -> float:
        """What the customer pays; 0 where the database does not know."""
        return 0.0
