"""Rules tried by API, and explanations."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from abuse.models import BusinessRulesHistory, BusinessRulesVersion, Category

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


def put(caller: Caller, path: str, body: object) -> dict[str, Any]:
    answer = caller.client.put(path, json=body, headers={"X-Api-Token": caller.token})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()  # type: ignore[no-any-return]


def post(caller: Caller, path: str, body: object = None, **headers: str) -> TestResponse:
    return caller.client.post(path, json=body, headers={"X-Api-Token": caller.token, **headers})


def test_a_rule_is_read_as_it_was_and_brought_back_byte_for_byte(root: Caller, make_caller: MakeCaller) -> None:
    written = f"# for the night shift{RULE}"
    rule = post(root, "/api/rules", {"document": written}).get_json()
    path = f"/api/rules/{rule['id']}"
    put(root, path, {"document": written.replace("do_nothing", "create_ticket")})
    listed = root.get(f"{path}/versions").get_json()
    assert listed["versionsCount"] == 2
    assert [(row["version"], row["user"], row["isActive"]) for row in listed["versions"]] == [
        (2, "root", True), (1, "root", True)
    ]  # fmt: skip
    paged = root.get(f"{path}/versions", {"paginate": {"resultsPerPage": 1, "currentPage": 2}}).get_json()
    assert [row["version"] for row in paged["versions"]] == [1]
    assert root.get(f"{path}/versions/1").get_json()["document"] == written
    reader = make_caller("ann", {"Spam": "Expert"})
    assert post(reader, f"{path}/versions/1/restore").status_code == 403
    version = root.get(path).headers["ETag"]
    assert post(root, f"{path}/versions/1/restore", **{"If-Match": '"stale"'}).status_code == 412
    restored = post(root, f"{path}/versions/1/restore", **{"If-Match": version})
    assert (restored.get_json()["version"], restored.get_json()["document"]) == (3, written)
    assert root.get(path).get_json() == restored.get_json()
    assert root.get(path).headers["ETag"] == restored.headers["ETag"] != version
    assert [row["version"] for row in root.get(f"{path}/versions").get_json()["versions"]] == [3, 2, 1]


@pytest.mark.parametrize("version", [9, 2**31, 2**70])
def test_a_version_that_a_rule_never_had_is_not_found(root: Caller, version: int) -> None:
    path = f"/api/rules/{post(root, '/api/rules', {'document': RULE}).get_json()['id']}/versions/{version}"
    assert root.get(path).status_code == 404
    assert post(root, f"{path}/restore").status_code == 404
    assert root.get(f"/api/rules/999999/versions/{version}").get_json()["message"] == "There is no rule 999999"


def test_a_version_that_says_what_is_not_known_any_more_is_refused_by_its_place(root: Caller) -> None:
    path = f"/api/rules/{post(root, '/api/rules', {'document': RULE}).get_json()['id']}"
    put(root, path, {"isActive": False})
    BusinessRulesVersion.filter(version=1).update(document=RULE.replace("report_category", "gone"))
    refused = post(root, f"{path}/versions/1/restore")
    assert (refused.status_code, "config.conditions.all[0].name" in refused.get_json()["message"]) == (409, True)
    assert root.get(path).get_json()["version"] == 2
