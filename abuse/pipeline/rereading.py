"""Reading stored mails once more, when a template was mended: what depended on them is done again, nothing twice.

A report that a person or a ticket already has stays. What was missed is added: items to the report that has the same
customer, service and category, and reports where there was none, on which the rules decide as on any other. A report
that the mail no longer supports and that still waits is archived, with the reason.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import transaction

from abuse.config import Settings
from abuse.controllers import reports
from abuse.controllers.defendants import service_key
from abuse.controllers.history import robot
from abuse.controllers.providers import provider_key
from abuse.controllers.together import written_together
from abuse.models import Category, Email, EmailState, Provider, Report, ReportStatus, User
from abuse.parsers import ParserContext
from abuse.rules.apply import RulesRun
from abuse.rules.beforehand import asked_beforehand

from .batch import decide, lock_accused
from .beforehand import answers_of, ask_beforehand
from .claims import Claim, retry
from .fates import Fate, write_fates
from .feeds import is_long_feed
from .kinds import is_complaint
from .reading import Accusation, ReadMail, identify, read
from .reporting import category_of, complete, make_reports, providers_of
from .urls import write_looks

WAITING = (ReportStatus.NEW, ReportStatus.TO_VALIDATE, ReportStatus.PHISH_TO_CHECK)
Identity = tuple[str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class Reread:
    """What reading one mail again came to. `said` is for people."""

    email_id: int
    said: str
    reports_added: int = 0
    items_added: int = 0
    archived: int = 0


def mails_of(reporter: str) -> list[int]:
    """The mails of a reporter, oldest first: an address, or `*@domain` for all of exactly that domain."""
    wanted = reporter.strip().lower()
    rows = Email.all().order_by("pk")
    is_pattern = wanted.startswith("*@")
    rows = rows.filter(provider__endswith=wanted[1:]) if is_pattern else rows.filter(provider=wanted)
    return list(rows.values_list("pk", flat=True))


def reread_all(emails: Iterable[int], settings: Settings, context: ParserContext) -> Iterator[Reread]:
    """Read mails again, each in a transaction of its own; what became of each, as it is done."""
    actor = robot()
    for email_id in emails:
        yield reread(email_id, settings, context, actor=actor)


def reread(email_id: int, settings: Settings, context: ParserContext, *, actor: User) -> Reread:
    """Read one mail again.

    :raises StorageServiceException, CRMServiceException: when its bytes or customers cannot be had; nothing changed.
    """
    row = Email.get(pk=email_id)
    match EmailState(row.state):
        case EmailState.FAILED | EmailState.IGNORED:
            retry([email_id])
            return Reread(email_id, "waits to be worked on again")
        case EmailState.PROCESSED:
            pass
        case other:
            return Reread(email_id, f"left alone: {other.label.lower()}")
    claim = Claim(
        row.pk, row.sha256, row.size, row.received_at, row.attempts, uuid.uuid4(), row.envelope_sender,
        submitter=row.submitter,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as writers:
        mail = read(claim, context, writers, settings.PARSER)
        mail.wait()
    if is_long_feed(mail):
        return Reread(email_id, "left alone: a long feed; have it sent again")
    identify([mail])
    ask_beforehand([mail], settings)
    with asked_beforehand(answers_of([mail])):
        return _settle_again(mail, actor=actor)


@transaction.atomic
def _settle_again(mail: ReadMail, *, actor: User) -> Reread:
    Email.objects.select_for_update().get(pk=mail.claim.email_id)
    if not is_complaint(mail.parsed.kind):
        return Reread(mail.claim.email_id, f"left alone: it reads as {mail.parsed.kind} now")
    with written_together() as together:
        lock_accused([mail])
        providers = providers_of([mail])
        provider = providers[provider_key(mail.parsed.provider)]
        existing = _existing(mail.claim.email_id)
        missing, items_added = _add_items(mail, provider, existing, actor=actor)
        archived = _archive_unsupported(mail, provider, existing, actor=actor)
        run = RulesRun(actor)
        made = make_reports([dataclasses.replace(mail, accusations=tuple(missing), attachments=())], providers)
        write_looks(made)
        decide(made, run, together)
        run.write()
        result = Reread(mail.claim.email_id, _words(len(made), items_added, archived), len(made), items_added, archived)
        write_fates([Fate(mail, EmailState.PROCESSED, f"read again: {result.said}")])
    return result


def _words(reports_added: int, items_added: int, archived: int) -> str:
    said = [
        f"{number} {what}"
        for number, what in (
            (reports_added, "reports added"),
            (items_added, "items added"),
            (archived, "reports archived"),
        )
        if number
    ]
    return ", ".join(said) or "nothing new"


def _existing(email_id: int) -> list[Report]:
    rows = Report.filter(email_id=email_id).select_for_update(of=("self",)).order_by("pk")
    return list(rows.select_related("defendant", "service", "ticket", "provider", "category").prefetch_related("items"))


def _identity(report: Report) -> Identity:
    customer = report.defendant.customer_id if report.defendant else None
    return (customer, report.service.key if report.service else None, report.category_id)


def _read_identity(accusation: Accusation, mail: ReadMail, provider: Provider, known: dict[str, Category]) -> Identity:
    category = category_of(provider, accusation.category or mail.parsed.category, known)
    match = accusation.match
    if match is None:
        return (None, None, category.pk)
    return (match.defendant.customer_id, service_key(match.service), category.pk)


def _add_items(
    mail: ReadMail, provider: Provider, existing: list[Report], *, actor: User
) -> tuple[list[Accusation], int]:
    """Give each report the items it lacks; the accusations that no report has yet, and how many items were added.

    A customer's service that a ticket already deals with gets no second report for reading otherwise now.
    """
    known = Category.objects.in_bulk()
    by_identity = {_identity(report): report for report in existing}
    dealt_with = {_identity(report)[:2] for report in existing if report.ticket_id is not None}
    missing, added = [], 0
    for accusation in mail.accusations:
        identity = _read_identity(accusation, mail, provider, known)
        report = by_identity.get(identity)
        if report is not None:
            added += complete(report, accusation, actor=actor)
        elif identity[:2] not in dealt_with or identity[0] is None:
            missing.append(accusation)
    if any(accusation.match for accusation in mail.accusations) or existing:
        missing = [accusation for accusation in missing if accusation.match or not existing]
    return missing, added


def _archive_unsupported(mail: ReadMail, provider: Provider, existing: list[Report], *, actor: User) -> int:
    """Archive the waiting reports that the mail no longer makes; only when it makes others in their place."""
    known = Category.objects.in_bulk()
    wanted = {_read_identity(one, mail, provider, known) for one in mail.accusations if one.match}
    if not wanted:
        return 0
    unsupported = [
        report
        for report in existing
        if report.ticket_id is None and report.status in WAITING and _identity(report) not in wanted
    ]
    for report in unsupported:
        reports.set_status(
            report, ReportStatus.ARCHIVED, actor=actor, reason="the mail was read again, and says otherwise"
        )
    return len(unsupported)
