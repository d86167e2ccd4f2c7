"""A small catalogue of variables and actions, and shorthands for documents, shared by the engine's tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from abuse.rules.engine.actions import BaseActions, rule_action
from abuse.rules.engine.catalogue import Catalogue
from abuse.rules.engine.document import parse_rule
from abuse.rules.engine.errors import DocumentError
from abuse.rules.engine.facts import Facts
from abuse.rules.engine.fields import FIELD_NO_INPUT, FIELD_NUMERIC, FIELD_SELECT, FIELD_TEXT, FieldType
from abuse.rules.engine.tree import Rule
from abuse.rules.engine.variables import (
    BaseVariables,
    boolean_rule_variable,
    numeric_rule_variable,
    select_multiple_rule_variable,
    select_rule_variable,
    string_rule_variable,
)


class SampleVariables(BaseVariables):
    """Answers from a mapping given to the constructor and counts how often each variable is asked."""

    def __init__(self, answers: Mapping[str, object] | None = None) -> None:
        self.answers = answers or {}
        self.calls: Counter[str] = Counter()

    def _answer(self, name: str, default: object) -> Any:
        self.calls[name] += 1
        answer = self.answers.get(name, default)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @boolean_rule_variable(label="Check if report has a defendant")
    def has_defendant(self) -> bool:
        return bool(self._answer("has_defendant", True))

    @boolean_rule_variable
    def has_urls(self) -> Any:
        return self._answer("has_urls", True)

    @boolean_rule_variable(
        params=[
            {"name": "try_screenshot", "fieldType": FIELD_NO_INPUT},
            {"name": "down_threshold", "fieldType": FIELD_NUMERIC, "label": "Score from which a URL is down"},
        ]
    )
    def urls_down(self, try_screenshot: bool = True, down_threshold: int = 75) -> Any:
        return self._answer("urls_down", False)

    @string_rule_variable()
    def report_category(self) -> Any:
        return self._answer("report_category", "phishing")

    @numeric_rule_variable(params={"last_days": FIELD_NUMERIC, "open_only": FieldType.BOOLEAN})
    def ticket_count(self, last_days: int | None = None, open_only: bool = True) -> Any:
        return self._answer("ticket_count", 3)

    @select_rule_variable(options=["Spam", {"name": "phishing", "label": "Phishing sites"}])
    def categories(self) -> Any:
        return self._answer("categories", ["phishing"])

    @select_multiple_rule_variable
    def report_provider(self) -> Any:
        return self._answer("report_provider", ["abuse@example.org"])

    @boolean_rule_variable(params={"provider": FIELD_TEXT})
    def ticket_in_cdn_cache(self, provider: str) -> Any:
        return self._answer(f"ticket_in_cdn_cache:{provider}", provider == "cloudflare")


class SampleActions(BaseActions):
    """Writes down what it was asked to do."""

    def __init__(self) -> None:
        self.log: list[tuple[str, dict[str, object]]] = []

    @rule_action
    def do_nothing(self) -> None:
        self.log.append(("do_nothing", {}))

    @rule_action()
    def set_ticket_phishtocheck(self) -> None:
        self.log.append(("set_ticket_phishtocheck", {}))

    @rule_action(params={"attach_new": FieldType.BOOLEAN, "create_new": FieldType.BOOLEAN})
    def create_ticket(self, create_new: bool = False, attach_new: bool = True) -> int:
        self.log.append(("create_ticket", {"create_new": create_new, "attach_new": attach_new}))
        return 42

    @rule_action(
        label="Set the status",
        params=[{"name": "status", "fieldType": FIELD_SELECT, "label": "Status", "options": ["New", "Archived"]}],
    )
    def set_report_status(self, status: str) -> None:
        self.log.append(("set_report_status", {"status": status}))

    @rule_action(params={"description": FIELD_NO_INPUT})
    def schedule(self, description: Any) -> None:
        self.log.append(("schedule", {"description": list(description)}))
        description.append("changed by the action")

    @rule_action
    def explode(self) -> None:
        raise ValueError("no ticket")


CATALOGUE = Catalogue("Report", [SampleVariables], [SampleActions])


def leaf(name: str, operator: str, *value: object, **params: object) -> dict[str, Any]:
    """Return a condition; the value is left out unless given."""
    condition: dict[str, Any] = {"name": name, "operator": operator}
    if value:
        condition["value"] = value[0]
    if params:
        condition["params"] = params
    return condition


def document(conditions: object, *actions: object, **keys: object) -> dict[str, Any]:
    """Return a document of the rule `sample` with the action do_nothing unless others are given."""
    config = {"conditions": conditions, "actions": list(actions) or [{"name": "do_nothing"}]}
    return {"name": "sample", "rulesType": "Report", "orderId": 1, "config": config} | keys


def rule(conditions: object, *actions: object, **keys: object) -> Rule:
    """Return the parsed rule of `document(…)`."""
    return parse_rule(document(conditions, *actions, **keys), CATALOGUE)


def facts(**answers: object) -> Facts:
    """Return the facts of a run in which the variables give these answers; an exception is raised instead."""
    return Facts(SampleVariables(answers))


def faults(value: object) -> list[str]:
    """Return the messages of all faults of a document; empty when it is accepted."""
    try:
        parse_rule(value, CATALOGUE)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    return []
