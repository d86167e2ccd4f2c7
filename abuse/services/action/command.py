"""Measures taken by programs of the operator's own: a fixed program for each, never a shell."""

from __future__ import annotations

import logging
import string
import time
from collections.abc import Mapping, Sequence

import re2

from ..running import Finished, TookTooLong, check_program, run
from .base import ActionResult, ActionServiceException
from .orders import IdempotentOrders, Order, OrderingActionService

log = logging.getLogger(__name__)

PLACEHOLDERS = ("key", "ticket", "customer", "service", "domain", "reference", "module", "level", "ip", "user")
CLOSINGS = ("service.close", "customer.close_services", "customer.close")
TRY_AGAIN = 75
"""The exit code of sysexits(3) for a passing fault."""
LONGEST = 600
"""Seconds for all attempts: nobody waits longer than a quarter of an hour for the end of an order."""
_MAX_COMMENT = 256
# What identifiers are made of. No slash, no space, no quote, no leading hyphen: a value is no path, no option and
# nothing that another shell, where the program may hand it on, reads as its own.
_VALUE = re2.compile(r"[A-Za-z0-9_.:@+][A-Za-z0-9_.:@+-]{0,254}")


class CommandActionService(OrderingActionService):
    """Runs a program for each order. An order whose process died is not repeated but put to a person.

    :param programs: the program and its arguments for `MODULE/LEVEL` or `MODULE/*` of a measure, and for
        `service.close`, `customer.close_services` and `customer.close`. The program is an absolute path; in arguments
        `{key} {ticket} {customer} {service} {domain} {reference} {module} {level} {ip} {user}` stand for values.
    :param seconds: that a program may take.
    :param max_output: bytes of its output that are kept; the last line of them becomes the comment.
    :param attempts: how often it is run in all while it ends with 75.
    :param pause_seconds: before it is run again; doubles each time.
    :param modules: as for all action services.
    :raises ValueError: for what cannot be run.
    """

    def __init__(
        self,
        *,
        programs: Mapping[str, Sequence[str]],
        seconds: float = 60.0,
        max_output: int = 64 * 1024,
        attempts: int = 3,
        pause_seconds: float = 2.0,
        modules: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(modules)
        if not (seconds > 0 and seconds * attempts <= LONGEST and 1 <= attempts <= 10 and 0 <= pause_seconds <= 10):
            expected = f"all attempts within {LONGEST} seconds, at most 10 of them, with pauses of at most 10 seconds"
            raise ValueError(f"seconds, attempts, pause_seconds: expected {expected}")
        if not 0 <= max_output <= 16 * 1024 * 1024:
            raise ValueError(f"max_output: {max_output!r}; expected up to 16 MiB")
        if not programs:
            raise ValueError("programs: expected at least one")
        self._programs = {name: _check(name, template) for name, template in programs.items()}
        self._seconds, self._max_output = seconds, max_output
        self._attempts, self._pause = attempts, pause_seconds

    def carry_out(self, order: Order) -> ActionResult:
        command = _fill(self._template(order), _values(order))
        pause = self._pause
        for attempt in range(1, self._attempts + 1):
            finished = self._run(command)
            said = _comment(finished.output)
            if finished.code == 0:
                return ActionResult(todo_id="", status="ok", comment=said)
            if finished.code != TRY_AGAIN:
                message = f"{command[0]} ended with {finished.code}: {said or 'without a word'}"
                raise ActionServiceException(message, permanent=True)
            log.warning("%s: try again: %s", command[0], said)
            if attempt < self._attempts:
                time.sleep(pause)
                pause *= 2
        raise ActionServiceException(f"{command[0]} asked to try again at {self._attempts} attempts: {said}")

    def _template(self, order: Order) -> Sequence[str]:
        names: list[str] = [order.kind]
        if order.action is not None:
            names = [f"{order.action.module}/{order.action.level}", f"{order.action.module}/*"]
        for name in names:
            if name in self._programs:
                return self._programs[name]
        raise ActionServiceException(f"programs.{names[0]}: no program is configured for this measure", permanent=True)

    def _run(self, command: Sequence[str]) -> Finished:
        try:
            return run(command, seconds=self._seconds, max_output=self._max_output)
        except TookTooLong:
            raise ActionServiceException(
                f"{command[0]} was ended after {self._seconds:g} seconds; see whether the measure was taken"
            ) from None
        except OSError as error:
            raise ActionServiceException(f"{command[0]} cannot be run: {error.strerror}", permanent=True) from None


class RepeatableCommandActionService(IdempotentOrders, CommandActionService):
    """For programs that can be run again with the same order: each of them must be given its `{key}`.

    :raises ValueError: when one is not.
    """

    def __init__(
        self,
        *,
        programs: Mapping[str, Sequence[str]],
        seconds: float = 60.0,
        max_output: int = 64 * 1024,
        attempts: int = 3,
        pause_seconds: float = 2.0,
        modules: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        CommandActionService.__init__(
            self,
            programs=programs,
            seconds=seconds,
            max_output=max_output,
            attempts=attempts,
            pause_seconds=pause_seconds,
            modules=modules,
        )
        for name, template in self._programs.items():
            if not any("key" in _placeholders(argument) for argument in template):
                raise ValueError(
                    f"programs.{name}: expected {{key}} among the arguments, to tell repeated orders apart"
                )


def _check(name: str, template: Sequence[str]) -> tuple[str, ...]:
    """A program's template, when it can be run.

    :raises ValueError: when it cannot.
    """
    if name not in CLOSINGS and not 1 <= name.find("/") < len(name) - 1:
        raise ValueError(f"programs.{name}: expected MODULE/LEVEL, MODULE/*, or one of {', '.join(CLOSINGS)}")
    if isinstance(template, str) or not template or not all(isinstance(one, str) for one in template):
        raise ValueError(f"programs.{name}: {template!r}; expected a list: the program, then its arguments")
    check_program(f"programs.{name}", template[0])
    for argument in template[1:]:
        try:
            unknown = sorted(set(_placeholders(argument)) - set(PLACEHOLDERS))
        except ValueError as error:
            raise ValueError(f"programs.{name}: argument {argument!r}: {error}") from None
        if unknown:
            known = ", ".join(PLACEHOLDERS)
            raise ValueError(f"programs.{name}: argument {argument!r}: {unknown[0]!r}; expected one of {known}")
    return tuple(template)


def _placeholders(argument: str) -> list[str]:
    """The placeholders of an argument. Anything but a plain name in braces is one that nobody knows."""
    return [
        f"{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}"
        for _, name, form, conversion in string.Formatter().parse(argument)
        if name is not None
    ]


def _values(order: Order) -> dict[str, str | None]:
    service, defendant, action = order.ticket.service, order.ticket.defendant, order.action
    return {
        "key": order.key,
        "ticket": order.ticket.public_id,
        "customer": defendant.customer_id if defendant else None,
        "service": service.service_id if service else None,
        "domain": service.domain if service else None,
        "reference": service.reference if service else None,
        "module": action.module if action else None,
        "level": action.level if action else None,
        "ip": order.ip,
        "user": order.user,
    }


def _fill(template: Sequence[str], values: Mapping[str, str | None]) -> list[str]:
    """The command of an order.

    :raises ActionServiceException: permanent when a value is missing, or is not what identifiers are made of.
    """
    program, *arguments = template
    return [program, *(_fill_one(argument, values) for argument in arguments)]


def _fill_one(argument: str, values: Mapping[str, str | None]) -> str:
    parts: list[str] = []
    for text, name, _, _ in string.Formatter().parse(argument):
        parts.append(text)
        if name is None:
            continue
        value = values[name]
        if not value:
            raise ActionServiceException(f"{name}: the order has none, and the program needs it", permanent=True)
        if not _VALUE.fullmatch(value):
            raise ActionServiceException(
                f"{name}: {value[:80]!r}; expected letters, digits and _ . : @ + - (not first) for a program",
                permanent=True,
            )
        parts.append(value)
    return "".join(parts)


def _comment(output: bytes) -> str:
    """The last line that a program wrote, fit to be shown."""
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return "".join(one for one in lines[-1].strip() if one.isprintable())[:_MAX_COMMENT] if lines else ""
