"""Every operator of every variable type, true and false, and the values each type refuses."""

from __future__ import annotations

import re
import time
from decimal import Decimal

import pytest

from abuse.rules.engine.errors import FactTypeError
from abuse.rules.engine.operators import VARIABLE_TYPES, operators_to_json

CASES: list[tuple[str, str, object, object, bool]] = [
    # type, operator, what the variable returned, value in the rule, result
    ("string", "equal_to", "phishing", "phishing", True),
    ("string", "equal_to", "Phishing", "phishing", False),
    ("string", "equal_to", None, "", True),
    ("string", "equal_to_case_insensitive", "PHISHING", "phishinG", True),
    ("string", "equal_to_case_insensitive", "straße", "STRASSE", True),
    ("string", "equal_to_case_insensitive", "STRASSE", "straße", True),
    ("string", "equal_to_case_insensitive", "spam", "phishing", False),
    ("string", "starts_with", "Re: abuse", "Re:", True),
    ("string", "starts_with", "abuse Re:", "Re:", False),
    ("string", "ends_with", "a@example.org", "@example.org", True),
    ("string", "ends_with", "a@example.org.evil", "@example.org", False),
    ("string", "contains", "see http://www.acns.net/ACNS now", "acns.net/ACNS", True),
    ("string", "contains", "see ACNS", "acns", False),
    ("string", "contains", None, "a", False),
    ("string", "matches_regex", "ticket 4711 opened", r"\b[0-9]{4}\b", True),
    ("string", "matches_regex", "MAILER-daemon", "(?i)^mailer-daemon$", True),
    ("string", "matches_regex", "ticket", "^icket", False),
    ("string", "matches_regex", "lone \ud800 surrogate é", "surrogate é$", True),
    ("string", "non_empty", "x", None, True),
    ("string", "non_empty", "", None, False),
    ("string", "non_empty", None, None, False),
    ("numeric", "equal_to", 5, 5.0000009, True),
    ("numeric", "equal_to", Decimal("0.1"), 0.1, True),
    ("numeric", "equal_to", 5, 5.000002, False),
    ("numeric", "greater_than", 5.1, 5, True),
    ("numeric", "greater_than", 5.0000005, 5, False),
    ("numeric", "greater_than", 10**400, 5, True),
    ("numeric", "greater_than_or_equal_to", 4.9999995, 5, True),
    ("numeric", "greater_than_or_equal_to", 5.1, Decimal(5), True),
    ("numeric", "greater_than_or_equal_to", 4.9, 5, False),
    ("numeric", "less_than", Decimal("4.9"), 5, True),
    ("numeric", "less_than", 4.9999995, 5, False),
    ("numeric", "less_than", 6, 5, False),
    ("numeric", "less_than_or_equal_to", 5.0000005, 5, True),
    ("numeric", "less_than_or_equal_to", -1, 5, True),
    ("numeric", "less_than_or_equal_to", 5.1, 5, False),
    ("boolean", "is_true", True, None, True),
    ("boolean", "is_true", False, None, False),
    ("boolean", "is_false", False, True, True),
    ("boolean", "is_false", True, True, False),
    ("select", "contains", ["Spam", "Phishing"], "pHISHING", True),
    ("select", "contains", {"spam"}, "phishing", False),
    ("select", "contains", [1, None], 1.0, True),
    ("select", "contains", [Decimal("0.1")], 0.1, True),
    ("select", "contains", [1], "1", False),
    ("select", "does_not_contain", ["spam"], "phishing", True),
    ("select", "does_not_contain", ("SPAM",), "spam", False),
    ("select_multiple", "contains_all", ["A", "b", "c"], ["a", "B"], True),
    ("select_multiple", "contains_all", ["a", "c"], ["a", "b"], False),
    ("select_multiple", "is_contained_by", ["A"], ["a", "b"], True),
    ("select_multiple", "is_contained_by", [], ["a"], True),
    ("select_multiple", "is_contained_by", [], [], True),
    ("select_multiple", "is_contained_by", ["a"], [], False),
    ("select_multiple", "is_contained_by", ["a", "x"], ["a", "b"], False),
    ("select_multiple", "shares_at_least_one_element_with", ["FR", "x"], ["fr", "be"], True),
    ("select_multiple", "shares_at_least_one_element_with", ["de"], ["fr", "be"], False),
    ("select_multiple", "shares_at_least_one_element_with", [], ["fr"], False),
    ("select_multiple", "shares_exactly_one_element_with", ["a", "A", "x"], ["a", "b"], True),
    ("select_multiple", "shares_exactly_one_element_with", ["a", "b"], ["a", "b"], False),
    ("select_multiple", "shares_exactly_one_element_with", ["x"], ["a", "b"], False),
    ("select_multiple", "shares_no_elements_with", ["x"], ["a", "b"], True),
    ("select_multiple", "shares_no_elements_with", ["B"], ["a", "b"], False),
]


@pytest.mark.parametrize(("kind", "operator", "fact", "value", "result"), CASES)
def test_operator(kind: str, operator: str, fact: object, value: object, result: bool) -> None:
    variable_type = VARIABLE_TYPES[kind]
    test = variable_type.operators[operator].prepare(value)
    assert test(variable_type.read(fact)) is result


def test_every_operator_has_a_true_and_a_false_case() -> None:
    every = {
        (kind.name, name, result)
        for kind in VARIABLE_TYPES.values()
        for name in kind.operators
        for result in (True, False)
    }
    assert {(kind, operator, result) for kind, operator, _, _, result in CASES} == every
    assert len(every) == 2 * 21


@pytest.mark.parametrize(
    ("kind", "fact", "message"),
    [
        ("string", 5, "a string variable returns text or nothing, not 5 (number)"),
        ("string", b"x", "a string variable returns text or nothing, not a bytes"),
        ("numeric", "5", "not '5' (text)"),
        ("numeric", True, "not true (boolean)"),
        ("numeric", None, "not null"),
        ("numeric", float("nan"), "a finite int, float or Decimal, not nan (number)"),
        ("numeric", Decimal("Infinity"), "not Infinity (number)"),
        ("boolean", 1, "a boolean variable returns True or False, not 1 (number)"),
        ("boolean", None, "not null"),
        ("boolean", "true", "not 'true' (text)"),
        ("select", "spam", "a select variable returns a list or set of choices, not 'spam' (text)"),
        ("select", None, "not null"),
        ("select", [["spam"]], "a choice is text, a number or nothing, not a list"),
        ("select_multiple", {"a": 1}, "not an object"),
        ("select_multiple", [True], "not true (boolean)"),
    ],
)
def test_a_fact_of_a_wrong_type_is_refused(kind: str, fact: object, message: str) -> None:
    with pytest.raises(FactTypeError) as caught:
        VARIABLE_TYPES[kind].read(fact)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "operator", "value", "message"),
    [
        ("string", "matches_regex", "(", "not a regular expression of RE2: missing ): ("),
        ("string", "matches_regex", "(?=a)", "invalid perl operator"),
        ("string", "matches_regex", r"(a)\1", "invalid escape sequence"),
        ("string", "matches_regex", "\ud800", "not a regular expression of RE2"),
        ("string", "matches_regex", "(?:a{1000}){1000}", "invalid repetition size"),
        ("string", "matches_regex", r"\pL{100}", "pattern too large"),
        ("string", "matches_regex", "a" * 1001, "regular expression of 1001 characters; at most 1000 are allowed"),
        ("string", "matches_regex", "", "an empty text holds for everything"),
        ("string", "contains", "", "an empty text holds for everything"),
        ("string", "starts_with", "", "an empty text holds for everything"),
        ("string", "ends_with", "", "an empty text holds for everything"),
        ("select_multiple", "contains_all", [], "an empty list gives the same answer for everything"),
        ("select_multiple", "shares_at_least_one_element_with", [], "an empty list"),
        ("select_multiple", "shares_exactly_one_element_with", [], "an empty list"),
        ("select_multiple", "shares_no_elements_with", [], "an empty list"),
    ],
)
def test_a_senseless_value_is_refused(kind: str, operator: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        VARIABLE_TYPES[kind].operators[operator].prepare(value)


def test_a_regex_that_would_backtrack_for_ages_takes_linear_time() -> None:
    test = VARIABLE_TYPES["string"].operators["matches_regex"].prepare("(a+)+$")
    started = time.process_time()
    assert test("a" * 100_000 + "b") is False
    assert time.process_time() - started < 1.0


def test_the_operators_are_listed_for_a_rule_editor() -> None:
    table = operators_to_json()
    assert list(table) == ["string", "numeric", "boolean", "select", "select_multiple"]
    assert table["boolean"] == [
        {"name": "is_true", "label": "Is True", "inputType": "none"},
        {"name": "is_false", "label": "Is False", "inputType": "none"},
    ]
    assert table["select"][1] == {"name": "does_not_contain", "label": "Does Not Contain", "inputType": "select"}
    assert table["numeric"][0] == {"name": "equal_to", "label": "Equal To", "inputType": "numeric"}
    assert {operator["inputType"] for operator in table["select_multiple"]} == {"select_multiple"}  # type: ignore[index,call-overload]
