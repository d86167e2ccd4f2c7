"""One transaction: read mails become reports, tickets and answers, and each gets its end. All or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from django.db import connection, transaction
from django.db.models import Count, Q

from abuse.config import Settings
from abuse.controllers.defendants import service_key
from abuse.controllers.drift import Reading, note_columns, record_readings
from abuse.controllers.history import robot
from abuse.controllers.providers import provider_key
from abuse.controllers.together import Together, Triple, written_together
from abuse.models import Email, EmailState, Provider, Report, ReportStatus, Ticket, TicketStatus
from abuse.models.prepared import Statement
from abuse.parsers.values import MailKind
from abuse.rules.apply import RulesRun
from abuse.services.email.texts.stored import texts_looked_at_once

from .answers import is_forged, note_bounces_of_no_ticket, settle_answers, tell_answers
from .claims import lock_ours
from .fates import Fate, write_fates
from .kinds import DOUBTFUL, NO_COMPLAINT
from .reading import ReadMail
from .reporter_answers import settle_reporters_answers, tell_reporters_answers
from .reporting import MadeReport, make_reports, providers_of
from .urls import write_looks

_LOCK = Statement("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key")


@transaction.atomic
def settle(mails: Sequence[ReadMail], settings: Settings) -> list[Fate]:
    """Settle a batch of read mails that this worker claimed; those it has lost meanwhile are left alone.

    Statements run in one order for every worker (mails, locks, providers, customers, tickets), so that batches that
    touch the same customers wait for each other and never dead-lock.
    """
    locked = lock_ours([mail.claim for mail in mails])
    ours = [mail for mail in mails if mail.claim.email_id in locked]
    if not ours:
        return []
    fates: list[Fate] = []
    actor = robot()
    run = RulesRun(actor)
    with written_together() as together, texts_looked_at_once():
        remaining = _settle_duplicates(ours, fates)
        remaining = _settle_blacklisted(remaining, fates, settings.PARSER.blacklisted_providers)
        remaining, answers = tell_answers(remaining)
        remaining, to_questions, joined = tell_reporters_answers(remaining)
        answers += joined
        # A long feed's rows are written before anybody is locked out: what takes long must not keep others waiting.
        is_long = any(mail.spool is not None for mail in remaining)
        if not is_long:
            lock_accused(remaining)
        providers = providers_of(remaining)
        complaints = _settle_no_complaints(remaining, fates, providers)
        made = make_reports(complaints, providers)
        write_looks(made)
        if is_long:
            _check_now()
            lock_accused(remaining)
        decide(made, run, together)
        settle_answers(answers, fates, run, actor=actor)
        settle_reporters_answers(to_questions, fates, actor=actor)
        fates += [_processed(mail, made) for mail in complaints]
        run.write()
        write_fates(fates)
        record_readings(
            Reading(provider_key(mail.parsed.provider), mail.parsed.template[:128], len(mail.parsed.items))
            for mail in complaints
        )
        for mail in complaints:
            if mail.parsed.feed is not None:
                unknown = [name[:100] for name in mail.parsed.feed.unknown_columns]
                key = provider_key(mail.parsed.provider)
                note_columns(key, mail.parsed.template[:128], unknown, email_id=mail.claim.email_id)
    return fates


def _settle_duplicates(mails: Sequence[ReadMail], fates: list[Fate]) -> list[ReadMail]:
    """The same mail that came another way before, or twice in this batch."""
    keys = {mail.content_key: mail.claim.email_id for mail in mails if mail.content_key}
    known: dict[str, int] = {}
    if keys:
        states = [EmailState.PROCESSED, EmailState.ANSWER, EmailState.IGNORED]
        rows = Email.filter(content_key__in=list(keys), state__in=states).exclude(pk__in=list(keys.values()))
        known = {key: pk for key, pk in rows.values_list("content_key", "pk") if key}
    remaining = []
    for mail in mails:
        first = known.setdefault(mail.content_key, mail.claim.email_id) if mail.content_key else mail.claim.email_id
        if first == mail.claim.email_id:
            remaining.append(mail)
        else:
            reason = f"the same message as mail {first}, over another way"
            fates.append(Fate(mail, EmailState.DUPLICATE, reason, duplicate_of=first))
    return remaining


def _settle_blacklisted(mails: Sequence[ReadMail], fates: list[Fate], blacklist: Sequence[str]) -> list[ReadMail]:
    refused = [mail for mail in mails if mail.parsed.provider in blacklist]
    fates += [Fate(mail, EmailState.IGNORED, "the sender is in PARSER.blacklisted_providers") for mail in refused]
    return [mail for mail in mails if mail not in refused]


def _settle_no_complaints(
    mails: Sequence[ReadMail], fates: list[Fate], providers: Mapping[str, Provider]
) -> list[ReadMail]:
    """Mails that are no complaint; where that is only a guess, a trusted reporter's mail goes on as one."""
    complaints = []
    for mail in mails:
        kind = mail.parsed.kind
        trusted = providers[provider_key(mail.parsed.provider)].trusted and not is_forged(mail)
        if kind not in NO_COMPLAINT or (kind in DOUBTFUL and trusted):
            complaints.append(mail)
        else:
            reason = (
                f"{NO_COMPLAINT[kind]} ({mail.parsed.kind_reason})" if mail.parsed.kind_reason else NO_COMPLAINT[kind]
            )
            fates.append(Fate(mail, EmailState.IGNORED, reason))
    note_bounces_of_no_ticket([mail for mail in mails if mail.parsed.kind == MailKind.BOUNCE])
    return complaints


def lock_accused(mails: Sequence[ReadMail]) -> None:
    """Let only one worker at a time decide about the same customer's service, until the end of the transaction.

    So two workers can neither open two tickets nor each miss the report of the other when they count for a threshold.
    In ascending order: whoever wants several locks takes them as everybody else does.
    """
    keys = sorted(
        {
            accused_lock_key(accusation.match.defendant.customer_id, service_key(accusation.match.service))
            for mail in mails
            for accusation in mail.accusations
            if accusation.match
        }
    )
    if keys:
        with connection.cursor() as cursor:
            _LOCK.execute(cursor, [keys])


def _check_now() -> None:
    """Let the references of a million new rows be checked before the locks are taken, not at the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def accused_lock_key(customer_id: str, service: str) -> int:
    digest = hashlib.sha256(f"{customer_id}\0{service}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def decide(made: Sequence[MadeReport], run: RulesRun, together: Together) -> None:
    """Let the rules decide on each report, in the order of the mails, as if those after it had not come yet."""
    reports = [one.report for one in made]
    open_tickets = _open_tickets(reports)
    together.undecided = {report.pk for report in reports}
    _look_ahead(reports, open_tickets, together)
    for one in made:
        report = one.report
        triple = _triple(report)
        together.undecided.discard(report.pk)
        run.decide_report(report, one.mail.parsed, open_tickets.get(triple) if triple else None)
        opened = report.ticket
        if triple and opened is not None:
            if opened.is_open and opened.update:
                open_tickets[triple] = opened
            else:
                open_tickets.pop(triple, None)
        elif triple:
            together.waiting[triple] = True
    together.write()  # answers read their tickets anew


def _look_ahead(reports: Sequence[Report], open_tickets: Mapping[Triple, Ticket], together: Together) -> None:
    """Ask once for the whole batch what most of its decisions want to know."""
    triples = {triple for report in reports if (triple := _triple(report))}
    if not triples:
        return
    waiting = (
        Report.filter(_about(triples), status=ReportStatus.NEW, ticket__isnull=True)
        .exclude(pk__in=together.undecided)
        .values_list("defendant_id", "category_id", "service_id")
        .distinct()
    )
    found = set(waiting)
    together.waiting = {triple: triple in found for triple in triples}
    if open_tickets:
        ids = [ticket.pk for ticket in open_tickets.values()]
        counts = Report.filter(ticket_id__in=ids).values_list("ticket_id").annotate(Count("pk"))
        together.report_counts = dict.fromkeys(ids, 0) | {pk: count for pk, count in counts if pk is not None}


def _about(triples: Iterable[Triple]) -> Q:
    """Rows whose columns are among those of the triples; a superset of theirs, as indexes like it."""
    columns = list(zip(*triples, strict=True))
    return Q(defendant_id__in=set(columns[0]), category_id__in=set(columns[1]), service_id__in=set(columns[2]))


def _triple(report: Report) -> Triple | None:
    if report.defendant_id is None or report.service_id is None:
        return None
    return (report.defendant_id, report.category_id, report.service_id)


def _open_tickets(reports: Sequence[Report]) -> dict[Triple, Ticket]:
    """The open tickets that the reports could join, locked, by what they are about."""
    wanted = {triple: report for report in reports if (triple := _triple(report))}
    if not wanted:
        return {}
    rows = (
        Ticket.filter(_about(wanted), update=True)
        .exclude(status=TicketStatus.CLOSED)
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    found: dict[Triple, Ticket] = {}
    for ticket in rows:
        triple = (ticket.defendant_id or 0, ticket.category_id, ticket.service_id or 0)
        report = wanted.get(triple)
        if report is not None:
            ticket.defendant, ticket.category, ticket.service = report.defendant, report.category, report.service
            found[triple] = ticket
    return found


def _processed(mail: ReadMail, made: Sequence[MadeReport]) -> Fate:
    reports = [one.report for one in made if one.mail is mail]
    what = "1 report" if len(reports) == 1 else f"{len(reports)} reports"
    if mail.note:
        what += f"; {mail.note}"
    return Fate(mail, EmailState.PROCESSED, what, ticket_id=None)
