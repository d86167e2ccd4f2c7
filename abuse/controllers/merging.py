"""Putting two tickets about one matter together, and taking one about two matters apart."""

from __future__ import annotations

import json
from collections.abc import Collection

from django.db import connection, transaction
from django.utils import timezone

from abuse.models import (
    BusinessRulesHistory,
    CdnRequest,
    Deadline,
    DeadlineState,
    Email,
    History,
    OutgoingMessage,
    Proof,
    ReceivedMessage,
    Report,
    ReportStatus,
    StarredTicket,
    Ticket,
    TicketComment,
    TicketStatus,
    User,
)

from . import deadlines, moves, ownership, tickets
from .actions import Then
from .editing import Refused, edit, write
from .history import record
from .together import present

MERGED_FROM = "merged_from"
"""In `refs` of a moved history row: the public id of the ticket it was written for."""

_MOVE_HISTORY = """
UPDATE abuse_history SET ticket_id = %(target)s, refs = %(origin)s::jsonb || refs WHERE ticket_id = %(source)s
"""


@transaction.atomic
def merge(
    source: Ticket,
    target: Ticket,
    *,
    actor: User,
    expected_version: int | None = None,
    expected_target_version: int | None = None,
) -> None:
    """Move all of one ticket into another: reports, history, conversation, remarks, proof, tags. The source is closed.

    What was to happen to the source is taken back; what was to happen to the target stays. Rows of history that came
    from the source name it (`MERGED_FROM`), so that each ticket's own way can still be told.

    :raises Refused: for one and the same ticket, a closed one, or two of different customers.
    :raises StaleEdit: when one of them has changed meanwhile.
    """
    if source.pk == target.pk:
        raise Refused(f"{source}: expected another ticket to merge it into")
    versions = {source.pk: expected_version, target.pk: expected_target_version}
    for ticket in sorted((source, target), key=lambda one: one.pk):  # everybody locks in this order
        edit(ticket, actor=actor, expected_version=versions[ticket.pk])
    for ticket in (source, target):
        if not ticket.is_open:
            raise Refused(f"{ticket} is closed: reopen it to merge")
    if None not in {source.defendant_id, target.defendant_id} and source.defendant_id != target.defendant_id:
        raise Refused(f"{source} and {target} are about different customers: one would read of the other")
    deadlines.cancel(source, reason=f"merged into {target.public_id}", actor=actor)
    reports = list(
        Report.filter(ticket=source).select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
    )
    moves.move(
        source, TicketStatus.CLOSED, actor=actor, columns={"update": False, "merged_into": target},
        refs={"merged_into": target.public_id}, joined=-len(reports),
    )  # fmt: skip
    Report.filter(pk__in=reports).update(ticket=target, status=ReportStatus.ATTACHED)
    _move_all(source, target)
    _hand_over_measures(source, target)
    if not target.priority_is_manual:
        target.priority = tickets.highest_priority(target)
    write(target, joined=len(reports), priority=target.priority, modification_date=timezone.now())
    for ticket in (source, target):
        record(
            History.Type.MERGE_TICKET, actor=actor, ticket=ticket, old=source.public_id, new=target.public_id,
            reports=reports,
        )  # fmt: skip


def _move_all(source: Ticket, target: Ticket) -> None:
    together = present()
    if together is not None:
        together.write()
    with connection.cursor() as cursor:
        origin = json.dumps({MERGED_FROM: source.public_id})
        cursor.execute(_MOVE_HISTORY, {"source": source.pk, "target": target.pk, "origin": origin})
    # A mail that was sent to both tickets is in the target's conversation already.
    there = ReceivedMessage.filter(ticket=target, email__isnull=False).values("email_id", "category")
    known = {(row["email_id"], row["category"]) for row in there}
    for message in ReceivedMessage.filter(ticket=source).only("pk", "email_id", "category"):
        if (message.email_id, message.category) not in known:
            ReceivedMessage.filter(pk=message.pk).update(ticket=target)
    for model in (OutgoingMessage, Email, TicketComment, Proof, BusinessRulesHistory, CdnRequest):
        model.objects.filter(ticket=source).update(ticket=target)
    already = StarredTicket.filter(ticket=target).values("user")
    StarredTicket.filter(ticket=source).exclude(user__in=already).update(ticket=target)
    for name in ("tags", "attachments", "jobs"):
        getattr(target, name).add(*getattr(source, name).all())


def _hand_over_measures(source: Ticket, target: Ticket) -> None:
    """A measure that is being taken right now ends with the ticket that somebody works on, which it does not close."""
    for deadline in Deadline.filter(deadlines.APPLYING, ticket=source, state=DeadlineState.PENDING).select_for_update():
        deadline.ticket, deadline.payload = target, {**deadline.payload, "then": Then().to_json()}
        deadline.save(update_fields=["ticket", "payload"])


@transaction.atomic
def split(ticket: Ticket, report_ids: Collection[int], *, actor: User, expected_version: int | None = None) -> Ticket:
    """Take some reports out of a ticket into one of their own, which takes no further reports.

    :raises Refused: for a closed ticket, reports that are not in it, none, or all of them.
    :raises StaleEdit: when it has changed meanwhile.
    """
    edit(ticket, actor=actor, expected_version=expected_version)
    if not ticket.is_open:
        raise Refused(f"{ticket} is closed: reopen it to split it")
    wanted = sorted(set(report_ids))
    chosen = list(
        Report.filter(pk__in=wanted, ticket=ticket)
        .select_for_update(of=("self",), no_key=True)
        .select_related("provider")
        .order_by("pk")
    )
    strangers = sorted(set(wanted) - {report.pk for report in chosen})
    if strangers:
        raise Refused(f"reports: {strangers[0]} is not in {ticket}")
    count = Report.filter(ticket=ticket).count()
    if not 1 <= len(chosen) < count:
        raise Refused(f"reports: {len(chosen)} of {count}; expected some of them, and some that stay")
    for report in chosen:
        report.ticket = None
        Report.filter(pk=report.pk).update(ticket=None, status=ReportStatus.NEW)
        record(
            History.Type.DETACH_REPORT, actor=actor, ticket=ticket, report=report, field="status", old=report.status,
            new=ReportStatus.NEW,
        )  # fmt: skip
        report.status = ReportStatus.NEW
    new = tickets.create_ticket(chosen[0], actor=actor, joinable=False)
    for report in chosen[1:]:
        tickets.attach_report(report, new, actor=actor)
    _inherit(ticket, new, actor=actor)
    write(ticket, joined=-len(chosen), modification_date=timezone.now())
    for one in (ticket, new):
        record(
            History.Type.SPLIT_TICKET, actor=actor, ticket=one, old=ticket.public_id, new=new.public_id, reports=wanted
        )  # fmt: skip
    return new


def _inherit(ticket: Ticket, new: Ticket, *, actor: User) -> None:
    """The new ticket is as secret, as urgent and in the same hands as the old one."""
    columns = {name: getattr(ticket, name) for name in ("confidential", "moderation", "protected")}
    if ticket.priority_is_manual:
        columns |= {"priority": ticket.priority, "priority_is_manual": True}
    write(new, **columns)
    ownership.hand_over(new, ticket.treated_by, actor=actor, reason=f"split from {ticket.public_id}")
