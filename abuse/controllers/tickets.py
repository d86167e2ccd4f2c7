"""Opening, joining, moving and closing tickets."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from abuse.models import (
    Deadline,
    DeadlineState,
    Defendant,
    History,
    Priority,
    Report,
    ReportStatus,
    Tag,
    Ticket,
    TicketStatus,
    User,
)
from abuse.models.prepared import Statement

from .deadlines import cancel_deadlines
from .editing import and_more, edit
from .history import record
from .moves import close_ticket, reopen, set_status
from .together import present, undecided

__all__ = [
    "add_tag",
    "attach_report",
    "attach_waiting_reports",
    "cancel_deadlines",
    "close_ticket",
    "create_ticket",
    "highest_priority",
    "new_public_id",
    "open_ticket_of",
    "remove_tag",
    "reopen",
    "set_status",
]

CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"
NEW_CUSTOMER = timedelta(days=30)
MANY_REPORTS = 50
_PROMISED = "(SELECT now() + make_interval(secs => {}) FROM abuse_servicelevel WHERE category_id = %s)"
_DUE = {"look_due_at": _PROMISED.format("first_look"), "solution_due_at": _PROMISED.format("solution")}
"""What the category's service level promises of a ticket that is opened now."""

_PUT = Statement("""
UPDATE abuse_report AS report SET ticket_id = %(ticket)s, status = %(status)s
FROM (SELECT id, ticket_id FROM abuse_report WHERE id = %(report)s FOR NO KEY UPDATE) AS before
WHERE report.id = before.id RETURNING before.ticket_id
""")


def new_public_id() -> str:
    """Ten distinct consonants: easy to dictate, spells no word, 670 thousand million of them."""
    letters = list(CONSONANTS)
    return "".join(letters.pop(secrets.randbelow(len(letters))) for _ in range(10))


def could_be_public_id(text: str) -> bool:
    """Whether a text looks like a public id, in either case."""
    return len(text) == 10 and set(text.upper()) <= set(CONSONANTS)


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
    fields = _columns()
    values = [field.get_db_prep_save(field.pre_save(ticket, add=True), connection) for field in fields]
    for position, field in enumerate(fields):
        if field.name in _DUE:
            values[position] = ticket.category_id
    with connection.cursor() as cursor:
        _insert().execute(cursor, values)
        row = cursor.fetchone()
    if row is None:
        return False
    ticket.pk, ticket.look_due_at, ticket.solution_due_at = row
    ticket._state.adding, ticket._state.db = False, connection.alias
    return True


@cache
def _columns() -> Sequence[models.Field[Any, Any]]:
    return [field for field in Ticket._meta.local_concrete_fields if not (field.primary_key or field.generated)]


@cache
def _insert() -> Statement:
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in _columns())
    places = ", ".join(_DUE.get(field.name, "%s") for field in _columns())
    # All names are the model's own; every value is a parameter.
    return Statement(
        f"INSERT INTO abuse_ticket ({names}) VALUES ({places})"  # noqa: S608
        " ON CONFLICT DO NOTHING RETURNING id, look_due_at, solution_due_at"
    )


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
        together = present()
        if together is not None:
            together.report_counts.setdefault(ticket.pk, ticket.attached_reports_count)
    return ticket


@transaction.atomic(savepoint=False)
def attach_report(report: Report, ticket: Ticket, *, actor: User) -> None:
    """Make a report part of a ticket; it leaves the one it was in. Attaching twice does nothing."""
    if report.ticket_id == ticket.pk and report.status == ReportStatus.ATTACHED:
        return
    now = timezone.now()
    old = report.status
    report.ticket, report.status = ticket, ReportStatus.ATTACHED
    left = _put(report, ticket)
    if left is not None and left != ticket.pk:
        _take_leave(left)
    record(
        History.Type.ATTACH_REPORT, actor=actor, ticket=ticket, report=report, field="status", old=old,
        new=ReportStatus.ATTACHED, provider=report.provider_id, subject=(report.subject or "")[:30],
    )  # fmt: skip
    _after_joining(ticket, report.provider.priority, joined=int(left != ticket.pk), now=now)


def _take_leave(ticket_id: int) -> None:
    Ticket.filter(pk=ticket_id).update(attached_reports_count=and_more(-1))
    together = present()
    if together is not None and ticket_id in together.report_counts:
        together.report_counts[ticket_id] -= 1


def _put(report: Report, ticket: Ticket) -> int | None:
    """Put a report into a ticket; the id of the one in which it really was, whatever the object says."""
    with connection.cursor() as cursor:
        _PUT.execute(cursor, {"report": report.pk, "ticket": ticket.pk, "status": ReportStatus.ATTACHED.value})
        row = cursor.fetchone()
    if row is None:
        raise Report.DoesNotExist(f"report {report.pk}: there is none of that id")
    left: int | None = row[0]
    return left


@transaction.atomic(savepoint=False)
def attach_waiting_reports(ticket: Ticket, *, actor: User) -> Sequence[int]:
    """Attach every report that waits on the ticket's (defendant, category, service); their ids."""
    if not (ticket.defendant_id and ticket.service_id):
        return []
    together = present()
    triple = (ticket.defendant_id, ticket.category_id, ticket.service_id)
    if together is not None:
        if not together.waiting.get(triple, True):
            return []
        together.waiting[triple] = False
    waiting = list(
        Report.filter(
            defendant_id=ticket.defendant_id,
            category_id=ticket.category_id,
            service_id=ticket.service_id,
            status=ReportStatus.NEW,
            ticket__isnull=True,
        )
        .exclude(pk__in=undecided())
        .select_for_update(of=("self",))
        .select_related("provider")
        .defer("body")
        .order_by("pk")
    )
    if not waiting:
        return []
    ids = [report.pk for report in waiting]
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
    ticket.attached_reports_count += joined
    if together is not None:
        together.joined[ticket.pk] = ticket
        together.joining[ticket.pk] += joined
    else:
        Ticket.filter(pk=ticket.pk).update(
            priority=priority, modification_date=now, version=F("version") + 1,
            attached_reports_count=and_more(joined),
        )  # fmt: skip


def highest_priority(ticket: Ticket) -> Priority:
    """What the reports of a ticket say of its urgency, together."""
    found = [Priority(one) for one in ticket.reports.order_by().values_list("provider__priority", flat=True).distinct()]
    highest = max(found, key=lambda priority: priority.rank, default=Priority.NORMAL)
    return _priority(highest, ticket.defendant, reports=ticket.reports.count(), now=timezone.now())


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
def remove_tag(ticket: Ticket, codename: str, *, actor: User, expected_version: int | None = None) -> bool:
    """Take a ticket tag off a ticket; False when it was not on it."""
    edit(ticket, actor=actor, expected_version=expected_version)
    tag = ticket.tags.filter(codename=codename, tag_type=Tag.Type.TICKET).first()
    if tag is None:
        return False
    ticket.tags.remove(tag)
    record(History.Type.REMOVE_TAG, actor=actor, ticket=ticket, old=tag.name)
    return True


@transaction.atomic
def add_tag(ticket: Ticket, codename: str, *, actor: User) -> None:
    """Put a ticket tag on a ticket; the tag is made when there is none of that name."""
    tag, _ = Tag.get_or_create(codename=codename, tag_type=Tag.Type.TICKET, defaults={"name": codename})
    if not ticket.tags.filter(pk=tag.pk).exists():
        ticket.tags.add(tag)
        record(History.Type.ADD_TAG, actor=actor, ticket=ticket, new=tag.name)
