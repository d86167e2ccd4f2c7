"""The reference names everything that rules can use, and its examples are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abuse.config import PROJECT_ROOT
from abuse.rules.catalogues import all_catalogues
from abuse.rules.definitions import shipped_documents
from abuse.rules.engine.operators import VARIABLE_TYPES
from abuse.rules.store import check_rule

DOCS = Path(PROJECT_ROOT) / "docs"
REFERENCE = (DOCS / "reference" / "rules.md").read_text("utf-8")


def test_every_variable_action_and_operator_is_described() -> None:
    for catalogue in all_catalogues():
        for variable in catalogue.variables.values():
            assert f"| `{variable.name}` | {variable.type.name} |" in REFERENCE
            assert all(parameter.name in REFERENCE for parameter in variable.parameters)
        for action in catalogue.actions.values():
            assert f"| `{action.name}` |" in REFERENCE
            assert all(parameter.name in REFERENCE for parameter in action.parameters)
    for kind in VARIABLE_TYPES.values():
        (row,) = re.findall(rf"^\| {kind.name} \| (.*) \|$", REFERENCE, re.MULTILINE)
        assert set(kind.operators) <= set(re.findall(r"`(\w+)`", row))


def test_nothing_is_described_that_is_not_there() -> None:
    known = {name for one in all_catalogues() for name in (*one.variables, *one.actions)}
    rows = re.findall(r"^\| `(\w+)` \|", REFERENCE.split("## Operators")[1].split("## What comes")[0], re.MULTILINE)
    assert set(rows) <= known


def test_every_shipped_rule_is_described() -> None:
    for rule in shipped_documents():
        assert f"`{rule.name}`" in REFERENCE


@pytest.mark.django_db
def test_the_rule_of_the_how_to_is_right() -> None:
    text = (DOCS / "how-to" / "add-a-rule.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert check_rule(example).name == "phishing_phishtocheck"
