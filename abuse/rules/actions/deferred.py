"""Tasks that rules put off: rows that fall due, for functions that the desk itself offers for it.

A rule names a task; it cannot name just any function. What it can name is a public function that a module of
`abuse.tasks` defines and that takes a `report_id` (or a `ticket_id`): such a function is made to be run on one.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from abuse.controllers.history import record
from abuse.models import Deadline, History, Report, Ticket, User

TASKS = "abuse.tasks"
BLOCK_URLS = "abuse.tasks.rules.block_urls"
SETTLE_MISROUTED = "abuse.tasks.rules.settle_misrouted"
MAX_PARAMS = 20


@cache
def tasks_about(subject: str) -> Mapping[str, Callable[..., object]]:
    """The tasks that a rule may put off, by dotted name. `subject`: the argument they take, report_id or ticket_id."""
    package = importlib.import_module(TASKS)
    found: dict[str, Callable[..., object]] = {}
    for entry in pkgutil.iter_modules(package.__path__, f"{TASKS}."):
        module = importlib.import_module(entry.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == entry.name and not name.startswith("_")
            if is_own and subject in inspect.signature(function).parameters:
                found[f"{entry.name}.{name}"] = function
    return found


def full_name(name: str) -> str:
    """`ticket.timeout` is short for `abuse.tasks.ticket.timeout`."""
    return name if name.startswith(f"{TASKS}.") else f"{TASKS}.{name}"


def check_report_task(value: object) -> None:
    _check(value, "report_id")


def check_ticket_task(value: object) -> None:
    _check(value, "ticket_id")


def _check(value: object, subject: str) -> None:
    known = tasks_about(subject)
    if full_name(str(value)) not in known:
        raise ValueError(
            f"{str(value)[:100]!r} is not a task with a {subject}; expected one of {', '.join(sorted(known)) or 'none'}"
        )


def check_task_params(value: object) -> None:
    """Refuse arguments that are not plain names with plain values.

    :raises ValueError: saying what was expected.
    """
    if value is None:
        return
    if not isinstance(value, Mapping) or len(value) > MAX_PARAMS:
        raise ValueError(f"expected an object of at most {MAX_PARAMS} arguments")
    for name in value:
        if not str(name).isidentifier() or name in {"report_id", "ticket_id"}:
            raise ValueError(f"{str(name)[:60]!r} cannot be given; expected the name of another argument of the task")


def put_report_task(report: Report, task: str, *, seconds: float, params: Mapping[str, Any], actor: User) -> Deadline:
    """Let a task run on a report in so many seconds.

    :raises ValueError: for a task that rules may not name, or arguments it does not take.
    """
    name = _checked(task, "report_id", params)
    return _put(name, seconds, {**params, "report_id": report.pk}, actor, report=report)


def put_ticket_task(ticket: Ticket, task: str, *, seconds: float, params: Mapping[str, Any], actor: User) -> Deadline:
    """Let a task run on a ticket in so many seconds. It is taken back with the ticket's other deadlines.

    :raises ValueError: for a task that rules may not name, or arguments it does not take.
    """
    name = _checked(task, "ticket_id", params)
    return _put(name, seconds, {**params, "ticket_id": ticket.pk}, actor, ticket=ticket)


def _checked(task: str, subject: str, params: Mapping[str, Any]) -> str:
    _check(task, subject)
    check_task_params(params)
    name = full_name(task)
    try:
        inspect.signature(tasks_about(subject)[name]).bind(**{**params, subject: 0})
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
    return name


def _put(
    task: str,
    seconds: float,
    params: Mapping[str, Any],
    actor: User,
    *,
    report: Report | None = None,
    ticket: Ticket | None = None,
) -> Deadline:
    now = timezone.now()
    deadline = Deadline.create(
        kind=Deadline.Kind.TASK,
        report=report,
        ticket=ticket,
        due_at=now + timedelta(seconds=float(seconds)),
        created_at=now,
        payload={"task": task, "params": dict(params)},
    )
    record(
        History.Type.SET_DEADLINE, actor=actor, report=report, ticket=ticket, field=deadline.kind,
        new=deadline.due_at.isoformat(), task=task, deadline=deadline.pk,
    )  # fmt: skip
    return deadline
