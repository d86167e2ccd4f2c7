"""Rule documents: what loads, and every fault with its place."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from abuse.rules.engine.catalogue import Catalogue
from abuse.rules.engine.document import parse_config, parse_rule
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.evaluate import evaluate
from abuse.rules.engine.tree import All, Leaf, Not
from abuse.rules.engine.tree import Any as AnyOf
from abuse.tests.rules.engine.samples import CATALOGUE, document, facts, faults, leaf, rule

PHISHING = """
config:
  actions:
  - name: set_ticket_phishtocheck
  conditions:
    all:
    - name: has_defendant
      operator: is_true
      value: true
    - name: report_category
      operator: equal_to
      value: phishing
    - name: urls_down
      operator: is_false
      value: true
    - name: has_urls
      operator: is_true
      value: true
name: phishing_phishtocheck
orderId: 22 # lower number means higher priority
rulesType: Report
"""

VENMO = """
{"conditions": {"all": [
    {"name": "ticket_count", "operator": "less_than", "value": 5},
    {"any": [
      {"name": "report_category", "operator": "equal_to", "value": "spam"},
      {"name": "has_urls", "operator": "is_true", "value": ""}]}]},
 "actions": [{"name": "create_ticket", "params": {"attach_new": false}}]}
"""

CONDITION = leaf("has_urls", "is_true")


def test_the_phishing_rule_loads() -> None:
    loaded = parse_rule(yaml.safe_load(PHISHING), CATALOGUE)
    assert (loaded.name, loaded.rules_type, loaded.order_id, loaded.is_active) == (
        "phishing_phishtocheck",
        "Report",
        22,
        True,
    )
    assert isinstance(loaded.conditions, All)
    leaves = [child for child in loaded.conditions.children if isinstance(child, Leaf)]
    assert [(child.variable.name, child.operator.name, child.expected) for child in leaves] == [
        ("has_defendant", "is_true", None),
        ("report_category", "equal_to", "phishing"),
        ("urls_down", "is_false", None),
        ("has_urls", "is_true", None),
    ]
    assert [call.action.name for call in loaded.actions] == ["set_ticket_phishtocheck"]
    assert evaluate(loaded, facts(urls_down=False)).matched is True
    assert evaluate(loaded, facts(urls_down=True)).matched is False


def test_a_venmo_document_loads() -> None:
    loaded = parse_config(json.loads(VENMO), CATALOGUE, "few_tickets", 3)
    assert (loaded.name, loaded.order_id, loaded.is_active) == ("few_tickets", 3, True)
    assert evaluate(loaded, facts(ticket_count=4)).matched is True
    assert evaluate(loaded, facts(ticket_count=5)).matched is False
    assert loaded.actions[0].params == {"attach_new": False}


def test_a_bare_config_has_paths_of_its_own() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_config({"conditions": {"any": [leaf("nope", "is_true")]}, "actions": []}, CATALOGUE)
    assert [problem.path for problem in caught.value.problems] == ["conditions.any[0].name", "actions"]


def test_the_document_is_kept_as_given_and_never_changed() -> None:
    given = document({"all": [CONDITION]}, {"name": "create_ticket", "params": {"attach_new": True}}, id=7)
    before = json.dumps(given)
    loaded = parse_rule(given, CATALOGUE)
    assert json.dumps(given) == before
    assert json.dumps(loaded.document) == before
    given["config"]["actions"][0]["params"]["attach_new"] = False
    assert json.dumps(loaded.document) == before
    assert loaded.actions[0].params == {"attach_new": True}


def test_all_any_not_nest_and_keep_their_paths() -> None:
    loaded = rule({"any": [{"not": {"all": [CONDITION, leaf("report_category", "non_empty")]}}, CONDITION]})
    group = loaded.conditions
    assert isinstance(group, AnyOf)
    negation = group.children[0]
    assert isinstance(negation, Not)
    assert isinstance(negation.child, All)
    assert negation.child.children[1].path == "config.conditions.any[0].not.all[1]"


def test_a_single_condition_needs_no_group() -> None:
    assert isinstance(rule(CONDITION).conditions, Leaf)


def test_every_fault_is_named_at_once_with_its_place() -> None:
    wrong = {
        "name": "wrong",
        "rulesType": "Report",
        "orderId": "22",
        "colour": "red",
        "isActive": "yes",
        "config": {
            "conditions": {
                "all": [
                    leaf("has_url", "is_true"),
                    leaf("report_category", "equal_to", 5),
                    leaf("has_urls", "nope", True),
                    {"any": []},
                    leaf("ticket_count", "less_than"),
                    leaf("urls_down", "is_true", downThreshold=50, try_screenshot=date(2026, 1, 1)),
                    leaf("ticket_in_cdn_cache", "is_true"),
                    leaf("report_category", "matches_regex", "("),
                    {"operator": "is_true", "valeu": True},
                ]
            },
            "actions": [
                {"name": "create_ticket", "params": {"attachNew": True}},
                {"name": "set_report_status", "params": {"status": "Nwe"}},
                {"name": "set_report_status"},
                {"name": "fly"},
            ],
        },
    }
    conditions = "config.conditions.all"
    assert faults(wrong) == [
        "colour: unknown key; expected one of id, name, rulesType, orderId, isActive, description, mode, limits, "
        "config",
        "orderId: expected a whole number from 0 to 2147483647, got '22' (text)",
        "isActive: expected true or false, got 'yes' (text)",
        f"{conditions}[0].name: 'has_url' is not a variable of Report rules; did you mean has_urls?",
        f"{conditions}[1].value: expected text, got 5 (number) (operator equal_to of string variable report_category)",
        f"{conditions}[2].operator: 'nope' is not an operator of boolean variable has_urls; "
        "expected one of is_true, is_false",
        f"{conditions}[3].any: expected at least one condition, got an empty list",
        f"{conditions}[4]: 'value' is missing; operator less_than of numeric variable ticket_count takes numeric",
        f"{conditions}[5].params.downThreshold: variable urls_down has no parameter 'downThreshold'; "
        "did you mean down_threshold?",
        f"{conditions}[5].params.try_screenshot: expected a JSON value, got a date (parameter of variable urls_down)",
        f"{conditions}[6].params: parameter provider of variable ticket_in_cdn_cache is missing",
        f"{conditions}[7].value: not a regular expression of RE2: missing ): ( "
        "(operator matches_regex of string variable report_category)",
        f"{conditions}[8].valeu: unknown key; expected one of name, operator, value, params",
        f"{conditions}[8]: 'name' is missing",
        "config.actions[0].params.attachNew: action create_ticket has no parameter 'attachNew'; "
        "did you mean attach_new?",
        "config.actions[1].params.status: 'Nwe' is not an option; expected one of New, Archived "
        "(parameter of action set_report_status)",
        "config.actions[2].params: parameter status of action set_report_status is missing",
        "config.actions[3].name: 'fly' is not an action of Report rules; "
        "expected one of create_ticket, do_nothing, explode, schedule, set_report_status, set_ticket_phishtocheck",
    ]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (
            None,
            "conditions: expected a condition, {all: […]}, {any: […]}, {not: …} or {name, operator, value}, got null",
        ),
        ({}, "got an empty object"),
        ([CONDITION], "config.conditions: expected a condition"),
        ({"all": {}}, "config.conditions.all: expected a list of conditions, got an object"),
        ({"all": [CONDITION], "any": [CONDITION]}, "config.conditions: 'all' must be the only key; also found 'any'"),
        ({"all": [CONDITION], "name": "x"}, "config.conditions: 'all' must be the only key; also found 'name'"),
        ({"not": [CONDITION]}, "config.conditions.not: expected a condition"),
        ({"not": {}}, "config.conditions.not: expected a condition"),
        ({"name": "has_urls"}, "config.conditions: 'operator' is missing"),
        ({"name": 5, "operator": "is_true"}, "config.conditions.name: expected the name of a variable, got 5 (number)"),
        (
            {"name": "has_urls", "operator": 1},
            "config.conditions.operator: expected the name of an operator, got 1 (number)",
        ),
        ({"name": ["x"], "operator": "is_true"}, "config.conditions.name: expected the name of a variable, got a list"),
        (leaf("ticket_count", "equal_to", "5"), "config.conditions.value: expected a number, got '5' (text)"),
        (leaf("ticket_count", "equal_to", True), "config.conditions.value: expected a number, got true (boolean)"),
        (leaf("categories", "contains", "malware"), "config.conditions.value: 'malware' is not an option"),
        (leaf("report_provider", "contains_all", "a"), "config.conditions.value: expected a list of choices"),
        (leaf("report_provider", "contains_all", ["a", None]), "config.conditions.value[1]: expected one choice"),
        (leaf("report_provider", "contains_all", []), "config.conditions.value: an empty list gives the same answer"),
        (leaf("has_urls", "is_true", date(2026, 1, 1)), "config.conditions.value: expected a JSON value, got a date"),
        (leaf("has_urls", "is_true") | {"params": []}, "config.conditions.params: expected an object of parameters"),
        (
            leaf("has_urls", "is_true", x=1),
            "config.conditions.params.x: variable has_urls has no parameter 'x'; it has none",
        ),
        (leaf("ticket_count", "equal_to", 1, last_days="7"), "config.conditions.params.last_days: expected a number"),
        (
            leaf("ticket_count", "equal_to", 1, open_only=None),
            "config.conditions.params.open_only: expected true or false",
        ),
    ],
)
def test_one_faulty_condition_is_one_fault(conditions: object, expected: str) -> None:
    (found,) = faults(document(conditions))
    assert expected in found


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": ""}, "name: expected 1 to 255 printable characters, got '' (text)"),
        ({"name": "a\nb"}, r"name: expected 1 to 255 printable characters, got 'a\nb' (text)"),
        ({"name": "x" * 256}, "name: expected 1 to 255 printable characters"),
        ({"name": None}, "name: expected 1 to 255 printable characters, got null"),
        ({"orderId": True}, "orderId: expected a whole number from 0 to 2147483647, got true (boolean)"),
        ({"orderId": -1}, "orderId: expected a whole number from 0"),
        ({"orderId": 2**31}, "orderId: expected a whole number from 0"),
        ({"rulesType": "report"}, "rulesType: 'report' is not a type of rules; expected one of Report"),
        ({"rulesType": ["Report"]}, "rulesType: a list is not a type of rules"),
        ({"config": []}, "config: expected an object with conditions and actions, got a list"),
        ({"config": {"conditions": CONDITION}}, "config: 'actions' is missing"),
        ({"config": {"actions": [{"name": "do_nothing"}]}}, "config: 'conditions' is missing"),
        ({"config": {"conditions": CONDITION, "actions": []}}, "config.actions: expected 1 to 50 actions, got 0"),
        ({"config": {"conditions": CONDITION, "actions": {}}}, "config.actions: expected a list of actions"),
        ({"config": {"conditions": CONDITION, "actions": ["do_nothing"]}}, "config.actions[0]: expected an action"),
        ({"config": {"conditions": CONDITION, "actions": [{}]}}, "config.actions[0]: 'name' is missing"),
        (
            {"config": {"conditions": CONDITION, "actions": [{"name": None}]}},
            "config.actions[0].name: null is not an action",
        ),
        (
            {"config": {"conditions": CONDITION, "actions": [{"name": "do_nothing"}] * 51}},
            "expected 1 to 50 actions, got 51",
        ),
    ],
)
def test_one_fault_of_the_frame(keys: dict[str, Any], expected: str) -> None:
    (found,) = faults(document(CONDITION) | keys)
    assert expected in found


def test_what_is_missing_is_named() -> None:
    assert faults({}) == ["'name' is missing", "'rulesType' is missing", "'orderId' is missing", "'config' is missing"]
    assert faults("x") == ["expected a rule, an object with name, rulesType, orderId, config, got 'x' (text)"]


def test_with_an_unknown_type_all_that_needs_no_catalogue_is_still_checked() -> None:
    found = faults(document({"all": [leaf("whatever", "is_true"), {"any": []}]}, rulesType="Nope"))
    assert found == [
        "rulesType: 'Nope' is not a type of rules; expected one of Report",
        "config.conditions.all[1].any: expected at least one condition, got an empty list",
    ]


def test_the_catalogue_of_the_type_is_chosen() -> None:
    replies = Catalogue("EmailReply", [], [])
    assert parse_rule(document(CONDITION), replies, CATALOGUE).rules_type == "Report"
    with pytest.raises(DocumentError, match="'has_urls' is not a variable of EmailReply rules; it has none"):
        parse_rule(document(CONDITION, rulesType="EmailReply"), replies, CATALOGUE)


def test_params_may_be_null_and_a_null_default_may_be_given() -> None:
    assert (
        faults(document(leaf("ticket_count", "equal_to", 1, last_days=None), {"name": "do_nothing", "params": None}))
        == []
    )


@pytest.mark.parametrize("number", [5, 5.0, Decimal("5.0")])
def test_numbers_come_as_int_float_or_decimal(number: object) -> None:
    loaded = rule(leaf("ticket_count", "equal_to", number))
    assert evaluate(loaded, facts(ticket_count=5)).matched is True


@pytest.mark.parametrize("value", [True, False, "", None])
def test_the_value_of_an_operator_without_input_is_ignored(value: object) -> None:
    loaded = rule(leaf("has_urls", "is_false", value))
    assert evaluate(loaded, facts(has_urls=False)).matched is True


def test_depth_is_bounded() -> None:
    conditions: dict[str, Any] = dict(CONDITION)
    for _ in range(19):
        conditions = {"not": conditions}
    assert faults(document(conditions)) == []
    assert faults(document({"not": conditions})) == [f"config.conditions{'.not' * 20}: nested deeper than 20 levels"]


def test_the_number_of_conditions_is_bounded() -> None:
    assert faults(document({"all": [CONDITION] * 499})) == []
    assert faults(document({"all": [CONDITION] * 100_000})) == [
        "config.conditions.all[499]: more than 500 conditions in one rule"
    ]
    aliased: dict[str, Any] = {"all": [CONDITION] * 10}
    for _ in range(12):
        aliased = {"all": [aliased] * 10}
    assert [fault.split(": ")[1] for fault in faults(document(aliased))] == ["more than 500 conditions in one rule"]


def test_the_number_of_faults_listed_is_bounded() -> None:
    found = faults(document({"all": [leaf("nope", "is_true")] * 400}))
    assert len(found) == 201
    assert found[-1] == "more than 200 faults; the others are not listed"


def test_a_document_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["not"] = loop
    assert faults(document(loop)) == [f"config.conditions{'.not' * 20}: nested deeper than 20 levels"]


def test_hostile_names_are_shown_short() -> None:
    (found,) = faults(document(leaf("x" * 100_000, "is_true")))
    assert len(found) < 400


def test_documents_are_compared_only_by_what_they_say() -> None:
    given = document(CONDITION)
    assert parse_rule(copy.deepcopy(given), CATALOGUE).document == given
