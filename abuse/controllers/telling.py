"""Telling the KPI service what happened: after the commit, so that nothing waits for it or is undone by it.

What it is told is for its information. Whoever needs every event reads the history, which is complete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import transaction

from abuse.models import History, Report, Ticket, TicketStatus
from abuse.services.facade import facade
from abuse.services.kpi import KPIService, KPIServiceException

from .events import tell_of_reports

log = logging.getLogger(__name__)

_T = History.Type
Subject = TypeVar("Subject", Ticket, Report)


def tell_history(row: History) -> None:
    """A row of history was written: tell of it, if it is one of the events."""
    ticket = row.ticket
    if ticket is None or not facade("KPIServiceBase").is_implemented():
        return
    event: Callable[[Ticket], None] | None = None
    match row.action_type:
        case _T.CREATE_TICKET:
            event = KPIService.new_ticket
        case _T.CHANGE_TREATED_BY if row.new is not None and row.old is None:
            event = _first_owner
        case _T.CHANGE_STATUS if row.new == TicketStatus.CLOSED:
            event = KPIService.close_ticket
    if event is not None:
        told = event
        transaction.on_commit(lambda: _tell(told, ticket), robust=True)


def tell_reports(reports: Sequence[Report]) -> None:
    """Reports came in."""
    tell_of_reports(reports)
    if not reports or not facade("KPIServiceBase").is_implemented():
        return

    def tell_all() -> None:
        for report in reports:
            _tell(KPIService.new_report, report)

    transaction.on_commit(tell_all, robust=True)


def _first_owner(ticket: Ticket) -> None:
    """Only the first of a ticket's owners is an event."""
    owners = History.filter(ticket=ticket, action_type=_T.CHANGE_TREATED_BY, new__isnull=False)
    if owners.count() == 1:
        KPIService.new_ticket_assign(ticket)


def _tell(event: Callable[[Subject], None], subject: Subject) -> None:
    try:
        event(subject)
    except KPIServiceException as error:
        log.warning("the KPI service did not take %s: %s", subject, error)
