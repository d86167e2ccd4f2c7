"""Reports about addresses of others: the registries are asked whose they are, and then the reporter is told."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from django.utils import timezone

from abuse.config import current
from abuse.controllers import misrouted, registries
from abuse.controllers.history import robot
from abuse.models import RegistryContact, Report, ReportItem, ReportStatus
from abuse.services.email import EmailService
from abuse.services.email.texts.redaction import redacted, without_signature
from abuse.services.email.texts.reporters_identity import identity_of_reporters
from abuse.services.email.xarf import xarf_files
from abuse.services.rdap import RdapError, RdapLookup, lookup_of

MAX_LOOKUPS = 10
"""Registries that are asked about one report; of its further addresses nobody is named."""


def settle(report_id: int) -> str:
    """Ask, then be done with the report; what was done, in words.

    :raises RdapError: when a registry could not answer now; it is tried again.
    """
    report = Report.objects.select_related("provider", "category", "email").get(pk=report_id)
    if report.status != ReportStatus.NEW or report.ticket_id is not None:
        return "the report had moved on"
    items = list(report.items.order_by("pk")[: 10 * MAX_LOOKUPS])
    addresses = list(dict.fromkeys(item.network.network_address for item in items if item.network is not None))
    known = _ask(addresses) if misrouted.is_known(report) else []
    contacts = sorted({row.email for row in known if row.email})
    forwarding = None
    if not misrouted.why_not_forwarded(report, contacts):
        forwarding = _forwarding(report, items, contacts[0])
    return misrouted.settle(report, contacts, forwarding, actor=robot())


def _ask(addresses: Sequence[IPv4Address | IPv6Address]) -> list[RegistryContact]:
    """What is known of the addresses: what was kept, else what the registries say now."""
    now = timezone.now()
    known = {
        address: row for address, row in RegistryContact.around(addresses).items() if registries.is_fresh(row, now)
    }
    found, lookup = list(dict.fromkeys(known.values())), lookup_of(current())
    if lookup is None:
        return found
    asked = 0
    for address in addresses:
        if address in known or any(row.holds(address) for row in found):
            continue
        if asked == MAX_LOOKUPS:
            break
        asked += 1
        found.append(_ask_about(lookup, address))
    return found


def _ask_about(lookup: RdapLookup, address: IPv4Address | IPv6Address) -> RegistryContact:
    try:
        answer = lookup.address(address)
    except RdapError as error:
        if not error.permanent:
            raise
        answer = None
    emails = answer.abuse.emails if answer is not None and answer.abuse is not None else ()
    holder = answer.holder if answer is not None else None
    is_around = answer is not None and answer.first is not None and answer.last is not None
    first, last = (answer.first, answer.last) if answer is not None and is_around else (address, address)
    return registries.remember(
        first or address,
        last or address,
        network_name=answer.name if answer is not None else "",
        organisation=(holder.organisation or holder.name) if holder is not None else "",
        email=emails[0].lower() if emails else "",
        source=answer.source if answer is not None else "",
    )


def _forwarding(report: Report, items: Sequence[ReportItem], contact: str) -> misrouted.Forwarding:
    identity = identity_of_reporters([report], items, report.category_id)
    evidence = redacted(without_signature(report.body), identity).strip()
    files = xarf_files(report, items, evidence, domain=current().MAIL.ticket_domain)
    return misrouted.Forwarding(contact, tuple(EmailService.keep(files)))
