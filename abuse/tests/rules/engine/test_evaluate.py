"""Evaluating rules: short-circuits, the memo, traces, decisions and failing variables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from abuse.rules.engine.errors import FactTypeError, RuleError
from abuse.rules.engine.evaluate import evaluate, first_match, in_order
from abuse.rules.engine.facts import Facts
from abuse.tests.rules.engine.samples import CATALOGUE, SampleVariables, facts, leaf, rule

URLS = leaf("has_urls", "is_true")
DEFENDANT = leaf("has_defendant", "is_true")
SPAM = leaf("report_category", "equal_to", "spam")


@pytest.mark.parametrize(
    ("conditions", "matched"),
    [
        ({"all": [URLS, DEFENDANT]}, True),
        ({"all": [URLS, SPAM]}, False),
        ({"any": [SPAM, URLS]}, True),
        ({"any": [SPAM, leaf("urls_down", "is_true")]}, False),
        ({"not": SPAM}, True),
        ({"not": {"not": SPAM}}, False),
        ({"not": {"any": [SPAM, URLS]}}, False),
        ({"all": [{"any": [SPAM, {"not": leaf("urls_down", "is_true")}]}, DEFENDANT]}, True),
        (URLS, True),
    ],
)
def test_groups(conditions: dict[str, Any], matched: bool) -> None:
    outcome = evaluate(rule(conditions), facts())
    assert outcome.matched is matched
    assert outcome.trace.result is matched


@pytest.mark.parametrize(
    "conditions",
    [
        {"all": [SPAM, URLS]},
        {"any": [DEFENDANT, URLS]},
        {"not": {"all": [SPAM, URLS]}},
        {"any": [DEFENDANT, {"not": URLS}]},
    ],
)
def test_what_cannot_change_the_result_is_not_evaluated(conditions: dict[str, Any]) -> None:
    variables = SampleVariables()
    evaluate(rule(conditions), Facts(variables))
    assert variables.calls["has_urls"] == 0


def test_a_variable_is_asked_once_for_all_rules_of_a_run() -> None:
    variables = SampleVariables({"urls_down": True})
    run = Facts(variables)
    down = leaf("urls_down", "is_false")
    rules = [rule({"all": [URLS, down]}, name="a"), rule({"any": [down, down]}, name="b"), rule(URLS, name="c")]
    decision = first_match(rules, run)
    assert decision.rule is rules[2]
    assert variables.calls == {"has_urls": 1, "urls_down": 1}
    assert run.value("has_urls") is True
    assert variables.calls["has_urls"] == 1


def test_other_arguments_are_another_question_but_defaults_written_out_are_not() -> None:
    variables = SampleVariables()
    run = Facts(variables)
    for params in ({}, {"open_only": True}, {"last_days": None, "open_only": True}):
        evaluate(rule(leaf("ticket_count", "equal_to", 3, **params)), run)
    assert variables.calls["ticket_count"] == 1
    evaluate(rule(leaf("ticket_count", "equal_to", 3, open_only=False)), run)
    assert variables.calls["ticket_count"] == 2
    run.value("ticket_count", {"open_only": False})
    assert variables.calls["ticket_count"] == 2


def test_a_failure_is_remembered_too() -> None:
    variables = SampleVariables({"has_urls": ValueError("no report")})
    run = Facts(variables)
    for _ in range(2):
        with pytest.raises(RuleError):
            evaluate(rule(URLS), run)
        with pytest.raises(ValueError, match="no report"):
            run.value("has_urls")
    assert variables.calls["has_urls"] == 1
    assert run.recorded()[0].to_json() == {
        "name": "has_urls",
        "error": "ValueError",
        "milliseconds": pytest.approx(0, abs=100),
    }


def test_facts_refuse_an_unknown_name() -> None:
    with pytest.raises(LookupError, match="no variable nope; expected one of categories, has_defendant"):
        facts().value("nope")


def test_facts_take_the_composite_of_a_catalogue() -> None:
    run = Facts(CATALOGUE.build_variables({"has_urls": False}))
    assert run.value("has_urls") is False
    assert evaluate(rule({"not": URLS}), run).matched is True


def test_the_trace_says_what_was_expected_found_and_skipped() -> None:
    conditions = {
        "all": [
            {"any": [SPAM, leaf("ticket_count", "less_than", 5, open_only=False), URLS]},
            {"not": leaf("has_defendant", "is_true", True)},
            {"any": [URLS, {"not": SPAM}]},
        ]
    }
    outcome = evaluate(rule(conditions), facts())
    at = "config.conditions.all"
    spam = {"name": "report_category", "operator": "equal_to", "expected": "spam"}
    assert outcome.to_json() == {
        "rule": "sample",
        "matched": False,
        "conditions": {
            "all": [
                {
                    "any": [
                        {"path": f"{at}[0].any[0]", **spam, "actual": "phishing", "result": False},
                        {
                            "path": f"{at}[0].any[1]",
                            "name": "ticket_count",
                            "params": {"open_only": False},
                            "operator": "less_than",
                            "expected": 5,
                            "actual": 3,
                            "result": True,
                        },
                        {
                            "path": f"{at}[0].any[2]",
                            "name": "has_urls",
                            "operator": "is_true",
                            "result": "not evaluated",
                        },
                    ],
                    "result": True,
                },
                {
                    "not": {
                        "path": f"{at}[1].not",
                        "name": "has_defendant",
                        "operator": "is_true",
                        "actual": True,
                        "result": True,
                    },
                    "result": False,
                },
                {
                    "any": [
                        {
                            "path": f"{at}[2].any[0]",
                            "name": "has_urls",
                            "operator": "is_true",
                            "result": "not evaluated",
                        },
                        {
                            "not": {"path": f"{at}[2].any[1].not", **spam, "result": "not evaluated"},
                            "result": "not evaluated",
                        },
                    ],
                    "result": "not evaluated",
                },
            ],
            "result": False,
        },
    }


@pytest.mark.parametrize(
    ("conditions", "path"),
    [
        ({"all": [URLS, SPAM, DEFENDANT]}, "all[1]"),
        ({"any": [SPAM, leaf("urls_down", "is_true")]}, "any[0]"),
        ({"all": [URLS, {"any": [SPAM, SPAM]}]}, "all[1].any[0]"),
        ({"not": {"any": [SPAM, URLS, DEFENDANT]}}, "not.any[1]"),
        ({"not": {"all": [URLS, DEFENDANT]}}, "not.all[0]"),
        ({"not": {"not": SPAM}}, "not.not"),
    ],
)
def test_the_first_condition_that_failed_is_named(conditions: dict[str, Any], path: str) -> None:
    failed = evaluate(rule(conditions), facts()).failed()
    assert failed is not None
    assert failed.node.path == f"config.conditions.{path}"


def test_a_rule_that_matched_has_no_failed_condition() -> None:
    assert evaluate(rule(URLS), facts()).failed() is None


def test_values_in_a_trace_are_bounded() -> None:
    run = facts(report_category="x" * 1_000_000, report_provider=[str(number) for number in range(50)])
    outcome = evaluate(
        rule({"any": [SPAM, leaf("report_provider", "contains_all", [str(number) for number in range(60)])]}), run
    )
    first, second = outcome.trace.children
    assert first.fact is not None
    assert first.fact.shown == "x" * 500 + "… (999500 more characters)"
    assert first.fact.value == "x" * 1_000_000
    shown = second.to_json()
    assert isinstance(shown["actual"], list)
    assert isinstance(shown["expected"], list)
    assert shown["actual"][-1] == "… (30 more)"
    assert shown["expected"][-1] == "… (40 more)"


def test_rules_are_tried_by_order_then_name_and_inactive_ones_never() -> None:
    rules = [
        rule(URLS, name="late", orderId=9),
        rule(URLS, name="b", orderId=2),
        rule(URLS, name="a", orderId=2),
        rule(URLS, name="off", orderId=0, isActive=False),
    ]
    assert [candidate.name for candidate in in_order(rules)] == ["a", "b", "late"]
    decision = first_match(rules, facts())
    assert decision.rule is rules[2]
    assert [outcome.rule.name for outcome in decision.outcomes] == ["a"]


def test_a_decision_explains_itself() -> None:
    rules = [
        rule({"all": [DEFENDANT, SPAM]}, name="spam", orderId=1),
        rule({"all": [DEFENDANT, leaf("urls_down", "is_true", down_threshold=50)]}, name="down", orderId=2),
        rule({"all": [DEFENDANT, URLS]}, name="urls", orderId=3),
        rule(URLS, name="never tried", orderId=4),
    ]
    decision = first_match(rules, facts())
    told = json.loads(json.dumps(decision.to_json(), allow_nan=False))
    for fact in told["facts"]:
        assert 0 <= fact.pop("milliseconds") < 1000
    assert told == {
        "rule": "urls",
        "rules": [
            {
                "rule": "spam",
                "matched": False,
                "because": {
                    "path": "config.conditions.all[1]",
                    "name": "report_category",
                    "operator": "equal_to",
                    "expected": "spam",
                    "actual": "phishing",
                    "result": False,
                },
            },
            {
                "rule": "down",
                "matched": False,
                "because": {
                    "path": "config.conditions.all[1]",
                    "name": "urls_down",
                    "params": {"down_threshold": 50},
                    "operator": "is_true",
                    "actual": False,
                    "result": False,
                },
            },
            {"rule": "urls", "matched": True},
        ],
        "facts": [
            {"name": "has_defendant", "value": True},
            {"name": "report_category", "value": "phishing"},
            {"name": "urls_down", "params": {"down_threshold": 50}, "value": False},
            {"name": "has_urls", "value": True},
        ],
    }
    full = decision.to_json(full=True)["rules"]
    assert isinstance(full, list)
    assert full[0] == decision.outcomes[0].to_json()


def test_no_rule_may_match() -> None:
    decision = first_match([rule(SPAM)], facts())
    assert decision.rule is None
    assert decision.to_json()["rule"] is None
    assert first_match([], facts()).to_json() == {"rule": None, "rules": [], "facts": []}


def test_a_failing_variable_is_named_with_its_rule_and_place() -> None:
    cause = LookupError("no defendant")
    with pytest.raises(RuleError) as caught:
        first_match([rule({"all": [URLS, {"not": DEFENDANT}]}, name="vip")], facts(has_defendant=cause))
    assert str(caught.value) == (
        "rule 'vip': config.conditions.all[1].not: variable has_defendant failed: LookupError: no defendant"
    )
    assert caught.value.__cause__ is cause
    assert (caught.value.rule, caught.value.variable, caught.value.cause) == ("vip", "has_defendant", cause)


def test_a_value_of_a_wrong_type_is_a_failure_of_its_variable() -> None:
    with pytest.raises(
        RuleError, match="variable has_urls failed: FactTypeError: a boolean variable returns"
    ) as caught:
        evaluate(rule(URLS), facts(has_urls="yes"))
    assert isinstance(caught.value.__cause__, FactTypeError)


def test_a_failed_fact_has_no_value() -> None:
    run = facts(has_urls="yes")
    with pytest.raises(FactTypeError):
        run.value("has_urls")
    (fact,) = run.recorded()
    assert (fact.value, fact.compared, fact.shown) == (None, None, None)


def test_a_long_cause_is_cut_in_the_message() -> None:
    with pytest.raises(RuleError) as caught:
        evaluate(rule(URLS), facts(has_urls=ValueError("x" * 100_000)))
    assert len(str(caught.value)) < 500
