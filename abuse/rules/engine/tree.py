"""A rule ready to run: the frozen form of a checked document.

Everything a run needs is resolved here once (the operator's test, the key of the fact), so that evaluating costs no
look-up and no check.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .actions import Action
from .operators import Operator, Test
from .variables import Variable

FactKey = tuple[str, str]
"""The variable's name and its arguments, defaults included, as canonical JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One condition: an operator's `test` over the value of a variable called with `params`.

    `path` is its place in the document; `expected` the value as written (None for operators that take none).
    """

    path: str
    variable: Variable
    params: Mapping[str, object]
    key: FactKey
    operator: Operator
    expected: object
    test: Test


@dataclass(frozen=True, slots=True, eq=False)
class All:
    """Holds when every child holds; stops at the first that does not. Never empty."""

    path: str
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Any:
    """Holds when one child holds; stops at the first that does. Never empty."""

    path: str
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Not:
    """Holds when its child does not."""

    path: str
    child: Node


Node = All | Any | Not | Leaf


@dataclass(frozen=True, slots=True, eq=False)
class ActionCall:
    """One action of a rule with the arguments written in the document."""

    action: Action
    params: Mapping[str, object]

    def arguments(self) -> dict[str, object]:
        """Return the arguments as a copy of their own: an action that changes a list must not change the rule."""
        return arguments(self.params)


@dataclass(frozen=True, slots=True)
class Limit:
    """How often one action of a rule may run: in an hour, in a day, in a day for one customer. None: no limit."""

    hour: int | None = None
    day: int | None = None
    customer_day: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A checked rule. `order_id`: lower comes first. `document` is a copy of the document as it was given.

    `is_shadow`: it is tried in its place and only tells what it would do. `limits`: the caps of its actions by name.
    """

    name: str
    rules_type: str
    order_id: int
    is_active: bool
    conditions: Node
    actions: tuple[ActionCall, ...]
    document: Mapping[str, object]
    is_shadow: bool = False
    limits: Mapping[str, Limit] = field(default_factory=dict)
    description: str = ""


def arguments(params: Mapping[str, object]) -> dict[str, object]:
    """Return params as keyword arguments that share nothing with the rule."""
    return copy.deepcopy(dict(params)) if params else {}


def fact_key(variable: Variable, params: Mapping[str, object]) -> FactKey:
    """Return what makes two questions the same: `ticket_count` and `ticket_count(open_only=true)`, its default."""
    if not variable.parameters:
        return variable.name, ""
    values = {parameter.name: params.get(parameter.name, parameter.default) for parameter in variable.parameters}
    return variable.name, json.dumps(values, sort_keys=True, default=repr)
