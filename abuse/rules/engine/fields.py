"""Field types: what a parameter of a variable or an action, or the value of a condition, may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .errors import RuleDefinitionError
from .jsonable import Json, is_finite, quote, show

MAX_TEXT = 10_000
"""Characters of one text in a rule document."""
MAX_LIST = 1_000
"""Elements of one list in a rule document."""
MAX_NESTING = 10
"""Lists and objects within each other in a free (`none`) value."""
MAX_VALUES = 5_000
"""Values, at all levels, of one free (`none`) value."""
MAX_NUMBER = 10**18
"""Largest absolute number in a rule document: leaves the comparison tolerance exact."""


class FieldType(StrEnum):
    """The type of an input.

    `none` is free: it takes any JSON value, and stands for structures (and, in older declarations, booleans).
    """

    TEXT = "text"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    NONE = "none"
    SELECT = "select"
    SELECT_MULTIPLE = "select_multiple"


FIELD_TEXT = FieldType.TEXT
FIELD_NUMERIC = FieldType.NUMERIC
FIELD_BOOLEAN = FieldType.BOOLEAN
FIELD_NO_INPUT = FieldType.NONE
FIELD_SELECT = FieldType.SELECT
FIELD_SELECT_MULTIPLE = FieldType.SELECT_MULTIPLE


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select field: `name` is the value in documents, `label` what a person reads."""

    name: str | int
    label: str

    def to_json(self) -> Json:
        return {"name": self.name, "label": self.label}


def read_options(owner: str, options: Sequence[object] | None) -> tuple[Option, ...]:
    """Return declared options, each a text, a whole number or a `{name, label}`.

    Raises RuleDefinitionError naming `owner` for anything else.
    """
    result = []
    for option in options or ():
        name: object = option
        label: object = str(option)
        if isinstance(option, Mapping):
            name = option.get("name")
            label = option.get("label", str(name))
        if isinstance(name, bool) or not isinstance(name, (str, int)) or not isinstance(label, str):
            raise RuleDefinitionError(f"{owner}: an option is a text, a number or {{name, label}}, not {option!r}")
        result.append(Option(name, label))
    return tuple(result)


def value_problems(field: FieldType, value: object, options: Sequence[Option] = ()) -> Iterator[tuple[str, str]]:
    """Yield every fault of `value` as an input of type `field`: (place inside the value, what was expected).

    With `options`, each choice must be one of their names, upper and lower case being the same.
    """
    match field:
        case FieldType.TEXT:
            problem = _text_problem(value)
        case FieldType.NUMERIC:
            problem = _number_problem(value)
        case FieldType.BOOLEAN:
            problem = None if isinstance(value, bool) else f"expected true or false, got {show(value)}"
        case FieldType.SELECT:
            problem = _choice_problem(value, options)
        case FieldType.SELECT_MULTIPLE:
            yield from _choices_problems(value, options)
            return
        case FieldType.NONE:
            yield from _json_problems(value)
            return
    if problem:
        yield "", problem


def _text_problem(value: object) -> str | None:
    if not isinstance(value, str):
        return f"expected text, got {show(value)}"
    if len(value) > MAX_TEXT:
        return f"text of {len(value)} characters; at most {MAX_TEXT} are allowed"
    return None


def is_number(value: object) -> bool:
    """True for an int, float or Decimal; a boolean is no number here."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _number_problem(value: object) -> str | None:
    if not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
        return f"expected a number, got {show(value)}"
    if not is_finite(value) or not -MAX_NUMBER <= value <= MAX_NUMBER:
        return f"expected a number between -1e18 and 1e18, got {show(value)}"
    return None


def _choice_problem(value: object, options: Sequence[Option]) -> str | None:
    if not isinstance(value, str) and not is_number(value):
        return f"expected one choice (text or number), got {show(value)}"
    problem = _text_problem(value) if isinstance(value, str) else _number_problem(value)
    if problem or not options:
        return problem
    if any(str(option.name).casefold() == str(value).casefold() for option in options):
        return None
    return f"{quote(value)} is not an option; expected one of {', '.join(str(option.name) for option in options)}"


def _choices_problems(value: object, options: Sequence[Option]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, (list, tuple)):
        yield "", f"expected a list of choices, got {show(value)}"
        return
    if len(value) > MAX_LIST:
        yield "", f"list of {len(value)} elements; at most {MAX_LIST} are allowed"
        return
    for index, element in enumerate(value):
        problem = _choice_problem(element, options)
        if problem:
            yield f"[{index}]", problem


def _json_problems(root: object) -> Iterator[tuple[str, str]]:
    # A loop with one count over the whole value, because YAML aliases make a short document an enormous tree.
    pending: list[tuple[str, object, int]] = [("", root, 0)]
    seen = 0
    while pending:
        place, value, depth = pending.pop()
        seen += 1
        if isinstance(value, (list, tuple, Mapping)):
            if depth >= MAX_NESTING:
                yield place, f"nested deeper than {MAX_NESTING} levels"
                continue
            if seen + len(pending) + len(value) > MAX_VALUES:
                yield place, f"more than {MAX_VALUES} values in all"
                return
            if isinstance(value, Mapping):
                if not all(isinstance(key, str) for key in value):
                    yield place, "expected an object whose keys are text"
                children = [(f"{place}.{str(key)[:60]}", element) for key, element in value.items()]
            else:
                children = [(f"{place}[{index}]", element) for index, element in enumerate(value)]
            pending.extend((where, element, depth + 1) for where, element in reversed(children))
        else:
            problem = _scalar_problem(value)
            if problem:
                yield place, problem


def _scalar_problem(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _text_problem(value)
    if is_number(value):
        return _number_problem(value)
    return f"expected a JSON value, got {show(value)}"
