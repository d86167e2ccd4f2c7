"""What becomes of a ticket that was opened by a rule, and whose customer let the time pass."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from abuse.controllers import actions, correspondence, editing, moves, tickets, url_checks
from abuse.controllers.annotations import add_comment
from abuse.controllers.history import robot
from abuse.models import (
    OutgoingMessage,
    ReportItem,
    ServiceAction,
    Ticket,
    TicketStatus,
    UrlStatus,
    User,
)
from abuse.services.action import ActionService
from abuse.services.facade import facade
from abuse.services.phishing import PingResponse

from .urls import MAX_URLS, look_row, ping_all

DOWN = 75
"""From this score a page is down."""
LOOK_SECONDS = 60.0
_DECIDED = frozenset({TicketStatus.CLOSED, TicketStatus.ANSWERED})


def ticket_timeout(ticket_id: int, *, module: str | None = None, level: str | None = None) -> str:
    """Close a ticket whose pages are down, else act on the service; what was done, in words.

    Nothing is done where somebody is at it already: the customer answered, an operator owns it, a measure was ordered.
    `module` and `level` name the measure; without them it is the first that the action service offers.

    :raises Ticket.DoesNotExist: when there is no such ticket.
    """
    ticket = Ticket.objects.select_related("defendant__details", "service", "category").get(pk=ticket_id)
    settled = _settled(ticket)
    if settled is not None:
        return settled
    # Other systems are asked now, while nothing is locked; what they said is held against the ticket as it is then.
    looks = _look(ticket)
    measure = _measure(ticket, module, level)
    actor = robot()
    with transaction.atomic():
        editing.edit(ticket, actor=actor)
        settled = _settled(ticket)
        if settled is not None:
            return settled
        UrlStatus.objects.bulk_create([look_row(item, look) for item, look in looks if look is not None])
        url_checks.keep((item.raw_item, look) for item, look in looks if look is not None)
        if looks and all(look is not None and look.score >= DOWN for _, look in looks):
            return _close(ticket, actor)
        return _act(ticket, measure, actor)


def _settled(ticket: Ticket) -> str | None:
    if ticket.status in _DECIDED:
        return f"the ticket was {ticket.status}"
    if ticket.treated_by_id is not None:
        return "an operator is at it"
    if ticket.jobs.exclude(status__startswith="cancelled").exists():
        return "a measure was ordered already"
    return None


def _look(ticket: Ticket) -> list[tuple[ReportItem, PingResponse | None]]:
    """A look at each page of a phishing ticket; no look where nobody can say."""
    if ticket.category_id != "Phishing" or not facade("PhishingServiceBase").is_implemented():
        return []
    found = ReportItem.filter(report__ticket=ticket, item_type=ReportItem.Type.URL).order_by("pk")[:MAX_URLS]
    items = list({item.raw_item: item for item in found}.values())
    details = ticket.defendant.details if ticket.defendant else None
    country = details.country if details else None
    looks = ping_all({item.raw_item: country for item in items}, seconds=LOOK_SECONDS) if items else {}
    return [(item, looks.get(item.raw_item)) for item in items]


def _measure(ticket: Ticket, module: str | None, level: str | None) -> ServiceAction | None:
    if module is not None:
        named = ServiceAction.filter(module=module)
        return (named.filter(level=level) if level is not None else named).order_by("pk").first()
    offered: Sequence[ServiceAction] = (
        ActionService.list_actions_for_ticket(ticket) if facade("ActionServiceBase").is_implemented() else []
    )
    return offered[0] if offered else None


def _close(ticket: Ticket, actor: User) -> str:
    reporters = _contacted_reporters(ticket)
    moves.close_ticket(ticket, "fixed_by_customer", actor=actor, told=reporters)
    cause = f"timeout:{ticket.pk}"
    correspondence.tell_reporters(ticket, "case_closed", reporters, cause=cause, actor=actor)
    details = ticket.defendant.details if ticket.defendant else None
    customer = (details.email or details.spare_email) if details is not None else None
    if customer:
        correspondence.send_template(ticket, "ticket_closed", customer, cause=cause, actor=actor)
    _tag(ticket, actor)
    return "closed: every page is down"


def _contacted_reporters(ticket: Ticket) -> list[str]:
    reporters = set(ticket.reports.values_list("provider_id", flat=True))
    written = OutgoingMessage.filter(ticket=ticket, category="Plaintiff").values_list("recipient", flat=True)
    return sorted({address for address in written if address.lower() in reporters})


def _act(ticket: Ticket, measure: ServiceAction | None, actor: User) -> str:
    if measure is None:
        return _fail(ticket, "The time has passed, and no measure is known for this service.", actor)
    now = timezone.now()
    then = actions.Then(resolution="fixed", notify_customer=True)
    try:
        job = actions.schedule_action(ticket, measure, due_at=now, ip=None, actor=actor, then=then)
    except editing.Refused as error:
        return _fail(ticket, f"The time has passed, and {measure} could not be ordered: {error}", actor)
    if job.ip is None:
        actions.cancel_pending(ticket, reason="no address is reported", actor=actor)
        return _fail(ticket, "The time has passed, and the reports name no address of ours to act on.", actor)
    _tag(ticket, actor)
    return f"ordered: {measure}"


def _fail(ticket: Ticket, reason: str, actor: User) -> str:
    if ticket.status != TicketStatus.ACTION_ERROR:
        moves.set_status(ticket, TicketStatus.ACTION_ERROR, actor=actor)
    add_comment(ticket, reason, actor=actor)
    return reason


def _tag(ticket: Ticket, actor: User) -> None:
    tickets.add_tag(ticket, f"{ticket.category_id.lower()}:autoclosed", actor=actor)
