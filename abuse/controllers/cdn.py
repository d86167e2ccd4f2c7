"""Asking content networks which customer's server is behind a reported domain, and taking their answer.

A question is a row: each network is asked once about a domain in `VALIDITY`, whoever reports it. Two that ask about
the same domain at once wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from abuse.models import (
    CdnRequest,
    Deadline,
    Defendant,
    History,
    Report,
    ReportItem,
    Service,
    Ticket,
    TicketStatus,
    User,
)
from abuse.models.fields import as_network

from . import correspondence, editing, lookups, moves, proofs, tickets
from .history import record
from .searching import note_reports

VALIDITY = timedelta(days=15)
DECIDE_AFTER = timedelta(seconds=10)
DECIDE_AGAIN = "abuse.tasks.rules.decide_again"
"""The task that lets the Report rules decide on a report whose customer has become known."""


@transaction.atomic(savepoint=False)
def request_origin(report: Report, *, network: str, address: str, domain: str, actor: User) -> Ticket:
    """Attach a report to the ticket in which a network is asked about a domain; ask if nobody has lately.

    When the answer is known already the report gets the customer and service of it, and is decided on once more.
    """
    now = timezone.now()
    domain = domain.lower()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cdn:{network}:{domain}"])
    asked = CdnRequest.filter(provider=network, domain=domain).select_for_update().select_related("ticket").first()
    if asked is not None and asked.expires_at > now:
        ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=asked.ticket_id)
        _take_over(report, ticket, domain)
        tickets.attach_report(report, ticket, actor=actor)
        return ticket
    ticket = tickets.create_ticket(report, actor=actor, joinable=False)
    CdnRequest.objects.update_or_create(
        provider=network,
        domain=domain,
        defaults={"ticket": ticket, "asked_at": now, "expires_at": now + VALIDITY, "answered_at": None},
    )
    editing.write(ticket, treated_by=actor)
    proofs.add_proof(ticket, domain, actor=actor)
    correspondence.send_template(
        ticket, f"{network}_ip_request", address, cause=f"cdn:{ticket.pk}:{domain}", actor=actor, lang="EN",
        report=report,
    )  # fmt: skip
    return ticket


def _take_over(report: Report, ticket: Ticket, domain: str) -> None:
    if ticket.defendant is None or ticket.service is None or _has_twin(report, ticket.defendant, ticket.service):
        return
    report.defendant, report.service = ticket.defendant, ticket.service
    Report.filter(pk=report.pk).update(defendant=ticket.defendant, service=ticket.service)
    known = ReportItem.filter(report__ticket=ticket, item_type=ReportItem.Type.IP).order_by("pk").first()
    if known is not None and known.network is not None:
        _add_address(report, str(known.network.network_address), domain)
    _decide_again(report)


@transaction.atomic(savepoint=False)
def take_origin(
    ticket: Ticket, *, network: str, owners: Sequence[tuple[Defendant, Service]], addresses: Sequence[str], actor: User
) -> bool:
    """Take a network's answer: whether it names one customer's service of ours.

    Then the ticket is that customer's, and its newest report is decided on again; else a person has to look.
    """
    editing.edit(ticket, actor=actor)
    request = CdnRequest.filter(ticket=ticket, provider=network).select_for_update().first()
    if request is not None:
        request.answered_at = timezone.now()
        request.save(update_fields=["answered_at"])
    _let_go(ticket, actor=actor)
    if request is None or len(owners) != 1 or not addresses:
        if ticket.status not in {TicketStatus.ALARM, TicketStatus.CLOSED}:
            moves.set_status(ticket, TicketStatus.ALARM, actor=actor)
        return False
    defendant, service = owners[0]
    editing.write(ticket, defendant=defendant, service=service)
    for field, value in (("defendant", defendant.customer_id), ("service", service.name)):
        record(History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field=field, new=value, network=network)
    _let_reports_join(ticket)
    reports = list(Report.filter(ticket=ticket).select_for_update().order_by("pk"))
    for report in reports:
        # Whoever sent two mails about it may have a report of this customer already; that one stays as it is.
        if not _has_twin(report, defendant, service):
            Report.filter(pk=report.pk).update(defendant=defendant, service=service)
            report.defendant, report.service = defendant, service
        _add_address(report, addresses[0], request.domain)
    if ticket.status not in {TicketStatus.OPEN, TicketStatus.CLOSED, TicketStatus.REOPENED}:
        moves.set_status(ticket, TicketStatus.OPEN, actor=actor)
    if reports:
        _decide_again(reports[-1])
    return True


def _let_reports_join(ticket: Ticket) -> None:
    """Later reports about the customer join this ticket, unless another open one takes them."""
    try:
        with transaction.atomic():
            Ticket.filter(pk=ticket.pk).update(update=True)
        ticket.update = True
    except IntegrityError:
        ticket.update = False


def _has_twin(report: Report, defendant: Defendant, service: Service) -> bool:
    if report.email_id is None:
        return False
    others = Report.filter(email_id=report.email_id, defendant=defendant, service=service).exclude(pk=report.pk)
    return others.exists()


def _let_go(ticket: Ticket, *, actor: User) -> None:
    if ticket.treated_by_id is None:
        return
    old = ticket.treated_by.username if ticket.treated_by else None
    editing.write(ticket, treated_by=None)
    record(History.Type.CHANGE_TREATED_BY, actor=actor, ticket=ticket, field="treatedBy", old=old)


def _add_address(report: Report, address: str, domain: str) -> None:
    if ReportItem.filter(report=report, raw_item=address).exists():
        return
    ReportItem.create(
        report=report,
        item_type=ReportItem.Type.IP,
        raw_item=address,
        original=address,
        place=f"behind {domain}"[:255],
        network=as_network(address),
        date=timezone.now(),
    )
    note_reports([report.pk])
    lookups.ask_soon([report.pk])


def _decide_again(report: Report) -> None:
    now = timezone.now()
    Deadline.create(
        kind=Deadline.Kind.TASK,
        report=report,
        due_at=now + DECIDE_AFTER,
        created_at=now,
        # A person had the network asked, and vouches for the report by that.
        payload={"task": DECIDE_AGAIN, "params": {"report_id": report.pk, "trusted": True}},
    )
