"""Rules tried by API, and explanations."""

from __future__ import annotations

import pytest

from abuse.models import BusinessRulesHistory, Category

from .conftest import Caller, MakeCaller
from .rows import a_report, a_ticket

pytestmark = pytest.mark.django_db
RULE = """
name: spam_first
rulesType: Report
orderId: 1
config:
  conditions: {all: [{name: report_category, operator: equal_to, value: spam}]}
  actions: [{name: do_nothing}]
"""


def trial(caller: Caller, **body: object) -> tuple[int, dict[str, object]]:
    response = caller.client.post("/api/rules/test", json=body, headers={"X-Api-Token": caller.token})
    return response.status_code, response.get_json()


def test_a_rule_is_tried_and_nothing_changes(root: Caller) -> None:
    report = a_report("Spam")
    status, answer = trial(root, document=RULE, lastDays=366)
    assert status == 200, answer
    result = answer["result"]
    assert isinstance(result, dict)
    assert (result["rule"], result["reports"], result["matches"]) == ("spam_first", 1, 1)
    assert not BusinessRulesHistory.filter(report=report).exists()


def test_a_wrong_rule_is_named_with_its_place(root: Caller) -> None:
    status, answer = trial(root, document=RULE.replace("report_category", "nothing"))
    assert status == 409
    assert "config.conditions.all[0].name" in str(answer["message"])


def test_only_experts_of_every_category_try_rules(make_caller: MakeCaller) -> None:
    names = Category.all().values_list("name", flat=True)
    status, _ = trial(make_caller("ann", dict.fromkeys(names, "Expert")), document=RULE)
    assert status == 200
    status, _ = trial(make_caller("bob", {**dict.fromkeys(names, "Expert"), "Spam": "Advanced"}), document=RULE)
    assert status == 403


def test_explanations_are_for_those_who_may_see(root: Caller, make_caller: MakeCaller) -> None:
    ticket = a_ticket("Spam")
    report = a_report("Spam", ticket=ticket)
    stranger = make_caller("bob", {"Phishing": "Expert"})
    for path in (f"/api/tickets/{ticket.pk}/explain", f"/api/reports/{report.pk}/explain"):
        answer = root.get(path)
        assert answer.status_code == 200
        assert {"decisions", "history"} <= set(answer.get_json()["explanation"])
        assert stranger.get(path).status_code == 403
        assert root.get(path.replace(str(ticket.pk), "999999").replace(str(report.pk), "999999")).status_code == 404
