"""Rules in the database: byte for byte, in every version, and refused in full when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from abuse.models import BusinessRules, BusinessRulesVersion, RuleMode, User
from abuse.rules import files, store
from abuse.rules.definitions import shipped_documents
from abuse.rules.engine.errors import DocumentError
from abuse.rules.store import RuleNotFound
from abuse.rules.texts import RuleTextError

pytestmark = pytest.mark.django_db

TEXT = """\
# A rule of ours — ü.
name:   "night_watch"      # spaces  stay
rulesType: Report
orderId: 500
config:
    conditions: {all: [ {name: has_urls, operator: is_true} ]}
    actions:
        - name: do_nothing
"""


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create(username="olga")


def test_a_text_is_kept_byte_for_byte(operator: User) -> None:
    text = TEXT.replace("\n", "\r\n")
    row, is_new = store.save_rule(text, user=operator)
    assert (is_new, row.version) == (True, 1)
    assert store.text_of(BusinessRules.get(pk=row.pk)) == text
    assert (row.order_id, row.is_active, row.mode, row.limits) == (500, True, RuleMode.LIVE, {})


def test_every_save_is_a_version_with_its_author(operator: User) -> None:
    row, _ = store.save_rule(TEXT, user=operator)
    second = TEXT.replace("500", "501")
    store.save_rule(second)
    versions = store.versions_of(row)
    assert [(one.version, one.document, one.order_id, one.user) for one in versions] == [
        (2, second, 501, None),
        (1, TEXT, 500, operator),
    ]


def test_going_back_is_a_version_too(operator: User) -> None:
    row, _ = store.save_rule(TEXT)
    store.set_active(row, False, user=operator)
    back = store.roll_back(row, 1, user=operator)
    assert (back.version, back.is_active, store.text_of(back)) == (3, True, TEXT)
    with pytest.raises(RuleNotFound, match="there is no version 9; expected one of 1, 2, 3"):
        store.roll_back(row, 9)


def test_changes_touch_one_value_of_the_text(operator: User) -> None:
    row, _ = store.save_rule(TEXT)
    moved = store.set_order(row, 20, user=operator)
    assert (moved.order_id, store.text_of(moved)) == (20, TEXT.replace("500", "20"))
    asleep = store.set_active(row, False)
    assert (asleep.is_active, store.text_of(asleep)) == (False, TEXT.replace("500", "20") + "isActive: false\n")
    shadow = store.set_mode(row, RuleMode.SHADOW)
    assert (shadow.mode, 'mode: "shadow"\n' in store.text_of(shadow)) == ("shadow", True)
    assert [rule.rule.name for rule in store.active_rules("Report") if rule.rule.name == "night_watch"] == []
    same = store.set_active(row, False)
    assert same.version == shadow.version
    with pytest.raises(DocumentError, match="orderId: expected a whole number"):
        store.set_order(row, -1)


def test_a_rule_without_a_text_is_written_when_it_changes() -> None:
    row, _ = store.save_rule(TEXT)
    BusinessRules.filter(pk=row.pk).update(document="", limits={"do_nothing": {"hour": 1}}, mode="shadow")
    changed = store.set_order(BusinessRules.get(pk=row.pk), 7)
    assert (changed.order_id, changed.limits, changed.mode) == (7, {"do_nothing": {"hour": 1}}, "shadow")
    assert store.check_rule(store.text_of(changed)).limits["do_nothing"].hour == 1


def test_the_running_rules_follow_each_change() -> None:
    row, _ = store.save_rule(TEXT)

    def running() -> list[tuple[int, int]]:
        return [(one.rule.order_id, one.version) for one in store.active_rules("Report") if one.pk == row.pk]

    assert running() == [(500, 1)]
    store.set_order(row, 9)
    assert running() == [(9, 2)]
    store.set_active(row, False)
    assert running() == []


def test_rules_are_brought_into_an_order() -> None:
    names = ["default_defendant_threshold", "default_defendant_trusted", "to_validate"]
    rows = store.reorder("Report", names)
    assert [row.order_id for row in rows] == [4, 100, 102]
    assert [rule.rule.name for rule in store.active_rules("Report") if rule.rule.name in names] == names
    with pytest.raises(RuleNotFound, match="expected each rule once"):
        store.reorder("Report", ["to_validate", "to_validate"])
    with pytest.raises(RuleNotFound, match="'nobody': there is none"):
        store.reorder("Report", ["nobody"])


def test_equal_places_are_pulled_apart() -> None:
    for name in ("b_rule", "a_rule"):
        store.save_rule(TEXT.replace("night_watch", name))
    rows = store.reorder("Report", ["b_rule", "a_rule"])
    assert [row.order_id for row in rows] == [500, 501]


def test_finding_a_rule_by_name() -> None:
    assert store.find_rule("to_validate").rules_type == "Report"
    with pytest.raises(RuleNotFound, match="did you mean to_validate"):
        store.find_rule("validate")
    swaps = {
        "night_watch": "to_validate",
        "Report": "EmailReply",
        "has_urls": "sender_is_known",
        "do_nothing": "cancel_pending_jobs",
    }
    text = TEXT
    for old, new in swaps.items():
        text = text.replace(old, new)
    store.save_rule(text)
    with pytest.raises(RuleNotFound, match="for EmailReply and Report; name the type"):
        store.find_rule("to_validate")
    assert store.find_rule("to_validate", "EmailReply").rules_type == "EmailReply"


def test_seeding_again_changes_nothing_that_is_there() -> None:
    row = store.set_order(store.find_rule("to_validate"), 3)
    BusinessRules.filter(name="phishing_up").delete()
    assert store.add_missing([rule.text for rule in shipped_documents()]) == 1
    row.refresh_from_db()
    assert (row.order_id, row.version) == (3, 2)
    assert BusinessRulesVersion.get(business_rules__name="phishing_up").version == 1


# --- shipped rules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", shipped_documents(), ids=lambda rule: rule.name)
def test_a_shipped_rule_is_right_and_says_what_it_is_for(shipped: Any) -> None:
    rule = store.check_rule(shipped.text)
    assert (rule.name, rule.rules_type, rule.order_id) == (shipped.name, shipped.rules_type, shipped.order_id)
    first = shipped.text.splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20
    row = store.find_rule(rule.name, rule.rules_type)
    assert store.text_of(row) == shipped.text
    assert row.limits == (rule.document.get("limits") or {})


def test_no_two_rules_of_a_type_share_a_place() -> None:
    # But the first, whose rules leave statements to the rule for them: one by what it excludes, one by what it wants.
    at_first = {
        rule.name: rule.config["conditions"]
        for rule in shipped_documents()
        if (rule.rules_type, rule.order_id) == ("Report", 0)
    }
    assert list(at_first) == ["ask_reporter", "misrouted", "statements"]
    statements = {(leaf["name"], leaf["operator"], leaf["value"]) for leaf in at_first["statements"]["any"]}
    excluded = at_first["ask_reporter"]["all"][0]["not"]["any"]
    assert {(leaf["name"], leaf["operator"], leaf["value"]) for leaf in excluded} == statements
    wanted = {"name": "mail_kind", "operator": "equal_to", "value": "abuse_report"}
    assert wanted in at_first["misrouted"]["all"]
    assert tuple(wanted.values()) not in statements
    places = [(rule.rules_type, rule.order_id) for rule in shipped_documents() if rule.name not in at_first]
    assert ("Report", 0) not in places
    assert len(places) == len(set(places))


# --- documents that are wrong -----------------------------------------------------------------------------------------


def wrong(**changes: Any) -> str:
    document = {
        "name": "x", "rulesType": "Report", "orderId": 1,
        "config": {
            "conditions": {"all": [{"name": "has_urls", "operator": "is_true"}]},
            "actions": [{"name": "close_ticket", "params": {"resolution": "fixed"}}],
        },
    }  # fmt: skip
    from abuse.rules.texts import write_text

    return write_text(document | changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"mode": "dark"}, "mode: expected live or shadow, got 'dark' (text)"),
        ({"mode": None}, "mode: expected live or shadow, got null"),
        ({"description": 5}, "description: expected text of at most 2000 characters, got 5 (number)"),
        ({"description": "x" * 2001}, "description: expected text of at most 2000 characters, got 2001 of them"),
        ({"limits": [1]}, "limits: expected {action: {hour, day, customer_day}}, got a list"),
        ({"limits": {"close_tickets": {"hour": 1}}}, "did you mean close_ticket?"),
        ({"limits": {"close_ticket": {}}}, "limits.close_ticket: expected at least one of hour, day, customer_day"),
        ({"limits": {"close_ticket": {"week": 1}}}, "limits.close_ticket.week: unknown key"),
        ({"limits": {"close_ticket": {"hour": -1}}}, "limits.close_ticket.hour: expected a whole number from 0"),
        ({"limits": {"close_ticket": {"day": True}}}, "limits.close_ticket.day: expected a whole number from 0"),
        ({"limits": {"close_ticket": {"day": 1.5}}}, "limits.close_ticket.day: expected a whole number from 0"),
        ({"colour": 1}, "colour: unknown key"),
        ({"rulesType": "Reports"}, "rulesType: 'Reports' is not a type of rules"),
        ({"config": {"conditions": {"all": []}, "actions": []}}, "expected at least one condition"),
    ],
)
def test_each_fault_is_named_with_its_place_and_nothing_is_stored(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(DocumentError) as caught:
        store.save_rule(wrong(**changes))
    assert fault in str(caught.value)
    assert not BusinessRules.filter(name="x").exists()


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        (
            {"name": "close_ticket", "params": {"resolution": "gone"}},
            "config.actions[0].params.resolution: there is no 'gone'; expected one of fixed, ",
        ),
        (
            {"name": "send_provider_ack", "params": {"template_codename": "ack"}},
            "config.actions[0].params.template_codename: there is no 'ack'; expected one of ack_report_received, ",
        ),
        ({"name": "enqueue_report_task", "params": {"task_name": "os.system"}}, "not a task with a report_id"),
    ],
)
def test_what_an_action_names_must_exist(action: dict[str, Any], fault: str) -> None:
    conditions = {"all": [{"name": "has_urls", "operator": "is_true"}]}
    with pytest.raises(DocumentError) as caught:
        store.save_rule(wrong(config={"conditions": conditions, "actions": [action]}))
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    "leaf",
    [
        {"name": "report_received_beetween", "operator": "is_true", "params": {"min_date": "x", "max_date": "y"}},
        {"name": "ticket_count", "operator": "equal_to", "value": 1, "params": {"last_days": -1}},
    ],
)
def test_arguments_of_variables_are_checked(leaf: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match=r"expected (a moment such as|days from)"):
        store.save_rule(wrong(config={"conditions": leaf, "actions": [{"name": "do_nothing"}]}))


def test_limits_and_mode_and_description_are_read() -> None:
    rule = store.check_rule(
        wrong(mode="shadow", description="why", limits={"close_ticket": {"hour": 0, "customer_day": 2}})
    )
    limit = rule.limits["close_ticket"]
    assert (rule.is_shadow, rule.description) == (True, "why")
    assert (limit.hour, limit.day, limit.customer_day) == (0, None, 2)


# --- files ------------------------------------------------------------------------------------------------------------


def test_all_rules_go_out_and_come_in_byte_for_byte() -> None:
    store.save_rule(TEXT.replace("night_watch", "../../etc/Pass wd"))
    exported = files.export_rules("Report")
    assert len(exported) == BusinessRules.filter(rules_type="Report").count()
    assert all("/" not in file.name and ".." not in file.name for file in exported)
    texts = {file.text for file in exported}
    BusinessRules.all().delete()
    stored = files.import_rules(exported)
    assert all(is_new for _, is_new in stored)
    assert {file.text for file in files.export_rules("Report")} == texts


def test_an_import_is_all_or_nothing() -> None:
    good = files.RuleFile("good.yml", TEXT)
    with pytest.raises(files.ImportRefused) as caught:
        files.import_rules([good, files.RuleFile("bad.yml", "name: 1"), files.RuleFile("worse.yml", "[")])
    assert [fault.split(":")[0] for fault in caught.value.faults][-1] == "worse.yml"
    assert any(fault.startswith("bad.yml: name: expected") for fault in caught.value.faults)
    assert not BusinessRules.filter(name="night_watch").exists()


def test_documents_of_venmos_business_rules_come_in() -> None:
    bare = """[
      {"conditions": {"all": [{"name": "has_urls", "operator": "is_true", "value": true}]},
       "actions": [{"name": "do_nothing"}]},
      {"conditions": {"any": [{"name": "report_count", "operator": "greater_than", "value": 2}]},
       "actions": [{"name": "set_report_timeout", "params": {"days": 3}}]}
    ]"""
    texts = files.whole_documents(bare, name="old", rules_type="Report", order_id=900)
    rows = [row for row, _ in files.import_rules([files.RuleFile("old", text) for text in texts])]
    assert [(row.name, row.order_id) for row in rows] == [("old-1", 900), ("old-2", 901)]
    assert rows[1].config["actions"] == [{"name": "set_report_timeout", "params": {"days": 3}}]
    (single,) = files.whole_documents('{"conditions": {}, "actions": []}', name="one", rules_type="Report", order_id=1)
    assert '"name": "one"' in single
    with pytest.raises(RuleTextError, match="or a list of such objects"):
        files.whole_documents("[]", name="x", rules_type="Report", order_id=1)
