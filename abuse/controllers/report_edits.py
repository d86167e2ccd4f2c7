"""Several properties of a report changed at once, all or none: what a form with the whole report says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from abuse.models import Category, History, Report, ReportStatus, Ticket, User

from . import validation
from .editing import Refused
from .history import record

FIELDS = frozenset({"category", "defendant", "status", "ticket"})


@dataclass(frozen=True, slots=True)
class ReportEdit:
    """New values by field, of FIELDS only: Category, Defendant or None, ReportStatus, Ticket or None."""

    values: Mapping[str, Any]

    def differences(self, report: Report) -> dict[str, Any]:
        """Those that are not so already."""
        return {name: value for name, value in self.values.items() if getattr(report, name) != value}


@transaction.atomic
def change(report: Report, wanted: ReportEdit, *, actor: User) -> frozenset[str]:
    """Bring a report to what is wanted; the names of the fields that were changed.

    New takes it out of its ticket, Attached puts it into the ticket named, else into the open one on the same matter,
    else into a new one. Without a ticket named it leaves the one it is in.

    :raises Refused: for a value that cannot be; nothing has changed then.
    :raises MoveRefused: when the report's status does not allow it.
    """
    validation.lock(report)
    changes = wanted.differences(report)
    if "category" in changes:
        set_category(report, changes["category"], actor=actor)
    if "defendant" in changes:
        # What there was of a service belongs to the customer before.
        validation.set_customer(report, changes["defendant"], None, actor=actor)
    if "status" in changes:
        _set_status(report, changes["status"], changes.get("ticket"), actor=actor)
    elif "ticket" in changes:
        ticket: Ticket | None = changes["ticket"]
        if ticket is None:
            validation.set_report_status(report, ReportStatus.NEW, actor=actor)
        else:
            validation.attach(report, ticket, actor=actor)
    return frozenset(changes)


def _set_status(report: Report, status: ReportStatus, ticket: Ticket | None, *, actor: User) -> None:
    if status == ReportStatus.ATTACHED:
        validation.attach(report, ticket, actor=actor)
    else:
        validation.set_report_status(report, status, actor=actor)


@transaction.atomic
def set_category(report: Report, category: Category, *, actor: User) -> bool:
    """Say what a report is about; False when it was so.

    :raises Refused: for a report in a ticket, or when its mail has another report about just that.
    """
    validation.lock(report)
    old = report.category_id
    if old == category.pk:
        return False
    if report.ticket_id is not None:
        raise Refused(f"category: {report} is in ticket {report.ticket_id}; expected one that is in none")
    try:
        with transaction.atomic():
            Report.filter(pk=report.pk).update(category=category)
    except IntegrityError:
        raise Refused(f"category: its mail has another report of {category} about the same service") from None
    report.category = category
    record(History.Type.UPDATE_PROPERTY, actor=actor, report=report, field="category", old=old, new=category.pk)
    return True
