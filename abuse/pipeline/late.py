"""Reports of nobody known, once the CRM knows: they get their customer, and the rules decide as they would have.

What is asked about are the items that the report has. What of them is a customer's becomes his report: the first
customer gets the report that there is, each other one a report of his own, as if the CRM had known from the start.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from abuse.config import Settings
from abuse.controllers import late, questions, reports, validation
from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
from abuse.controllers.history import record, robot
from abuse.controllers.together import written_together
from abuse.models import Email, History, Report, ReportItem, ReportStatus, User
from abuse.parsers import ParsedEmail, ParserContext
from abuse.parsers.values import MailKind
from abuse.rules.apply import RulesRun
from abuse.rules.beforehand import asked_beforehand
from abuse.services.crm import CRMService, CRMServiceException, Match, Query
from abuse.services.facade import ServiceError
from abuse.services.storage import StorageService
from abuse.utils.stopping import is_asked_to_stop

from .batch import decide, lock_accused
from .beforehand import answers_of, ask_beforehand
from .claims import Claim
from .context import parser_context
from .kinds import STATEMENTS
from .reading import Accusation, ReadMail, believable, parsed_item, query_of, understood
from .reporting import MadeReport, complete, make_reports, providers_of
from .urls import write_looks

log = logging.getLogger(__name__)

CHUNK = 50
"""Reports that are asked about together."""
ITEMS = 2_000
"""Items that the customer database is asked for at once."""
RETRY = timedelta(minutes=5)

Parts = Mapping[int, Sequence[tuple[Match, Sequence[ReportItem]]]]
"""What of each report is whose: by the report's id, for each customer's service the items."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What asking again came to. `reports`: those that have a customer now, or would have."""

    asked: int = 0
    reports: tuple[int, ...] = ()
    failed: int = 0

    @property
    def found(self) -> int:
        return len(self.reports)

    def __add__(self, other: Resolved) -> Resolved:
        return Resolved(self.asked + other.asked, self.reports + other.reports, self.failed + other.failed)


def resolve_due(settings: Settings, *, seconds: float = late.SECONDS) -> Resolved:
    """Ask about the reports that it is time to ask about, a chunk at a time, for so long at most."""
    total, end = Resolved(), time.monotonic() + seconds
    context = parser_context(settings)
    while time.monotonic() < end and not is_asked_to_stop():
        claimed = late.claim_due(CHUNK)
        if not claimed:
            break
        wanted = late.unknown_reports(since=_since()).filter(pk__in=claimed)
        try:
            total += _resolve(list(wanted), settings, context)
        except CRMServiceException as error:
            if error.permanent:
                total += _one_by_one(list(wanted), settings, context)
                continue
            log.warning("%s reports without a customer wait for the customer database: %s", len(claimed), error)
            late.postpone(claimed, RETRY)
            break
    return total


def _one_by_one(unknown: Sequence[Report], settings: Settings, context: ParserContext) -> Resolved:
    """The customer database stumbles over one of them: the others are asked about all the same."""
    total = Resolved()
    for report in unknown:
        try:
            total += _resolve([report], settings, context)
        except CRMServiceException as error:
            log.error("report %s keeps having no customer: %s", report.pk, error)
            total += Resolved(1, (), 1)
    return total


def resolve_since(since: datetime | None, settings: Settings, *, dry_run: bool) -> Iterator[Resolved]:
    """Ask now about all reports without a customer that came since then, a chunk at a time; what came of each.

    :param since: None for as far back as the settings ask again by themselves.
    :raises CRMServiceException: when the customer database cannot answer; the chunks before are done.
    """
    context = parser_context(settings)
    unknown, last = late.unknown_reports(since=since or _since()), 0
    while chunk := list(unknown.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1].pk
        yield _resolve(chunk, settings, context, dry_run=dry_run)


def resolve_report(report_id: int, settings: Settings) -> bool:
    """Ask now about one report without a customer; whether it has one now.

    :raises CRMServiceException: when the customer database cannot answer; nothing has changed then.
    """
    wanted = list(Report.filter(pk=report_id, defendant=None, ticket=None, status__in=late.RESOLVABLE))
    resolved = _resolve(wanted, settings, parser_context(settings)) if wanted else Resolved()
    if resolved.failed:
        raise RuntimeError(f"report {report_id}: it could not be decided on; the log says why")
    return bool(resolved.reports)


def _since() -> datetime:
    return timezone.now() - late.window()


def _resolve(chunk: Sequence[Report], settings: Settings, context: ParserContext, *, dry_run: bool = False) -> Resolved:
    mails = {email.pk: email for email in Email.filter(pk__in={report.email_id for report in chunk})}
    wanted = [report for report in chunk if mails[report.email_id or 0].kind not in STATEMENTS]
    parts = _whose(wanted, mails)
    if dry_run:
        return Resolved(len(wanted), tuple(parts))
    actor, resolved, failed = robot(), list[int](), 0
    by_mail: dict[int, list[Report]] = {}
    for report in wanted:
        if report.pk in parts:
            by_mail.setdefault(report.email_id or 0, []).append(report)
    for email_id, found in by_mail.items():
        own = {report.pk: parts[report.pk] for report in found}
        try:
            mail = _read(mails[email_id], found[0], own, settings, context)
            ask_beforehand([mail], settings)
            with asked_beforehand(answers_of([mail])):
                resolved += _settle(mail, own, actor=actor)
        except CRMServiceException:
            raise
        except Exception:
            # What a rule or an action stumbles over is in the log, and the other reports are not to blame for it.
            log.exception("the reports %s of mail %s keep having no customer", sorted(own), email_id)
            failed += len(own)
    return Resolved(len(wanted), tuple(resolved), failed)


def _whose(unknown: Sequence[Report], mails: Mapping[int, Email]) -> Parts:
    """Ask the CRM once for the items of all reports, or a few times where there are many."""
    by_id = {report.pk: report for report in unknown}
    asked: list[ReportItem] = []
    queries: list[Query] = []
    for item in ReportItem.filter(report__in=by_id).order_by("report_id", "pk"):
        report = by_id[item.report_id]
        at = believable(item.seen_at or report.received_date, mails[report.email_id or 0].received_at)
        zone_known = "zone" not in report.missing_data
        query = query_of(dataclasses.replace(parsed_item(item), zone_known=zone_known), at=at)
        if query is not None:
            asked.append(item)
            queries.append(query)
    groups: dict[int, dict[tuple[str, str], tuple[Match, list[ReportItem]]]] = {}
    for start in range(0, len(queries), ITEMS):
        matches = CRMService.find(queries[start : start + ITEMS])
        for item, match in zip(asked[start : start + ITEMS], matches, strict=True):
            if match is not None:
                key = (match.defendant.customer_id, service_key(match.service))
                groups.setdefault(item.report_id, {}).setdefault(key, (match, []))[1].append(item)
    return {report_id: tuple(of_report.values()) for report_id, of_report in groups.items()}


def _read(row: Email, report: Report, parts: Parts, settings: Settings, context: ParserContext) -> ReadMail:
    """The mail as rules ask about it; when its bytes are gone, what the rows still say."""
    claim = Claim(
        row.pk, row.sha256, row.size, row.received_at, row.attempts, uuid.uuid4(), row.envelope_sender,
        tuple(row.envelope_recipients), row.submitter,
    )  # fmt: skip
    accusations = tuple(
        Accusation(match, tuple(map(parsed_item, items))) for of_report in parts.values() for match, items in of_report
    )
    try:
        raw = StorageService.read(row.sha256)
    except ServiceError as error:
        if not error.permanent:
            raise
        parsed = ParsedEmail(
            report.provider_id, subject=row.subject, body=report.body, date=row.sent_at, kind=_kind(row.kind),
            category=report.category_id, message_id=row.message_id, template=row.template,
        )  # fmt: skip
        return ReadMail(claim, parsed, row.content_key, accusations=accusations)
    mail = understood(raw, claim, context, settings.PARSER)
    mail.parsed, mail.accusations = dataclasses.replace(mail.parsed, attachments=()), accusations
    return mail


def _kind(text: str) -> MailKind:
    return MailKind(text) if text in set(MailKind) else MailKind.OTHER


@transaction.atomic
def _settle(mail: ReadMail, parts: Parts, *, actor: User) -> list[int]:
    """Give the reports of one mail their customers, and let the rules decide; which got one."""
    Email.objects.select_for_update(no_key=True).get(pk=mail.claim.email_id)
    with written_together() as together:
        lock_accused([mail])
        rows = (
            Report.filter(pk__in=list(parts), defendant=None, ticket=None, status__in=late.RESOLVABLE)
            .select_for_update(of=("self",))
            .select_related("provider", "category")
            .order_by("pk")
        )
        made: list[MadeReport] = []
        for report in rows:
            made += _give(report, mail, parts[report.pk], actor=actor)
        write_looks(made)
        run = RulesRun(actor)
        decide(made, run, together)
        run.write()
    return [report.pk for report in rows]


def _give(
    report: Report, mail: ReadMail, parts: Sequence[tuple[Match, Sequence[ReportItem]]], *, actor: User
) -> list[MadeReport]:
    """Make a report its customers': the reports that the rules are to decide on now."""
    defendants = ensure_defendants(match.defendant for match, _ in parts)
    services = ensure_services(match.service for match, _ in parts)
    known = {
        (other.defendant_id, other.service_id): other
        for other in Report.filter(email_id=report.email_id, category_id=report.category_id, defendant__isnull=False)
        .select_related("ticket")
        .prefetch_related("items")
    }
    own: tuple[Match, Sequence[ReportItem]] | None = None
    others: list[Accusation] = []
    for match, items in parts:
        defendant, service = defendants[match.defendant.customer_id], services[service_key(match.service)]
        accusation = Accusation(match, tuple(map(parsed_item, items)), report.category_id)
        if (defendant.pk, service.pk) in known:
            complete(known[defendant.pk, service.pk], accusation, actor=actor)
        elif own is None:
            own = (match, items)
        else:
            others.append(accusation)
    Report.filter(pk=report.pk).update(ask_again_at=None, missing_data=[])
    questions.settle(report, reason="its customer became known")
    validation.cancel_timeout(report, reason="its customer became known")
    if own is None:
        reason = "its customers became known, and have reports of this mail already"
        reports.set_status(report, ReportStatus.ARCHIVED, actor=actor, reason=reason)
        return []
    match, items = own
    _keep_items(report, items, actor=actor)
    validation.set_customer(
        report, defendants[match.defendant.customer_id], services[service_key(match.service)], actor=actor
    )
    reports.set_status(report, ReportStatus.NEW, actor=actor, reason="its customer became known")
    found = Report.objects.select_related("provider", "category", "defendant__details", "service").get(pk=report.pk)
    found._prefetched_objects_cache = {"items": list(items)}  # type: ignore[attr-defined]
    made = [MadeReport(found, mail, [Accusation(match, tuple(map(parsed_item, items)), report.category_id)])]
    if others:
        more = make_reports([dataclasses.replace(mail, accusations=tuple(others))], providers_of([mail]))
        documents = list(report.attachments.all())
        for one in more if documents else []:
            one.report.attachments.add(*documents)
        made += more
    return made


def _keep_items(report: Report, items: Sequence[ReportItem], *, actor: User) -> None:
    """Take from a report what is not its customer's: he is not to be told of others."""
    gone = ReportItem.filter(report=report).exclude(pk__in=[item.pk for item in items])
    number = gone.count()
    if number:
        shown = ", ".join(gone.order_by("pk").values_list("raw_item", flat=True)[:20])
        gone.delete()
        record(
            History.Type.DELETE_ITEM, actor=actor, report=report, old=shown, count=number,
            reason="not the customer's who became known",
        )  # fmt: skip
