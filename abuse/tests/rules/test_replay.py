"""Trying a rule on the reports of the past: what it tells is what would have been, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abuse.controllers.history import robot
from abuse.controllers.tickets import open_ticket_of
from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    Deadline,
    Defendant,
    History,
    OutgoingMessage,
    Report,
    ReportThreshold,
    Service,
    Tag,
    Ticket,
    User,
)
from abuse.rules.apply import RulesRun
from abuse.rules.replay import ReplayRefused, ReplayResult, count_reports, replay
from abuse.rules.store import active_rules, check_rule, find_rule, save_rule, text_of

from .conftest import make_defendant, make_provider, make_report, make_service, make_ticket
from .test_shadow_and_caps import HAS_DEFENDANT

pytestmark = pytest.mark.django_db


def text(conditions: Any, *actions: Any, name: str = "candidate", order: int = 0, **more: Any) -> str:
    calls = [one if isinstance(one, dict) else {"name": one} for one in actions or ("do_nothing",)]
    config = {"conditions": conditions, "actions": calls}
    return json.dumps({"name": name, "rulesType": "Report", "orderId": order, "config": config} | more)


def leaf(name: str, operator: str, value: Any = True, **params: Any) -> dict[str, Any]:
    return {"name": name, "operator": operator, "value": value, **({"params": params} if params else {})}


def try_out(document: str, **options: Any) -> ReplayResult:
    since = options.pop("since", timezone.now() - timedelta(days=30))
    return replay(check_rule(document), since=since, **options)


def decide(report: Report, actor: User) -> str | None:
    run = RulesRun(actor)
    fired = run.decide_report(report, None, open_ticket_of(report))
    run.write()
    return fired


@pytest.fixture
def past(defendant: Defendant, service: Service, actor: User) -> list[Report]:
    """Ten reports, decided on as they came: by turns about nobody, by somebody trusted and by somebody not."""
    ReportThreshold.filter(category="Spam").update(threshold=3, interval=30)
    trusted = make_provider("t@r.example", trusted=True)
    reports = []
    for number in range(10):
        about: dict[str, Any] = {} if number % 3 == 0 else {"defendant": defendant, "service": service}
        report = make_report(
            provider=trusted if number % 5 == 4 else None,
            subject=f"number {number}",
            received_date=timezone.now() - timedelta(days=10 - number),
            **about,
        )
        decide(report, actor)
        reports.append(report)
    return reports


def rows() -> list[int]:
    tables = (Report, Ticket, History, Deadline, OutgoingMessage, BusinessRulesHistory, BusinessRules, Tag)
    return [table.all().count() for table in tables]


def test_a_replay_changes_nothing(past: list[Report], django_assert_num_queries: Any) -> None:
    before = rows(), list(Report.all().order_by("pk").values())
    with CaptureQueriesContext(connection) as queries:
        try_out(text(HAS_DEFENDANT, "create_ticket", "send_provider_ack", "close_service"))
    assert (rows(), list(Report.all().order_by("pk").values())) == before
    assert [one["sql"] for one in queries if not one["sql"].lstrip().startswith(("SELECT", "WITH"))] == []


def test_the_rules_of_today_on_the_reports_of_the_past_change_no_decision(past: list[Report]) -> None:
    for row in BusinessRules.filter(rules_type="Report"):
        result = try_out(text_of(row))
        assert (result.reports, result.changed, result.differs_from_record) == (10, 0, 0)
        assert result.not_as_then().keys() <= {"report_ticket_threshold", "has_ticket"} | (
            {"provider_tags", "has_urls", "urls_down", "all_items_phishing", "avoid_phishtocheck", "report_category"}
        )


RULES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                leaf("has_defendant", "is_true"), leaf("is_report_trusted", "is_false"), leaf("has_ticket", "is_true"),
                leaf("report_subject", "matches_regex", "[02468]"), leaf("report_category", "equal_to", "spam"),
                leaf("report_ticket_threshold", "is_true"), leaf("report_count", "greater_than", 2),
                {"not": leaf("ticket_count", "equal_to", 0, open_only=False)},
            ]
        ),
        st.sampled_from(["create_ticket", "do_nothing", "set_ticket_phishtocheck"]),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@given(rules=RULES, data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rules_replayed_decide_as_they_did(
    rules: list[tuple[dict[str, Any], str]], data: st.DataObject, db: None
) -> None:
    """The property: whatever the rules, a replay of them on what they decided finds no difference."""
    from django.db import transaction

    with transaction.atomic():
        BusinessRules.filter(rules_type="Report").update(is_active=False)
        for number, (condition, action) in enumerate(rules):
            save_rule(text(condition, action, name=f"r{number}", order=number))
        about = [(make_defendant(f"X{n}"), make_service(f"x{n}")) for n in range(2)]
        for number in range(8):
            which = data.draw(st.sampled_from([None, *range(2)]))
            known = {} if which is None else {"defendant": about[which][0], "service": about[which][1]}
            decide(make_report(subject=str(number), **known), robot())
        for one in active_rules("Report"):
            result = replay(one.rule, since=timezone.now() - timedelta(days=1))
            assert (result.reports, result.changed, result.differs_from_record) == (8, 0, 0)
        transaction.set_rollback(True)


def test_which_decisions_would_change_and_what_would_be_done(past: list[Report]) -> None:
    result = try_out(text(leaf("has_defendant", "is_false"), "do_nothing", name="nobody"), examples=2)
    assert (result.reports, result.matches, result.decides) == (10, 4, 4)
    assert result.changes == {("default_no_defendant", "nobody"): 3, ("to_validate", "nobody"): 1}
    shown = [one.report for one in result.examples["default_no_defendant", "nobody"]]
    assert shown == [past[0].pk, past[3].pk]
    assert result.actions == {("do_nothing", "Do nothing"): 4}


def test_a_rule_behind_others_matches_and_does_not_decide(past: list[Report]) -> None:
    result = try_out(text(HAS_DEFENDANT, order=1000))
    assert (result.matches, result.decides, result.changed) == (6, 0, 0)


def test_a_rule_takes_the_place_of_the_one_of_its_name(past: list[Report]) -> None:
    row = find_rule("default_no_defendant")
    changed = text_of(row).replace("operator: is_false", "operator: is_true", 1)
    result = try_out(changed)
    assert {new for _, new in result.changes} >= {"no rule"}
    assert {old for old, _ in result.changes} >= {"default_no_defendant"}


def test_a_sleeping_or_shadow_rule_is_tried_as_if_it_acted(past: list[Report]) -> None:
    assert try_out(text(HAS_DEFENDANT, isActive=False, mode="shadow")).decides == 6
    save_rule(text(HAS_DEFENDANT, name="sleeper", mode="shadow"))
    assert try_out(text(HAS_DEFENDANT)).changes.total() == 6


def test_only_reports_of_the_time_are_read_in_order_and_in_chunks(past: list[Report]) -> None:
    told: list[int] = []
    since = timezone.now() - timedelta(days=6, hours=12)
    result = try_out(text(HAS_DEFENDANT), since=since, chunk_size=4, progress=told.append)
    assert (result.reports, told, count_reports(since)) == (6, [4, 2], 6)
    until = timezone.now() - timedelta(days=4, hours=12)
    assert try_out(text(HAS_DEFENDANT), since=since, until=until).reports == 2


def test_equal_dates_lose_no_report(defendant: Defendant) -> None:
    moment = timezone.now() - timedelta(days=1)
    for _ in range(7):
        make_report(defendant=defendant, received_date=moment)
    assert try_out(text(HAS_DEFENDANT), chunk_size=2).matches == 7


def test_few_statements_whatever_the_number(past: list[Report]) -> None:
    document = text(
        {
            "all": [
                HAS_DEFENDANT,
                leaf("report_count", "greater_than", 1),
                leaf("defendant_country", "contains_all", ["FR"]),
            ]
        }
    )

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            try_out(document)
        return len(queries)

    def more(first: int) -> None:
        for number in range(first, first + 20):
            make_report(defendant=make_defendant(f"M{number}"), service=make_service(f"m{number}"))

    more(0)
    before = statements()
    more(20)
    assert statements() == before < 20


# --- facts ------------------------------------------------------------------------------------------------------------


def test_recorded_facts_go_before_those_of_today(defendant: Defendant, service: Service, actor: User) -> None:
    report = make_report(defendant=defendant, service=service, provider=make_provider("t@r.example", trusted=True))
    decide(report, actor)
    make_provider("t@r.example", trusted=False)
    result = try_out(text(leaf("is_report_trusted", "is_true")))
    assert result.matches == 1
    assert "is_report_trusted" not in result.not_as_then()


def test_what_was_not_recorded_is_said(past: list[Report]) -> None:
    result = try_out(text({"all": [HAS_DEFENDANT, leaf("defendant_country", "contains_all", ["FR"])]}))
    assert result.matches == 6
    assert result.not_as_then()["defendant_country"] == {"today": 6}


def test_what_nobody_can_tell_leaves_the_report_out(past: list[Report]) -> None:
    result = try_out(text({"all": [HAS_DEFENDANT, leaf("defendant_revenue", "equal_to", 0)]}))
    assert (result.undecidable, result.matches) == ({"defendant_revenue": 6}, 0)
    result = try_out(text(leaf("report_recipients", "shares_no_elements_with", ["x"])))
    assert result.undecidable == {"report_recipients": 10}


def test_a_variable_that_would_fail_is_counted(past: list[Report]) -> None:
    result = try_out(text(leaf("defendant_is_vip", "is_true")))
    assert (result.failing, result.undecidable) == ({"defendant_is_vip": 4}, {})


Asked = tuple[str, str, Any, dict[str, Any]]
AS_THEN: list[tuple[Asked, list[bool]]] = [
    (("has_ticket", "is_true", True, {}), [False, False, True, True, False]),
    (("report_count", "equal_to", 2, {}), [False, True, False, False, False]),
    (("report_count", "equal_to", 3, {}), [False, False, True, False, False]),
    (("ticket_count", "equal_to", 0, {}), [True, True, True, True, True]),
    (("ticket_count", "equal_to", 1, {"open_only": False, "same_service": True}), [False, False, False, False, True]),
    (("rule_applied", "equal_to", 1, {"rule_codename": "ticket"}), [False, False, True, True, True]),
    (("report_ticket_threshold", "is_true", True, {}), [False, True, False, False, False]),
    (("service_action_count", "equal_to", 0, {}), [True] * 5),
    (("service_action_count_last_days", "equal_to", 0, {"last_days": 3}), [True] * 5),
    (("has_defendant_answers", "is_false", True, {}), [True] * 5),
    (("reporter_trust", "greater_than", 0.5, {}), [True] * 5),
    (("reporter_reports_count", "equal_to", 4, {}), [True] * 5),
    (("urls_down", "is_false", True, {}), [True] * 5),
    (("report_body", "contains", "203.0.113.1", {}), [True] * 5),
    (("customer_since", "equal_to", 100, {}), [True] * 5),
    (("service_type", "contains_all", ["vps"], {}), [True] * 5),
    (("provider_tags", "is_contained_by", [], {}), [True] * 5),
    (("has_fqdn", "is_false", True, {}), [True] * 5),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), AS_THEN, ids=[f"{name[0]}-{n}" for n, (name, _) in enumerate(AS_THEN)])
def test_facts_that_nobody_recorded_are_found_as_they_were(
    defendant: Defendant, service: Service, actor: User, asked: Asked, expected: list[bool]
) -> None:
    """Five reports: the second opens a ticket and takes the first along, the last comes when it is closed."""
    from abuse.controllers import moves, tickets

    ReportThreshold.filter(category="Spam").update(threshold=2, interval=30)
    save_rule(text(HAS_DEFENDANT, name="ticket", isActive=False))
    reports = []
    ticket: Ticket | None = None
    for number in range(5):
        if number == 4:
            assert ticket is not None
            moves.close_ticket(ticket, "fixed", actor=actor, keep_update=True)
        report = make_report(defendant=defendant, service=service)
        if number == 1:
            ticket = tickets.create_ticket(report, actor=actor)
            tickets.attach_waiting_reports(ticket, actor=actor)
            BusinessRulesHistory.create(
                business_rules=find_rule("ticket"), rules_type="Report", report=report, defendant=defendant,
                service=service, date=timezone.now(), trace={"rule": "ticket", "facts": []},
            )  # fmt: skip
        elif number in (2, 3):
            assert ticket is not None
            tickets.attach_report(report, ticket, actor=actor)
        reports.append(report)
    name, operator, value, params = asked
    found = try_out(text(leaf(name, operator, value, **params)), examples=10)
    matched = {one.report for examples in found.examples.values() for one in examples}
    assert [report.pk in matched for report in reports] == expected
    assert (found.undecidable, found.failing) == ({}, {})


# --- limits, effects, form --------------------------------------------------------------------------------------------


def capped(days: list[float], limit: dict[str, int], defendants: Callable[[int], Defendant]) -> ReplayResult:
    now = timezone.now()
    for number, ago in enumerate(days):
        make_report(defendant=defendants(number), received_date=now - timedelta(days=ago))
    return try_out(text(HAS_DEFENDANT, "create_ticket", "set_ticket_alarm", limits={"set_ticket_alarm": limit}))


@pytest.mark.parametrize(
    ("days", "limit", "runs"),
    [
        ([3.0, 3.0, 3.0], {"hour": 2}, 2),
        ([3.0, 2.99, 2.95], {"hour": 1}, 2),
        ([3.0, 2.5, 1.9, 1.8], {"day": 1}, 2),
        ([3.0, 3.0, 2.9, 2.9], {"customer_day": 1}, 2),
        ([3.0, 1.9, 1.8, 1.7], {"day": 0}, 0),
    ],
)
def test_limits_are_counted_along_the_time(days: list[float], limit: dict[str, int], runs: int) -> None:
    people = [make_defendant("P0"), make_defendant("P1")]
    result = capped(days, limit, lambda number: people[number % 2])
    assert result.actions["set_ticket_alarm", "Raise the ticket's alarm"] == runs
    assert result.actions["create_ticket", "Opens a ticket"] == len(days)
    assert result.capped.total() == len(days) - runs


@pytest.mark.parametrize(
    ("action", "effects"),
    [
        ({"name": "create_ticket"}, {"Opens a ticket": 1, "Joins the open ticket": 1}),
        ({"name": "create_ticket", "params": {"create_new": True}}, {"Opens a ticket": 2}),
        ({"name": "attach_report_to_ticket"}, {"FAILS: there is no ticket to join": 1, "Joins the open ticket": 1}),
        ({"name": "add_items_as_proof", "params": {"item_type": "URL"}},
         {"Keeps the reported URLs as proof": 1, "FAILS: the report names no URL": 1}),
        ({"name": "add_email_body_regex_proof", "params": {"regex": "here"}},
         {"Keeps a part of the mail as proof": 1, "FAILS: nothing in the mail matches": 1}),
        ({"name": "block_report_url"}, {"Has pages blocked": 1, "Blocks nothing: the report names no page": 1}),
        ({"name": "set_report_status", "params": {"status": "Archived"}},
         {"Set the report's status: status Archived": 2}),
        ({"name": "close_service"}, {"Close the customer's service": 2}),
    ],
)  # fmt: skip
def test_what_each_action_would_have_done(
    defendant: Defendant, service: Service, action: dict[str, Any], effects: dict[str, int]
) -> None:
    first = make_report(defendant=defendant, service=service, body="here", items=(("URL", "http://x.example"),))
    make_ticket(first)
    make_report(defendant=defendant, service=service, body="there" if action["name"] == "x" else "nothing")
    result = try_out(text(HAS_DEFENDANT, action))
    assert {effect: count for (_, effect), count in result.actions.items()} == effects


def test_only_rules_on_reports_can_be_tried() -> None:
    with pytest.raises(ReplayRefused, match="only Report rules can be tried"):
        try_out(text_of(find_rule("customer_answer")))


def test_the_result_is_json(past: list[Report]) -> None:
    found = json.loads(json.dumps(try_out(text(HAS_DEFENDANT, "create_ticket", name="new")).to_json()))
    assert (found["rule"], found["reports"], found["decides"]) == ("new", 10, 6)
    assert sum(change["count"] for change in found["changes"]) == found["changed"] == 6
    example = found["changes"][0]["examples"][0]
    assert set(example) == {"report", "provider", "category", "subject", "receivedDate"}
    assert datetime.fromisoformat(found["since"]).tzinfo is not None
    assert found["actions"][0]["action"] == "create_ticket"
