"""Technical measures on a customer's service: suspend, block, throttle."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

from abuse.models import ServiceAction, Ticket, User

from ..facade import ServiceBase, ServiceError


class ActionServiceException(ServiceError):
    """The measure could not be taken."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What the system that carries out measures said: its own number for the order, a status word, a remark."""

    todo_id: str
    status: str
    comment: str = ""


class ActionServiceBase(ServiceBase, abc.ABC):
    """The system that carries out measures."""

    @abc.abstractmethod
    def close_service(self, ticket: Ticket, user: User | None = None) -> None:
        """Close the service that the ticket is about."""

    @abc.abstractmethod
    def close_all_services(self, ticket: Ticket, user: User | None = None) -> None:
        """Close all services of the ticket's defendant."""

    @abc.abstractmethod
    def close_defendant(self, ticket: Ticket, user: User | None = None) -> None:
        """Close the account of the ticket's defendant."""

    @abc.abstractmethod
    def apply_action_on_service(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int
    ) -> ActionResult:
        """Carry out one measure.

        :raises ActionServiceException: when it was refused (permanent) or may be tried again.
        """

    @abc.abstractmethod
    def list_actions_for_ticket(self, ticket: Ticket) -> Sequence[ServiceAction]:
        """The measures that can be taken on the ticket's service."""
