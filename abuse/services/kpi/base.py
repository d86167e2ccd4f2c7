"""Telling a statistics system what happens."""

from __future__ import annotations

import abc

from abuse.models import Report, Ticket

from ..facade import ServiceBase, ServiceError


class KPIServiceException(ServiceError):
    """The event could not be recorded."""


class KPIServiceBase(ServiceBase, abc.ABC):
    """The statistics system."""

    @abc.abstractmethod
    def new_ticket(self, ticket: Ticket) -> None:
        """A ticket was created."""

    @abc.abstractmethod
    def new_ticket_assign(self, ticket: Ticket) -> None:
        """A ticket got its first owner."""

    @abc.abstractmethod
    def close_ticket(self, ticket: Ticket) -> None:
        """A ticket was closed."""

    @abc.abstractmethod
    def new_report(self, report: Report) -> None:
        """A report came in."""
