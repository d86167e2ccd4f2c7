"""Values held against field types."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from abuse.rules.engine.errors import RuleDefinitionError
from abuse.rules.engine.fields import FieldType, read_options, value_problems

OPTIONS = read_options("test", ["New", {"name": 5, "label": "Five"}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (FieldType.TEXT, ""),
        (FieldType.TEXT, "x" * 10_000),
        (FieldType.NUMERIC, 5),
        (FieldType.NUMERIC, -0.5),
        (FieldType.NUMERIC, Decimal("1e18")),
        (FieldType.BOOLEAN, False),
        (FieldType.NONE, None),
        (FieldType.NONE, True),
        (FieldType.NONE, [{"defendant": {"legal_form": "ltd"}, "delay": 3600}, ["x", 1.5]]),
        (FieldType.SELECT, "x"),
        (FieldType.SELECT, 3),
        (FieldType.SELECT_MULTIPLE, []),
        (FieldType.SELECT_MULTIPLE, ["a", 1]),
    ],
)
def test_accepted(field: FieldType, value: object) -> None:
    assert list(value_problems(field, value)) == []


@pytest.mark.parametrize(
    ("field", "value", "problems"),
    [
        (FieldType.TEXT, 5, [("", "expected text, got 5 (number)")]),
        (FieldType.TEXT, None, [("", "expected text, got null")]),
        (FieldType.TEXT, "x" * 10_001, [("", "text of 10001 characters; at most 10000 are allowed")]),
        (FieldType.NUMERIC, "5", [("", "expected a number, got '5' (text)")]),
        (FieldType.NUMERIC, True, [("", "expected a number, got true (boolean)")]),
        (FieldType.NUMERIC, float("inf"), [("", "expected a number between -1e18 and 1e18, got inf (number)")]),
        (
            FieldType.NUMERIC,
            10**400,
            [("", "expected a number between -1e18 and 1e18, got <integer of 1329 bits> (number)")],
        ),
        (FieldType.BOOLEAN, "true", [("", "expected true or false, got 'true' (text)")]),
        (FieldType.BOOLEAN, 1, [("", "expected true or false, got 1 (number)")]),
        (FieldType.NONE, date(2026, 1, 1), [("", "expected a JSON value, got a date")]),
        (FieldType.NONE, {"a": [1, {2}]}, [(".a[1]", "expected a JSON value, got a set")]),
        (FieldType.NONE, {1: "x"}, [("", "expected an object whose keys are text")]),
        (FieldType.SELECT, ["x"], [("", "expected one choice (text or number), got a list")]),
        (FieldType.SELECT, True, [("", "expected one choice (text or number), got true (boolean)")]),
        (FieldType.SELECT_MULTIPLE, "ab", [("", "expected a list of choices, got 'ab' (text)")]),
        (
            FieldType.SELECT_MULTIPLE,
            ["a", None, {}],
            [
                ("[1]", "expected one choice (text or number), got null"),
                ("[2]", "expected one choice (text or number), got an object"),
            ],
        ),
        (FieldType.SELECT_MULTIPLE, ["a"] * 1001, [("", "list of 1001 elements; at most 1000 are allowed")]),
    ],
)
def test_refused(field: FieldType, value: object, problems: list[tuple[str, str]]) -> None:
    assert list(value_problems(field, value)) == problems


def test_a_choice_must_be_an_option_in_any_case() -> None:
    assert list(value_problems(FieldType.SELECT, "nEW", OPTIONS)) == []
    assert list(value_problems(FieldType.SELECT, 5, OPTIONS)) == []
    assert list(value_problems(FieldType.SELECT_MULTIPLE, ["new", "old"], OPTIONS)) == [
        ("[1]", "'old' is not an option; expected one of New, 5")
    ]


def test_a_free_value_is_bounded_in_depth() -> None:
    value: list[object] = []
    for _ in range(9):
        value = [value]
    assert list(value_problems(FieldType.NONE, value)) == []
    assert list(value_problems(FieldType.NONE, [value])) == [("[0]" * 10, "nested deeper than 10 levels")]


def test_a_free_value_that_contains_itself_over_and_over_is_refused_at_once() -> None:
    value: list[object] = ["x"] * 10
    for _ in range(8):  # 10**9 values when written out, as YAML aliases make them
        value = [value] * 10
    problems = list(value_problems(FieldType.NONE, value))
    assert [message for _, message in problems] == ["more than 5000 values in all"]


def test_options_are_declared_as_texts_numbers_or_names_with_labels() -> None:
    assert [(option.name, option.label) for option in OPTIONS] == [("New", "New"), (5, "Five")]
    for wrong in (True, None, {"label": "x"}, 1.5):
        with pytest.raises(RuleDefinitionError, match=r"V\.kind: an option is a text"):
            read_options("V.kind", [wrong])
