"""Measures on a customer's service: ordered for a moment, taken back while they wait. See `applying.py`, too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal, Self

from django.db import transaction
from django.utils import timezone

from abuse.config import current
from abuse.models import (
    Deadline,
    DeadlineState,
    History,
    ReportItem,
    Resolution,
    ServiceAction,
    ServiceActionJob,
    Ticket,
    TicketStatus,
    User,
)

from . import deadlines
from .editing import Refused, edit, write
from .history import record

Kind = Deadline.Kind
Scope = Literal["service", "all_services", "defendant"]

CLOSING = "closing"
"""The module of the actions that close whole services or customers."""
_LEVELS: Mapping[str, str] = {"service": "service", "all_services": "all", "defendant": "customer"}
REMINDER_FROM = timedelta(hours=36)
REMINDER_AFTER = timedelta(hours=24)
"""A customer who has long enough is reminded a day after he was told."""
MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Then:
    """What follows when a measure was taken: the ticket is closed with `resolution`, else it gets `status`.

    `snooze_seconds` belongs to WaitingAnswer. `notify_customer`: he is told, if he was written to before.
    """

    resolution: str | None = None
    status: TicketStatus = TicketStatus.ALARM
    snooze_seconds: int | None = None
    notify_customer: bool = True

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the deadline."""
        return {
            "resolution": self.resolution,
            "status": str(self.status),
            "snooze_seconds": self.snooze_seconds,
            "notify_customer": self.notify_customer,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what `to_json` gave."""
        return cls(**{**value, "status": TicketStatus(value["status"])})


@transaction.atomic
def schedule_action(
    ticket: Ticket,
    action: ServiceAction,
    *,
    due_at: datetime,
    ip: str | None,
    actor: User,
    then: Then | None = None,
    force: bool = False,
    expected_version: int | None = None,
) -> ServiceActionJob:
    """Order a measure for a moment; the order. One that waits already and comes no later stays, and is returned.

    `ip`: one of the addresses reported; None takes the one address of ours that was, and none where none was.
    `force` (a person decided): what waits is taken back and this one is ordered.

    :raises Refused: for a closed ticket, an address that was not reported, several to choose from, or a resolution
        that does not exist.
    :raises StaleEdit: when it has changed meanwhile.
    """
    then = then or Then()
    edit(ticket, actor=actor, expected_version=expected_version)
    if not ticket.is_open:
        raise Refused(f"{ticket} is closed: no measure is taken for it")
    if then.resolution is not None and not Resolution.filter(codename=then.resolution).exists():
        raise Refused(f"resolution: {then.resolution!r}; expected the codename of one that exists")
    address = _address(ticket, ip)
    waiting = _waiting(ticket)
    if waiting and not force:
        first = waiting[0]
        if first.due_at <= due_at:
            return ServiceActionJob.get(pk=first.payload["job"])
    if waiting:
        cancel_pending(ticket, reason="another action was ordered", actor=actor)
    return _order(ticket, action, due_at=due_at, ip=address, actor=actor, then=then)


@transaction.atomic
def request_service_closing(ticket: Ticket, scope: Scope, *, actor: User) -> ServiceActionJob:
    """Have the ticket's service, all services of its customer, or the customer closed, soon; the order.

    The same order that waits already is returned. Afterwards the ticket is an alarm: a person sees to what follows.

    :raises Refused: for a scope that is none, a closed ticket, or one without a customer.
    """
    if scope not in _LEVELS:
        raise Refused(f"scope: {scope!r}; expected one of {', '.join(_LEVELS)}")
    edit(ticket, actor=actor)
    if not ticket.is_open or ticket.defendant_id is None:
        raise Refused(f"{ticket}: expected an open ticket with a customer, to close his {scope}")
    action, _ = ServiceAction.get_or_create(module=CLOSING, level=_LEVELS[scope], name=f"close_{scope}")
    for deadline in _waiting(ticket):
        job = ServiceActionJob.get(pk=deadline.payload["job"])
        if job.action_id == action.pk:
            return job
    return _order(ticket, action, due_at=timezone.now(), ip=None, actor=actor, then=Then(notify_customer=False))


@transaction.atomic
def cancel_pending(ticket: Ticket, *, reason: str, actor: User) -> int:
    """Take back all measures that wait, and the reminders of them; how many. One that has begun is not among them."""
    edit(ticket, actor=actor)
    return deadlines.cancel(ticket, reason=reason, actor=actor, kinds={Kind.SERVICE_ACTION, Kind.REMINDER})


@transaction.atomic
def cancel_job(ticket: Ticket, job: ServiceActionJob, *, actor: User) -> None:
    """Take back one measure that waits; when it was the last one, the reminders of it go too.

    :raises Refused: when it does not wait any more: it is done, being done, or taken back already.
    """
    edit(ticket, actor=actor)
    if not deadlines.cancel(
        ticket, reason=f"cancelled by {actor}", actor=actor, kinds={Kind.SERVICE_ACTION}, job=job.pk
    ):
        job.refresh_from_db()
        raise Refused(f"job {job.pk} is {job.status}; expected one that waits")
    if not _waiting(ticket):
        deadlines.cancel(ticket, reason="nothing is to be done any more", actor=actor, kinds={Kind.REMINDER})


def reported_addresses(ticket: Ticket) -> frozenset[IPv4Address | IPv6Address]:
    """The single addresses that the ticket's reports name."""
    networks = (
        ReportItem.filter(report__ticket=ticket, network__isnull=False)
        .order_by()
        .values_list("network", flat=True)
        .distinct()[:MAX_ADDRESSES]
    )
    return frozenset(one.network_address for one in networks if one is not None and one.num_addresses == 1)


def _address(ticket: Ticket, ip: str | None) -> str | None:
    reported = reported_addresses(ticket)
    if ip is not None:
        try:
            wanted = ip_address(ip)
        except ValueError:
            raise Refused(f"ip: {ip!r}; expected an address") from None
        if wanted not in reported:
            raise Refused(f"ip: {wanted} is in no report of {ticket}; expected one of {_some(reported)}")
        return str(wanted)
    networks = current().MANAGED_NETWORKS
    ours = sorted(
        str(one) for one in reported if not networks or any(one.version == n.version and one in n for n in networks)
    )
    if len(ours) > 1:
        raise Refused(f"ip: {ticket} names {len(ours)} addresses of ours; expected one of {', '.join(ours[:10])}")
    return ours[0] if ours else None


def _some(addresses: frozenset[IPv4Address | IPv6Address]) -> str:
    return ", ".join(sorted(str(one) for one in addresses)[:10]) or "none: there is no address in it"


def _waiting(ticket: Ticket) -> list[Deadline]:
    """The measures that wait, the next one first."""
    rows = Deadline.filter(ticket=ticket, kind=Kind.SERVICE_ACTION, state=DeadlineState.PENDING)
    return list(rows.exclude(deadlines.APPLYING).order_by("due_at", "pk"))


def _order(
    ticket: Ticket, action: ServiceAction, *, due_at: datetime, ip: str | None, actor: User, then: Then
) -> ServiceActionJob:
    now = timezone.now()
    job = ServiceActionJob.create(action=action, creation_date=now, ip=ip, idempotency_key=uuid.uuid4().hex)
    ticket.jobs.add(job)
    payload = {"job": job.pk, "then": then.to_json(), "user": actor.pk}
    deadline = deadlines.put(ticket, Kind.SERVICE_ACTION, due_at=due_at, actor=actor, now=now, payload=payload)
    ServiceActionJob.filter(pk=job.pk).update(asynchronous_job_id=str(deadline.pk))
    if due_at - now >= REMINDER_FROM and then.notify_customer:
        deadlines.put(ticket, Kind.REMINDER, due_at=now + REMINDER_AFTER, actor=actor, now=now)
    write(ticket, action=action)
    record(
        History.Type.SET_ACTION, actor=actor, ticket=ticket, new=action.name, job=job.pk, ip=ip,
        due_at=due_at.isoformat(),
    )  # fmt: skip
    return job
