"""Properties over random trees and random documents."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from abuse.rules.engine.document import parse_rule
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.evaluate import evaluate
from abuse.rules.engine.facts import Facts
from abuse.tests.rules.engine.samples import CATALOGUE, SampleVariables, document, leaf, rule

ANSWERS = st.fixed_dictionaries(
    {
        "has_defendant": st.booleans(),
        "has_urls": st.booleans(),
        "ticket_count": st.integers(0, 4),
        "report_category": st.sampled_from(["spam", "phishing"]),
    }
)
LEAVES = st.one_of(
    st.builds(leaf, st.sampled_from(["has_defendant", "has_urls"]), st.sampled_from(["is_true", "is_false"])),
    st.builds(leaf, st.just("ticket_count"), st.sampled_from(["less_than", "equal_to"]), st.integers(0, 4)),
    st.builds(leaf, st.just("report_category"), st.just("equal_to"), st.sampled_from(["spam", "phishing"])),
)
TREES = st.recursive(
    LEAVES,
    lambda nodes: st.one_of(
        st.builds(lambda children: {"all": children}, st.lists(nodes, min_size=1, max_size=4)),
        st.builds(lambda children: {"any": children}, st.lists(nodes, min_size=1, max_size=4)),
        st.builds(lambda child: {"not": child}, nodes),
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "name", "operator", "value", "params", "conditions", "actions", "x"]),
            values,
            max_size=4,
        )
    ),
    max_leaves=15,
)


def naive(node: dict[str, Any], answers: dict[str, Any]) -> bool:
    """Evaluate a document node the plain way: every child, no memo, no short-circuit."""
    if "all" in node:
        return min(naive(child, answers) for child in node["all"])
    if "any" in node:
        return max(naive(child, answers) for child in node["any"])
    if "not" in node:
        return not naive(node["not"], answers)
    actual = answers[node["name"]]
    match node["operator"]:
        case "is_true":
            return actual is True
        case "is_false":
            return actual is False
        case "less_than":
            return bool(actual < node["value"])
        case _:
            return bool(actual == node["value"])


@settings(max_examples=200, deadline=None)
@given(tree=TREES, answers=ANSWERS)
def test_evaluation_agrees_with_a_naive_one_and_asks_each_variable_at_most_once(
    tree: dict[str, Any], answers: dict[str, Any]
) -> None:
    variables = SampleVariables(answers)
    outcome = evaluate(rule(tree), Facts(variables))
    assert outcome.matched is naive(tree, answers)
    assert max(variables.calls.values()) == 1
    assert (outcome.failed() is None) is outcome.matched


@settings(max_examples=200, deadline=None)
@given(config=JSON)
def test_any_json_is_a_rule_or_refused_with_faults_and_never_changed(config: Any) -> None:
    given_document = document({}) | {"config": config}
    before = repr(copy.deepcopy(given_document))
    try:
        parse_rule(given_document, CATALOGUE)
    except DocumentError as error:
        assert error.problems
    assert repr(given_document) == before
