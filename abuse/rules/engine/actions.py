"""Declaring the actions that rules may take.

class MyActions(BaseActions):
    @rule_action(params={"status": FIELD_TEXT})
    def set_ticket_status(self, status):
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar, overload

from .jsonable import Json
from .parameters import Parameter, ParameterDeclaration, pretty_label, read_parameters

F = TypeVar("F", bound=Callable[..., object])

_MARK = "__rule_action__"


@dataclass(frozen=True, slots=True)
class Action:
    """A declared action: the method `name` of an actions class."""

    name: str
    label: str
    parameters: tuple[Parameter, ...]

    def to_json(self) -> Json:
        return {
            "name": self.name,
            "label": self.label,
            "params": [parameter.to_json() for parameter in self.parameters],
        }


@overload
def rule_action(label: F) -> F: ...
@overload
def rule_action(label: str | None = None, params: ParameterDeclaration | None = None) -> Callable[[F], F]: ...
def rule_action(label: str | F | None = None, params: ParameterDeclaration | None = None) -> F | Callable[[F], F]:
    """Declare a method as an action; `label` defaults to its name in title case, `params` as in `parameters`.

    Raises RuleDefinitionError, at import, when the params do not fit the signature.
    """
    if label is not None and not isinstance(label, str):
        return _mark(label, None, None)  # used bare: the one argument is the function
    return lambda function: _mark(function, label, params)


def _mark(function: F, label: str | None, params: ParameterDeclaration | None) -> F:
    name = function.__name__
    setattr(function, _MARK, Action(name, label or pretty_label(name), read_parameters(function, params)))
    return function


class BaseActions:
    """The base of all classes of actions. An instance acts on one report, answer or request."""

    @classmethod
    def get_all_actions(cls) -> list[Action]:
        """Return every declared action of the class and of those it descends from, by name."""
        return list(declared_actions(cls).values())


def declared_actions(cls: type[BaseActions]) -> Mapping[str, Action]:
    """Return the declared actions of a class by name."""
    found = {}
    for name in sorted(dir(cls)):
        declared = getattr(getattr(cls, name), _MARK, None)
        if isinstance(declared, Action):
            found[name] = declared
    return MappingProxyType(found)
