"""Rule documents as text: every byte stays, and one value at a time changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from abuse.rules.definitions import shipped_documents
from abuse.rules.texts import RuleTextError, is_bare, read_text, with_value, wrapped, write_text

TEXT = "# why\nname: 'a'   # a name\norderId:   7 # place\nconfig: {conditions: 1, actions: [ 2 ]}\n"


def test_one_value_changes_and_every_other_byte_stays() -> None:
    assert with_value(TEXT, "orderId", 8) == TEXT.replace("7", "8")
    assert with_value(TEXT, "isActive", False) == TEXT + "isActive: false\n"
    assert with_value(with_value(TEXT, "isActive", False), "isActive", True) == TEXT + "isActive: true\n"


def test_the_same_value_changes_nothing() -> None:
    assert with_value(TEXT, "orderId", 7) == TEXT
    assert with_value(TEXT + "isActive: true\n", "isActive", True) == TEXT + "isActive: true\n"


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "a", "orderId": 7, "config": {}}',
        '{ }\n',
        "name: a\r\norderId: 7\r\nconfig: {}\r\n",
        "name: a\norderId: &place 7\nconfig: {again: *place}\n",
        "name: a\ndescription: |\n  two\n  lines\n\n\n",
        "---\nname: a\norderId: 7\n...\n",
        "orderId: 7\nname: ü “x”\n",
    ],
)  # fmt: skip
def test_whatever_the_form(text: str) -> None:
    expected = {**read_text(text), "orderId": 12, "isActive": False}
    changed = with_value(with_value(text, "orderId", 12), "isActive", False)
    assert read_text(changed) == expected


def test_json_stays_json() -> None:
    changed = with_value('{"name": "a", "orderId": 7}', "isActive", False)
    assert json.loads(changed) == {"isActive": False, "name": "a", "orderId": 7}


@given(
    document=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8),
        st.one_of(st.integers(), st.booleans(), st.text(max_size=8), st.lists(st.integers(), max_size=3)),
        max_size=5,
    ),
    flow=st.booleans(),
    place=st.integers(0, 10**6),
)
def test_any_document_keeps_all_else(document: dict[str, Any], flow: bool, place: int) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)
    assert read_text(with_value(text, "orderId", place)) == {**read_text(text), "orderId": place}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "while parsing"),
        ("a: 1\nb: {c: 1, c: 2}", "the key 'c' stands twice"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("x" * 1_000_001, "at most 1000000"),
        ("\x00", "unacceptable character"),
        ("[" * 5000, "(?i)recursion"),
    ],
)
def test_what_is_no_text_of_a_rule(text: str, fault: str) -> None:
    with pytest.raises(RuleTextError, match=fault):
        read_text(text)


def test_a_text_that_is_no_object_has_no_values() -> None:
    with pytest.raises(RuleTextError, match="expected a rule, an object"):
        with_value("- 1", "orderId", 1)


def test_bare_documents_become_whole_ones() -> None:
    bare = {"conditions": {"all": []}, "actions": []}
    assert (is_bare(bare), is_bare({**bare, "config": 1}), is_bare([bare]), is_bare({"actions": 1})) == (
        True, False, False, False,
    )  # fmt: skip
    whole = read_text(wrapped(bare, name="n", rules_type="Report", order_id=3))
    assert whole == {"name": "n", "rulesType": "Report", "orderId": 3, "config": bare}


def test_programs_write_yaml_that_reads_back() -> None:
    document = {"name": "ü", "odd": "a\x85b\u2028c", "config": {"a": [1, {"b": None}]}}
    assert read_text(write_text(document)) == document


@pytest.mark.parametrize("rule", shipped_documents(), ids=lambda rule: rule.name)
def test_shipped_rules_can_be_moved_and_put_to_sleep(rule: Any) -> None:
    changed = with_value(with_value(rule.text, "orderId", 4711), "isActive", False)
    assert read_text(changed) == {**read_text(rule.text), "orderId": 4711, "isActive": False}
    assert changed.startswith(rule.text.splitlines()[0])
