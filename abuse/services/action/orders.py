"""What all action services of the desk have in common: which measures are offered, and what an order says."""

from __future__ import annotations

import abc
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from abuse.models import ServiceAction, ServiceActionJob, Ticket, User

from .base import ActionResult, ActionServiceBase, ActionServiceException

Kind = Literal["service.action", "service.close", "customer.close_services", "customer.close"]
CLOSING = "closing"
"""The module of the measures that close whole services and customers; they have calls of their own."""
ANY_TYPE = "*"
_LEVELS: Mapping[Kind, str] = {
    "service.close": "service",
    "customer.close_services": "all",
    "customer.close": "customer",
}


@dataclass(frozen=True, slots=True)
class Order:
    """A measure to be taken. The same `key` is the same order, however often it is given."""

    kind: Kind
    key: str
    ticket: Ticket
    action: ServiceAction | None = None
    ip: str | None = None
    user: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All there is to know of it; what is not known is null."""
        service, defendant, action = self.ticket.service, self.ticket.defendant, self.action
        return {
            "type": self.kind,
            "key": self.key,
            "ticket": {"public_id": self.ticket.public_id, "category": self.ticket.category_id},
            "customer": defendant.customer_id if defendant else None,
            "service": {
                "id": service.service_id,
                "name": service.name,
                "domain": service.domain,
                "type": service.component_type,
                "reference": service.reference,
            }
            if service
            else None,
            "action": {"name": action.name, "module": action.module, "level": action.level} if action else None,
            "ip": self.ip,
            "ordered_by": self.user,
        }


class OrderingActionService(ActionServiceBase):
    """Turns the calls of the contract into orders; `carry_out` does the rest.

    :param modules: which modules of measures a type of service is offered, such as `{VPS: [VPS, net], "*": [mail]}`;
        `*` is for all types, and for tickets without a service. None: all measures for all.
    :raises ValueError: for anything else.
    """

    def __init__(self, modules: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__()
        for name, offered in (modules or {}).items():
            if isinstance(offered, str) or not all(isinstance(module, str) for module in offered):
                raise ValueError(f"modules.{name}: {offered!r}; expected a list of modules of measures")
        self._modules = (
            None if modules is None else {name.lower(): frozenset(offered) for name, offered in modules.items()}
        )

    @abc.abstractmethod
    def carry_out(self, order: Order) -> ActionResult:
        """Take a measure.

        :raises ActionServiceException: when it was refused (permanent), or may be tried again.
        """

    def close_service(self, ticket: Ticket, user: User | None = None) -> ActionResult:
        return self._close("service.close", ticket, user)

    def close_all_services(self, ticket: Ticket, user: User | None = None) -> ActionResult:
        return self._close("customer.close_services", ticket, user)

    def close_defendant(self, ticket: Ticket, user: User | None = None) -> ActionResult:
        return self._close("customer.close", ticket, user)

    def apply_action_on_service(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int
    ) -> ActionResult:
        """See `ActionServiceBase`. The key is that of the order which is being carried out."""
        jobs = ServiceActionJob.filter(tickets=ticket_id, action=action_id, ip=ip_addr)
        return self._apply(ticket_id, action_id, ip_addr, user_id, _running(jobs))

    def list_actions_for_ticket(self, ticket: Ticket) -> Sequence[ServiceAction]:
        """See `ActionServiceBase`: those of the modules that the ticket's type of service is offered."""
        actions = ServiceAction.exclude(module=CLOSING).order_by("pk")
        if self._modules is None:
            return list(actions)
        kind = (ticket.service.component_type if ticket.service else None) or ANY_TYPE
        offered = self._modules.get(kind.lower(), frozenset()) | self._modules.get(ANY_TYPE, frozenset())
        return list(actions.filter(module__in=offered))

    def _apply(self, ticket_id: int, action_id: int, ip: str | None, user_id: int, key: str) -> ActionResult:
        ticket = Ticket.filter(pk=ticket_id).select_related("defendant", "service").first()
        if ticket is None:
            raise ActionServiceException(f"ticket {ticket_id}: there is none", permanent=True)
        action = ServiceAction.filter(pk=action_id).first()
        if action is None:
            raise ActionServiceException(f"action {action_id}: there is none", permanent=True)
        user = User.objects.filter(pk=user_id).values_list("username", flat=True).first()
        return self.carry_out(Order("service.action", key, ticket, action, ip, user))

    def _close(self, kind: Kind, ticket: Ticket, user: User | None) -> ActionResult:
        if ticket.defendant is None:
            raise ActionServiceException(f"{ticket}: has no customer whose services could be closed", permanent=True)
        if kind == "service.close" and ticket.service is None:
            raise ActionServiceException(f"{ticket}: has no service that could be closed", permanent=True)
        jobs = ServiceActionJob.filter(tickets=ticket, action__module=CLOSING, action__level=_LEVELS[kind])
        return self.carry_out(Order(kind, _running(jobs), ticket, user=user.username if user else None))


class IdempotentOrders(OrderingActionService):
    """For those that tell repeated orders apart by their key: then an order may be given again after a crash."""

    def apply_action_once(
        self, ticket_id: int, action_id: int, ip_addr: str | None, user_id: int, *, idempotency_key: str
    ) -> ActionResult:
        """`apply_action_on_service`, but an order whose key is known is answered and not carried out again."""
        return self._apply(ticket_id, action_id, ip_addr, user_id, idempotency_key or uuid.uuid4().hex)


def _running(jobs: Any) -> str:
    """The key of the order that is being carried out; a new one for a call that is nobody's order."""
    keys = jobs.filter(status="applying", idempotency_key__isnull=False).order_by("-pk")
    return keys.values_list("idempotency_key", flat=True).first() or uuid.uuid4().hex
