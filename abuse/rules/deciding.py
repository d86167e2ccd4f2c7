"""Trying rules in order, those in shadow mode too: these tell what they would do and leave the decision to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .engine.errors import RuleError
from .engine.evaluate import Decision, Outcome, evaluate, in_order
from .engine.facts import Facts
from .engine.jsonable import Json, bounded
from .engine.tree import All, Any, Leaf, Node, Not, Rule


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A rule in shadow mode that would have decided, or that could not be evaluated (`error`)."""

    rule: Rule
    outcome: Outcome | None
    error: str | None = None

    def to_json(self) -> dict[str, Json]:
        """What it would have done and why; or how it failed."""
        if self.outcome is None:
            return {"rule": self.rule.name, "error": self.error}
        would: list[Json] = [
            {"name": call.action.name, **({"params": bounded(call.params)} if call.params else {})}
            for call in self.rule.actions
        ]
        return {"rule": self.rule.name, "would": would, "conditions": self.outcome.to_json()["conditions"]}


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The decision, and the rules in shadow mode before it that would have taken it."""

    decision: Decision
    shadows: tuple[Shadow, ...]


def decide(rules: Iterable[Rule], facts: Facts, isolated: Callable[[], AbstractContextManager[object]]) -> Verdict:
    """Try the active rules in order until one that acts matches.

    A rule in shadow mode can spoil nothing: it is evaluated within `isolated`, and its failure is kept, not raised.

    :raises RuleError: when a variable that a rule in live mode asks for fails.
    """
    outcomes: list[Outcome] = []
    shadows: list[Shadow] = []
    matched: Rule | None = None
    for rule in in_order(rules):
        if rule.is_shadow:
            shadow = _try_shadow(rule, facts, isolated)
            if shadow is not None:
                shadows.append(shadow)
            continue
        outcome = evaluate(rule, facts)
        outcomes.append(outcome)
        if outcome.matched:
            matched = rule
            break
    return Verdict(Decision(matched, tuple(outcomes), facts.recorded()), tuple(shadows))


def _try_shadow(rule: Rule, facts: Facts, isolated: Callable[[], AbstractContextManager[object]]) -> Shadow | None:
    try:
        with isolated():
            outcome = evaluate(rule, facts)
    except RuleError as error:
        return Shadow(rule, None, str(error))
    return Shadow(rule, outcome) if outcome.matched else None


def holds(rule: Rule, facts: Facts) -> bool:
    """Whether a rule's conditions hold, without the trace that says why.

    :raises RuleError: when a variable that it asks for fails.
    """
    return _holds(rule, rule.conditions, facts)


def _holds(rule: Rule, node: Node, facts: Facts) -> bool:
    if isinstance(node, Leaf):
        fact = facts.of(node)
        if fact.error is not None:
            raise RuleError(rule.name, node.path, node.variable.name, fact.error) from fact.error
        return node.test(fact.compared)
    if isinstance(node, Not):
        return not _holds(rule, node.child, facts)
    if isinstance(node, All):
        return all(_holds(rule, child, facts) for child in node.children)
    return any(_holds(rule, child, facts) for child in node.children)


def variables_of(rules: Iterable[Rule]) -> set[str]:
    """The names of all variables that rules ask for."""
    return {leaf.variable.name for rule in rules for leaf in _leaves(rule.conditions)}


def _leaves(node: Node) -> Iterator[Leaf]:
    match node:
        case Leaf():
            yield node
        case Not():
            yield from _leaves(node.child)
        case All() | Any():
            for child in node.children:
                yield from _leaves(child)


def without(node: Node, names: frozenset[str]) -> Node | None:
    """The conditions without those that ask for some variables; None when nothing is left."""
    match node:
        case Leaf():
            return None if node.variable.name in names else node
        case Not():
            child = without(node.child, names)
            return Not(node.path, child) if child is not None else None
        case All() | Any():
            kept = tuple(child for child in (without(one, names) for one in node.children) if child is not None)
            return type(node)(node.path, kept) if kept else None
