"""What rules of one type may use: the variables and actions of all the classes listed for that type.

Several classes make one catalogue, so that an operator's own class adds to the shipped ones. Names are therefore
shared: a public function name may appear in one listed class only.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from .actions import Action, BaseActions, declared_actions
from .errors import RuleDefinitionError
from .jsonable import Json
from .variables import BaseVariables, Variable, declared_variables

T = TypeVar("T")


class Composite:
    """Instances of several classes seen as one: a public attribute is that of the first instance that has it."""

    __slots__ = ("_instances",)

    def __init__(self, instances: tuple[object, ...]) -> None:
        self._instances = instances

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            for instance in self._instances:
                if hasattr(instance, name):
                    return getattr(instance, name)
        classes = ", ".join(type(instance).__name__ for instance in self._instances) if name != "_instances" else "none"
        raise AttributeError(f"no attribute {name} in {classes}")


class VariablesComposite(Composite):
    """The variables of one run. `variables` holds their declarations by name."""

    __slots__ = ("variables",)

    def __init__(self, instances: tuple[object, ...], variables: Mapping[str, Variable]) -> None:
        super().__init__(instances)
        self.variables = variables


class Catalogue:
    """The variables and actions of one rule type (`Report`, `EmailReply` …), by name.

    Raises RuleDefinitionError when a listed class does not descend from its base class, is listed twice, or shares a
    public function name with another (a function inherited from a common ancestor is one function, not two).
    """

    def __init__(
        self,
        rules_type: str,
        variable_classes: Iterable[type[BaseVariables]],
        action_classes: Iterable[type[BaseActions]],
    ) -> None:
        self.rules_type = rules_type
        self._variable_classes = _checked(f"variables of {rules_type} rules", BaseVariables, variable_classes)
        self._action_classes = _checked(f"actions of {rules_type} rules", BaseActions, action_classes)
        variables: dict[str, Variable] = {}
        for variable_class in self._variable_classes:
            variables.update(declared_variables(variable_class))
        actions: dict[str, Action] = {}
        for action_class in self._action_classes:
            actions.update(declared_actions(action_class))
        self.variables: Mapping[str, Variable] = MappingProxyType(dict(sorted(variables.items())))
        self.actions: Mapping[str, Action] = MappingProxyType(dict(sorted(actions.items())))

    def build_variables(self, *args: object, **kwargs: object) -> VariablesComposite:
        """Return the variables of one run: each listed class, built with these same arguments."""
        instances = tuple(_build(cls, args, kwargs) for cls in self._variable_classes)
        return VariablesComposite(instances, self.variables)

    def build_actions(self, *args: object, **kwargs: object) -> Composite:
        """Return the actions of one run: each listed class, built with these same arguments."""
        return Composite(tuple(_build(cls, args, kwargs) for cls in self._action_classes))

    def to_json(self) -> dict[str, Json]:
        """Return `{rulesType, variables, actions}` as a rule editor needs them."""
        return {
            "rulesType": self.rules_type,
            "variables": [variable.to_json() for variable in self.variables.values()],
            "actions": [action.to_json() for action in self.actions.values()],
        }


def _build(cls: Any, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    # Any: the constructor's arguments are those of the rule type, which the base classes cannot know.
    return cls(*args, **kwargs)


def _checked(what: str, base: type[T], classes: Iterable[type[T]]) -> tuple[type[T], ...]:
    checked: list[type[T]] = []
    owners: dict[str, tuple[str, object]] = {}
    for cls in classes:
        if not (inspect.isclass(cls) and issubclass(cls, base)):
            raise RuleDefinitionError(f"{what}: {cls!r} does not descend from {base.__module__}.{base.__name__}")
        dotted = f"{cls.__module__}.{cls.__qualname__}"
        if cls in checked:
            raise RuleDefinitionError(f"{what}: {dotted} is listed twice")
        for name, function in _public_functions(cls, base):
            owner, known = owners.setdefault(name, (dotted, function))
            if known is not function:
                raise RuleDefinitionError(f"{what}: function name {name} is in both {owner} and {dotted}")
        checked.append(cls)
    return tuple(checked)


def _public_functions(cls: type, base: type) -> list[tuple[str, object]]:
    return [
        (name, inspect.getattr_static(cls, name))
        for name in dir(cls)
        if not name.startswith("_") and not hasattr(base, name) and callable(getattr(cls, name))
    ]
