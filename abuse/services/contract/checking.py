"""How a service is held against its contract: one check after the other, each with its fault in words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from ..facade import ServiceError

P = ParamSpec("P")
T = TypeVar("T")


class Broken(Exception):
    """The service does not do what the contract says."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked. `known`: an address or host name that the CRM finds a customer for, where one was named."""

    service: Any
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the contract says. `acts`: whether it has the system behind the service do something."""

    says: str
    run: Callable[[Subject], None]
    acts: bool = False
    needs_rows: bool = True
    """Whether it makes rows in the database, which are taken back afterwards."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a check: `fault` is None when the contract is kept, or when the check was `skipped`."""

    says: str
    fault: str | None
    skipped: bool = False


def run_checks(subject: Subject, checks: Iterable[Check], *, acting: bool) -> Iterator[Finding]:
    """Check a service, whatever it raises. Without `acting`, checks that act are skipped."""
    for check in checks:
        if check.acts and not acting:
            yield Finding(check.says, None, skipped=True)
            continue
        yield Finding(check.says, fault_of(subject, check))


def fault_of(subject: Subject, check: Check) -> str | None:
    """What is wrong, in words; None when the contract is kept. No row remains of it."""
    try:
        with rolled_back() if check.needs_rows else contextlib.nullcontext():
            check.run(subject)
    except Broken as broken:
        return str(broken)
    except ServiceError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        # Whatever an unknown class does wrong is what is looked for here.
        return f"{type(error).__name__}: {error}; expected at most the exception of the service"
    return None


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that never happened."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def expect(condition: object, fault: str) -> None:
    """:raises Broken: when the condition does not hold."""
    if not condition:
        raise Broken(fault)


def expect_type(value: object, kind: type | tuple[type, ...], what: str) -> None:
    """:raises Broken: when the value is of another type."""
    names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
    expect(isinstance(value, kind), f"{what}: {value!r:.200} is {type(value).__name__}; expected {names}")


def expect_error(
    kind: type[ServiceError], what: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> ServiceError:
    """The exception that the call raises.

    :raises Broken: when it does anything else.
    """
    try:
        answer = _in_savepoint(call, *args, **kwargs)
    except kind as error:
        return error
    except Exception as error:
        raise Broken(f"{what}: {type(error).__name__}: {error}; expected {kind.__name__}") from error
    raise Broken(f"{what}: {answer!r:.200}; expected {kind.__name__}")


def expect_permanent(
    kind: type[ServiceError], what: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> None:
    """:raises Broken: when the call does anything but raise the exception, and say that it is permanent."""
    error = expect_error(kind, what, call, *args, **kwargs)
    expect(error.permanent, f"{what}: {kind.__name__} that is not permanent; expected one that is")


def answer_or_error(
    kind: type[ServiceError], what: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | None:
    """The answer, or None for the service's own exception.

    :raises Broken: for any other exception.
    """
    try:
        return _in_savepoint(call, *args, **kwargs)
    except kind:
        return None
    except Exception as error:
        raise Broken(f"{what}: {type(error).__name__}: {error}; expected an answer, or {kind.__name__}") from error


def _in_savepoint(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A fault in the database must not spoil the transaction in which a check goes on."""
    if not transaction.get_connection().in_atomic_block:
        return call(*args, **kwargs)
    with transaction.atomic():
        return call(*args, **kwargs)
