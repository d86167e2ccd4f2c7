"""Declaring the variables that conditions may ask.

    class MyVariables(BaseVariables):
        @boolean_rule_variable(label="Check if report category is Phishing")
        def is_report_phishing(self):
            return self.report.category.lower() == "phishing"

Each decorator takes `label` (default: the name in title case), `params` (see `parameters`) and, for choices, `options`;
it may also be used bare. The function stays an ordinary method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar, overload

from .errors import RuleDefinitionError
from .fields import Option, read_options
from .jsonable import Json
from .operators import BOOLEAN, NUMERIC, SELECT, SELECT_MULTIPLE, STRING, VARIABLE_TYPES, VariableType
from .parameters import Parameter, ParameterDeclaration, pretty_label, read_parameters

F = TypeVar("F", bound=Callable[..., object])

_MARK = "__rule_variable__"


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable: the method `name` of a variables class, returning a value of `type`."""

    name: str
    type: VariableType
    label: str
    parameters: tuple[Parameter, ...]
    options: tuple[Option, ...]

    def to_json(self) -> Json:
        return {
            "name": self.name,
            "label": self.label,
            "fieldType": self.type.name,
            "options": [option.to_json() for option in self.options],
            "params": [parameter.to_json() for parameter in self.parameters],
        }


def rule_variable(
    variable_type: VariableType | str,
    label: str | None = None,
    params: ParameterDeclaration | None = None,
    options: Sequence[object] | None = None,
) -> Callable[[F], F]:
    """Declare a method as a variable of a type (`string`, `numeric`, `boolean`, `select`, `select_multiple`).

    Raises RuleDefinitionError, at import, for an unknown type or params that do not fit the signature.
    """
    kind = VARIABLE_TYPES.get(variable_type) if isinstance(variable_type, str) else variable_type
    if kind is None:
        expected = ", ".join(VARIABLE_TYPES)
        raise RuleDefinitionError(f"variable type {variable_type!r} is unknown; expected one of {expected}")

    def declare(function: F) -> F:
        declared = Variable(
            name=function.__name__,
            type=kind,
            label=label or pretty_label(function.__name__),
            parameters=read_parameters(function, params),
            options=read_options(function.__qualname__, options),
        )
        setattr(function, _MARK, declared)
        return function

    return declare


def _declare(
    kind: VariableType,
    label: str | F | None,
    params: ParameterDeclaration | None,
    options: Sequence[object] | None = None,
) -> F | Callable[[F], F]:
    if label is None or isinstance(label, str):
        return rule_variable(kind, label, params, options)
    return rule_variable(kind)(label)  # used bare: the one argument is the function


@overload
def boolean_rule_variable(label: F) -> F: ...
@overload
def boolean_rule_variable(label: str | None = None, params: ParameterDeclaration | None = None) -> Callable[[F], F]: ...
def boolean_rule_variable(
    label: str | F | None = None, params: ParameterDeclaration | None = None
) -> F | Callable[[F], F]:
    """Declare a variable that returns True or False, strictly."""
    return _declare(BOOLEAN, label, params)


@overload
def string_rule_variable(label: F) -> F: ...
@overload
def string_rule_variable(label: str | None = None, params: ParameterDeclaration | None = None) -> Callable[[F], F]: ...
def string_rule_variable(
    label: str | F | None = None, params: ParameterDeclaration | None = None
) -> F | Callable[[F], F]:
    """Declare a variable that returns text; None reads as the empty text."""
    return _declare(STRING, label, params)


@overload
def numeric_rule_variable(label: F) -> F: ...
@overload
def numeric_rule_variable(label: str | None = None, params: ParameterDeclaration | None = None) -> Callable[[F], F]: ...
def numeric_rule_variable(
    label: str | F | None = None, params: ParameterDeclaration | None = None
) -> F | Callable[[F], F]:
    """Declare a variable that returns a finite int, float or Decimal."""
    return _declare(NUMERIC, label, params)


@overload
def select_rule_variable(label: F) -> F: ...
@overload
def select_rule_variable(
    label: str | None = None,
    params: ParameterDeclaration | None = None,
    options: Sequence[object] | None = None,
) -> Callable[[F], F]: ...
def select_rule_variable(
    label: str | F | None = None,
    params: ParameterDeclaration | None = None,
    options: Sequence[object] | None = None,
) -> F | Callable[[F], F]:
    """Declare a variable that returns a list or set of choices, asked about one choice at a time."""
    return _declare(SELECT, label, params, options)


@overload
def select_multiple_rule_variable(label: F) -> F: ...
@overload
def select_multiple_rule_variable(
    label: str | None = None,
    params: ParameterDeclaration | None = None,
    options: Sequence[object] | None = None,
) -> Callable[[F], F]: ...
def select_multiple_rule_variable(
    label: str | F | None = None,
    params: ParameterDeclaration | None = None,
    options: Sequence[object] | None = None,
) -> F | Callable[[F], F]:
    """Declare a variable that returns a list or set of choices, held against another list."""
    return _declare(SELECT_MULTIPLE, label, params, options)


class BaseVariables:
    """The base of all classes of variables. An instance answers for one report, answer or request."""

    @classmethod
    def get_all_variables(cls) -> list[Variable]:
        """Return every declared variable of the class and of those it descends from, by name."""
        return list(declared_variables(cls).values())


def declared_variables(cls: type[BaseVariables]) -> Mapping[str, Variable]:
    """Return the declared variables of a class by name."""
    found = {}
    for name in sorted(dir(cls)):
        declared = getattr(getattr(cls, name), _MARK, None)
        if isinstance(declared, Variable):
            found[name] = declared
    return MappingProxyType(found)
