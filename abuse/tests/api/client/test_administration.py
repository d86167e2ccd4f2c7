"""The administration screens, and campaigns."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    Category,
    MailTemplate,
    MassContact,
    Provider,
    ReportThreshold,
    Resolution,
    Role,
    Tag,
    Ticket,
    TicketWorkflowPreset,
)

from ..conftest import Caller, MakeCaller
from ..rows import START, a_provider, a_report, a_tag, a_ticket
from .wire import encoded, get, ok, refused, send

pytestmark = pytest.mark.django_db
CAMPAIGN = "{% if lang == 'FR' %}Votre{% else %}Your{% endif %} {{ service }} {{ publicId }}"


@pytest.fixture
def boss(make_caller: MakeCaller) -> Caller:
    return make_caller("boss", {"Phishing": "Expert"}, role="admin")


def test_only_administrators_change_what_the_desk_works_with(ann: Caller) -> None:
    a_provider("cert@x.example")
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/categories", {"name": "x", "label": "x", "description": "x"}),
        ("PUT", "/categories/Spam", {"name": "Spam", "label": "x", "description": "x"}),
        ("DELETE", "/categories/Spam", None),
        ("POST", "/tags", {"name": "x", "tagType": "Ticket"}),
        ("PUT", "/tags/1", {"name": "x"}),
        ("DELETE", "/tags/1", None),
        ("PUT", "/providers/cert@x.example", {"trusted": True}),
        ("POST", "/providers/cert@x.example/tags", {"name": "x"}),
        ("POST", "/resolutions", {"codename": "x"}),
        ("DELETE", "/resolutions/1", None),
        ("GET", "/admin/threshold", None),
        ("POST", "/presets", {"name": "x"}),
        ("PUT", "/presets/order", []),
        ("POST", "/rules", {"name": "x"}),
        ("DELETE", "/rules/1", None),
    ]
    for method, path, body in calls:
        refused(ann, method, path, body, status=403)


def test_get_categories(ann: Caller) -> None:
    rows = get(ann, "/categories")
    assert [row["name"] for row in rows] == sorted(Category.all().values_list("name", flat=True))
    assert set(rows[0]) == {"name", "label", "description"}
    assert [row["name"] for row in get(ann, "/my-categories")] == ["Malware", "Phishing", "Spam"]


def test_post_put_and_delete_categories_name(boss: Caller) -> None:
    body = {"name": "Bots & more", "label": "Bots", "description": "March of bots"}
    assert ok(boss, "POST", "/categories", body) == body
    refused(boss, "POST", "/categories", {**body, "name": "bots & MORE"}, status=409)
    path = "/categories/Bots%20&%20more"
    assert ok(boss, "PUT", path, {**body, "label": "All bots", "$$hashKey": "x"})["label"] == "All bots"
    assert "key" in refused(boss, "PUT", path, {**body, "name": "Other name"}, status=409)
    assert isinstance(ok(boss, "DELETE", path), dict)
    provider = Provider.create(email="x@x.example", default_category_id="Spam")
    assert "providers" in refused(boss, "DELETE", "/categories/Spam", status=409)
    provider.refresh_from_db()


def test_get_tags_and_tags_types(ann: Caller) -> None:
    a_tag("fraud")
    a_tag("vip", Tag.Type.DEFENDANT)
    assert {"name": "fraud", "tagType": "Ticket", "level": 0}.items() <= next(
        row for row in get(ann, "/tags") if row["name"] == "fraud"
    ).items()
    assert [row["name"] for row in ok(ann, "GET", "/tags", query="tagType=Defendant")] == ["vip"]
    assert {"label": "News"} in get(ann, "/tags/types")


def test_a_new_tag_is_in_every_list_at_once(boss: Caller) -> None:
    assert ok(boss, "GET", "/tags", query="tagType=News") == []
    ok(boss, "POST", "/tags", {"name": "urgent", "tagType": "News"})
    assert [row["name"] for row in ok(boss, "GET", "/tags", query="tagType=News")] == ["urgent"]


def test_post_put_and_delete_tags(boss: Caller) -> None:
    made = ok(boss, "POST", "/tags", {"name": "fraud", "tagType": "Ticket", "level": "3"})
    assert made["level"] == 3
    assert set(made) >= {"id", "tagType", "name", "level"}
    refused(boss, "POST", "/tags", {"name": "fraud", "tagType": "Ticket"}, status=409)
    refused(boss, "POST", "/tags", {"name": "fraud", "tagType": "Nonsense"}, status=409)
    changed = ok(boss, "PUT", f"/tags/{made['id']}", {"name": "big fraud", "level": 5})
    assert changed == {**made, "name": "big fraud", "level": 5}
    ticket = a_ticket()
    ticket.tags.add(Tag.get(pk=made["id"]))
    assert isinstance(ok(boss, "DELETE", f"/tags/{made['id']}"), dict)
    assert Ticket.get() == ticket


def test_get_providers(ann: Caller) -> None:
    for number in range(12):
        a_provider(f"r{number:02}@x.example", trusted=number == 3)
    assert get(ann, "/providers", {"paginate": {"resultsPerPage": 0, "currentPage": 1}}) == {
        "providers": [],
        "providersCount": 12,
    }
    filters: dict[str, Any] = {
        "paginate": {"resultsPerPage": 12},
        "queryFields": ["email", "trusted"],
        "where": {"like": [{"email": ["r03"]}]},
    }
    answer = get(ann, "/providers", filters)
    assert [(row["email"], row["trusted"]) for row in answer["providers"]] == [("r03@x.example", True)]
    assert answer["providersCount"] == 1
    assert "apiKey" not in answer["providers"][0]
    filters["where"] = {"like": [{"apiKey": ["a"]}]}
    assert send(ann, "GET", "/providers", query=encoded(filters)).status_code == 400
    assert len(get(ann, "/providers", {"paginate": {"resultsPerPage": 5}})["providers"]) == 5


def test_a_page_of_fifty_providers_costs_few_queries(
    ann: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    tag = a_tag("x", Tag.Type.PROVIDER)
    for number in range(50):
        a_provider(f"r{number}@x.example").tags.add(tag)
    with django_assert_max_num_queries(5):
        assert len(get(ann, "/providers", {"paginate": {"resultsPerPage": 50}})["providers"]) == 50


def test_put_providers_email(boss: Caller) -> None:
    a_provider("cert@x.example", name="CERT")
    tag = a_tag("never_auto_ack", Tag.Type.PROVIDER)
    whole = get(boss, "/providers/CERT@x.example")
    body = {
        **whole,
        "trusted": True,
        "priority": "High",
        "defaultCategory": "Spam",
        "apiKey": "x",
        "tags": [{"id": tag.pk}],
    }
    answer = ok(boss, "PUT", "/providers/cert@x.example", body)
    assert (answer["trusted"], answer["priority"], answer["defaultCategory"]) == (True, "High", "Spam")
    assert [one["name"] for one in answer["tags"]] == ["never_auto_ack"]
    assert Provider.get().api_key is None
    answer = ok(boss, "PUT", "/providers/cert@x.example", {"defaultCategory": None})
    assert (answer["defaultCategory"], answer["trusted"], answer["name"]) == (None, True, "CERT")
    refused(boss, "PUT", "/providers/nobody@x.example", whole, status=404)
    refused(boss, "PUT", "/providers/cert@x.example", {"priority": "Urgent"}, status=409)


def test_post_and_delete_providers_email_tags(boss: Caller) -> None:
    provider, tag = a_provider("cert+a@x.example"), a_tag("t", Tag.Type.PROVIDER)
    ok(boss, "POST", "/providers/cert+a@x.example/tags", {"id": tag.pk, "name": "t", "tagType": "Provider"})
    assert list(provider.tags.all()) == [tag]
    ok(boss, "DELETE", f"/providers/cert+a@x.example/tags/{tag.pk}")
    refused(boss, "DELETE", f"/providers/cert+a@x.example/tags/{tag.pk}", status=404)
    a_report(provider=provider)
    refused(boss, "DELETE", "/providers/cert+a@x.example", status=409)


def test_resolutions_answer_with_all_of_them(boss: Caller) -> None:
    before = get(boss, "/resolutions")
    assert set(before[0]) == {"id", "codename"}
    after = ok(boss, "POST", "/resolutions", {"codename": "a new one"})
    assert isinstance(after, list)
    assert len(after) == len(before) + 1
    refused(boss, "POST", "/resolutions", {"codename": "a new one"}, status=409)
    made = Resolution.get(codename="a new one")
    after = ok(boss, "PUT", f"/resolutions/{made.pk}", {"id": made.pk, "codename": "renamed"})
    assert {"id": made.pk, "codename": "renamed"} in after
    ticket = a_ticket(status="Closed", resolution=made)
    refused(boss, "DELETE", f"/resolutions/{made.pk}", status=409)
    Ticket.filter(pk=ticket.pk).update(resolution=None)
    assert ok(boss, "DELETE", f"/resolutions/{made.pk}") == before


def test_thresholds(boss: Caller) -> None:
    (row,) = get(boss, "/admin/threshold")
    assert (row["category"], row["threshold"], row["interval"]) == ("Spam", 100, 30)
    made = ok(boss, "POST", "/admin/threshold", {"category": "Phishing", "threshold": "5", "interval": 7})
    assert (made["category"], made["threshold"]) == ("Phishing", 5)
    refused(boss, "POST", "/admin/threshold", {"category": "Phishing", "threshold": 5, "interval": 7}, status=409)
    refused(boss, "POST", "/admin/threshold", {"category": "Malware", "threshold": 0, "interval": 7}, status=409)
    path = f"/admin/threshold/{made['id']}"
    assert ok(boss, "PUT", path, {**made, "category": "Spam", "threshold": 9})["threshold"] == 9
    assert isinstance(ok(boss, "DELETE", path), dict)
    assert ReportThreshold.count() == 1


@pytest.mark.usefixtures("no_presets")
def test_get_presets_has_one_group_at_least(ann: Caller, boss: Caller) -> None:
    assert get(boss, "/presets", {"queryFields": ["id", "name", "codename"]}) == [{"groupId": 0, "presets": []}]
    body = {"name": "First notice", "templates": None, "roles": ["run_level_1"]}
    ok(boss, "POST", "/presets", body)
    (group,) = get(boss, "/presets")
    assert [row["name"] for row in group["presets"]] == ["First notice"]
    assert get(ann, "/presets") == [{"groupId": 0, "presets": []}]


@pytest.mark.usefixtures("no_presets")
def test_post_and_put_presets_id(boss: Caller, ann: Caller) -> None:
    template = MailTemplate.create(codename="x", name="x", subject="x", body="x")
    action = {"codename": "waiting_answer", "params": {"snoozeDuration": 172800, "resolution": None}}
    made = ok(boss, "POST", "/presets", {"name": "First notice", "templates": [template.pk], "action": action})
    assert made["codename"] == "first_notice"
    assert made["roles"] == sorted(Role.all().values_list("codename", flat=True))
    answer = get(ann, f"/presets/{made['id']}")
    assert answer["templates"][0]["id"] == template.pk
    assert answer["templates"][0]["recipientType"] == "Defendant"
    assert answer["action"] == {"codename": "waiting_answer", "params": {"snoozeDuration": 172800}}
    changed = ok(boss, "PUT", f"/presets/{made['id']}", {**answer, "name": "Second", "templates": []})
    assert (changed["codename"], changed["name"], changed["templates"]) == ("first_notice", "Second", [])
    assert ok(boss, "POST", "/presets", {"name": "first notice"})["codename"] == "first_notice_2"
    typed = {"codename": "pause_ticket", "params": {"pauseDuration": "3600", "resolution": "", "ip": ""}}
    assert ok(boss, "POST", "/presets", {"name": "typed", "action": typed})["action"]["params"] == {
        "pauseDuration": 3600
    }
    refused(boss, "POST", "/presets", {"name": "y", "action": {**typed, "params": {"pauseDuration": "x"}}}, status=409)
    refused(boss, "POST", "/presets", {"name": "x", "action": {"codename": "nonsense"}}, status=409)
    refused(boss, "POST", "/presets", {"name": "x", "templates": [0]}, status=400)


@pytest.mark.usefixtures("no_presets")
def test_presets_order_and_deletion_answer_with_groups(boss: Caller) -> None:
    one, two, three = (ok(boss, "POST", "/presets", {"name": name})["id"] for name in ("one", "two", "three"))
    body = [{"groupId": 7, "presets": [{"id": three, "name": "three"}, {"id": one}]}, {"presets": [{"id": two}]}]
    groups = ok(boss, "PUT", "/presets/order", body)
    assert [[row["id"] for row in group["presets"]] for group in groups] == [[three, one], [two]]
    refused(boss, "PUT", "/presets/order", [{"presets": [{"id": one}, {"id": one}]}], status=409)
    groups = ok(boss, "DELETE", f"/presets/{two}")
    assert [[row["id"] for row in group["presets"]] for group in groups] == [[three, one]]
    assert TicketWorkflowPreset.count() == 2


def test_a_rule_comes_back_as_it_was_written(boss: Caller) -> None:
    text = (
        "# why\nname: mine\nrulesType: Report\norderId: 900\nconfig:\n"
        "  conditions: {all: [{name: has_defendant, operator: is_true, value: true}]}\n"
        "  actions: [{name: create_ticket, params: {attach_new: true}}]\n"
    )
    made = ok(boss, "POST", "/rules", {"document": text})
    assert made["document"] == text
    assert made["config"]["actions"] == [{"name": "create_ticket", "params": {"attach_new": True}}]
    for whole in (made, {**made, "document": None}):
        again = ok(boss, "PUT", f"/rules/{made['id']}", whole)
        assert (again["document"], again["version"]) == (text, 1)
    changed = ok(boss, "PUT", f"/rules/{made['id']}", {**made, "isActive": False})
    assert (changed["isActive"], changed["version"], changed["config"]) == (False, 2, made["config"])


def test_a_wrong_rule_is_refused_with_every_fault(boss: Caller) -> None:
    config = {"conditions": {"all": [{"name": "has_defendant", "operator": "nope", "value": True}]}, "actions": []}
    body = {"name": "mine", "rulesType": "Report", "config": config}
    message = refused(boss, "POST", "/rules", body, status=409)
    assert "config.conditions.all[0].operator" in message
    assert not BusinessRules.filter(name="mine").exists()


def test_rules_are_listed_in_order_and_move_for_each_other(boss: Caller) -> None:
    answer = get(boss, "/rules", {"paginate": {"resultsPerPage": 250}, "where": {"in": [{"rulesType": ["Report"]}]}})
    assert answer["total"] == len(answer["rules"]) == BusinessRules.filter(rules_type="Report").count()
    places = [row["orderId"] for row in answer["rules"]]
    assert places == sorted(places)
    first = answer["rules"][0]
    second = next(row for row in answer["rules"] if row["orderId"] > first["orderId"])
    whole = {**get(boss, f"/rules/{second['id']}"), "document": None}
    moved = ok(boss, "PUT", f"/rules/{second['id']}", {**whole, "orderId": first["orderId"]})
    assert moved["orderId"] == first["orderId"]
    assert BusinessRules.get(pk=first["id"]).order_id == first["orderId"] + 1
    config = {"conditions": {"all": []}, "actions": [{"name": "create_ticket"}]}
    config["conditions"] = {"all": [{"name": "has_defendant", "operator": "is_true", "value": True}]}
    made = ok(boss, "POST", "/rules", {"name": "mine", "rulesType": "Report", "orderId": 1, "config": config})
    assert made["orderId"] > max(places)
    refused(boss, "POST", "/rules", {"name": "mine", "rulesType": "Report", "config": config}, status=409)


def test_a_rule_that_has_decided_is_kept(boss: Caller) -> None:
    rule = BusinessRules.filter(rules_type="Report").order_by("pk")[0]
    report = a_report()
    BusinessRulesHistory.create(business_rules=rule, rules_type="Report", report=report, date=START)
    assert "switch it off" in refused(boss, "DELETE", f"/rules/{rule.pk}", status=409)
    other = BusinessRules.filter(rules_type="Report").order_by("pk")[1]
    ok(boss, "DELETE", f"/rules/{other.pk}")


def test_what_rules_can_be_made_of(ann: Caller) -> None:
    assert "has_defendant" in {one["name"] for one in get(ann, "/rules/conditions")["entries"]["Report"]}
    assert "create_ticket" in {one["name"] for one in get(ann, "/rules/actions")["entries"]["Report"]}
    assert "is_true" in {one["name"] for one in get(ann, "/rules/operators")["entries"]["boolean"]}


def test_get_and_post_mass_contact(ann: Caller) -> None:
    body = {
        "campaignName": "March of bots",
        "category": "Phishing",
        "ips": ["192.0.2.1", "192.0.2.2"],
        "email": {"subject": CAMPAIGN, "body": CAMPAIGN},
    }
    assert "mass_contact_march_of_bots" in ok(ann, "POST", "/mass-contact", body)["message"]
    (row,) = get(ann, "/mass-contact", {"paginate": {"resultsPerPage": 10}, "sortBy": {"date": -1}})
    assert (row["category"], row["ipsCount"], row["user"]) == ("Phishing", 2, "ann")
    assert row["result"]["state"] == "Pending"
    assert isinstance(row["date"], int)
    refused(ann, "POST", "/mass-contact", {**body, "category": "Spam"}, status=403)
    refused(ann, "POST", "/mass-contact", body, status=409)
    assert MassContact.count() == 1


def test_a_reader_writes_to_nobody(make_caller: MakeCaller) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    refused(reader, "POST", "/mass-contact", {}, status=403)


def test_get_email_templates(ann: Caller) -> None:
    rows = get(ann, "/emailTemplates", {})
    assert len(rows) == MailTemplate.count()
    assert set(rows[0]) >= {"id", "name", "recipientType", "lang", "subject", "body"}
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    MailTemplate.create(codename="c", name="Campaign", recipient_type="MassContact", subject="x", body="x")
    filters = {"where": {"in": [{"recipientType": ["MassContact"]}]}}
    assert "Campaign" in [row["name"] for row in get(ann, "/emailTemplates", filters)]
    assert {row["recipientType"] for row in get(ann, "/emailTemplates", filters)} == {"MassContact"}


def test_get_email_templates_languages_and_recipients_type(ann: Caller) -> None:
    assert {"EN", "FR"} <= set(get(ann, "/emailTemplates/languages"))
    assert {"Defendant", "Plaintiff", "Other", "MassContact"} <= set(get(ann, "/emailTemplates/recipientsType"))


def test_post_put_and_delete_email_templates(boss: Caller, ann: Caller) -> None:
    body = {
        "name": "Second notice",
        "recipientType": "Defendant",
        "lang": "EN",
        "subject": "Case {{ publicId }}",
        "body": "Please look at {{ publicId }}.",
    }
    refused(ann, "POST", "/emailTemplates", body, status=403)
    made = ok(boss, "POST", "/emailTemplates", body)
    assert made["codename"] == "second_notice"
    assert body.items() <= made.items()
    refused(boss, "POST", "/emailTemplates", body, status=409)
    path = f"/emailTemplates/{made['id']}"
    assert get(boss, path) == made
    changed = ok(boss, "PUT", path, {**made, "body": "Look at {{ publicId }}."})
    assert (changed["body"], changed["version"]) == ("Look at {{ publicId }}.", 2)
    refused(boss, "PUT", path, {**made, "body": "stale"}, status=409)
    assert "lang" in refused(boss, "PUT", path, {**changed, "lang": "FR"}, status=409)
    assert "body" in refused(boss, "PUT", path, {**changed, "body": "{{ password }}"}, status=409)
    assert isinstance(ok(boss, "DELETE", path), dict)
    refused(boss, "GET", path, status=404)
