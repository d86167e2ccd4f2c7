"""Opening, joining, moving and closing tickets."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from abuse.models import (
    TICKET_MOVES,
    Deadline,
    DeadlineState,
    Defendant,
    History,
    Priority,
    Report,
    ReportStatus,
    Resolution,
    Tag,
    Ticket,
    TicketStatus,
    User,
    check_move,
)

from .history import record
from .together import present, undecided

CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"
NEW_CUSTOMER = timedelta(days=30)
MANY_REPORTS = 50


def new_public_id() -> str:
    """Ten distinct consonants: easy to dictate, spells no word, 670 thousand million of them."""
    letters = list(CONSONANTS)
    return "".join(letters.pop(secrets.randbelow(len(letters))) for _ in range(10))


@transaction.atomic(savepoint=False)
def create_ticket(report: Report, *, actor: User, joinable: bool = True) -> Ticket:
    """Open a ticket for a report and attach the report.

    `joinable`: whether later reports may join. At most one open ticket of a (defendant, category, service) is; when
    another process was first, the report joins its ticket.
    """
    now = timezone.now()
    ticket = Ticket(
        public_id=new_public_id(),
        defendant=report.defendant,
        category=report.category,
        service=report.service,
        creation_date=now,
        modification_date=now,
        priority=_priority(report.provider.priority, report.defendant, reports=1, now=now),
        update=joinable,
    )
    # The partial unique index decides between two processes: the loser's insert does nothing.
    if _insert_unless_open(ticket):
        together = present()
        if together is not None:
            together.report_counts[ticket.pk] = 0
        record(
            History.Type.CREATE_TICKET, actor=actor, ticket=ticket, report=report, new=ticket.public_id,
            provider=report.provider_id,
        )  # fmt: skip
    else:
        found = open_ticket_of(report) if joinable else None
        if found is None:
            raise RuntimeError(f"report {report.pk}: neither our ticket nor another's could be read back")
        ticket = found
    attach_report(report, ticket, actor=actor)
    return ticket


def _insert_unless_open(ticket: Ticket) -> bool:
    """Insert a ticket in one statement; False when there is an open one that its reports have to join."""
    fields = [field for field in Ticket._meta.local_concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(field.pre_save(ticket, add=True), connection) for field in fields]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    # All names are the model's own; every value is a parameter.
    statement = f"INSERT INTO abuse_ticket ({names}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        return False
    ticket.pk = row[0]
    ticket._state.adding, ticket._state.db = False, connection.alias
    return True


def open_ticket_of(report: Report) -> Ticket | None:
    """The open ticket that a report may join, locked; None when there is none or the report names no customer."""
    if not (report.defendant_id and report.service_id):
        return None
    ticket = (
        Ticket.filter(
            defendant_id=report.defendant_id, category_id=report.category_id, service_id=report.service_id, update=True
        )
        .exclude(status=TicketStatus.CLOSED)
        .select_for_update(of=("self",))
        .first()
    )
    if ticket is not None:
        ticket.defendant, ticket.category, ticket.service = report.defendant, report.category, report.service
    return ticket


@transaction.atomic(savepoint=False)
def attach_report(report: Report, ticket: Ticket, *, actor: User) -> None:
    """Make a report part of a ticket. Attaching twice does nothing."""
    if report.ticket_id == ticket.pk and report.status == ReportStatus.ATTACHED:
        return
    now = timezone.now()
    old = report.status
    report.ticket, report.status = ticket, ReportStatus.ATTACHED
    Report.filter(pk=report.pk).update(ticket=ticket, status=ReportStatus.ATTACHED)
    record(
        History.Type.ATTACH_REPORT, actor=actor, ticket=ticket, report=report, field="status", old=old,
        new=ReportStatus.ATTACHED, provider=report.provider_id, subject=(report.subject or "")[:30],
    )  # fmt: skip
    _after_joining(ticket, report.provider.priority, joined=1, now=now)


@transaction.atomic(savepoint=False)
def attach_waiting_reports(ticket: Ticket, *, actor: User) -> Sequence[int]:
    """Attach every report that waits on the ticket's (defendant, category, service); their ids."""
    if not (ticket.defendant_id and ticket.service_id):
        return []
    reports = Report.filter(status=ReportStatus.NEW, ticket__isnull=True).exclude(pk__in=undecided())
    waiting = list(
        reports.filter(
            defendant_id=ticket.defendant_id,
            category_id=ticket.category_id,
            service_id=ticket.service_id,
        )
        .select_for_update(of=("self",))
        .select_related("provider")
        .order_by("pk")
    )
    if not waiting:
        return []
    ids = [report.pk for report in waiting]
    together = present()
    if together is not None:
        together.write()  # the time-outs of those that began to wait a moment ago
    Report.filter(pk__in=ids).update(ticket=ticket, status=ReportStatus.ATTACHED)
    Deadline.filter(report_id__in=ids, kind=Deadline.Kind.REPORT_TIMEOUT, state=DeadlineState.PENDING).update(
        state=DeadlineState.CANCELLED, result="attached to a ticket", done_at=timezone.now()
    )
    for report in waiting:
        record(
            History.Type.ATTACH_REPORT, actor=actor, ticket=ticket, report=report, field="status", old=ReportStatus.NEW,
            new=ReportStatus.ATTACHED, provider=report.provider_id, subject=(report.subject or "")[:30],
        )  # fmt: skip
    highest = max((Priority(report.provider.priority) for report in waiting), key=lambda priority: priority.rank)
    _after_joining(ticket, highest, joined=len(ids), now=timezone.now())
    return ids


def _after_joining(ticket: Ticket, provider_priority: str, *, joined: int, now: datetime) -> None:
    """Reports joined: the ticket has changed, and may have become more urgent."""
    reports = _count_reports(ticket, joined)
    priority = Priority(ticket.priority)
    if not ticket.priority_is_manual:
        wanted = max(priority, Priority(provider_priority), key=lambda one: one.rank)
        if wanted.rank < Priority.HIGH.rank:
            wanted = _priority(wanted, ticket.defendant, reports=reports, now=now)
        priority = wanted
    ticket.priority, ticket.modification_date = priority, now
    ticket.version += 1
    together = present()
    if together is not None:
        together.joined[ticket.pk] = ticket
    else:
        Ticket.filter(pk=ticket.pk).update(priority=priority, modification_date=now, version=F("version") + 1)


def _count_reports(ticket: Ticket, joined: int) -> int:
    """How many reports a ticket has, now that so many have joined. In a batch it is asked once and then kept count."""
    together = present()
    if together is None:
        return ticket.reports.count()
    known = together.report_counts.get(ticket.pk)
    together.report_counts[ticket.pk] = ticket.reports.count() if known is None else known + joined
    return together.report_counts[ticket.pk]


def _priority(base: str, defendant: Defendant | None, *, reports: int, now: datetime) -> Priority:
    """The reporter's priority; High at least for a new customer or a ticket with many reports."""
    priority = Priority(base)
    if priority.rank >= Priority.HIGH.rank or defendant is None:
        return priority
    details = defendant.details
    is_new = details is not None and now - details.creation_date < NEW_CUSTOMER
    return Priority.HIGH if is_new or reports > MANY_REPORTS else priority


@transaction.atomic
def set_status(ticket: Ticket, status: TicketStatus, *, actor: User, resolution: Resolution | None = None) -> None:
    """Move a ticket to a status, with all that belongs to it: clocks, reports, history.

    :raises MoveRefused: when the table of moves does not allow it.
    """
    now = timezone.now()
    old = TicketStatus(ticket.status)
    check_move(str(ticket), TICKET_MOVES, old, status)
    ticket.previous_status, ticket.status, ticket.modification_date = old, status, now
    changed = ["previous_status", "status", "modification_date", "version"]
    if status in {TicketStatus.CLOSED, TicketStatus.ALARM, TicketStatus.ANSWERED, TicketStatus.ACTION_ERROR}:
        ticket.snooze_start = ticket.snooze_duration = ticket.action = None
        changed += ["snooze_start", "snooze_duration", "action"]
    if old == TicketStatus.PAUSED:
        ticket.pause_start = ticket.pause_duration = None
        changed += ["pause_start", "pause_duration"]
    if status == TicketStatus.CLOSED:
        ticket.resolution = resolution
        changed.append("resolution")
    ticket.version += 1
    ticket.save(update_fields=changed)
    if status == TicketStatus.CLOSED:
        cancel_deadlines(ticket, reason="the ticket was closed", actor=actor)
        Report.filter(ticket=ticket).exclude(status=ReportStatus.ARCHIVED).update(status=ReportStatus.ARCHIVED)
    elif old == TicketStatus.CLOSED:
        Report.filter(ticket=ticket).update(status=ReportStatus.ATTACHED)
    record(
        History.Type.CHANGE_STATUS, actor=actor, ticket=ticket, field="status", old=old, new=status,
        resolution=resolution.codename if resolution else None,
    )  # fmt: skip


def close_ticket(ticket: Ticket, resolution_codename: str, *, actor: User, keep_update: bool = False) -> None:
    """Close a ticket for a reason. `keep_update`: whether it would take new reports if it were reopened.

    :raises Resolution.DoesNotExist: for an unknown reason.
    :raises MoveRefused: when it is closed already.
    """
    with transaction.atomic():
        resolution = Resolution.get(codename=resolution_codename)
        if not keep_update and ticket.update:
            ticket.update = False
            Ticket.filter(pk=ticket.pk).update(update=False)
        set_status(ticket, TicketStatus.CLOSED, actor=actor, resolution=resolution)


@transaction.atomic
def cancel_deadlines(ticket: Ticket, *, reason: str, actor: User) -> int:
    """Take back all that was to happen to a ticket later; how many."""
    pending = list(
        Deadline.filter(ticket=ticket, state=DeadlineState.PENDING).select_for_update().values_list("pk", "kind")
    )
    if pending:
        Deadline.filter(pk__in=[pk for pk, _ in pending]).update(
            state=DeadlineState.CANCELLED, result=reason, done_at=timezone.now()
        )
        record(
            History.Type.CANCEL_DEADLINE,
            actor=actor,
            ticket=ticket,
            new=reason,
            kinds=sorted({kind for _, kind in pending}),
        )
    return len(pending)


@transaction.atomic
def add_tag(ticket: Ticket, codename: str, *, actor: User) -> None:
    """Put a ticket tag on a ticket; the tag is made when there is none of that name."""
    tag, _ = Tag.get_or_create(codename=codename, tag_type=Tag.Type.TICKET, defaults={"name": codename})
    if not ticket.tags.filter(pk=tag.pk).exists():
        ticket.tags.add(tag)
        record(History.Type.ADD_TAG, actor=actor, ticket=ticket, new=tag.name)
