"""The facts of one run: what the variables answered, each asked at most once, whichever rules ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from .catalogue import VariablesComposite
from .jsonable import Json, bounded
from .tree import FactKey, Leaf, arguments, fact_key
from .variables import BaseVariables, Variable, declared_variables


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """The answer of one variable to one set of arguments.

    `value` is what the method returned, `compared` its form for the operators, `shown` its bounded JSON form;
    `seconds` is the time the method took. When it failed, `error` says how and the values are None.
    """

    variable: Variable
    params: Mapping[str, object]
    value: object
    compared: Any
    shown: Json
    seconds: float
    error: Exception | None

    def to_json(self) -> Json:
        result: dict[str, Json] = {"name": self.variable.name}
        if self.params:
            result["params"] = bounded(self.params)
        if self.error is not None:
            result["error"] = type(self.error).__name__
        else:
            result["value"] = self.shown
        result["milliseconds"] = round(self.seconds * 1000, 3)
        return result


class Facts:
    """The memo of one run over the variables of a catalogue (or of one class). Not for two threads at once."""

    def __init__(self, variables: VariablesComposite | BaseVariables) -> None:
        self._instance: object = variables
        self._declared = (
            variables.variables if isinstance(variables, VariablesComposite) else declared_variables(type(variables))
        )
        self._facts: dict[FactKey, Fact] = {}

    def value(self, name: str, params: Mapping[str, object] | None = None) -> object:
        """Return what the variable `name` answers, asking it only if no rule has yet.

        Raises LookupError for an unknown name, FactTypeError for a value not of the variable's type, and whatever
        the variable itself raises; a failure too is remembered for the run.
        """
        variable = self._declared.get(name)
        if variable is None:
            raise LookupError(f"no variable {name}; expected one of {', '.join(self._declared)}")
        key = fact_key(variable, params or {})
        fact = self._facts.get(key) or self._ask(variable, params or {}, key)
        if fact.error is not None:
            raise fact.error
        return fact.value

    def of(self, leaf: Leaf) -> Fact:
        """Return the fact a condition asks for; a failure is in its `error`."""
        return self._facts.get(leaf.key) or self._ask(leaf.variable, leaf.params, leaf.key)

    def recorded(self) -> tuple[Fact, ...]:
        """Return every fact asked so far, in the order of asking."""
        return tuple(self._facts.values())

    def _ask(self, variable: Variable, params: Mapping[str, object], key: FactKey) -> Fact:
        value: object = None
        compared: object = None
        error: Exception | None = None
        started = perf_counter()
        try:
            value = getattr(self._instance, variable.name)(**arguments(params))
            compared = variable.type.read(value)
        except Exception as caught:  # raised again, naming the rule, by whoever needs this fact
            error = caught
            value = None
        seconds = perf_counter() - started
        fact = Fact(variable, params, value, compared, bounded(value), seconds, error)
        self._facts[key] = fact
        return fact
