"""Making reports: rows for what read mails say, with provider, customer, service, category and items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from django.db import models
from django.utils import timezone

from abuse.controllers import lookups
from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
from abuse.controllers.history import record
from abuse.controllers.late import first_question
from abuse.controllers.providers import ensure_providers, provider_key
from abuse.controllers.searching import note_reports
from abuse.controllers.telling import tell_reports
from abuse.models import (
    AttachedDocument,
    Category,
    EmailFilter,
    EmailFilterTag,
    History,
    Provider,
    Report,
    ReportItem,
    User,
)
from abuse.models.fields import Network, as_network, clipped
from abuse.models.inserting import insert_all
from abuse.models.reports import BODY_LIMIT
from abuse.parsers import taxonomy
from abuse.parsers.robots import why_not_answered
from abuse.parsers.values import ItemKind, ParsedEmail, ParsedItem

from .kinds import STATEMENTS
from .reading import Accusation, ReadMail

FALLBACK_CATEGORY = "Other"
RAW_ITEM_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A report just made, with the mail it came from and what of the mail it is about."""

    report: Report
    mail: ReadMail
    accusations: list[Accusation]

    @property
    def is_spooled(self) -> bool:
        """Whether its items come from the mail's spool, and those at hand are only some of them."""
        return any(one.spooled is not None for one in self.accusations)


def make_reports(mails: Sequence[ReadMail], providers: Mapping[str, Provider]) -> list[MadeReport]:
    """Write the reports of all mails with all that belongs to them, in as few statements as there are tables."""
    accusations = [accusation for mail in mails for accusation in mail.accusations if accusation.match]
    defendants = ensure_defendants(one.match.defendant for one in accusations if one.match)
    services = ensure_services(one.match.service for one in accusations if one.match)
    categories = Category.objects.in_bulk() if mails else {}
    now = timezone.now()
    made: list[MadeReport] = []
    items: list[list[ReportItem]] = []
    reasons = {
        mail.claim.email_id: why_not_answered(
            mail.parsed.headers, mail.parsed.provider, mail.parsed.kind, mail.claim.envelope_sender
        )
        for mail in mails
    }
    for mail in mails:
        provider = providers[provider_key(mail.parsed.provider)]
        same: dict[tuple[str | None, str | None, str], int] = {}
        for accusation in mail.accusations:
            match = accusation.match
            category = category_of(provider, accusation.category or mail.parsed.category, categories)
            key = _identity(accusation, category)
            if key in same:  # what the mail calls differently is one to the desk
                _join(made[same[key]], accusation, items[same[key]], now=now)
                continue
            same[key] = len(made)
            report = Report(
                body=mail.parsed.body[:BODY_LIMIT],
                subject=mail.parsed.subject,
                provider=provider,
                category=category,
                defendant=defendants[match.defendant.customer_id] if match else None,
                service=services[service_key(match.service)] if match else None,
                email_id=mail.claim.email_id,
                received_date=mail.date,
                created_at=now,
                filename=mail.claim.sha256,
                no_answer_reason=clipped(reasons[mail.claim.email_id], 255),
                authentication=mail.authentication.verdict(mail.parsed.provider),
                reporter_reference=_clipped_or_none(mail.parsed.reporter_reference, 255),
                xarf_type=_clipped_or_none(mail.parsed.xarf_type, 64),
                rsit_class=_clipped_or_none(_rsit_class(accusation, mail.parsed), 64),
                missing_data=list(accusation.missing) if match is None else [],
                look_up_at=lookups.first(now),
                ask_again_at=first_question(now) if match is None and mail.parsed.kind not in STATEMENTS else None,
            )
            made.append(MadeReport(report, mail, [accusation]))
            items.append(report_items(report, accusation.items, now=now))
    insert_all([one.report for one in made], at_once=200)
    insert_all([item for one, group in zip(made, items, strict=True) if not one.is_spooled for item in group])
    _copy_spools(mails, made, now=now)
    for one, group in zip(made, items, strict=True):
        # The items are at hand: rule variables that ask for report.items.all() cost no query.
        one.report._prefetched_objects_cache = {"items": group}  # type: ignore[attr-defined]
    _attach_documents(made)
    _tag_by_filters(made)
    tell_reports([one.report for one in made])
    note_reports([one.report.pk for one in made])
    lookups.ring_on_commit()
    return made


def _rsit_class(accusation: Accusation, parsed: ParsedEmail) -> str | None:
    """The class that the mail says of its category; of items of another category, the one that goes with that."""
    if accusation.category is None or accusation.category == parsed.category:
        return parsed.rsit_class
    return taxonomy.class_of_category(accusation.category)


def _identity(accusation: Accusation, category: Category) -> tuple[str | None, str | None, str]:
    """What there is one report of in a mail."""
    match = accusation.match
    if match is None:
        return (None, None, category.pk)
    return (match.defendant.customer_id, service_key(match.service), category.pk)


def _join(made: MadeReport, accusation: Accusation, items: list[ReportItem], *, now: datetime) -> None:
    made.accusations.append(accusation)
    known = {(item.item_type, item.raw_item, item.port, item.protocol, item.seen_at) for item in items}
    items += [
        item
        for item in report_items(made.report, accusation.items, now=now)
        if (item.item_type, item.raw_item, item.port, item.protocol, item.seen_at) not in known
    ]


def _copy_spools(mails: Sequence[ReadMail], made: Sequence[MadeReport], *, now: datetime) -> None:
    """Write the items of long feeds under the reports made for them."""
    for mail in mails:
        if mail.spool is None:
            continue
        reports = {
            accusation.spooled: one.report.pk
            for one in made
            if one.mail is mail
            for accusation in one.accusations
            if accusation.spooled is not None
        }
        mail.spool.copy(reports, date=now)


def report_items(report: Report, found: Iterable[ParsedItem], *, now: datetime) -> list[ReportItem]:
    """The rows for a report's items, each thing once."""
    rows: dict[tuple[object, ...], ReportItem] = {}
    for item in found:
        key = (item.kind, item.value, item.port, item.protocol, item.seen_at)
        if key not in rows:
            rows[key] = ReportItem(
                report=report,
                item_type=str(item.kind),
                raw_item=clipped(item.value, RAW_ITEM_LIMIT),
                original=clipped(item.raw, RAW_ITEM_LIMIT),
                place=clipped(item.place, 255),
                network=_network_of(item),
                fqdn=_name_of(item),
                port=item.port,
                protocol=_clipped_or_none(item.protocol, 32),
                seen_at=item.seen_at,
                times=item.times,
                confidence=item.confidence,
                date=now,
            )
    return list(rows.values())


def _network_of(item: ParsedItem) -> Network | None:
    if item.kind == ItemKind.CIDR:
        return as_network(item.value)
    try:
        return as_network(ip_address(item.host or ""))
    except ValueError:
        return None


def _name_of(item: ParsedItem) -> str | None:
    host = item.host
    return None if host is None or _network_of(item) is not None else clipped(host, 255)


def category_of(provider: Provider, said: str | None, known: Mapping[str, Category]) -> Category:
    """The reporter's own category goes before what the mail says; what is unknown is Other."""
    if provider.default_category is not None:
        return provider.default_category
    return known.get(said or FALLBACK_CATEGORY) or known[FALLBACK_CATEGORY]


def _clipped_or_none(text: str | None, limit: int) -> str | None:
    return clipped(text, limit) if text else None


def _attach_documents(made: Sequence[MadeReport]) -> None:
    """One row for each attachment of a mail, linked to all reports of the mail."""
    documents: dict[int, list[AttachedDocument]] = {}
    for one in made:
        if one.mail.attachments and one.mail.claim.email_id not in documents:
            documents[one.mail.claim.email_id] = [
                AttachedDocument(
                    name=clipped(attachment.name, 255),
                    filename=attachment.key,
                    filetype=clipped(attachment.content_type, 255),
                    size=attachment.size,
                )
                for attachment in one.mail.attachments
            ]
    if not documents:
        return
    insert_all([document for group in documents.values() for document in group])
    through: type[models.Model] = Report.attachments.through
    insert_all(
        [
            through(report_id=one.report.pk, attacheddocument_id=document.pk)
            for one in made
            for document in documents.get(one.mail.claim.email_id, [])
        ]
    )


def _tag_by_filters(made: Sequence[MadeReport]) -> None:
    """Put on each report the tags of every filter-tag whose filters its mail passes."""
    rules = [
        rule
        for rule in EmailFilterTag.filter(filters__isnull=False).distinct().prefetch_related("filters", "tags")
        if rule.tags.all()
    ]
    through = Report.tags.through
    rows = [
        through(report_id=one.report.pk, tag_id=tag.pk)
        for one in made
        for rule in rules
        if all(_passes(one.mail.parsed, check) for check in rule.filters.all())
        for tag in rule.tags.all()
    ]
    if rows:
        insert_all(rows, ignore_conflicts=True)


def _passes(parsed: ParsedEmail, check: EmailFilter) -> bool:
    texts = {
        EmailFilter.Scope.PROVIDER: (parsed.provider,),
        EmailFilter.Scope.RECIPIENTS: parsed.recipients,
        EmailFilter.Scope.SUBJECT: (parsed.subject,),
        EmailFilter.Scope.BODY: (parsed.body,),
    }[EmailFilter.Scope(check.scope)]
    return any(check.value.lower() in text.lower() for text in texts)


def providers_of(mails: Sequence[ReadMail]) -> Mapping[str, Provider]:
    """The providers of the mails, by key."""
    return ensure_providers(mail.parsed.provider for mail in mails)


def complete(report: Report, accusation: Accusation, *, actor: User) -> int:
    """Give a report the items of an accusation that it lacks; how many."""
    has = {(item.item_type, item.raw_item) for item in report.items.all()}
    rows = report_items(report, accusation.items, now=timezone.now())
    new = [item for item in rows if (item.item_type, item.raw_item) not in has]
    if new:
        insert_all(new)
        note_reports([report.pk])
        lookups.ask_soon([report.pk])
        record(
            History.Type.ADD_ITEM,
            actor=actor,
            report=report,
            ticket=report.ticket,
            new=", ".join(item.raw_item for item in new[:20]),
            count=len(new),
        )
    return len(new)
