"""Running the actions of a rule."""

from __future__ import annotations

import pytest

from abuse.rules.engine.errors import ActionError
from abuse.rules.engine.run import run_actions, run_rules
from abuse.tests.rules.engine.samples import CATALOGUE, SampleActions, facts, leaf, rule

URLS = leaf("has_urls", "is_true")


def test_actions_run_in_order_and_are_traced() -> None:
    actions = SampleActions()
    loaded = rule(
        URLS, {"name": "create_ticket", "params": {"create_new": True}}, {"name": "do_nothing"}, {"name": "do_nothing"}
    )
    traces = run_actions(loaded, actions)
    assert actions.log == [
        ("create_ticket", {"create_new": True, "attach_new": True}),
        ("do_nothing", {}),
        ("do_nothing", {}),
    ]
    assert [trace.to_json() for trace in traces] == [
        {"name": "create_ticket", "params": {"create_new": True}, "result": 42},
        {"name": "do_nothing"},
        {"name": "do_nothing"},
    ]


def test_an_action_of_a_composite_runs() -> None:
    actions = CATALOGUE.build_actions()
    run_actions(rule(URLS), actions)
    assert actions.log == [("do_nothing", {})]


def test_an_action_cannot_change_the_rule() -> None:
    loaded = rule(URLS, {"name": "schedule", "params": {"description": ["a"]}})
    actions = SampleActions()
    run_actions(loaded, actions)
    (trace,) = run_actions(loaded, actions)
    assert actions.log == [("schedule", {"description": ["a"]})] * 2
    assert trace.params == {"description": ["a"]}


def test_a_failing_action_stops_the_rule_and_is_named() -> None:
    actions = SampleActions()
    loaded = rule(URLS, {"name": "create_ticket"}, {"name": "explode"}, {"name": "do_nothing"})
    with pytest.raises(ActionError) as caught:
        run_actions(loaded, actions)
    error = caught.value
    assert str(error) == "rule 'sample': actions[1]: action explode failed: ValueError: no ticket"
    assert isinstance(error.__cause__, ValueError)
    assert [trace.name for trace in error.done] == ["create_ticket"]
    assert [name for name, _ in actions.log] == ["create_ticket"]


def test_the_first_rule_that_matches_acts_and_no_other() -> None:
    actions = SampleActions()
    rules = [
        rule(leaf("has_urls", "is_false"), {"name": "explode"}, name="no", orderId=1),
        rule(URLS, {"name": "create_ticket"}, name="yes", orderId=2),
        rule(URLS, {"name": "explode"}, name="later", orderId=3),
    ]
    decision, traces = run_rules(rules, facts(), lambda: actions)
    assert decision.rule is rules[1]
    assert [trace.name for trace in traces] == ["create_ticket"]


def test_without_a_match_no_actions_are_built() -> None:
    def build() -> SampleActions:
        raise AssertionError("built for nothing")

    decision, traces = run_rules([rule(leaf("has_urls", "is_false"))], facts(), build)
    assert decision.rule is None
    assert traces == []
