"""Reports: the list, one of them, and its items."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    ItemScreenshotFeedback,
    ReportStatus,
    RulesType,
    Tag,
)
from abuse.models.questions import BODY_START

from .conftest import Caller, MakeCaller
from .rows import START, a_defendant, a_provider, a_report, a_service, a_tag, a_ticket, an_item

pytestmark = pytest.mark.django_db
EPOCH = int(START.timestamp())


def where(**conditions: Any) -> dict[str, Any]:
    return {"where": {"in": [{name: values} for name, values in conditions.items()]}}


def test_a_row_has_the_shape_that_the_client_reads(root: Caller) -> None:
    provider = a_provider("cert@example.org", name="Cert", trusted=True, priority="High")
    ticket = a_ticket()
    report = a_report(
        ticket=ticket, provider=provider, defendant=a_defendant(email="jo@example.net"), service=a_service("vps"),
        subject="About", body="Hello", received_date=START, created_at=START + timedelta(seconds=5),
    )  # fmt: skip
    report.tags.add(a_tag("report:x", Tag.Type.REPORT))
    (row,) = root.get("/api/reports").get_json()
    tag = row.pop("tags")[0]
    assert (tag["name"], tag["tagType"]) == ("report:x", "Report")
    assert row.pop("defendant")["email"] == "jo@example.net"
    assert row.pop("service")["name"] == "vps"
    assert row == {
        "id": report.pk, "receivedDate": EPOCH, "creationDate": EPOCH + 5, "status": "Attached", "category": "Phishing",
        "subject": "About", "body": "Hello", "bodyIsCut": False, "ticket": ticket.pk, "reporterReference": None,
        "missingData": [], "treatedMode": "NONE",
        "provider": {"email": "cert@example.org", "name": "Cert", "trusted": True, "priority": "High"},
    }  # fmt: skip


def test_a_long_body_is_cut_in_lists_and_whole_in_the_report(root: Caller) -> None:
    whole = a_report(body="ä" * BODY_START)
    longer = a_report(body="ä" * BODY_START + "z")
    cut, uncut = root.get("/api/reports").get_json()
    assert (cut["id"], len(cut["body"]), cut["bodyIsCut"]) == (longer.pk, BODY_START, True)
    assert (uncut["id"], len(uncut["body"]), uncut["bodyIsCut"]) == (whole.pk, BODY_START, False)
    assert root.get(f"/api/reports/{longer.pk}").get_json()["body"] == longer.body


def test_the_newest_come_first_and_archived_ones_only_when_asked_for(root: Caller) -> None:
    old, archived, new = a_report(), a_report(status=ReportStatus.ARCHIVED), a_report()
    assert root.ids("/api/reports") == [new.pk, old.pk]
    assert root.ids("/api/reports", {"where": {}}) == [new.pk, old.pk]
    assert root.ids("/api/reports", where(category=["Phishing"])) == [new.pk, archived.pk, old.pk]
    assert root.ids("/api/reports", {"sortBy": {"receivedDate": 1}}) == [old.pk, new.pk]
    assert root.ids("/api/reports", {"sortBy": {"creationDate": 1}}) == [old.pk, new.pk]


@pytest.mark.parametrize("profile", ["Read-only", "Beginner", "Advanced", "Expert"])
def test_any_profile_opens_the_reports_of_its_category_alone(make_caller: MakeCaller, profile: str) -> None:
    caller = make_caller(profiles={"Phishing": profile})
    own = a_report(ticket=a_ticket(confidential=True))
    foreign = a_report("Spam")
    an_item(foreign)
    assert caller.ids("/api/reports") == [own.pk]
    assert caller.ids("/api/reports", where(id=[foreign.pk])) == []
    for path, status in (
        (f"{own.pk}", 200),
        (f"{own.pk}/items", 200),
        (f"{foreign.pk}", 403),
        (f"{foreign.pk}/items", 403),
    ):
        assert caller.get(f"/api/reports/{path}").status_code == status
    assert caller.get("/api/reports/999999/items").status_code == 404


def test_without_any_profile_one_sees_nothing(make_caller: MakeCaller) -> None:
    caller = make_caller()
    report = a_report()
    assert caller.ids("/api/reports") == []
    assert caller.get(f"/api/reports/{report.pk}").status_code == 403


def test_conditions(root: Caller) -> None:
    defendant = a_defendant(customer_id="C-9", country="FR", email="jo@example.net")
    defendant.tags.add(a_tag("vip", Tag.Type.DEFENDANT))
    provider = a_provider("cert@example.org")
    provider.tags.add(a_tag("noisy", Tag.Type.PROVIDER))
    ticket = a_ticket()
    one = a_report(
        ticket=ticket, defendant=defendant, service=a_service("vps"), provider=provider, subject="A page", body="look",
        reporter_reference="R-1",
    )  # fmt: skip
    one.tags.add(a_tag("report:x", Tag.Type.REPORT), a_tag("report:y", Tag.Type.REPORT))
    an_item(one, "http://evil.example.net/x", "URL", fqdn="evil.example.net", fqdn_resolved="192.0.2.9")
    an_item(one, "192.0.2.8", ip_reverse="host8.example.net")
    other = a_report("Spam", subject="Other")
    for name, value in {
        "id": one.pk, "ticket": ticket.pk, "category": "Phishing", "status": "Attached", "service": "vps",
        "defendant": "C-9", "defendantCustomerId": "C-9", "defendantEmail": "jo@example.net",
        "defendantCountry": "FR", "defendantTag": "vip", "reportTag": "report:x", "provider": "cert@example.org",
        "providerEmail": "cert@example.org", "providerTag": "noisy", "item": "evil.example.net",
        "itemRawItem": "192.0.2.8", "itemIpReverse": "host8.example.net", "itemFqdnResolved": "192.0.2.9",
        "reporterReference": "R-1", "subject": "A page", "body": "look",
    }.items():  # fmt: skip
        assert root.ids("/api/reports", where(**{name: [value]})) == [one.pk], name
    assert root.ids("/api/reports", where(reportTag=["report:x", "report:y"])) == [one.pk]
    assert root.ids("/api/reports", where(ticket=[None])) == [other.pk]
    assert root.ids("/api/reports", {"where": {"like": [{"subject": ["PAGE"]}, {"fulltext": ["192.0.2.8"]}]}}) == [
        one.pk
    ]
    assert root.ids("/api/reports", {"where": {"like": [{"id": [str(one.pk)]}]}}) == [one.pk]
    assert root.ids("/api/reports", {"where": {"like": [{"id": ["x"]}]}}) == []


def test_selected_fields(root: Caller) -> None:
    a_report()
    assert set(root.get("/api/reports", {"queryFields": ["provider"]}).get_json()[0]) == {"id", "provider"}


def test_a_report_shows_what_the_rules_decided(root: Caller) -> None:
    report = a_report(defendant=a_defendant())
    rule = BusinessRules.filter(rules_type=RulesType.REPORT).order_by("pk")[0]
    BusinessRulesHistory.create(business_rules=rule, rule_version=2, rules_type="Report", report=report, date=START)
    answer = root.get(f"/api/reports/{report.pk}").get_json()
    assert answer["decisions"] == [
        {"rule": rule.name, "ruleVersion": 2, "rulesType": "Report", "report": report.pk, "date": EPOCH}
    ]
    assert answer["defendant"]["comments"] == []
    assert answer["ticket"] is None


def test_items_have_the_shape_that_the_client_reads(root: Caller) -> None:
    report = a_report()
    address = an_item(
        report, "192.0.2.8", original="192[.]0[.]2[.]8", port=80, protocol="tcp", seen_at=START, place="text"
    )
    an_item(report, "203.0.113.0/24", "CIDR")
    an_item(report, "10.0.0.1")
    url = an_item(report, "http://evil.example.net/", "URL", fqdn="evil.example.net", fqdn_resolved="192.0.2.9")
    an_item(report, "2001:db8::1")
    an_item(a_report(), "192.0.2.99")
    ItemScreenshotFeedback.create(item=url, token="a", is_viewed=True)
    ItemScreenshotFeedback.create(item=address, token="b", is_viewed=False)
    answer = root.get(f"/api/reports/{report.pk}/items").get_json()
    assert answer["itemsCount"] == 5
    first, network, foreign, page, six = answer["items"]
    assert first == {
        "id": address.pk, "report": report.pk, "itemType": "IP", "rawItem": "192.0.2.8", "original": "192[.]0[.]2[.]8",
        "place": "text", "port": 80, "protocol": "tcp", "seenAt": EPOCH, "viewed": False,
        "history": [{
            "date": EPOCH, "rawItem": "192.0.2.8", "itemType": "IP", "ip": "192.0.2.8", "ipReverse": None,
            "ipReverseResolved": None, "ipCategory": "managed", "fqdn": None, "fqdnResolved": None,
            "fqdnResolvedReverse": None, "url": None,
        }],
    }  # fmt: skip
    assert (network["history"][0]["ip"], network["history"][0]["ipCategory"]) == (None, "managed")
    assert foreign["history"][0]["ipCategory"] == "other"
    assert page["viewed"] is True
    assert (page["history"][0]["fqdnResolved"], page["history"][0]["ipCategory"]) == ("192.0.2.9", "managed")
    assert (six["history"][0]["ip"], six["history"][0]["ipCategory"]) == ("2001:db8::1", "managed")


def test_items_are_paged_filtered_and_counted(root: Caller) -> None:
    report = a_report()
    items = [an_item(report, f"192.0.2.{number}") for number in range(12)]
    path = f"/api/reports/{report.pk}/items"

    def answer(filters: object = None) -> tuple[list[int], int]:
        body = root.get(path, filters).get_json()
        return [item["id"] for item in body["items"]], body["itemsCount"]

    ids = [item.pk for item in items]
    assert answer() == (ids[:10], 12)
    assert answer({"paginate": {"currentPage": 3, "resultsPerPage": 5}}) == (ids[10:], 12)
    assert answer({"paginate": {"resultsPerPage": 0}}) == ([], 12)
    assert answer({"where": {"like": [{"rawItem": ["2.11"]}]}}) == ([ids[11]], 1)
    assert "filters.where.in: " in root.refusal(path, where(report=[1]))


def test_a_page_of_fifty_costs_few_queries(
    make_caller: MakeCaller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    caller = make_caller(profiles={"Phishing": "Read-only"})
    tag = a_tag("report:x", Tag.Type.REPORT)
    for number in range(50):
        report = a_report(
            ticket=a_ticket(),
            provider=a_provider(f"r{number}@example.com"),
            defendant=a_defendant(),
            service=a_service(),
        )
        report.tags.add(tag)
        an_item(report)
    filters = {"paginate": {"resultsPerPage": 50}, **where(reportTag=["report:x"])}
    with django_assert_max_num_queries(5) as captured:  # one is for which tag it is, and how many have it
        rows = caller.get("/api/reports", filters).get_json()
    assert len(rows) == 50
    assert all(row["defendant"] and row["service"] and row["tags"] and row["body"] for row in rows)
    assert '"abuse_report"."body" ' not in captured.captured_queries[-2]["sql"].replace(
        'LEFT("abuse_report"."body"', ""
    )
    with django_assert_max_num_queries(9):  # one is for the version
        caller.get(f"/api/reports/{report.pk}")
    with django_assert_max_num_queries(6):
        caller.get(f"/api/reports/{report.pk}/items", {"paginate": {"resultsPerPage": 250}})
