"""What a CRM service may answer, field by field: held against it at every call, and by `check-service`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from .base import DefendantInfo, Match, ServiceInfo

_REQUIRED = {DefendantInfo: ("customer_id",), ServiceInfo: ("name",)}
_TEXT = frozenset({"str", "str | None"})


def fault_of_defendant(value: object) -> str | None:
    """What is wrong with a customer, in words; None when nothing is."""
    return _fault_of_fields(value, DefendantInfo)


def fault_of_service(value: object) -> str | None:
    """What is wrong with a service, in words; None when nothing is."""
    return _fault_of_fields(value, ServiceInfo)


def fault_of_match(value: object) -> str | None:
    """What is wrong with a match, in words; None when nothing is."""
    if not isinstance(value, Match):
        return _not_a(value, "Match or None")
    for name, fault in (
        ("defendant", fault_of_defendant(value.defendant)),
        ("service", fault_of_service(value.service)),
    ):
        if fault is not None:
            return f"{name}: {fault}"
    return None if isinstance(value.reason, str) else f"reason: {_not_a(value.reason, 'str')}"


def _fault_of_fields(value: object, kind: type[DefendantInfo] | type[ServiceInfo]) -> str | None:
    if not isinstance(value, kind):
        return _not_a(value, kind.__name__)
    for field in fields(kind):
        fault = _fault_of_field(getattr(value, field.name), str(field.type))
        if fault is None and field.name in _REQUIRED[kind] and not getattr(value, field.name):
            fault = "is empty"
        if fault is not None:
            return f"{field.name}: {fault}"
    return None


def _fault_of_field(value: object, kind: str) -> str | None:
    if value is None and kind.endswith(" | None"):
        return None
    kind = kind if kind in _TEXT else kind.removesuffix(" | None")
    if kind in _TEXT:
        return None if isinstance(value, str) or (value is None and kind != "str") else _not_a(value, kind)
    if kind == "bool":
        return None if isinstance(value, bool) else _not_a(value, kind)
    if kind == "datetime":
        if not isinstance(value, datetime):
            return _not_a(value, kind)
        return None if value.utcoffset() is not None else f"{value.isoformat()} has no zone"
    is_texts = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    return None if is_texts else _not_a(value, kind)


def _not_a(value: object, expected: str) -> str:
    return f"{value!r:.200} is {type(value).__name__}; expected {expected}"


def _find(answer: object, queries: Sequence[object]) -> str | None:
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
        return _not_a(answer, "a sequence of Match or None")
    if len(answer) != len(queries):
        return f"{len(answer)} answers to {len(queries)} queries; expected one for each, in order"
    sound: set[int] = set()  # a customer with thousands of addresses is one object thousands of times
    for place, match in enumerate(answer):
        if match is not None and id(match) not in sound:
            fault = fault_of_match(match)
            if fault is not None:
                return f"answer {place}: {fault}"
            sound.add(id(match))
    return None


def _services(answer: object, *_: object) -> str | None:
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
        return _not_a(answer, "a sequence of ServiceInfo")
    faults = ((place, fault_of_service(one)) for place, one in enumerate(answer))
    return next((f"answer {place}: {fault}" for place, fault in faults if fault is not None), None)


def _revenue(answer: object, *_: object, **__: object) -> str | None:
    is_number = isinstance(answer, int | float) and not isinstance(answer, bool) and answer == answer
    return None if is_number else _not_a(answer, "int or float")


FAULTS: Mapping[str, Callable[..., str | None]] = {
    "find": _find,
    "get_customer_infos": lambda answer, *_: None if answer is None else fault_of_defendant(answer),
    "get_service_infos": lambda answer, *_: None if answer is None else fault_of_service(answer),
    "get_customer_services": _services,
    "get_customer_revenue": _revenue,
}
"""For each method of the contract: what is wrong with an answer to these arguments, None when nothing is."""


def fault_of_answer(method: str, answer: object, /, *arguments: Any, **named: Any) -> str | None:
    """What is wrong with what a method answered, empty and false answers too; None when nothing is."""
    return FAULTS[method](answer, *arguments, **named)
