"""What every KPI service must do."""

from __future__ import annotations

from abuse.models import Ticket

from ..kpi import KPIServiceBase, KPIServiceException
from .checking import Check, Subject, answer_or_error
from .rows import a_report, a_ticket


def _events(subject: Subject) -> None:
    service: KPIServiceBase = subject.service
    ticket = a_ticket()
    for call in (service.new_ticket, service.new_ticket_assign, service.close_ticket):
        answer_or_error(KPIServiceException, call.__name__, call, ticket)
    answer_or_error(KPIServiceException, "new_report", service.new_report, a_report())


def _strangers(subject: Subject) -> None:
    service: KPIServiceBase = subject.service
    ticket = a_ticket()
    Ticket.filter(pk=ticket.pk).update(service=None, defendant=None)
    ticket.refresh_from_db()
    answer_or_error(KPIServiceException, "new_ticket without a customer", service.new_ticket, ticket)


CHECKS = (
    Check("events are taken, or it is said why not", _events, acts=True),
    Check("a ticket without a customer is one", _strangers, acts=True),
)
