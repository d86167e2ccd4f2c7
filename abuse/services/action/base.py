"""Technical measures on a customer's service: suspend, block, throttle."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from abuse.models import ServiceAction, Ticket, User

from ..facade import ServiceBase, ServiceError


class ActionServiceException(ServiceError):
    """The measure could not be taken."""


class NotAuthentic(ActionServiceException):
    """A callback is not from whom it says, or is too old. Permanent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What the system that carries out measures said: its own number for the order, a status word, a remark.

    `told_within`: the order was taken but is not carried out yet; a callback is to say within that time how it ended.
    None: it is carried out.
    """

    todo_id: str
    status: str
    comment: str = ""
    told_within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class OrderResult:
    """How an order ended, as a callback says it. `key` is the order's `idempotency_key`."""

    key: str
    result: ActionResult
    has_failed: bool = False


class CalledBackActionService(Protocol):
    """What an action service has besides its contract when it is told later how orders ended."""

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> OrderResult:
        """What a callback says.

        :raises NotAuthentic: when it is not from that system, or is too old.
        :raises ActionServiceException: permanent when it cannot be understood.
        """


class ActionServiceBase(ServiceBase, abc.ABC):
    """The system that carries out measures."""

    @abc.abstractmethod
    def close_service(self, ticket: Ticket, user: User | None = None) -> ActionResult | None:
        """Close the service that the ticket is about. Without a result, it is done."""

    @abc.abstractmethod
    def close_all_services(self, ticket: Ticket, user: User | None = None) -> ActionResult | None:
        """Close all services of the ticket's defendant."""

    @abc.abstractmethod
    def close_defendant(self, ticket: Ticket, user: User | None = None) -> ActionResult | None:
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
