"""Declaring variables and actions, and composing classes of them into one catalogue."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from abuse.rules.engine.actions import BaseActions, rule_action
from abuse.rules.engine.catalogue import Catalogue
from abuse.rules.engine.errors import RuleDefinitionError
from abuse.rules.engine.fields import FIELD_NUMERIC, FIELD_SELECT, FIELD_TEXT
from abuse.rules.engine.operators import NUMERIC
from abuse.rules.engine.variables import (
    BaseVariables,
    boolean_rule_variable,
    numeric_rule_variable,
    rule_variable,
    string_rule_variable,
)
from abuse.tests.rules.engine.samples import CATALOGUE, SampleActions, SampleVariables


class MyVariables(BaseVariables):
    """Written the way the documentation shows to operators, without annotations."""

    def __init__(self, parsed_email, report, ticket, is_trusted=False):  # type: ignore[no-untyped-def]
        self.report = report
        self.ticket = ticket

    @boolean_rule_variable(label="Check if report category is Phishing")
    def is_report_phishing(self):  # type: ignore[no-untyped-def]
        return self.report["category"].lower() == "phishing"


class OtherVariables(BaseVariables):
    def __init__(self, parsed_email: object, report: dict[str, str], ticket: object, is_trusted: bool = False) -> None:
        self.is_trusted = is_trusted

    @rule_variable("boolean")
    def is_report_trusted(self) -> bool:
        return self.is_trusted


def test_a_variable_has_type_label_params_and_options() -> None:
    variables = {variable.name: variable for variable in SampleVariables.get_all_variables()}
    assert sorted(variables) == sorted(CATALOGUE.variables)
    assert variables["has_defendant"].label == "Check if report has a defendant"
    assert variables["has_urls"].label == "Has Urls"
    assert variables["urls_down"].to_json() == {
        "name": "urls_down",
        "label": "Urls Down",
        "fieldType": "boolean",
        "options": [],
        "params": [
            {
                "name": "try_screenshot",
                "label": "Try Screenshot",
                "fieldType": "none",
                "required": False,
                "default": True,
            },
            {
                "name": "down_threshold",
                "label": "Score from which a URL is down",
                "fieldType": "numeric",
                "required": False,
                "default": 75,
            },
        ],
    }
    categories = variables["categories"].to_json()
    assert isinstance(categories, dict)
    assert categories["fieldType"] == "select"
    assert categories["options"] == [{"name": "Spam", "label": "Spam"}, {"name": "phishing", "label": "Phishing sites"}]


def test_an_action_has_label_and_params() -> None:
    actions = {action.name: action for action in SampleActions.get_all_actions()}
    assert sorted(actions) == sorted(CATALOGUE.actions)
    assert actions["set_report_status"].to_json() == {
        "name": "set_report_status",
        "label": "Set the status",
        "params": [
            {
                "name": "status",
                "label": "Status",
                "fieldType": "select",
                "required": True,
                "options": [{"name": "New", "label": "New"}, {"name": "Archived", "label": "Archived"}],
            }
        ],
    }
    assert actions["do_nothing"].label == "Do Nothing"


def test_a_declared_method_stays_a_method() -> None:
    variables: Any = MyVariables
    assert variables(None, {"category": "Phishing"}, None).is_report_phishing() is True
    assert SampleActions().create_ticket() == 42


def test_rule_variable_takes_a_type_or_its_name() -> None:
    class Variables(BaseVariables):
        @rule_variable(NUMERIC, label="Age", params={"unit": FIELD_TEXT})
        def age(self, unit: str = "days") -> int:
            return 3

    (age,) = Variables.get_all_variables()
    assert (age.type, age.label, age.parameters[0].default) == (NUMERIC, "Age", "days")
    with pytest.raises(RuleDefinitionError, match="variable type 'date' is unknown; expected one of string, numeric"):
        rule_variable("date")


def _with_days(self: object, days: int = 1) -> bool:
    return True


def _with_required(self: object, days: int) -> bool:
    return True


def _with_anything(self: object, *args: object, **kwargs: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        (_with_days, {"dayz": FIELD_NUMERIC}, "_with_days: parameter 'dayz' is not in the signature; it has days"),
        (_with_days, {"days": "date"}, "field type 'date' of parameter days is unknown; expected one of text, numeric"),
        (_with_days, [{"name": "days"}], "field type None of parameter days is unknown"),
        (_with_days, [{"name": "days", "fieldType": "text", "type": "x"}], "a parameter has no key type"),
        (_with_days, [{"name": "days", "fieldType": "text"}] * 2, "parameter days is declared twice"),
        (
            _with_days,
            [{"name": "days", "fieldType": "select", "options": "ab"}],
            "options of parameter days are no list",
        ),
        (_with_days, [{"name": "days", "fieldType": "text", "label": 5}], "the label of parameter days is no text"),
        (_with_days, ["days"], "params is {name: field type} or a list"),
        (_with_days, "days", "params is {name: field type} or a list"),
        (_with_required, None, "argument days has no default and is not declared in params"),
        (_with_anything, {"days": FIELD_NUMERIC}, "parameter 'days' is not in the signature; it has none"),
    ],
)
def test_params_that_do_not_fit_the_signature_fail_at_import(
    function: Callable[..., bool], params: Any, message: str
) -> None:
    with pytest.raises(RuleDefinitionError) as caught:
        boolean_rule_variable(params=params)(function)
    assert message in str(caught.value)
    with pytest.raises(RuleDefinitionError):
        rule_action(params=params)(function)


def test_several_classes_answer_as_one_and_get_the_same_arguments() -> None:
    catalogue = Catalogue("Report", [MyVariables, OtherVariables], [])
    variables = catalogue.build_variables(None, {"category": "PHISHING"}, None, is_trusted=True)
    assert list(catalogue.variables) == ["is_report_phishing", "is_report_trusted"]
    assert variables.is_report_phishing() is True
    assert variables.is_report_trusted() is True
    assert variables.report == {"category": "PHISHING"}
    with pytest.raises(AttributeError, match="no attribute nope in MyVariables, OtherVariables"):
        _ = variables.nope


def test_private_attributes_are_not_forwarded_and_a_composite_can_be_copied() -> None:
    variables = CATALOGUE.build_variables({"has_urls": False})
    with pytest.raises(AttributeError, match="no attribute _answer in SampleVariables"):
        _ = variables._answer
    assert copy.copy(variables).has_urls() is False


def test_the_first_instance_that_has_an_attribute_answers() -> None:
    class First(BaseVariables):
        def __init__(self) -> None:
            self.mark = "first"

    class Second(BaseVariables):
        def __init__(self) -> None:
            self.mark = "second"
            self.own = "own"

    variables = Catalogue("Report", [First, Second], []).build_variables()
    assert (variables.mark, variables.own) == ("first", "own")


def test_a_function_name_in_two_classes_is_refused_naming_both() -> None:
    class Again(BaseVariables):
        def is_report_phishing(self) -> bool:
            return False

    with pytest.raises(RuleDefinitionError) as caught:
        Catalogue("Report", [MyVariables, Again], [])
    message = str(caught.value)
    assert message.startswith("variables of Report rules: function name is_report_phishing is in both ")
    assert f"{__name__}.MyVariables" in message
    assert "Again" in message


def test_a_private_name_may_be_in_two_classes() -> None:
    class Other(BaseVariables):
        def _answer(self) -> int:
            return 1

    assert Catalogue("Report", [SampleVariables, Other], []).variables == CATALOGUE.variables


def test_a_function_name_in_two_action_classes_is_refused() -> None:
    class Again(BaseActions):
        @rule_action
        def do_nothing(self) -> None: ...

    with pytest.raises(RuleDefinitionError, match="actions of Report rules: function name do_nothing is in both"):
        Catalogue("Report", [], [SampleActions, Again])


def test_an_inherited_function_is_the_same_function_but_an_overridden_one_is_not() -> None:
    class More(MyVariables):
        @numeric_rule_variable
        def one(self) -> int:
            return 1

    class Overrides(MyVariables):
        @boolean_rule_variable
        def is_report_phishing(self) -> bool:
            return False

    assert list(Catalogue("Report", [MyVariables, More], []).variables) == ["is_report_phishing", "one"]
    with pytest.raises(RuleDefinitionError, match="is_report_phishing is in both"):
        Catalogue("Report", [MyVariables, Overrides], [])


def test_a_class_must_descend_from_the_base_and_be_listed_once() -> None:
    class Stranger:
        @string_rule_variable
        def word(self) -> str:
            return ""

    with pytest.raises(
        RuleDefinitionError, match=r"does not descend from abuse\.rules\.engine\.variables\.BaseVariables"
    ):
        Catalogue("Report", [Stranger], [])  # type: ignore[list-item]
    with pytest.raises(RuleDefinitionError, match="does not descend from"):
        Catalogue("Report", [], [SampleVariables])  # type: ignore[list-item]
    with pytest.raises(RuleDefinitionError, match=r"samples\.SampleVariables is listed twice"):
        Catalogue("Report", [SampleVariables, SampleVariables], [])


def test_a_catalogue_describes_itself() -> None:
    described = Catalogue("Report", [MyVariables], [SampleActions]).to_json()
    assert described["rulesType"] == "Report"
    assert described["variables"] == [
        {
            "name": "is_report_phishing",
            "label": "Check if report category is Phishing",
            "fieldType": "boolean",
            "options": [],
            "params": [],
        }
    ]
    assert isinstance(described["actions"], list)
    assert len(described["actions"]) == 6


def test_select_parameters_keep_their_options() -> None:
    class Actions(BaseActions):
        @rule_action(params=[{"name": "kind", "fieldType": FIELD_SELECT, "options": ["a", "b"]}])
        def do(self, kind: str = "a") -> None: ...

    (parameter,) = Actions.get_all_actions()[0].parameters
    assert list(parameter.problems("c")) == [("", "'c' is not an option; expected one of a, b")]
    assert list(parameter.problems("B")) == []
