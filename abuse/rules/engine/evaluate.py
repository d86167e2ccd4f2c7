"""Evaluating rules over facts, with a trace that explains the outcome to a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .errors import RuleError
from .facts import Fact, Facts
from .fields import FieldType
from .jsonable import Json, bounded
from .tree import All, Any, Leaf, Node, Not, Rule

NOT_EVALUATED = "not evaluated"


class ConditionTrace(NamedTuple):
    """What became of one node. `fact` is that of a leaf; `children` are those of a group that were evaluated."""

    node: Node
    result: bool
    fact: Fact | None
    children: tuple[ConditionTrace, ...]

    def to_json(self) -> dict[str, Json]:
        """Return the whole tree: each leaf with expected, actual and result; what was skipped as "not evaluated"."""
        node = self.node
        if isinstance(node, Leaf):
            result = _leaf_json(node)
            if self.fact is not None:
                result["actual"] = self.fact.shown
            result["result"] = self.result
            return result
        if isinstance(node, Not):
            return {"not": self.children[0].to_json(), "result": self.result}
        children: list[Json] = [child.to_json() for child in self.children]
        children.extend(_skipped_json(child) for child in node.children[len(self.children) :])
        return {_group(node): children, "result": self.result}

    def decisive(self) -> ConditionTrace:
        """Return the leaf that settled the result: for a rule that did not match, the first condition that failed."""
        trace = self
        while trace.children:
            # A group stops at the child that settles it, its last; where none did, all agree and the first stands.
            stopped = isinstance(trace.node, Any) is trace.result
            trace = trace.children[-1 if stopped else 0]
        return trace


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Whether one rule matched, and why."""

    rule: Rule
    matched: bool
    trace: ConditionTrace

    def failed(self) -> ConditionTrace | None:
        """Return the leaf because of which the rule did not match; None when it matched.

        Under a `not` this is a condition that held.
        """
        return None if self.matched else self.trace.decisive()

    def to_json(self) -> dict[str, Json]:
        """Return `{rule, matched, conditions}` with every condition."""
        return {"rule": self.rule.name, "matched": self.matched, "conditions": self.trace.to_json()}

    def summary(self) -> dict[str, Json]:
        """Return `{rule, matched}` and, when it did not match, `because`: the leaf that settled it."""
        result: dict[str, Json] = {"rule": self.rule.name, "matched": self.matched}
        failed = self.failed()
        if failed is not None:
            result["because"] = failed.to_json()
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The first rule that matched, or None; the outcome of each rule tried, in order; and the facts they asked for."""

    rule: Rule | None
    outcomes: tuple[Outcome, ...]
    facts: tuple[Fact, ...]

    def to_json(self, full: bool = False) -> dict[str, Json]:
        """Return which rule, which facts, and why not the others; with `full`, every condition of every rule tried."""
        return {
            "rule": self.rule.name if self.rule else None,
            "rules": [outcome.to_json() if full else outcome.summary() for outcome in self.outcomes],
            "facts": [fact.to_json() for fact in self.facts],
        }


def evaluate(rule: Rule, facts: Facts) -> Outcome:
    """Return whether the conditions of a rule hold; it need not be active.

    Raises RuleError when a variable it asks for fails or returns a value of a wrong type.
    """
    trace = _trace(rule, rule.conditions, facts)
    return Outcome(rule, trace.result, trace)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Return the active rules as they are tried: lowest order_id first, equal ones by name."""
    return sorted((rule for rule in rules if rule.is_active), key=_priority)


def first_match(rules: Iterable[Rule], facts: Facts) -> Decision:
    """Try the active rules in order (see `in_order`) until one matches. Raises RuleError as `evaluate` does."""
    outcomes = []
    matched = None
    for rule in in_order(rules):
        outcome = evaluate(rule, facts)
        outcomes.append(outcome)
        if outcome.matched:
            matched = rule
            break
    return Decision(matched, tuple(outcomes), facts.recorded())


def _priority(rule: Rule) -> tuple[int, str]:
    return rule.order_id, rule.name


def _trace(rule: Rule, node: Node, facts: Facts) -> ConditionTrace:
    if isinstance(node, Leaf):
        fact = facts.of(node)
        if fact.error is not None:
            raise RuleError(rule.name, node.path, node.variable.name, fact.error) from fact.error
        return ConditionTrace(node, node.test(fact.compared), fact, ())
    if isinstance(node, Not):
        inner = _trace(rule, node.child, facts)
        return ConditionTrace(node, not inner.result, None, (inner,))
    settling = isinstance(node, Any)
    children = []
    for child in node.children:
        trace = _trace(rule, child, facts)
        children.append(trace)
        if trace.result is settling:
            break
    # The last child evaluated either settled the group or agrees with all before it.
    return ConditionTrace(node, children[-1].result, None, tuple(children))


def _group(node: All | Any) -> str:
    return "all" if isinstance(node, All) else "any"


def _leaf_json(leaf: Leaf) -> dict[str, Json]:
    result: dict[str, Json] = {"path": leaf.path, "name": leaf.variable.name}
    if leaf.params:
        result["params"] = bounded(leaf.params)
    result["operator"] = leaf.operator.name
    if leaf.operator.input_type is not FieldType.NONE:
        result["expected"] = bounded(leaf.expected)
    return result


def _skipped_json(node: Node) -> dict[str, Json]:
    if isinstance(node, Leaf):
        return _leaf_json(node) | {"result": NOT_EVALUATED}
    if isinstance(node, Not):
        return {"not": _skipped_json(node.child), "result": NOT_EVALUATED}
    children: list[Json] = [_skipped_json(child) for child in node.children]
    return {_group(node): children, "result": NOT_EVALUATED}
