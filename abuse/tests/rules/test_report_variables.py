"""Every variable of Report rules: what it answers, and that it answers otherwise when the facts are otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    Defendant,
    ReceivedMessage,
    Report,
    ReportItem,
    ReportOutcome,
    ReportThreshold,
    Service,
    ServiceAction,
    ServiceActionJob,
    UrlStatus,
    User,
)
from abuse.parsers.values import ParsedEmail
from abuse.rules.beforehand import Answers, asked_beforehand
from abuse.rules.catalogues import catalogue
from abuse.rules.engine.facts import Facts
from abuse.rules.variables.report.default import DefaultReportVariables

from .conftest import make_defendant, make_provider, make_report, make_service, make_ticket

pytestmark = pytest.mark.django_db


def ask(
    name: str,
    report: Report,
    *,
    ticket: Any = None,
    parsed: ParsedEmail | None = None,
    trusted: bool = False,
    **params: object,
) -> object:
    """The answer of a variable, through the engine, so that its declared type is checked too."""
    variables = catalogue("Report").build_variables(parsed, report, ticket, is_trusted=trusted)
    return Facts(variables).value(name, params)


# --- what stands in the report and in what is known of reporter and customer ------------------------------------------

Setting = Callable[[Defendant, Service], Report]


def url_report(*looks: tuple[int, bool | None]) -> Setting:
    """A report on one page, with looks at it: oldest first, each a score and whether it was phishing."""

    def make(defendant: Defendant, service: Service) -> Report:
        report = make_report(defendant=defendant, service=service, items=(("URL", "http://c1.example/x"),))
        for number, (score, is_phishing) in enumerate(looks):
            UrlStatus.create(
                item=report.items.get(), direct_status="UP", score=score, is_phishing=is_phishing,
                date=timezone.now() + timedelta(seconds=number),
            )  # fmt: skip
        return report

    return make


def plain(**values: Any) -> Setting:
    return lambda defendant, service: make_report(defendant=defendant, service=service, **values)


def sent_by(**values: Any) -> Setting:
    return lambda defendant, service: make_report(provider=make_provider("x@y.example", **values))


def about(**details: Any) -> Setting:
    return lambda defendant, service: make_report(defendant=make_defendant("other", **details), service=service)


MAY = datetime(2026, 5, 5, 12, tzinfo=UTC)
BETWEEN = {"min_date": "2026-05-05 11:59", "max_date": "2026-05-05 12:01"}

TABLE: list[tuple[str, Setting, dict[str, Any], object]] = [
    ("has_fqdn", plain(items=(("FQDN", "c1.example"),)), {}, True),
    ("has_fqdn", plain(items=(("URL", "http://c1.example"),)), {}, False),
    ("has_urls", plain(items=(("URL", "http://c1.example"),)), {}, True),
    ("has_urls", plain(items=(("FQDN", "c1.example"),)), {}, False),
    ("is_misrouted", plain(items=(("IP", "9.1.2.3"), ("CIDR", "2a00:1::/32"))), {}, True),
    ("is_misrouted", plain(items=(("IP", "9.1.2.3"), ("IP", "203.0.113.7"))), {}, False),
    ("is_misrouted", plain(items=(("CIDR", "203.0.0.0/16"),)), {}, False),
    ("is_misrouted", plain(items=(("IP", "9.1.2.3"), ("FQDN", "c1.example"))), {}, False),
    ("is_misrouted", plain(items=(("IP", "104.16.1.1"),)), {}, False),
    ("is_misrouted", plain(), {}, False),
    ("missing_data", plain(), {}, []),
    ("missing_data", plain(missing_data=["port", "time"]), {}, ["port", "time"]),
    ("can_ask_reporter", plain(missing_data=["port"], authentication="pass"), {}, True),
    ("can_ask_reporter", plain(missing_data=["port"]), {}, False),
    ("can_ask_reporter", plain(authentication="pass"), {}, False),
    ("can_ask_reporter", plain(missing_data=["port"], authentication="pass", no_answer_reason="a list"), {}, False),
    ("report_category", plain(category_id="Network Attack"), {}, "network attack"),
    ("report_body", plain(body="the text"), {}, "the text"),
    ("report_subject", plain(subject="a subject"), {}, "a subject"),
    ("report_subject", plain(subject=None), {}, ""),
    ("report_recipients", plain(), {}, []),
    ("report_received_beetween", plain(received_date=MAY), BETWEEN, True),
    ("report_received_beetween", plain(received_date=MAY), BETWEEN | {"min_date": "2026-05-05 12:00"}, False),
    ("report_received_beetween", plain(received_date=MAY), BETWEEN | {"max_date": "2026-05-05 12:00"}, False),
    ("is_report_trusted", sent_by(trusted=True), {}, True),
    ("is_report_trusted", sent_by(trusted=False), {}, False),
    ("sender_authentication", plain(authentication="pass"), {}, "pass"),
    ("sender_authentication", plain(), {}, "none"),
    ("report_provider", sent_by(), {}, ["x@y.example"]),
    ("provider_tags", sent_by(tags=("b", "a")), {}, ["a", "b"]),
    ("provider_tags", sent_by(), {}, []),
    ("autoarchive", sent_by(tags=("distrust:0:autoarchive",)), {}, True),
    ("autoarchive", sent_by(tags=("distrust:1:attach_if_exists",)), {}, False),
    ("attach_if_exists", sent_by(tags=("distrust:1:attach_if_exists",)), {}, True),
    ("attach_if_exists", sent_by(tags=("distrust:0:autoarchive",)), {}, False),
    ("avoid_phishtocheck", sent_by(tags=("distrust:2:no_phishtocheck",)), {}, True),
    ("avoid_phishtocheck", sent_by(tags=("distrust:0:autoarchive",)), {}, False),
    ("reporter_trust", sent_by(trusted=True), {}, 1.0),
    ("reporter_trust", sent_by(), {}, 0.5),
    ("reporter_reports_count", sent_by(), {}, 0),
    ("has_defendant", plain(), {}, True),
    ("has_defendant", lambda defendant, service: make_report(), {}, False),
    ("customer_since", plain(), {}, 100),
    ("customer_since", about(creation_date=timezone.now() - timedelta(hours=2)), {}, 0),
    ("defendant_legal_form", about(legal_form="Corporation"), {}, ["Corporation"]),
    ("defendant_legal_form", about(legal_form=None), {}, [""]),
    ("defendant_country", about(country="pl"), {}, ["PL"]),
    ("defendant_customer_id", plain(), {}, ["c1"]),
    ("defendant_is_vip", about(is_vip=True), {}, True),
    ("defendant_is_vip", about(is_internal=True), {}, False),
    ("defendant_is_internal", about(is_internal=True), {}, True),
    ("defendant_is_internal", about(is_vip=True), {}, False),
    ("service_type", plain(), {}, ["vps"]),
    ("urls_down", url_report(), {}, False),
    ("urls_down", url_report((75, None)), {}, True),
    ("urls_down", url_report((74, None)), {}, False),
    ("urls_down", url_report((74, None)), {"down_threshold": 70}, True),
    ("urls_down", url_report((100, None), (0, None)), {}, False),
    ("urls_down", url_report((0, None), (100, None)), {"try_screenshot": False}, True),
    ("urls_down", plain(), {}, False),
    ("all_items_phishing", url_report((0, True)), {}, True),
    ("all_items_phishing", url_report((0, None)), {}, False),
    ("all_items_phishing", url_report((0, True), (0, False)), {}, False),
    ("all_items_phishing", url_report(), {}, False),
    ("all_items_phishing", plain(), {}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "setting", "params", "expected"), TABLE, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(TABLE)]
)
def test_what_a_variable_answers(
    name: str, setting: Setting, params: dict[str, Any], expected: object, defendant: Defendant, service: Service
) -> None:
    assert ask(name, setting(defendant, service), **params) == expected


def test_one_page_that_is_up_is_enough(defendant: Defendant, service: Service) -> None:
    report = make_report(defendant=defendant, items=(("URL", "http://a.example"), ("URL", "http://b.example")))
    first, second = report.items.order_by("pk")
    UrlStatus.create(item=first, direct_status="DOWN", score=100, is_phishing=True, date=timezone.now())
    assert (ask("urls_down", report), ask("all_items_phishing", report)) == (False, False)
    UrlStatus.create(item=second, direct_status="DOWN", score=90, is_phishing=True, date=timezone.now())
    fresh = Report.get(pk=report.pk)
    assert (ask("urls_down", fresh), ask("all_items_phishing", fresh)) == (True, True)


def test_a_ticket_that_could_be_joined(defendant: Defendant, service: Service) -> None:
    ticket = make_ticket(make_report(defendant=defendant, service=service))
    report = make_report(defendant=defendant, service=service)
    assert (ask("has_ticket", report), ask("has_ticket", report, ticket=ticket)) == (False, True)


def test_the_addressees_are_those_of_the_mail(defendant: Defendant) -> None:
    parsed = ParsedEmail(provider="jo@reporter.example", recipients=("a@example.net", "b@example.net"))
    assert ask("report_recipients", make_report(), parsed=parsed) == ["a@example.net", "b@example.net"]


def test_a_person_vouches_for_a_report(defendant: Defendant) -> None:
    assert ask("is_report_trusted", make_report(), trusted=True) is True


def test_revenue_is_what_was_asked_before(defendant: Defendant, service: Service) -> None:
    report = make_report(defendant=defendant, service=service)
    assert ask("defendant_revenue", report) == 0.0  # the shipped directory does not know
    with asked_beforehand(Answers(revenues={("C1", "vps-1"): 12.5})):
        assert ask("defendant_revenue", report) == 12.5


def test_learned_trust_follows_what_reports_turned_out_to_be(actor: User) -> None:
    right, wrong = make_provider("right@r.example"), make_provider("wrong@r.example")
    for provider, outcome in ((right, "confirmed"), (wrong, "false")):
        for _ in range(3):
            report = make_report(provider=provider)
            ReportOutcome.create(
                report=report, provider=provider, category_id="Spam", outcome=outcome, user=actor, date=timezone.now()
            )
    good, bad = (ask("reporter_trust", make_report(provider=one)) for one in (right, wrong))
    assert isinstance(good, float)
    assert isinstance(bad, float)
    assert 0 <= bad < 0.5 < good <= 1
    assert ask("reporter_reports_count", make_report(provider=wrong)) == 3
    assert ask("reporter_reports_count", make_report(provider=wrong, category_id="Malware")) == 0


@pytest.mark.parametrize(
    "name",
    [
        "customer_since", "defendant_legal_form", "defendant_country", "defendant_customer_id", "defendant_is_vip",
        "defendant_is_internal", "defendant_revenue", "service_type",
    ],
)  # fmt: skip
def test_what_is_asked_of_nobody_says_what_to_ask_first(name: str) -> None:
    with pytest.raises(LookupError, match="ask has_defendant first"):
        ask(name, make_report())


# --- the past ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def other_service(db: None) -> Service:
    return make_service("vps-2")


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def test_reports_that_are_not_archived_count(defendant: Defendant, service: Service) -> None:
    report = make_report(defendant=defendant, service=service)
    assert ask("report_count", report) == 1
    make_report(defendant=defendant, category_id="Malware")
    make_report(defendant=defendant, status="Archived")
    make_report(defendant=make_defendant("C2"))
    assert ask("report_count", report) == 2
    assert ask("report_count", make_report()) == 0


def test_enough_voices(defendant: Defendant, service: Service) -> None:
    ReportThreshold.filter(category="Spam").update(threshold=2, interval=10)
    first = make_report(defendant=defendant, service=service, received_date=days_ago(11))
    assert ask("report_ticket_threshold", first) is False
    second = make_report(defendant=defendant, service=service)
    assert ask("report_ticket_threshold", second) is False  # the first is too old to count
    third = make_report(defendant=defendant, service=service)
    assert ask("report_ticket_threshold", third) is True
    assert ask("report_ticket_threshold", make_report()) is False
    other = make_report(defendant=defendant, service=service, category_id="Malware")
    assert ask("report_ticket_threshold", other) is False


def test_other_tickets_of_the_customer(defendant: Defendant, service: Service, other_service: Service) -> None:
    report = make_report(defendant=defendant, service=service)
    own = make_ticket(make_report(defendant=defendant, service=service))
    assert ask("ticket_count", report) == 1
    assert ask("ticket_count", report, ticket=own) == 0
    make_ticket(make_report(defendant=defendant, service=other_service, category_id="Malware"))
    make_ticket(
        make_report(defendant=defendant, service=service, category_id="Malware"),
        status="Closed",
        creation_date=days_ago(9),
    )
    make_ticket(make_report(defendant=make_defendant("C2"), service=service))
    assert ask("ticket_count", report, ticket=own) == 1
    assert ask("ticket_count", report, ticket=own, open_only=False) == 2
    assert ask("ticket_count", report, ticket=own, open_only=False, same_service=True) == 1
    assert ask("ticket_count", report, ticket=own, open_only=False, last_days=8) == 1
    assert ask("ticket_count", report, ticket=own, open_only=False, last_days=10) == 2


def answer(ticket: Any, *, authentic: bool = True, category: str = "Defendant") -> None:
    ReceivedMessage.create(
        ticket=ticket, category=category, sender="c1@customer.example", recipient="x", authentic=authentic,
        date=timezone.now(),
    )  # fmt: skip


def test_whether_the_customer_answered_everywhere(
    defendant: Defendant, service: Service, other_service: Service
) -> None:
    report = make_report(defendant=defendant, service=service)
    assert ask("has_defendant_answers", report) is False
    first = make_ticket(make_report(defendant=defendant, service=service, received_date=days_ago(5)))
    answer(first, authentic=False)
    answer(first, category="Plaintiff")
    assert ask("has_defendant_answers", report) is False
    answer(first)
    assert ask("has_defendant_answers", report) is True
    unanswered = make_report(defendant=defendant, service=other_service, received_date=days_ago(50))
    make_ticket(unanswered)
    assert ask("has_defendant_answers", report) is False
    assert ask("has_defendant_answers", report, same_service=True) is True
    assert ask("has_defendant_answers", report, last_days=30) is True
    assert ask("has_defendant_answers", report, last_days=1) is False
    decision(unanswered, "default_defendant_trusted")
    assert ask("has_defendant_answers", report, rule_codename="default_defendant_trusted") is False
    answer(unanswered.ticket)
    assert ask("has_defendant_answers", report, rule_codename="default_defendant_trusted") is True
    assert ask("has_defendant_answers", report, rule_codename="another") is False


def job(ticket: Any, *, executed: datetime | None = None) -> None:
    action = ServiceAction.first()
    made = ServiceActionJob.create(action=action, creation_date=days_ago(60), execution_date=executed)
    ticket.jobs.add(made)


def test_measures_against_the_customer(defendant: Defendant, service: Service) -> None:
    report = make_report(defendant=defendant, service=service)
    assert ask("service_action_count", report) == 0
    ticket = make_ticket(make_report(defendant=defendant, service=service))
    job(ticket)
    job(ticket, executed=days_ago(5))
    job(ticket, executed=days_ago(35))
    job(make_ticket(make_report(defendant=make_defendant("C2"), service=service)), executed=days_ago(1))
    assert ask("service_action_count", report) == 3
    assert ask("service_action_count_last_days", report) == 1
    assert ask("service_action_count_last_days", report, last_days=40) == 2
    assert ask("service_action_count_last_days", report, last_days=1) == 0


def decision(report: Report, rule: str, *, days: float = 0, is_shadow: bool = False) -> None:
    BusinessRulesHistory.create(
        business_rules=BusinessRules.get(name=rule), rules_type="Report", report=report, defendant=report.defendant,
        service=report.service, is_shadow=is_shadow, date=days_ago(days),
    )  # fmt: skip


def test_how_often_a_rule_decided(defendant: Defendant, service: Service, other_service: Service) -> None:
    rule = "default_defendant_trusted"
    report = make_report(defendant=defendant, service=service)
    for days in (0, 5, 40):
        decision(make_report(defendant=defendant, service=service), rule, days=days)
    decision(make_report(defendant=defendant, service=service), rule, is_shadow=True)
    decision(make_report(defendant=defendant, service=other_service), rule)
    decision(make_report(defendant=defendant, service=service), "phishing_down")
    assert ask("rule_applied", report, rule_codename=rule) == 3
    assert ask("rule_applied", report, rule_codename=rule, since_last_days=30) == 2
    assert ask("rule_applied", report, rule_codename=rule, older_than_days=1) == 2
    assert ask("rule_applied", report, rule_codename=rule, since_last_days=30, older_than_days=1) == 1
    assert ask("rule_applied", report, rule_codename="unknown") == 0


# --- the catalogue ----------------------------------------------------------------------------------------------------

DESCRIBED = {
    "has_ticket", "is_report_trusted", "has_defendant", "has_fqdn", "has_urls", "report_category", "report_provider",
    "report_recipients", "report_body", "report_subject", "autoarchive", "avoid_phishtocheck", "urls_down",
    "all_items_phishing", "customer_since", "defendant_legal_form", "defendant_country", "defendant_customer_id",
    "defendant_is_vip", "defendant_is_internal", "defendant_revenue", "report_count", "report_ticket_threshold",
    "ticket_count", "has_defendant_answers", "service_type", "service_action_count", "service_action_count_last_days",
    "rule_applied", "report_received_beetween",
}  # fmt: skip
MORE = {
    "can_ask_reporter",
    "missing_data",
    "attach_if_exists",
    "is_misrouted",
    "mail_kind",
    "provider_tags",
    "reporter_reports_count",
    "reporter_trust",
    "sender_authentication",
}


def test_one_class_has_all_variables() -> None:
    names = {variable.name for variable in DefaultReportVariables.get_all_variables()}
    assert names == DESCRIBED | MORE
    assert all(variable.label for variable in DefaultReportVariables.get_all_variables())


def test_items_at_hand_cost_no_query(
    defendant: Defendant, service: Service, django_assert_num_queries: Callable[[int], Any]
) -> None:
    report = make_report(defendant=defendant, service=service)
    report = (
        Report.objects.select_related("provider", "defendant__details", "service")
        .prefetch_related("items", "provider__tags")
        .get(pk=report.pk)
    )
    with django_assert_num_queries(0):
        for name in ("has_urls", "urls_down", "autoarchive", "defendant_country", "service_type", "report_body"):
            ask(name, report)
    assert not ReportItem.filter(report=report).exists()
