"""Writing to the customers behind many addresses at once: launched here, worked off address by address.

A campaign is its rows: each target is settled in one transaction with its tickets and mails, and counted from there.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from ipaddress import ip_address

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from abuse import queues
from abuse.models import (
    AbusePermission,
    Category,
    History,
    MassContact,
    MassContactResult,
    MassContactTarget,
    Profile,
    Provider,
    Report,
    ReportItem,
    User,
)
from abuse.models.fields import as_network, clipped
from abuse.services.crm import CRMService, Match, Query
from abuse.services.email import EmailService
from abuse.services.email.texts import LANGUAGES, TextError, language_of, render
from abuse.services.storage import StorageService

from . import moves, tickets
from .defendants import ensure_defendants, ensure_services, service_key
from .editing import Refused
from .history import record, robot
from .searching import note_reports

log = logging.getLogger(__name__)

State = MassContactTarget.State

WORK_OFF = "abuse.tasks.masscontact.work_off"
PROVIDER = "mass_contact"
MAX_TARGETS = 65_536
MAX_TEXT = 100_000
BATCH = 50
MAX_ATTEMPTS = 3
RESOLUTION = "fixed_by_customer"
_NEEDED = {
    "{{ service }}": re.compile(r"\{\{ *service *\}\}"),
    "{{ publicId }}": re.compile(r"\{\{ *publicId *\}\}"),
    "{% if lang == … %}": re.compile(r"\{% *if +lang *=="),
}


@transaction.atomic
def launch(name: str, category: str, ips: Sequence[str], subject: str, body: str, *, actor: User) -> MassContact:
    """Start a campaign about some addresses. The workers begin after the commit.

    :raises Refused: naming what is wrong: the name (a campaign of it was launched today), the category, an address,
        the texts, or an actor who may only read in the category.
    """
    known = Category.filter(name__iexact=category).first()
    if known is None:
        raise Refused(f"category: {category!r}; expected the name of one that exists")
    if not _may_launch(actor, known):
        raise Refused(f"category: {actor} has no profile in {known.name} that writes to customers")
    _check_text("subject", subject.strip())
    _check_text("body", body)
    addresses = _addresses(ips)
    campaign_name = normalised_name(name)
    if MassContact.filter(campaign_name=campaign_name).exists():
        raise Refused(f"campaignName: {campaign_name!r} was launched already; expected another name")
    campaign = MassContact.create(
        campaign_name=campaign_name, category=known, user=actor, ips_count=len(addresses), subject=subject.strip(),
        body=body, date=timezone.now(),
    )  # fmt: skip
    MassContactTarget.objects.bulk_create(
        [MassContactTarget(campaign=campaign, ip=address) for address in addresses], batch_size=1000
    )
    MassContactResult.create(campaign=campaign)
    queues.enqueue_on_commit(WORK_OFF)
    return campaign


def normalised_name(name: str) -> str:
    """`March of bots` becomes `mass_contact_march_of_bots_11/24/26`.

    :raises Refused: when nothing is left of it.
    """
    words = re.sub(r"[^a-z0-9_]", "", re.sub(r"\s+", "_", name.strip()).lower())
    if not words.strip("_") or len(words) > 200:
        raise Refused(f"campaignName: {name[:80]!r}; expected letters or digits, 200 at most")
    return f"mass_contact_{words}_{timezone.now():%m/%d/%y}"


def work_off(limit: int = BATCH) -> int:
    """Settle some of the addresses that wait; how many. Several processes share the work."""
    waiting = list(
        MassContactTarget.filter(state=State.PENDING)
        .select_related("campaign__category", "campaign__user")
        .order_by("attempts", "pk")[:limit]
    )
    if not waiting:
        return 0
    actor = robot()
    for text in {target.campaign.body for target in waiting}:
        StorageService.write(_digest(text), text.encode())
    now = timezone.now()
    # The CRM may be another system: it is asked before any transaction begins.
    matches = CRMService.find([Query(at=now, address=ip_address(target.ip)) for target in waiting])
    settled = sum(_settle(target, match, actor) for target, match in zip(waiting, matches, strict=True))
    for campaign_id in sorted({target.campaign_id for target in waiting}):
        count_results(campaign_id)
    return settled


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
    pending, done = MassContactResult.State.PENDING, MassContactResult.State.DONE
    result.state = pending if counts[State.PENDING] else done
    result.save(update_fields=["matching_count", "not_matching_count", "failed_count", "state"])
    return result


def _settle(waiting: MassContactTarget, match: Match | None, actor: User) -> bool:
    try:
        with transaction.atomic():
            target = (
                MassContactTarget.filter(pk=waiting.pk, state=State.PENDING)
                .select_for_update(skip_locked=True, of=("self",))
                .first()
            )
            if target is None:  # another process has it
                return False
            if match is None:
                target.state = State.NOT_MATCHED
            else:
                _contact(waiting.campaign, target.ip, match, actor=actor)
                target.state, target.tickets_count = State.MATCHED, 1
            target.save(update_fields=["state", "tickets_count"])
    except Exception as error:
        # What is wrong with one address is kept with it; the others go on.
        log.exception("campaign %s, %s", waiting.campaign, waiting.ip)
        _failed(waiting.pk, error)
        return False
    return True


@transaction.atomic
def _failed(pk: int, error: Exception) -> None:
    target = MassContactTarget.filter(pk=pk, state=State.PENDING).select_for_update().first()
    if target is None:
        return
    target.attempts += 1
    target.error = clipped(f"{type(error).__name__}: {error}", 2000)
    if target.attempts >= MAX_ATTEMPTS:
        target.state = State.FAILED
    target.save(update_fields=["attempts", "error", "state"])


def _contact(campaign: MassContact, ip: str, match: Match, *, actor: User) -> None:
    """One customer's ticket: opened, tagged, written to him, closed."""
    defendant = ensure_defendants([match.defendant])[match.defendant.customer_id]
    service = ensure_services([match.service])[service_key(match.service)]
    provider, _ = Provider.get_or_create(email=PROVIDER, defaults={"name": "Mass contact"})
    now = timezone.now()
    report = Report.create(
        body=campaign.body,
        subject=f"Campaign {campaign.campaign_name} for {ip}",
        provider=provider,
        category=campaign.category,
        defendant=defendant,
        service=service,
        received_date=now,
        created_at=now,
        filename=_digest(campaign.body),
    )
    ReportItem.create(report=report, item_type=ReportItem.Type.IP, raw_item=ip, network=as_network(ip), date=now)
    note_reports([report.pk])
    ticket = tickets.create_ticket(report, actor=actor, joinable=False)
    record(
        History.Type.CREATE_MASSCONTACT, actor=campaign.user, ticket=ticket, report=report, new=campaign.campaign_name
    )
    tickets.add_tag(ticket, campaign.campaign_name, actor=actor)
    filled = {
        "service": service.name.replace(".", "[.]"),
        "publicId": ticket.public_id,
        "lang": language_of(defendant.details),
    }
    message_id = EmailService.send_email(
        ticket,
        match.defendant.email,
        render(campaign.subject, filled, name="subject"),
        render(campaign.body, filled, name="body"),
        "Masscontact",
        dedupe_key=f"campaign:{campaign.pk}:{ip}",
        report=report,
    )
    record(
        History.Type.SEND_EMAIL, actor=actor, ticket=ticket, new=match.defendant.email, message_id=message_id,
        category="Masscontact", campaign=campaign.campaign_name,
    )  # fmt: skip
    moves.close_ticket(ticket, RESOLUTION, actor=actor)


def _may_launch(actor: User, category: Category) -> bool:
    writes = [Profile.Name.BEGINNER, Profile.Name.ADVANCED, Profile.Name.EXPERT]
    return (
        actor.is_superuser or AbusePermission.filter(user=actor, category=category, profile__name__in=writes).exists()
    )


def _check_text(name: str, text: str) -> None:
    limit = 1023 if name == "subject" else MAX_TEXT
    if len(text) > limit:
        raise Refused(f"email.{name}: {len(text)} characters; expected {limit} at most")
    for shown, pattern in _NEEDED.items():
        if pattern.search(text) is None:
            raise Refused(f"email.{name}: expected {shown} in it")
    try:
        for lang in LANGUAGES:
            render(text, {"service": "vps.example", "publicId": "BCDFGHJKLM", "lang": lang}, name=f"email.{name}")
    except TextError as error:
        raise Refused(str(error)) from None


def _addresses(ips: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for ip in ips:
        try:
            found[str(ip_address(ip.strip()))] = None
        except ValueError:
            raise Refused(f"ips: {ip[:60]!r}; expected an address") from None
    if not 1 <= len(found) <= MAX_TARGETS:
        raise Refused(f"ips: {len(found)} addresses; expected 1 to {MAX_TARGETS}")
    return list(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
