"""Working off campaigns: the customers behind all addresses are found first, then each is written to once.

A campaign is its rows. An address is settled in one transaction with its ticket and mail, and counted from there: one
ticket and one mail for each service of a customer, however many of its addresses the campaign names.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from abuse import queues
from abuse.models import (
    Defendant,
    History,
    MassContact,
    MassContactResult,
    MassContactTarget,
    Provider,
    Report,
    ReportItem,
    Service,
    User,
)
from abuse.models.fields import as_network, clipped
from abuse.services.crm import CRMService, Match, Query
from abuse.services.email import EmailService
from abuse.services.email.texts import language_of, render
from abuse.services.email.texts.engine import Variables
from abuse.services.storage import StorageService

from . import lookups, moves, tickets
from .campaigns import WORK_OFF
from .defendants import ensure_defendants, ensure_services, service_key
from .history import record, robot
from .searching import note_reports
from .telling import tell_reports

log = logging.getLogger(__name__)

State = MassContactTarget.State

PROVIDER = "mass_contact"
BATCH = 50
MAX_ATTEMPTS = 3
MAX_IPS = 500
"""Addresses of one service that a text names; the report has them all."""
RESOLUTION = "fixed_by_customer"
WAITING = (State.PENDING, State.FOUND)


def work_off(limit: int = BATCH) -> int:
    """Bring some of the addresses that wait further; how many. Several processes share the work.

    Nobody is written to before the customers behind all addresses of the campaign are known.

    :raises CRMServiceException: when the customer database cannot answer; nothing is lost.
    """
    moved, campaigns = _find(limit)
    written = _write(limit)
    for campaign_id in sorted(campaigns | {target.campaign_id for target in written}):
        count_results(campaign_id)
    return len(moved | {target.pk for target in written})


def ring_if_waiting() -> None:
    """Ring for campaigns that are not done: their doorbell may have been lost."""
    if MassContactResult.filter(state=MassContactResult.State.PENDING).exists():
        queues.enqueue_on_commit(WORK_OFF)


@transaction.atomic
def count_results(campaign_id: int) -> MassContactResult:
    """Count the results of a campaign anew, from its rows; it is done when nothing waits."""
    result = MassContactResult.objects.select_for_update().get(campaign_id=campaign_id)
    counts = MassContactTarget.filter(campaign_id=campaign_id).aggregate(
        **{str(state): Count("pk", filter=Q(state=state)) for state in State}
    )
    result.matching_count, result.not_matching_count = counts[State.MATCHED], counts[State.NOT_MATCHED]
    result.failed_count = counts[State.FAILED]
    is_waiting = any(counts[state] for state in WAITING)
    result.state = MassContactResult.State.PENDING if is_waiting else MassContactResult.State.DONE
    result.save(update_fields=["matching_count", "not_matching_count", "failed_count", "state"])
    return result


def _find(limit: int) -> tuple[set[int], set[int]]:
    """Find the customers behind some addresses; which of them moved on, and of which campaigns."""
    waiting = list(MassContactTarget.filter(state=State.PENDING).order_by("attempts", "pk")[:limit])
    if not waiting:
        return set(), set()
    now = timezone.now()
    # The CRM may be another system: it is asked before any transaction begins.
    matches = CRMService.find([Query(at=now, address=ip_address(target.ip)) for target in waiting])
    locked = _note({target.pk: match for target, match in zip(waiting, matches, strict=True)})
    return {target.pk for target in locked}, {target.campaign_id for target in waiting}


def _note(matches: Mapping[int, Match | None]) -> list[MassContactTarget]:
    """Note whose addresses are; those that moved on. What is wrong with one address is kept with it alone."""
    targets = MassContactTarget.filter(pk__in=list(matches), state=State.PENDING)
    try:
        with transaction.atomic():
            locked = list(targets.select_for_update(skip_locked=True).order_by("pk"))
            _note_customers(locked, [matches[target.pk] for target in locked])
            return locked
    except Exception as error:
        if len(matches) > 1:
            return [target for pk, match in matches.items() for target in _note({pk: match})]
        _failed(targets, error)
        return []


def _note_customers(targets: Sequence[MassContactTarget], matches: Sequence[Match | None]) -> None:
    defendants = ensure_defendants(match.defendant for match in matches if match)
    services = ensure_services([match.service for match in matches if match])
    for target, match in zip(targets, matches, strict=True):
        if match is None:
            target.state = State.NOT_MATCHED
        else:
            target.state = State.FOUND
            target.defendant = defendants[match.defendant.customer_id]
            target.service = services[service_key(match.service)]
    MassContactTarget.objects.bulk_update(targets, ["state", "defendant", "service"])


def _write(limit: int) -> list[MassContactTarget]:
    """Write to some of the customers that are found; the addresses that are settled by it."""
    unknown = MassContactTarget.filter(campaign=OuterRef("campaign"), state=State.PENDING)
    groups = list(
        MassContactTarget.filter(~Exists(unknown), state=State.FOUND)
        .values("campaign_id", "defendant_id", "service_id")
        .annotate(tried=Max("attempts"), number=Min("pk"))
        .order_by("tried", "number")
        .values_list("campaign_id", "defendant_id", "service_id")[:limit]
    )
    if not groups:
        return []
    actor = robot()
    campaigns = MassContact.objects.select_related("category", "user").in_bulk({campaign for campaign, _, _ in groups})
    for text in {campaign.body for campaign in campaigns.values()}:
        StorageService.write(_digest(text), text.encode())
    return [
        target
        for campaign, defendant, service in groups
        for target in _settle(campaigns[campaign], defendant, service, actor)
    ]


def _settle(campaign: MassContact, defendant: int | None, service: int | None, actor: User) -> list[MassContactTarget]:
    """Write to one customer about one of his services; the addresses that are settled by it."""
    group = MassContactTarget.filter(campaign=campaign, defendant=defendant, service=service, state=State.FOUND)
    try:
        with transaction.atomic():
            # Who comes second waits, and then finds none: part of a group must not become a mail of its own.
            rows = group.select_related("defendant__details", "service").select_for_update(of=("self",))
            targets = list(rows.order_by("pk"))
            if targets:
                _contact(campaign, targets, actor=actor)
                MassContactTarget.filter(pk__in=[target.pk for target in targets]).update(state=State.MATCHED)
                MassContactTarget.filter(pk=targets[0].pk).update(tickets_count=1)
            return targets
    except Exception as error:
        if _failed(group, error):
            count_results(campaign.pk)
        return []


def _failed(targets: QuerySet[MassContactTarget], error: Exception) -> int:
    """Keep what is wrong with some addresses; the others go on. How many of them were given up."""
    log.warning("a campaign: %s", targets.values_list("ip", flat=True).first(), exc_info=error)
    with transaction.atomic():
        targets.update(attempts=F("attempts") + 1, error=clipped(f"{type(error).__name__}: {error}", 2000))
        return targets.filter(attempts__gte=MAX_ATTEMPTS).update(state=State.FAILED)


def _contact(campaign: MassContact, targets: Sequence[MassContactTarget], *, actor: User) -> None:
    """One customer's ticket about one service: opened, tagged, written to him, closed."""
    defendant, service = targets[0].defendant, targets[0].service
    if defendant is None or service is None or defendant.details is None:
        raise ValueError(f"{targets[0].ip}: nothing is known of its customer, not even where to write")
    report = _report(campaign, defendant, service, [target.ip for target in targets])
    ticket = tickets.create_ticket(report, actor=actor, joinable=False)
    record(
        History.Type.CREATE_MASSCONTACT, actor=campaign.user, ticket=ticket, report=report, new=campaign.campaign_name
    )
    tickets.add_tag(ticket, campaign.campaign_name, actor=actor)
    filled: Variables = {
        "service": service.name.replace(".", "[.]"),
        "publicId": ticket.public_id,
        "lang": language_of(defendant.details),
        "ips": [target.ip for target in targets[:MAX_IPS]],
    }
    recipient = defendant.details.email
    message_id = EmailService.send_email(
        ticket,
        recipient,
        render(campaign.subject, filled, name="subject"),
        render(campaign.body, filled, name="body"),
        "Masscontact",
        dedupe_key=f"campaign:{campaign.pk}:{defendant.pk}:{service.pk}",
        report=report,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, new=recipient, message_id=message_id,
        category="Masscontact", campaign=campaign.campaign_name,
    )  # fmt: skip
    moves.close_ticket(ticket, RESOLUTION, actor=actor)


def _report(campaign: MassContact, defendant: Defendant, service: Service, ips: Sequence[str]) -> Report:
    """The report that a campaign makes of one service, with all its addresses."""
    provider, _ = Provider.get_or_create(email=PROVIDER, defaults={"name": "Mass contact"})
    now = timezone.now()
    about = ips[0] if len(ips) == 1 else f"{len(ips)} addresses"
    report = Report.create(
        body=campaign.body,
        subject=f"Campaign {campaign.campaign_name} for {about}",
        provider=provider,
        category=campaign.category,
        defendant=defendant,
        service=service,
        received_date=now,
        created_at=now,
        look_up_at=lookups.first(now),
        filename=_digest(campaign.body),
    )
    ReportItem.objects.bulk_create(
        [
            ReportItem(report=report, item_type=ReportItem.Type.IP, raw_item=ip, network=as_network(ip), date=now)
            for ip in ips
        ],
        batch_size=1000,
    )
    note_reports([report.pk])
    tell_reports([report])
    return report


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
