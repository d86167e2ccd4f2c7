"""Running the actions of a rule that matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .actions import BaseActions
from .catalogue import Composite
from .errors import ActionError
from .evaluate import Decision, first_match
from .facts import Facts
from .jsonable import Json, bounded
from .tree import ActionCall, Rule


@dataclass(frozen=True, slots=True, eq=False)
class ActionTrace:
    """An action that ran, with the arguments written in the rule and what it returned."""

    name: str
    params: Mapping[str, object]
    result: object

    def to_json(self) -> dict[str, Json]:
        trace: dict[str, Json] = {"name": self.name}
        if self.params:
            trace["params"] = bounded(self.params)
        if self.result is not None:
            trace["result"] = bounded(self.result)
        return trace


def run_actions(
    rule: Rule, actions: Composite | BaseActions, may_run: Callable[[ActionCall], bool] | None = None
) -> list[ActionTrace]:
    """Run the actions of a rule in the order of the document and return what each did.

    Stops at the first that fails: raises ActionError naming it, with the traces of those before. Nothing is undone
    here; the caller's transaction is what makes a rule all or nothing. `may_run` is asked before each action; when it
    says no, that action and those after it, which may rest on it, are not run.
    """
    done: list[ActionTrace] = []
    for index, call in enumerate(rule.actions):
        if may_run is not None and not may_run(call):
            break
        name = call.action.name
        try:
            result = getattr(actions, name)(**call.arguments())
        except Exception as error:
            raise ActionError(rule.name, index, name, error, tuple(done)) from error
        done.append(ActionTrace(name, call.params, result))
    return done


def run_rules(
    rules: Iterable[Rule], facts: Facts, build_actions: Callable[[], Composite | BaseActions]
) -> tuple[Decision, list[ActionTrace]]:
    """Find the first rule that matches and run its actions, which are built only then."""
    decision = first_match(rules, facts)
    if decision.rule is None:
        return decision, []
    return decision, run_actions(decision.rule, build_actions())
