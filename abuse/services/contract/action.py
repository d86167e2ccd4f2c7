"""What every action service must do."""

from __future__ import annotations

import secrets
from datetime import timedelta

from abuse.models import ServiceAction, Ticket

from ..action import ActionResult, ActionServiceBase, ActionServiceException
from .checking import Broken, Check, Subject, answer_or_error, expect, expect_permanent, expect_type
from .rows import a_ticket, a_user

_LIMITS = {"todo_id": 128, "status": 32, "comment": 256}


def _offered(service: ActionServiceBase, ticket: Ticket) -> ServiceAction:
    """A measure that the service offers for a ticket."""
    offered = service.list_actions_for_ticket(ticket)
    if not offered:
        ServiceAction.create(name="contract-check", module="contract", level="1")
        offered = service.list_actions_for_ticket(ticket)
    if not offered:
        raise Broken("list_actions_for_ticket: nothing for a ticket about a VPS; expected a measure to try")
    return offered[0]


def _check_result(service: object, result: object, what: str) -> None:
    expect_type(result, ActionResult, what)
    for name, limit in _LIMITS.items():
        value = getattr(result, name, None)
        expect_type(value, str, f"{what}: {name}")
        expect(len(str(value)) <= limit, f"{what}: {name}: {len(str(value))} characters; {limit} are kept")
    within = getattr(result, "told_within", None)
    if within is not None:
        expect_type(within, timedelta, f"{what}: told_within")
        expect(within > timedelta(0), f"{what}: told_within: {within}; expected a time to come")
        expect(hasattr(service, "read_callback"), f"{what}: a callback is to come, and there is no read_callback")


def _listed(subject: Subject) -> None:
    service: ActionServiceBase = subject.service
    bare = a_ticket()
    Ticket.filter(pk=bare.pk).update(service=None, defendant=None)
    for ticket in (a_ticket(), Ticket.get(pk=bare.pk)):
        offered = service.list_actions_for_ticket(ticket)
        for action in offered:
            expect_type(action, ServiceAction, "list_actions_for_ticket")
            expect(action.pk is not None, f"list_actions_for_ticket: {action} is no row")
        numbers = [action.pk for action in offered]
        expect(len(numbers) == len(set(numbers)), "list_actions_for_ticket: names a measure twice")
        again = [action.pk for action in service.list_actions_for_ticket(ticket)]
        expect(numbers == again, "list_actions_for_ticket: has no order of its own")


def _unknown(subject: Subject) -> None:
    service: ActionServiceBase = subject.service
    ticket, user = a_ticket(), a_user()
    action = ServiceAction.get_or_create(name="contract-check", module="contract", level="1")[0]
    for ticket_id, action_id in ((-1, action.pk), (ticket.pk, -1)):
        what = f"apply_action_on_service of measure {action_id} for ticket {ticket_id}"
        expect_permanent(
            ActionServiceException, what, service.apply_action_on_service, ticket_id, action_id, None, user.pk
        )


def _applied(subject: Subject) -> None:
    service: ActionServiceBase = subject.service
    ticket, user = a_ticket(), a_user()
    action = _offered(service, ticket)
    what = "apply_action_on_service"
    order = (ticket.pk, action.pk, "192.0.2.1", user.pk)
    result = answer_or_error(ActionServiceException, what, service.apply_action_on_service, *order)
    if result is not None:
        _check_result(service, result, what)


def _once(subject: Subject) -> None:
    service = subject.service
    once = getattr(service, "apply_action_once", None)
    if once is None:
        return  # this service does not say that it tells repeated orders apart
    ticket, user = a_ticket(), a_user()
    action = _offered(service, ticket)
    key = secrets.token_hex(16)
    results = [once(ticket.pk, action.pk, "192.0.2.1", user.pk, idempotency_key=key) for _ in range(2)]
    for result in results:
        _check_result(service, result, "apply_action_once")
    first, second = (result.todo_id for result in results)
    expect(first == second, f"apply_action_once: one key has the orders {first!r} and {second!r}")


def _closed(subject: Subject) -> None:
    service: ActionServiceBase = subject.service
    ticket, user = a_ticket(), a_user()
    for call in (service.close_service, service.close_all_services, service.close_defendant):
        for given in (user, None):
            result = answer_or_error(ActionServiceException, call.__name__, call, ticket, user=given)
            if result is not None:
                _check_result(service, result, call.__name__)


CHECKS = (
    Check("the measures for a ticket are rows, each once, in an order of their own", _listed),
    Check("a ticket or measure that does not exist is a permanent fault", _unknown, acts=True),
    Check("a measure has a result that can be kept", _applied, acts=True),
    Check("one key is one order, where the service says so", _once, acts=True),
    Check("services and customers are closed, or it is said why not", _closed, acts=True),
)
