"""Reading and checking the condition tree of a rule document.

A node is `{all: [nodes]}`, `{any: [nodes]}`, `{not: node}` or a leaf `{name, operator, value, params}`. `value` may be
left out, and is ignored, where the operator takes none: `is_false` with `value: true` means `is_false`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from .errors import Problem
from .fields import FieldType, value_problems
from .jsonable import quote, show
from .operators import Operator, Test
from .parameters import Parameter
from .tree import All, Any, Leaf, Node, Not, arguments, fact_key
from .variables import Variable

MAX_DEPTH = 20
"""Groups within each other, the leaf included."""
MAX_NODES = 500
"""Groups and leaves of one rule."""
MAX_PROBLEMS = 200
"""Faults listed for one document."""

_GROUPS = ("all", "any", "not")
_LEAF_KEYS = ("name", "operator", "value", "params")
_NODE_SHAPES = "{all: […]}, {any: […]}, {not: …} or {name, operator, value}"


class Problems:
    """The faults found so far, at most MAX_PROBLEMS of them."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, path: str, message: str) -> None:
        if len(self._found) < MAX_PROBLEMS:
            self._found.append(Problem(path, message))
        elif len(self._found) == MAX_PROBLEMS:
            self._found.append(Problem("", f"more than {MAX_PROBLEMS} faults; the others are not listed"))

    def found(self) -> tuple[Problem, ...]:
        return tuple(self._found)


class ConditionReader:
    """Reads one condition tree. With `variables` None (unknown rule type) only what needs no catalogue is checked."""

    def __init__(self, rules_type: str, variables: Mapping[str, Variable] | None, problems: Problems) -> None:
        self._rules_type = rules_type
        self._variables = variables
        self._problems = problems
        self._nodes = 0

    def read(self, value: object, path: str, depth: int = 1) -> Node | None:
        """Return the node at `path`, or None when it has faults; those are added to the problems."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            if self._nodes == MAX_NODES + 1:
                self._problems.add(path, f"more than {MAX_NODES} conditions in one rule")
            return None
        if depth > MAX_DEPTH:
            self._problems.add(path, f"nested deeper than {MAX_DEPTH} levels")
            return None
        if not isinstance(value, Mapping):
            self._problems.add(path, f"expected a condition, {_NODE_SHAPES}, got {show(value)}")
            return None
        if not value:
            self._problems.add(path, f"expected a condition, {_NODE_SHAPES}, got an empty object")
            return None
        groups = [key for key in _GROUPS if key in value]
        if not groups:
            return self._read_leaf(value, path)
        others = [quote(key) for key in list(value)[:10] if key != groups[0]]
        if others:
            self._problems.add(path, f"'{groups[0]}' must be the only key; also found {', '.join(others)}")
        nodes = [self._read_group(group, value[group], f"{path}.{group}", depth) for group in groups]
        return nodes[0]

    def _read_group(self, group: str, value: object, path: str, depth: int) -> Node | None:
        if group == "not":
            child = self.read(value, path, depth + 1)
            return Not(path, child) if child else None
        if not isinstance(value, (list, tuple)):
            self._problems.add(path, f"expected a list of conditions, got {show(value)}")
            return None
        if not value:
            self._problems.add(path, "expected at least one condition, got an empty list")
            return None
        children = []
        for index, element in enumerate(value):
            node = self.read(element, f"{path}[{index}]", depth + 1)
            if node:
                children.append(node)
        return All(path, tuple(children)) if group == "all" else Any(path, tuple(children)) if children else None

    def _read_leaf(self, leaf: Mapping[str, object], path: str) -> Leaf | None:
        check_keys(leaf, path, _LEAF_KEYS, ("name", "operator"), self._problems)
        variable = self._read_variable(leaf, path)
        if "operator" in leaf and not isinstance(leaf["operator"], str):
            self._problems.add(f"{path}.operator", f"expected the name of an operator, got {show(leaf['operator'])}")
        if variable is None:
            return None
        params = read_params(
            leaf.get("params"), f"{path}.params", f"variable {variable.name}", variable.parameters, self._problems
        )
        operator = self._read_operator(leaf, path, variable)
        if operator is None:
            return None
        test = self._read_value(leaf, path, variable, operator)
        if test is None:
            return None
        return Leaf(
            path=path,
            variable=variable,
            params=params,
            key=fact_key(variable, params),
            operator=operator,
            expected=None if operator.input_type is FieldType.NONE else leaf["value"],
            test=test,
        )

    def _read_variable(self, leaf: Mapping[str, object], path: str) -> Variable | None:
        name = leaf.get("name")
        if "name" not in leaf or self._variables is None:
            return None
        if not isinstance(name, str):
            self._problems.add(f"{path}.name", f"expected the name of a variable, got {show(name)}")
            return None
        if name not in self._variables:
            self._problems.add(
                f"{path}.name",
                f"{quote(name)} is not a variable of {self._rules_type} rules; {suggest(name, self._variables)}",
            )
            return None
        return self._variables[name]

    def _read_operator(self, leaf: Mapping[str, object], path: str, variable: Variable) -> Operator | None:
        name = leaf.get("operator")
        if not isinstance(name, str):
            return None
        operator = variable.type.operators.get(name)
        if operator is None:
            self._problems.add(
                f"{path}.operator",
                f"{quote(name)} is not an operator of {variable.type.name} variable {variable.name}; "
                f"expected one of {', '.join(variable.type.operators)}",
            )
        return operator

    def _read_value(self, leaf: Mapping[str, object], path: str, variable: Variable, operator: Operator) -> Test | None:
        what = f"operator {operator.name} of {variable.type.name} variable {variable.name}"
        if "value" not in leaf and operator.input_type is not FieldType.NONE:
            self._problems.add(path, f"'value' is missing; {what} takes {operator.input_type.value}")
            return None
        value = leaf.get("value")
        faults = list(value_problems(operator.input_type, value, variable.options))
        for place, message in faults:
            self._problems.add(f"{path}.value{place}", f"{message} ({what})")
        if faults:
            return None
        try:
            return operator.prepare(value)
        except ValueError as error:
            self._problems.add(f"{path}.value", f"{error} ({what})")
            return None


def read_params(
    value: object, path: str, owner: str, parameters: Sequence[Parameter], problems: Problems
) -> Mapping[str, object]:
    """Return the arguments given for `owner` (`action create_ticket`), checked against its parameters."""
    given: Mapping[str, object] = {}
    if isinstance(value, Mapping):
        given = value
    elif value is not None:
        problems.add(path, f"expected an object of parameters, got {show(value)}")
        return given
    known = {parameter.name: parameter for parameter in parameters}
    for name, argument in given.items():
        parameter = known.get(name) if isinstance(name, str) else None
        if parameter is None:
            problems.add(f"{path}.{str(name)[:60]}", f"{owner} has no parameter {quote(name)}; {suggest(name, known)}")
            continue
        for place, message in parameter.problems(argument):
            problems.add(f"{path}.{name}{place}", f"{message} (parameter of {owner})")
    for parameter in parameters:
        if parameter.required and parameter.name not in given:
            problems.add(path, f"parameter {parameter.name} of {owner} is missing")
    return MappingProxyType(arguments(given))


def check_keys(
    value: Mapping[str, object], path: str, allowed: Sequence[str], required: Sequence[str], problems: Problems
) -> None:
    """Add a problem for each key that is not allowed and each required one that is missing."""
    prefix = f"{path}." if path else ""
    for key in value:
        if key not in allowed:
            problems.add(f"{prefix}{str(key)[:60]}", f"unknown key; expected one of {', '.join(allowed)}")
    for key in required:
        if key not in value:
            problems.add(path, f"'{key}' is missing")


def suggest(name: object, known: Iterable[str]) -> str:
    """Return `did you mean has_urls?` for a near miss, else what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) and len(name) <= 100 else []
    if near:
        return f"did you mean {near[0]}?"
    return f"expected one of {', '.join(names)}" if names else "it has none"
