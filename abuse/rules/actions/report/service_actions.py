"""Actions on the customer's service: ordered here, carried out after the commit by the action service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from abuse.config import current
from abuse.controllers import actions, moves
from abuse.controllers.annotations import add_comment
from abuse.models import Report, ReportItem, ServiceAction, Ticket, TicketStatus

from ...engine.actions import rule_action
from ...engine.fields import FIELD_BOOLEAN, FIELD_NO_INPUT
from ..sanctions import check_description, choose
from .base import ReportActionsBase

RESOLUTION = "fixed_by_isp"
"""How a ticket is closed once the measure was taken."""


class ServiceActions(ReportActionsBase):
    """Measures against the customer, his services or one of them."""

    @rule_action(label="Close the customer's account")
    def close_defendant(self) -> None:
        actions.request_service_closing(self._needed_ticket(), "defendant", actor=self.actor)

    @rule_action(label="Close all services of the customer")
    def close_all_services(self) -> None:
        actions.request_service_closing(self._needed_ticket(), "all_services", actor=self.actor)

    @rule_action(label="Close the customer's service")
    def close_service(self) -> None:
        actions.request_service_closing(self._needed_ticket(), "service", actor=self.actor)

    @rule_action(
        label="Act on the service unless the customer answers in time",
        params=[
            {"name": "description", "fieldType": FIELD_NO_INPUT, "check": check_description},
            {"name": "close_ticket", "fieldType": FIELD_BOOLEAN, "label": "Close the ticket afterwards"},
        ],
    )
    def schedule_service_action(self, description: Sequence[Mapping[str, Any]], close_ticket: bool = True) -> str:
        """The first entry of `description` that fits customer and service says which measure, and after how long.

        Where none fits, or it is not clear which address is meant, the ticket becomes an action error with the reason.
        A measure that is due sooner stays as it is.
        """
        ticket = self._needed_ticket()
        address = only_managed_address(self.report)
        if address is None:
            return self._cannot(ticket, "The report does not name exactly one address of ours; nothing was ordered.")
        chosen = choose(description, self._needed_defendant(), self.report.service)
        if chosen is None:
            return self._cannot(ticket, "No measure is foreseen for this customer and service.")
        measure = ServiceAction.filter(module=chosen.module, level=chosen.level).order_by("pk").first()
        if measure is None:
            return self._cannot(ticket, f"There is no measure {chosen.module} of level {chosen.level}.")
        due_at = timezone.now() + timedelta(seconds=chosen.delay)
        if _is_due_sooner(ticket, due_at.timestamp()):
            return "another measure is due sooner"
        actions.schedule_action(
            ticket,
            measure,
            due_at=due_at,
            ip=address,
            actor=self.actor,
            then=actions.Then(resolution=RESOLUTION if close_ticket else None),
        )
        return f"{measure} at {due_at.isoformat()}"

    def _cannot(self, ticket: Ticket, reason: str) -> str:
        if ticket.status not in {TicketStatus.ACTION_ERROR, TicketStatus.CLOSED}:
            moves.set_status(ticket, TicketStatus.ACTION_ERROR, actor=self.actor)
        add_comment(ticket, reason, actor=self.actor)
        return reason


def only_managed_address(report: Report) -> str | None:
    """The one address of our networks that the report names; None when there is none or there are several."""
    managed = current().MANAGED_NETWORKS
    found = {
        item.network.network_address
        for item in report.items.all()
        if item.item_type == ReportItem.Type.IP and item.network is not None
    }
    ours = sorted(str(address) for address in found if any(address in network for network in managed))
    return ours[0] if len(ours) == 1 else None


def _is_due_sooner(ticket: Ticket, moment: float) -> bool:
    if ticket.snooze_start is None or ticket.snooze_duration is None:
        return False
    return ticket.snooze_start.timestamp() + ticket.snooze_duration <= moment
