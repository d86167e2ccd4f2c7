"""What reports complain about, in the hands of people: added, corrected, taken out, kept as proof."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from abuse.models import History, Report, ReportItem, Ticket, User
from abuse.models.fields import as_network, clipped
from abuse.parsers import hosts, urls
from abuse.parsers.values import ItemKind, ParsedItem
from abuse.services.crm import CRMService, Match, Query
from abuse.services.phishing import PhishingService

from . import lookups, proofs, validation
from .defendants import ensure_defendants, ensure_services, service_key
from .editing import Refused, write
from .history import record

MAX_RAW = 4000
MAX_PROOF_ITEMS = 1000
PLACE = "given by hand"


def read_item(text: str) -> ParsedItem:
    """An address, network, URL or name as a person wrote it, disguised or not, in its normal form.

    :raises Refused: for a text that is none of them.
    """
    raw = text.strip()
    if len(raw) <= MAX_RAW:
        plain = urls.refang(raw)
        url = urls.normalise(raw)
        if url is not None:
            return ParsedItem(ItemKind.URL, url.value, raw, PLACE, url.port)
        if (network := hosts.cidr(plain)) is not None:
            return ParsedItem(ItemKind.CIDR, network, raw, PLACE)
        if (address := hosts.ip(plain)) is not None:
            return ParsedItem(ItemKind.IP, address, raw, PLACE)
        if (name := hosts.name(plain)) is not None:
            return ParsedItem(ItemKind.FQDN, name, raw, PLACE)
    raise Refused(f"rawItem: {raw[:100]!r}; expected an address, a network, a URL or a name")


def add_item(report: Report, text: str, *, actor: User) -> ReportItem:
    """Add what a report is about, too. A report of nobody becomes its customer's, and so does its ticket.

    The CRM is asked before any transaction begins.

    :raises Refused: for a text that is no item, one that is there already, is nobody's of ours, or is another
        customer's or service's than the report.
    """
    item = read_item(text)
    match = _owners([(item, report.received_date)])[0]
    if match is None:
        raise Refused(f"rawItem: {item.value[:100]} belongs to no customer of ours")
    with transaction.atomic():
        validation.lock(report)
        if ReportItem.filter(report=report, raw_item=clipped(item.value, MAX_RAW)).exists():
            raise Refused(f"rawItem: {item.value[:100]} is in {report} already")
        _check_owner(report, match, actor=actor)
        row = _fill(ReportItem(report=report), item)
        row.save(force_insert=True)
        lookups.ask_soon([report.pk])
        record(History.Type.ADD_ITEM, actor=actor, report=report, ticket=report.ticket, new=row.raw_item)
    return row


def update_item(row: ReportItem, text: str, *, actor: User) -> bool:
    """Correct an item; False when it says so already.

    :raises Refused: as for `add_item`.
    """
    item = read_item(text)
    if clipped(item.value, MAX_RAW) == row.raw_item:
        return False
    match = _owners([(item, row.report.received_date)])[0]
    if match is None:
        raise Refused(f"rawItem: {item.value[:100]} belongs to no customer of ours")
    with transaction.atomic():
        validation.lock(row.report)
        _check_owner(row.report, match, actor=actor)
        old = row.raw_item
        _fill(row, item).save()
        lookups.ask_soon([row.report_id])
        record(
            History.Type.UPDATE_ITEM, actor=actor, report=row.report, ticket=row.report.ticket, old=old,
            new=row.raw_item,
        )  # fmt: skip
    return True


@transaction.atomic
def delete_items(rows: QuerySet[ReportItem], raw_item: str, *, actor: User) -> int:
    """Take a thing out of some reports, wherever it stands in them; how often it stood there."""
    chosen = list(rows.filter(raw_item=raw_item).select_related("report__ticket").order_by("pk"))
    for report in {item.report_id: item.report for item in chosen}.values():
        record(History.Type.DELETE_ITEM, actor=actor, report=report, ticket=report.ticket, old=raw_item)
    ReportItem.filter(pk__in=[item.pk for item in chosen]).delete()
    return len(chosen)


def unblock(row: ReportItem, *, actor: User) -> None:
    """Have the block of a URL taken away.

    :raises Refused: for an item that is no URL.
    :raises ServiceError: when there is no phishing service, or it did not take the order.
    """
    if row.item_type != ReportItem.Type.URL:
        raise Refused(f"item {row.pk}: {row.item_type}; expected a URL")
    PhishingService.unblock_url(row.raw_item)
    with transaction.atomic():
        record(
            History.Type.UPDATE_ITEM, actor=actor, report=row.report, ticket=row.report.ticket, field="blocked",
            old=row.raw_item, new="unblocked",
        )  # fmt: skip


def items_to_proof(ticket: Ticket, *, actor: User) -> int:
    """Keep as proof what is reported in a ticket and still is its customer's service; how many texts were added.

    :raises Refused: for a ticket without customer or service.
    """
    if ticket.defendant is None or ticket.service is None:
        raise Refused(f"{ticket}: expected one with a customer and a service")
    rows = ReportItem.filter(report__ticket=ticket).order_by("pk").values_list("item_type", "raw_item")
    kinds = {str(kind) for kind in ItemKind}
    wanted = dict.fromkeys(row for row in rows[:MAX_PROOF_ITEMS] if row[0] in kinds)
    items = [ParsedItem(ItemKind(kind), value) for kind, value in wanted]
    now = timezone.now()
    ours = (ticket.defendant.customer_id, ticket.service.key)
    matches = _owners([(item, now) for item in items])
    texts = [
        item.value
        for item, match in zip(items, matches, strict=True)
        if match is not None and (match.defendant.customer_id, service_key(match.service)) == ours
    ]
    known = set(ticket.proof.values_list("content", flat=True))
    new = [text for text in texts if proofs.scrub(text).strip() not in known | {""}]
    with transaction.atomic():
        for text in new:
            proofs.add_proof(ticket, text, actor=actor)
    return len(new)


def _owners(asked: Sequence[tuple[ParsedItem, datetime]]) -> list[Match | None]:
    """Whose each thing was at the moment beside it; None for what belongs to nobody by itself."""
    queries = [(index, query) for index, one in enumerate(asked) if (query := _query(*one)) is not None]
    found = CRMService.find([query for _, query in queries]) if queries else []
    owners: list[Match | None] = [None] * len(asked)
    for (index, _), match in zip(queries, found, strict=True):
        owners[index] = match
    return owners


def _query(item: ParsedItem, at: datetime) -> Query | None:
    host = item.host
    if host is None:
        return None
    try:
        address = ip_network(host, strict=False).network_address if item.kind == ItemKind.CIDR else ip_address(host)
        return Query(at=at, address=address, port=item.port)
    except ValueError:
        return Query(at=at, host=host)


def _check_owner(report: Report, match: Match, *, actor: User) -> None:
    """The item has to be the locked report's customer's and service's, which it gives to one that has none."""
    defendant = ensure_defendants([match.defendant])[match.defendant.customer_id]
    service = ensure_services([match.service])[service_key(match.service)]
    if report.defendant_id not in {None, defendant.pk}:
        raise Refused(f"rawItem: belongs to {defendant}; expected something of {report.defendant}")
    if report.service_id not in {None, service.pk}:
        raise Refused(f"rawItem: belongs to the service {service}; expected something of {report.service}")
    ticket = report.ticket
    try:
        with transaction.atomic():
            validation.set_customer(report, defendant, service, actor=actor)
            if ticket is not None and ticket.is_open and ticket.defendant_id is None:
                write(ticket, defendant=defendant, service=service)
                record(
                    History.Type.UPDATE_PROPERTY, actor=actor, ticket=ticket, field="defendant",
                    new=defendant.customer_id, service=service.name,
                )  # fmt: skip
    except IntegrityError:
        raise Refused(
            f"rawItem: {report} or its ticket would be a second one about {defendant} and {service}"
        ) from None


def _fill(row: ReportItem, item: ParsedItem) -> ReportItem:
    row.item_type, row.raw_item = str(item.kind), clipped(item.value, MAX_RAW)
    row.original, row.place, row.port = clipped(item.raw, MAX_RAW), PLACE, item.port
    row.ip_reverse = row.ip_reverse_resolved = row.fqdn_resolved = row.fqdn_resolved_reverse = None
    row.network, row.fqdn = None, None
    host = item.host or ""
    try:
        row.network = as_network(item.value if item.kind == ItemKind.CIDR else ip_address(host))
    except ValueError:
        row.fqdn = clipped(host, 255)
    row.date = timezone.now()
    return row
