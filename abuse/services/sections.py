"""Parts of a service's config, and answers of other systems, read with their types: errors name the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .facade import ServiceError

T = TypeVar("T", bound=BaseModel)
_MAX_FAULTS = 5


class ConfigSection(BaseModel):
    """Some keys of a service's config that belong together. Unknown ones are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class AnswerPart(BaseModel):
    """A part of another system's answer, of which only what is used is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_section(kind: type[T], value: object, place: str) -> T:
    """:raises ValueError: naming each key that is wrong."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: {value!r:.80}; expected keys and values")
    try:
        return kind.model_validate(dict(value))
    except ValidationError as error:
        raise ValueError(_faults(place, error)) from None


def read_answer(kind: type[T], value: object, place: str, error: type[ServiceError]) -> T:
    """:raises ServiceError: of the given class, permanent, when the answer is not what it should be."""
    try:
        return kind.model_validate(value)
    except ValidationError as fault:
        raise error(f"answer of {_faults(place, fault)}", permanent=True) from None


def _faults(place: str, error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_FAULTS]
    return "; ".join(f"{'.'.join([place, *map(str, detail['loc'])])}: {detail['msg']}" for detail in details)
