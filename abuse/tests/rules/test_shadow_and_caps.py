"""Rules in shadow mode decide nothing, and capped actions stop, whoever asks at the same moment."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from abuse.controllers.history import robot
from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    Defendant,
    History,
    Report,
    RuleActionUse,
    Service,
    Ticket,
    User,
)
from abuse.rules.apply import RulesRun
from abuse.rules.engine.errors import RuleError
from abuse.rules.store import save_rule

from .conftest import make_defendant, make_provider, make_report, make_service

HAS_DEFENDANT = {"name": "has_defendant", "operator": "is_true"}


def rule(name: str, order: int, *actions: Any, conditions: Any = HAS_DEFENDANT, **more: Any) -> BusinessRules:
    calls = [one if isinstance(one, dict) else {"name": one} for one in actions]
    document = {
        "name": name, "rulesType": "Report", "orderId": order, "config": {"conditions": conditions, "actions": calls},
    }  # fmt: skip
    return save_rule(json.dumps(document | more))[0]


def decide(report: Report, actor: User, ticket: Ticket | None = None) -> str | None:
    run = RulesRun(actor)
    with transaction.atomic():
        fired = run.decide_report(report, None, ticket)
        run.write()
    return fired


@pytest.fixture
def report(defendant: Defendant, service: Service) -> Report:
    return make_report(defendant=defendant, service=service, provider=make_provider("t@r.example", trusted=True))


# --- shadow -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_shadow_rule_records_what_it_would_do_and_lets_the_next_decide(report: Report, actor: User) -> None:
    shadow = rule("sleeper", 0, {"name": "set_report_status", "params": {"status": "Archived"}}, mode="shadow")
    assert decide(report, actor) == "default_defendant_trusted"
    report.refresh_from_db()
    assert report.status == "Attached"
    told = BusinessRulesHistory.get(is_shadow=True)
    assert (told.business_rules, told.report, told.rule_version) == (shadow, report, 1)
    assert told.trace["would"] == [{"name": "set_report_status", "params": {"status": "Archived"}}]
    assert told.trace["conditions"]["actual"] is True
    assert BusinessRulesHistory.get(is_shadow=False).trace["rule"] == "default_defendant_trusted"
    assert set(report.tags.values_list("codename", flat=True)) == {"report:default_defendant_trusted"}
    assert RuleActionUse.count() == 0


@pytest.mark.django_db
def test_a_shadow_rule_that_does_not_match_leaves_nothing(report: Report, actor: User) -> None:
    no_urls = {"name": "has_urls", "operator": "is_true"}
    rule("sleeper", 0, "do_nothing", mode="shadow", conditions=no_urls)
    decide(report, actor)
    assert not BusinessRulesHistory.filter(is_shadow=True).exists()


@pytest.mark.django_db
def test_a_shadow_rule_behind_the_decision_is_not_tried(report: Report, actor: User) -> None:
    rule("sleeper", 1000, "do_nothing", mode="shadow")
    decide(report, actor)
    assert not BusinessRulesHistory.filter(is_shadow=True).exists()


@pytest.mark.django_db
def test_a_shadow_rule_that_fails_spoils_nothing(actor: User) -> None:
    vip = {"name": "defendant_is_vip", "operator": "is_true"}
    rule("sleeper", 0, "do_nothing", mode="shadow", conditions=vip)
    nobody = make_report()
    assert decide(nobody, actor) == "default_no_defendant"
    told = BusinessRulesHistory.get(is_shadow=True)
    assert "variable defendant_is_vip failed" in told.trace["error"]
    rule("sleeper", 0, "do_nothing", mode="live", conditions=vip)
    with pytest.raises(RuleError):
        decide(make_report(), actor)


@pytest.mark.django_db
def test_a_statement_that_fails_in_a_shadow_rule_does_not_end_the_transaction(
    report: Report, actor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from abuse.rules.variables import questions

    monkeypatch.setattr(questions, "_REPORT_COUNT_NOW", "SELECT 1 / 0 FROM subject")
    rule(
        "sleeper",
        0,
        "do_nothing",
        mode="shadow",
        conditions={"name": "report_count", "operator": "equal_to", "value": 1},
    )
    assert decide(report, actor) == "default_defendant_trusted"
    assert "DataError" in BusinessRulesHistory.get(is_shadow=True).trace["error"]


@pytest.mark.django_db
def test_decisions_of_shadow_rules_are_not_applied_rules(report: Report, actor: User, defendant: Defendant) -> None:
    rule("sleeper", 0, "do_nothing", mode="shadow")
    decide(report, actor)
    often = {"name": "rule_applied", "operator": "equal_to", "value": 0, "params": {"rule_codename": "sleeper"}}
    rule("asks", 1, "do_nothing", conditions={"all": [HAS_DEFENDANT, often]})
    assert decide(make_report(defendant=defendant, service=report.service), actor) == "asks"


@pytest.mark.django_db
def test_a_rule_sees_what_was_decided_a_moment_ago_in_the_same_transaction(
    report: Report, actor: User, defendant: Defendant
) -> None:
    never = {"name": "rule_applied", "operator": "equal_to", "value": 0, "params": {"rule_codename": "first_only"}}
    rule("first_only", 0, "do_nothing", conditions={"all": [HAS_DEFENDANT, never]})
    second = make_report(defendant=defendant, service=report.service)
    run = RulesRun(actor)
    fired = [run.decide_report(one, None, None) for one in (report, second)]
    assert fired == ["first_only", "default_defendant_not_trusted_no_ticket"]


# --- caps -------------------------------------------------------------------------------------------------------------


def capped(**limit: int) -> BusinessRules:
    return rule(
        "capped", 0, "create_ticket", "set_ticket_alarm", "send_provider_ack", limits={"set_ticket_alarm": limit}
    )


@pytest.mark.django_db
@pytest.mark.parametrize("period", ["hour", "day", "customer_day"])
def test_over_a_cap_the_action_and_those_after_it_are_not_run(period: str, actor: User, service: Service) -> None:
    capped(**{period: 1})
    defendant = make_defendant("D1")
    tickets = []
    for number in range(2):
        one = make_report(defendant=defendant, service=make_service(f"s{number}"))
        assert decide(one, actor) == "capped"
        one.refresh_from_db()
        tickets.append(one.ticket)
    first, second = tickets
    assert first is not None
    assert second is not None
    assert (first.alarm, first.status) == (True, "Open")
    assert (second.alarm, second.status) == (False, "Alarm")
    assert RuleActionUse.get().report == first.reports.get()
    trace = BusinessRulesHistory.filter(ticket=second).get().trace
    assert [action["name"] for action in trace["actions"]] == ["create_ticket"]
    assert trace["limit"] == {"action": "set_ticket_alarm", "period": period, "limit": 1, "used": 1}
    told = History.get(ticket=second, field="rule_limit")
    assert (told.new, told.refs["rule"], told.refs["limit"]) == ("set_ticket_alarm", "capped", 1)
    assert "may run 1 times in a" in told.refs["reason"]


@pytest.mark.django_db
def test_a_report_without_a_ticket_goes_to_a_person(report: Report, actor: User) -> None:
    rule("capped", 0, {"name": "add_report_tag", "params": {"tag_name": "x"}}, limits={"add_report_tag": {"day": 0}})
    decide(report, actor)
    report.refresh_from_db()
    assert (report.status, report.ticket) == ("ToValidate", None)
    assert History.get(report=report, action_type="ChangeReportStatus").refs["reason"].startswith("rule capped: ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limit", "old", "other_customer", "runs"),
    [
        ({"hour": 1}, timedelta(minutes=59), False, False),
        ({"hour": 1}, timedelta(minutes=61), False, True),
        ({"day": 1}, timedelta(hours=23), True, False),
        ({"day": 1}, timedelta(hours=25), True, True),
        ({"customer_day": 1}, timedelta(hours=23), True, True),
        ({"customer_day": 1}, timedelta(hours=23), False, False),
        ({"customer_day": 1}, timedelta(hours=25), False, True),
    ],
)
def test_what_counts(
    report: Report, actor: User, limit: dict[str, int], old: timedelta, other_customer: bool, runs: bool
) -> None:
    row = capped(**limit)
    whose = make_defendant("Other") if other_customer else report.defendant
    RuleActionUse.create(
        business_rules=row, action="set_ticket_alarm", defendant=whose, date=timezone.now() - old
    )  # fmt: skip
    RuleActionUse.create(business_rules=row, action="create_ticket", defendant=whose, date=timezone.now())
    decide(report, actor)
    report.refresh_from_db()
    assert report.ticket is not None
    assert report.ticket.alarm is runs


@pytest.mark.django_db
def test_a_ticket_that_is_an_alarm_already_stays_one(report: Report, actor: User) -> None:
    rule(
        "capped", 0, "create_ticket", {"name": "set_ticket_status", "params": {"status": "Alarm"}}, "send_provider_ack",
        limits={"send_provider_ack": {"day": 0}},
    )  # fmt: skip
    decide(report, actor)
    assert History.filter(action_type="ChangeStatus").count() == 1
    assert History.filter(field="rule_limit").count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_never_exceed_a_cap() -> None:
    capped(day=3)
    reports = [make_report(defendant=make_defendant(f"D{n}"), service=make_service(f"s{n}")).pk for n in range(16)]
    start = threading.Barrier(8)
    faults: list[BaseException] = []

    def work(mine: list[int]) -> None:
        try:
            start.wait()
            for pk in mine:
                report = Report.objects.select_related("provider", "category", "defendant__details", "service").get(
                    pk=pk
                )
                decide(report, robot())
        except BaseException as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(reports[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    assert faults == []
    assert RuleActionUse.count() == 3
    assert Ticket.filter(alarm=True).count() == 3
    assert Ticket.filter(status="Alarm").count() == 13
