"""The CRM service as the desk calls it: whatever class is configured, an answer is of the form that is promised."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..facade import Facade, ServiceError
from .answers import FAULTS, fault_of_answer
from .base import CRMServiceException


class CRMImplementationError(CRMServiceException):
    """The configured class has an error of its own, or gives an answer that is none. Permanent: it needs mending."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class CRMFacade(Facade):
    """As every facade; an error within the class is told from an answer that is wrong, and both name the method."""

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)
        if name not in FAULTS:
            return method
        return functools.partial(checked_call, self._implementation, name, method)


def checked_call(service: object, name: str, method: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """What a method of the contract answers, of the form that is promised.

    :raises CRMImplementationError: when it has an error of its own, or answers what is none.
    :raises ServiceError: what it says itself.
    """
    shown = f"{type(service).__qualname__}.{name}"
    try:
        answer = method(*arguments, **named)
    except ServiceError:
        raise
    except Exception as error:
        # Whatever a class of the operator's own does wrong is said to be its own.
        raise CRMImplementationError(f"{shown}: {type(error).__name__}: {error} ({_place(error)})") from error
    fault = fault_of_answer(name, answer, *arguments, **named)
    if fault is not None:
        raise CRMImplementationError(f"{shown}: its answer breaks the contract: {fault}")
    return answer


def _place(error: Exception) -> str:
    """Where it was raised, such as `mycrm.py, line 12`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "place unknown"
