"""Variable types and their operators.

A variable's value is brought once into the form its type compares (`read`: a Decimal, a set of folded choices …); an
operator turns the value written in a rule once, when the rule is loaded, into a test over that form (`prepare`). A run
then only calls tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import re2

from .errors import FactTypeError
from .fields import FieldType
from .jsonable import Json, is_finite, show

TOLERANCE = Decimal("0.000001")
"""Two numbers this near to each other are equal."""
MAX_PATTERN = 1_000
"""Characters of a regular expression."""
_PATTERN_MEMORY = 1 << 20
"""Bytes of one compiled pattern with its states: 500 conditions must not hold gigabytes."""

Test = Callable[[Any], bool]
"""Tests a fact in the form its type's `read` gives (str, Decimal, bool or frozenset; the type is the variable's)."""
Choice = str | Decimal | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison: its `name` in documents, the type of the value it takes (`none` = takes none).

    `prepare` gets that value, already checked against `input_type`, and returns the test; it raises ValueError with
    the reason when the value makes no sense.
    """

    name: str
    label: str
    input_type: FieldType
    prepare: Callable[[Any], Test]

    def to_json(self) -> Json:
        return {"name": self.name, "label": self.label, "inputType": self.input_type.value}


@dataclass(frozen=True, slots=True)
class VariableType:
    """A type of variable: how its values are read and which operators it has.

    `read` raises FactTypeError when a value is not of the type.
    """

    name: str
    read: Callable[[object], Any]
    operators: Mapping[str, Operator]


def _table(*operators: Operator) -> Mapping[str, Operator]:
    return MappingProxyType({operator.name: operator for operator in operators})


# --- string ---------------------------------------------------------------------------------------------------------


def _read_string(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FactTypeError(f"a string variable returns text or nothing, not {show(value)}")
    return value


def _not_empty(text: str) -> str:
    # Every text contains the empty text: such a condition would silently hold for every mail.
    if not text:
        raise ValueError("an empty text holds for everything; expected at least one character")
    return text


def _fold_equal(text: str) -> Test:
    folded = text.casefold()
    return lambda fact: bool(fact.casefold() == folded)


def _starts_with(text: str) -> Test:
    start = _not_empty(text)
    return lambda fact: bool(fact.startswith(start))


def _ends_with(text: str) -> Test:
    end = _not_empty(text)
    return lambda fact: bool(fact.endswith(end))


def _contains_text(text: str) -> Test:
    part = _not_empty(text)
    return lambda fact: part in fact


def _matches(pattern: str) -> Test:
    """RE2 and not `re`: it takes time linear in the text, whatever the pattern and whatever the sender wrote."""
    if len(_not_empty(pattern)) > MAX_PATTERN:
        raise ValueError(f"regular expression of {len(pattern)} characters; at most {MAX_PATTERN} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"not a regular expression of RE2: {_re2_reason(error)}") from error
    # A decoded mail may hold lone surrogates, which UTF-8 cannot: they are read as question marks.
    return lambda fact: compiled.search(fact.encode("utf-8", "replace")) is not None


def _re2_reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(error)


STRING = VariableType(
    "string",
    _read_string,
    _table(
        Operator("equal_to", "Equal To", FieldType.TEXT, lambda text: lambda fact: bool(fact == text)),
        Operator("equal_to_case_insensitive", "Equal To (Case Insensitive)", FieldType.TEXT, _fold_equal),
        Operator("starts_with", "Starts With", FieldType.TEXT, _starts_with),
        Operator("ends_with", "Ends With", FieldType.TEXT, _ends_with),
        Operator("contains", "Contains", FieldType.TEXT, _contains_text),
        Operator("matches_regex", "Matches Regex", FieldType.TEXT, _matches),
        Operator("non_empty", "Non Empty", FieldType.NONE, lambda _: bool),
    ),
)

# --- numeric --------------------------------------------------------------------------------------------------------


def _decimal(value: int | float | Decimal) -> Decimal:
    # Through its text, a float 0.1 is the 0.1 that was written.
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _read_number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not is_finite(value):
        raise FactTypeError(f"a numeric variable returns a finite int, float or Decimal, not {show(value)}")
    return _decimal(value)


def _equal_number(value: int | float | Decimal) -> Test:
    low, high = _decimal(value) - TOLERANCE, _decimal(value) + TOLERANCE
    return lambda fact: bool(low <= fact <= high)


def _greater(value: int | float | Decimal) -> Test:
    high = _decimal(value) + TOLERANCE
    return lambda fact: bool(fact > high)


def _greater_or_equal(value: int | float | Decimal) -> Test:
    low = _decimal(value) - TOLERANCE
    return lambda fact: bool(fact >= low)


def _less(value: int | float | Decimal) -> Test:
    low = _decimal(value) - TOLERANCE
    return lambda fact: bool(fact < low)


def _less_or_equal(value: int | float | Decimal) -> Test:
    high = _decimal(value) + TOLERANCE
    return lambda fact: bool(fact <= high)


NUMERIC = VariableType(
    "numeric",
    _read_number,
    _table(
        Operator("equal_to", "Equal To", FieldType.NUMERIC, _equal_number),
        Operator("greater_than", "Greater Than", FieldType.NUMERIC, _greater),
        Operator("greater_than_or_equal_to", "Greater Than Or Equal To", FieldType.NUMERIC, _greater_or_equal),
        Operator("less_than", "Less Than", FieldType.NUMERIC, _less),
        Operator("less_than_or_equal_to", "Less Than Or Equal To", FieldType.NUMERIC, _less_or_equal),
    ),
)

# --- boolean --------------------------------------------------------------------------------------------------------


def _read_boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise FactTypeError(f"a boolean variable returns True or False, not {show(value)}")
    return value


BOOLEAN = VariableType(
    "boolean",
    _read_boolean,
    _table(
        Operator("is_true", "Is True", FieldType.NONE, lambda _: lambda fact: fact is True),
        Operator("is_false", "Is False", FieldType.NONE, lambda _: lambda fact: fact is False),
    ),
)

# --- select and select_multiple -------------------------------------------------------------------------------------


def _fold(choice: object) -> Choice:
    """Choices are the same whatever their case; 1, 1.0 and Decimal(1) are one choice, the text "1" another."""
    if isinstance(choice, str):
        return choice.casefold()
    if isinstance(choice, (int, float, Decimal)) and not isinstance(choice, bool):
        return _decimal(choice)
    if choice is None:
        return None
    raise FactTypeError(f"a choice is text, a number or nothing, not {show(choice)}")


def _fold_all(choices: list[object]) -> frozenset[Choice]:
    return frozenset(_fold(choice) for choice in choices)


def _read_choices(value: object) -> frozenset[Choice]:
    # A plain text is refused though it could be iterated: its letters are no choices.
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise FactTypeError(f"a select variable returns a list or set of choices, not {show(value)}")
    return frozenset(_fold(choice) for choice in value)


def _contains_choice(value: object) -> Test:
    choice = _fold(value)
    return lambda fact: choice in fact


def _lacks_choice(value: object) -> Test:
    choice = _fold(value)
    return lambda fact: choice not in fact


def _some_choices(value: list[object]) -> frozenset[Choice]:
    if not value:
        raise ValueError("an empty list gives the same answer for everything; expected at least one choice")
    return _fold_all(value)


def _contains_all(value: list[object]) -> Test:
    choices = _some_choices(value)
    return lambda fact: bool(choices <= fact)


def _is_contained_by(value: list[object]) -> Test:
    choices = _fold_all(value)  # empty is meaningful here: only an empty fact is contained by it
    return lambda fact: bool(fact <= choices)


def _shares_one_or_more(value: list[object]) -> Test:
    choices = _some_choices(value)
    return lambda fact: not choices.isdisjoint(fact)


def _shares_exactly_one(value: list[object]) -> Test:
    choices = _some_choices(value)
    return lambda fact: len(choices & fact) == 1


def _shares_none(value: list[object]) -> Test:
    choices = _some_choices(value)
    return lambda fact: choices.isdisjoint(fact)


SELECT = VariableType(
    "select",
    _read_choices,
    _table(
        Operator("contains", "Contains", FieldType.SELECT, _contains_choice),
        Operator("does_not_contain", "Does Not Contain", FieldType.SELECT, _lacks_choice),
    ),
)

_MULTIPLE = FieldType.SELECT_MULTIPLE
SELECT_MULTIPLE = VariableType(
    "select_multiple",
    _read_choices,
    _table(
        Operator("contains_all", "Contains All", _MULTIPLE, _contains_all),
        Operator("is_contained_by", "Is Contained By", _MULTIPLE, _is_contained_by),
        Operator(
            "shares_at_least_one_element_with", "Shares At Least One Element With", _MULTIPLE, _shares_one_or_more
        ),
        Operator("shares_exactly_one_element_with", "Shares Exactly One Element With", _MULTIPLE, _shares_exactly_one),
        Operator("shares_no_elements_with", "Shares No Elements With", _MULTIPLE, _shares_none),
    ),
)

VARIABLE_TYPES: Mapping[str, VariableType] = MappingProxyType(
    {kind.name: kind for kind in (STRING, NUMERIC, BOOLEAN, SELECT, SELECT_MULTIPLE)}
)


def operators_to_json() -> dict[str, list[Json]]:
    """Return, for each variable type, its operators as `{name, label, inputType}`: what a rule editor needs."""
    return {kind.name: [operator.to_json() for operator in kind.operators.values()] for kind in VARIABLE_TYPES.values()}
