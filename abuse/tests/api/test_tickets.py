"""Tickets: the list and one of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from abuse.api import relations
from abuse.controllers import history
from abuse.models import (
    BusinessRules,
    BusinessRulesHistory,
    Deadline,
    DefendantComment,
    History,
    Resolution,
    RulesType,
    ServiceAction,
    ServiceActionJob,
    StarredTicket,
    Tag,
    Ticket,
    TicketStatus,
    User,
)
from abuse.models.people import ROBOT_NAME

from .conftest import Caller, MakeCaller, MakeUser
from .rows import (
    START,
    a_comment,
    a_defendant,
    a_provider,
    a_report,
    a_service,
    a_tag,
    a_ticket,
    an_item,
)

pytestmark = pytest.mark.django_db
EPOCH = int(START.timestamp())


def where(**conditions: Any) -> dict[str, Any]:
    return {"where": {"in": [{name: values} for name, values in conditions.items()]}}


def like(**conditions: Any) -> dict[str, Any]:
    return {"where": {"like": [{name: [value]} for name, value in conditions.items()]}}


def test_a_row_has_the_shape_that_the_client_reads(root: Caller) -> None:
    ticket = a_ticket(
        status=TicketStatus.WAITING_ANSWER,
        treated_by=root.user,
        defendant=a_defendant(customer_id="C-1", email="jo@example.net", name="Doe", is_vip=True),
        service=a_service("vps"),
        snooze_start=START,
        snooze_duration=3600,
        modification_date=START,
    )
    ticket.tags.add(a_tag("fraud"))
    a_comment(ticket, root.user)
    for _ in range(3):
        a_report(ticket=ticket)
    StarredTicket.create(ticket=ticket, user=root.user)
    (row,) = root.get("/api/tickets").get_json()
    expected = {
        "id": ticket.pk, "publicId": ticket.public_id, "mailerId": None, "category": "Phishing",
        "status": "WaitingAnswer", "previousStatus": "Open", "priority": "Normal", "treatedBy": "root",
        "creationDate": EPOCH, "modificationDate": EPOCH, "snoozeStart": EPOCH, "snoozeDuration": 3600,
        "pauseStart": None, "pauseDuration": None, "alarm": False, "confidential": False, "moderation": False,
        "protected": False, "escalated": False, "update": True, "resolution": None, "action": None,
        "attachedReportsCount": 3, "commentsCount": 1, "starredByMe": True,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["defendant"]["email"] == "jo@example.net"
    assert row["defendant"]["customerId"] == "C-1"
    assert (row["defendant"]["isVIP"], row["defendant"]["isGS"]) == (True, False)
    assert row["defendant"]["creationDate"] == "31/01/24"
    assert row["service"]["name"] == "vps"
    assert [tag["name"] for tag in row["tags"]] == ["fraud"]


def test_a_ticket_without_customer_service_or_owner_is_shown_so(root: Caller) -> None:
    ticket = a_ticket()
    for answer in (root.get("/api/tickets").get_json()[0], root.get(f"/api/tickets/{ticket.pk}").get_json()):
        assert (answer["defendant"], answer["service"], answer["treatedBy"]) == (None, None, None)


def test_a_star_is_that_of_the_caller(make_caller: MakeCaller, root: Caller) -> None:
    ticket = a_ticket()
    StarredTicket.create(ticket=ticket, user=root.user)
    other = make_caller(profiles={"Phishing": "Expert"})
    assert other.get("/api/tickets").get_json()[0]["starredByMe"] is False
    assert other.get(f"/api/tickets/{ticket.pk}").get_json()["starredByMe"] is False
    assert root.get(f"/api/tickets/{ticket.pk}").get_json()["starredByMe"] is True


def test_closed_tickets_are_left_out_until_a_condition_is_set(root: Caller) -> None:
    live, closed = a_ticket(), a_ticket(status=TicketStatus.CLOSED)
    assert root.ids("/api/tickets") == [live.pk]
    nothing: list[object] = [{}, {"where": {}}, {"where": {"in": [], "like": []}}, {"where": {"in": [{}]}}]
    for empty in nothing:
        assert root.ids("/api/tickets", empty) == [live.pk]
    assert root.ids("/api/tickets", where(category=["Phishing"])) == [live.pk, closed.pk]
    assert root.ids("/api/tickets", where(status=["Closed"])) == [closed.pk]


PROFILES = ["Read-only", "Beginner", "Advanced", "Expert"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_opens_its_category_and_confidential_tickets_to_experts_only(
    make_caller: MakeCaller, profile: str
) -> None:
    caller = make_caller(profiles={"Phishing": profile, "Malware": "Read-only"})
    plain, secret = a_ticket(), a_ticket(confidential=True)
    other_plain, other_secret = a_ticket("Malware"), a_ticket("Malware", confidential=True)
    foreign = a_ticket("Spam")
    seen = [plain.pk, *([secret.pk] if profile == "Expert" else []), other_plain.pk]
    assert caller.ids("/api/tickets") == seen
    shown = {
        ticket.pk: caller.get(f"/api/tickets/{ticket.pk}").status_code
        for ticket in (plain, secret, other_plain, other_secret, foreign)
    }
    hidden = {secret.pk, other_secret.pk} - set(seen)
    assert shown == {pk: 200 if pk in seen else 404 if pk in hidden else 403 for pk in shown}


def test_without_any_profile_one_sees_nothing_and_conditions_open_nothing(make_caller: MakeCaller) -> None:
    caller = make_caller()
    ticket = a_ticket(treated_by=caller.user)
    StarredTicket.create(ticket=ticket, user=caller.user)
    for filters in (
        None,
        where(id=[ticket.pk]),
        where(treatedBy=["alice"]),
        like(publicId=""),
        where(starredBy=["alice"]),
    ):
        assert caller.ids("/api/tickets", filters) == []
    assert "no" not in caller.refusal(f"/api/tickets/{ticket.pk}", None, 403).split()


def test_a_superuser_sees_all_without_profiles(root: Caller) -> None:
    tickets = [a_ticket(), a_ticket("Spam", confidential=True)]
    assert root.ids("/api/tickets") == [ticket.pk for ticket in tickets]
    assert [root.get(f"/api/tickets/{ticket.pk}").status_code for ticket in tickets] == [200, 200]


def test_the_page_is_ten_long_by_default_and_never_longer_than_250(root: Caller) -> None:
    for _ in range(252):
        a_ticket()
    everything = list(Ticket.all().order_by("pk").values_list("pk", flat=True))
    assert root.ids("/api/tickets") == everything[:10]
    for size in (250, 251, 10**9, "100000"):
        assert root.ids("/api/tickets", {"paginate": {"resultsPerPage": size}}) == everything[:250]
    assert root.ids("/api/tickets", {"paginate": {"resultsPerPage": 1000, "currentPage": 2}}) == everything[250:]
    assert root.ids("/api/tickets", {"paginate": {"resultsPerPage": "3", "currentPage": 2}}) == everything[3:6]
    assert root.ids("/api/tickets", {"paginate": {"resultsPerPage": None, "currentPage": None}}) == everything[:10]
    assert root.ids("/api/tickets", {"paginate": {"resultsPerPage": 0}}) == []
    assert root.ids("/api/tickets", {"paginate": {"currentPage": 1_000_000}}) == []


def test_sorting(root: Caller, make_user: MakeUser) -> None:
    bob = make_user("bob")
    first = a_ticket("Spam", priority="High", modification_date=START + timedelta(hours=2), treated_by=bob)
    second = a_ticket("Phishing", priority="Critical", modification_date=START + timedelta(hours=1))
    third = a_ticket("Malware", priority="Low", modification_date=START + timedelta(hours=3), status="Alarm")
    a_report(ticket=second)
    a_report(ticket=second)
    a_report(ticket=third)

    def order(**by: int) -> list[int]:
        return [[first.pk, second.pk, third.pk].index(pk) + 1 for pk in root.ids("/api/tickets", {"sortBy": by})]

    assert order(id=-1) == [3, 2, 1]
    assert order(category=1) == [3, 2, 1]
    assert order(priority=-1) == [2, 1, 3]
    assert order(modificationDate=1) == [2, 1, 3]
    assert order(attachedReportsCount=-1) == [2, 3, 1]
    assert order(status=1) == [3, 1, 2]
    assert order(status=1, id=-1) == [3, 2, 1]
    assert order(creationDate=-1) == [1, 2, 3], "equal ones are in the order of their ids"
    assert order(treatedBy=1)[0] == 1


@pytest.fixture
def one(root: Caller) -> Ticket:
    """A ticket with something of everything, among others without."""
    defendant = a_defendant(customer_id="C-77", email="jo@example.net", country="FR")
    defendant.tags.add(a_tag("vip", Tag.Type.DEFENDANT))
    service = a_service("vps-77")
    ticket = a_ticket(defendant=defendant, service=service, treated_by=root.user, priority="High", escalated=True)
    ticket.tags.add(a_tag("fraud"), a_tag("fresh"))
    StarredTicket.create(ticket=ticket, user=root.user)
    provider = a_provider("cert@example.org")
    provider.tags.add(a_tag("noisy", Tag.Type.PROVIDER))
    for _ in range(2):
        report = a_report(ticket=ticket, provider=provider, subject="About a page", body="Please look at it")
        report.tags.add(a_tag("report:urls_down", Tag.Type.REPORT))
        an_item(report, "http://evil.example.net/x", "URL", fqdn="evil.example.net", fqdn_resolved="192.0.2.9")
        an_item(report, "192.0.2.8", ip_reverse="host8.example.net")
    other = a_ticket("Spam", confidential=True)
    a_report("Spam", ticket=other)
    a_ticket("Malware", alarm=True)
    return ticket


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("category", "Phishing", "phishing"),
        ("status", "Open", "Nothing"),
        ("priority", "High", "Critical"),
        ("treatedBy", "root", "roo"),
        ("starredBy", "root", "alice"),
        ("escalated", True, None),
        ("service", "vps-77", "vps"),
        ("defendant", "C-77", "C-7"),
        ("defendant", "jo@example.net", "jo"),
        ("defendantCustomerId", "C-77", "C-78"),
        ("defendantEmail", "jo@example.net", "jo@example.com"),
        ("defendantCountry", "FR", "DE"),
        ("defendantTag", "vip", "fraud"),
        ("ticketTag", "fraud", "vip"),
        ("ticketsTag", "fresh", "vip"),
        ("reportTag", "report:urls_down", "fraud"),
        ("reportsTag", "report:urls_down", "fraud"),
        ("providerEmail", "cert@example.org", "cert@example.com"),
        ("providerTag", "noisy", "fraud"),
        ("itemRawItem", "192.0.2.8", "192.0.2.80"),
        ("item", "evil.example.net", "example.net"),
        ("itemIpReverse", "host8.example.net", "host9.example.net"),
        ("itemFqdnResolved", "192.0.2.9", "192.0.2.10"),
        ("subject", "About a page", "About"),
        ("body", "Please look at it", "Please"),
    ],
)
def test_conditions_that_a_field_has_one_of_the_values(
    root: Caller, one: Ticket, name: str, value: object, wrong: object
) -> None:
    extra = where(id=[one.pk])["where"]["in"]
    chosen = root.ids("/api/tickets", {"where": {"in": [{name: [value]}, *extra]}})
    assert chosen == [one.pk], "once, however many reports or tags match"
    if wrong is not None:
        assert one.pk not in root.ids("/api/tickets", where(**{name: [wrong]}))
        assert one.pk in root.ids("/api/tickets", where(**{name: [wrong, value]}))
        assert root.ids("/api/tickets", {"where": {"in": [{name: [wrong]}, *extra]}}) == []


@pytest.mark.parametrize("most", ["MAX_LOOKED_UP", "MAX_LISTED"])
@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("ticketTag", "fraud", "rau"),
        ("reportTag", "report:urls_down", "urls_d"),
        ("providerEmail", "cert@example.org", "cert@"),
        ("starredBy", "root", "oo"),
        ("treatedBy", "root", "roo"),
    ],
)
def test_what_many_rows_have_is_found_as_what_few_have(
    root: Caller, one: Ticket, monkeypatch: pytest.MonkeyPatch, most: str, name: str, value: str, part: str
) -> None:
    monkeypatch.setattr(relations, most, 0)
    assert root.ids("/api/tickets", where(**{name: [value]})) == [one.pk]
    assert root.ids("/api/tickets", like(**{name: part})) == [one.pk]
    assert root.ids("/api/tickets", where(**{name: ["nobody's"]})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ticketIds", "{id}"),
        ("ticketIds", "{public}"),
        ("publicId", "{public}"),
        ("defendant", "JO@EXAMPLE"),
        ("defendant", "c-77"),
        ("item", "EVIL"),
        ("itemRawItem", "evil.example.net/"),
        ("itemFqdnResolved", "192.0.2.9"),
        ("subject", "about A"),
        ("body", "LOOK"),
        ("fulltext", "look at"),
        ("fulltext", "evil"),
        ("providerEmail", "cert@"),
        ("category", "phish"),
    ],
)
def test_conditions_that_a_field_holds_a_text(root: Caller, one: Ticket, name: str, value: str) -> None:
    value = value.format(id=one.pk, public=one.public_id)
    assert root.ids("/api/tickets", like(**{name: value})) == [one.pk]


def test_likes_are_alternatives_and_ins_are_all_needed(root: Caller, one: Ticket) -> None:
    spam, malware = (Ticket.get(category=name).pk for name in ("Spam", "Malware"))
    assert root.ids("/api/tickets", like(category="spam", defendant="C-77")) == [one.pk, spam]
    assert root.ids("/api/tickets", where(category=["Spam", "Malware"], confidential=[True])) == [spam]
    assert root.ids("/api/tickets", where(alarm=[True])) == [malware]
    assert root.ids("/api/tickets", where(treatedBy=[None])) == [spam, malware]
    assert root.ids("/api/tickets", where(treatedBy=[None, "root"])) == [one.pk, spam, malware]
    assert root.ids("/api/tickets", where(category=[])) == []
    both = {"where": {"in": [{"category": ["Spam", "Phishing"]}], "like": [{"defendant": ["C-77"]}]}}
    assert root.ids("/api/tickets", both) == [one.pk]


def test_percent_and_underscore_are_letters_like_others(root: Caller, one: Ticket) -> None:
    for value in ("%", "a_page", "100%"):
        assert root.ids("/api/tickets", like(subject=value)) == []


def test_selected_fields_and_those_that_always_come(root: Caller, one: Ticket) -> None:
    always = {"id", "attachedReportsCount", "commentsCount", "starredByMe"}
    for row in root.get("/api/tickets", {"queryFields": ["category", "defendant"]}).get_json():
        assert set(row) == always | {"category", "defendant"}
    assert set(root.get("/api/tickets", {"queryFields": []}).get_json()[0]) == always


def test_a_ticket_shows_all_that_belongs_to_it(root: Caller, make_user: MakeUser, one: Ticket) -> None:
    bob = make_user("bob")
    robot = User.objects.get(username=ROBOT_NAME)
    report = one.reports.order_by("pk")[0]
    first, second = a_comment(one, bob, "first"), a_comment(one, root.user, "second")
    DefendantComment.create(defendant=one.defendant, comment=a_comment(a_ticket(), bob, "of the customer").comment)
    job = ServiceActionJob.create(action=ServiceAction.get(), creation_date=START, ip="192.0.2.8", comment="why not")
    one.jobs.add(job)
    history.record(
        History.Type.CREATE_TICKET, actor=robot, ticket=one, report=report, new=one.public_id,
        provider="cert@example.org",
    )  # fmt: skip
    history.record(History.Type.CHANGE_STATUS, actor=bob, ticket=one, field="status", old="Open", new="Alarm")
    rule = BusinessRules.filter(rules_type=RulesType.REPORT).order_by("pk")[0]
    decisions: list[tuple[dict[str, Any], BusinessRules | None]] = [({"report": report}, rule), ({"ticket": one}, None)]
    for number, (about, fired) in enumerate(decisions):
        BusinessRulesHistory.create(
            business_rules=fired, rule_version=fired and 1, rules_type=RulesType.REPORT, date=START + timedelta(number),
            trace={"facts": "large"}, **about,
        )  # fmt: skip
    BusinessRulesHistory.create(rules_type=RulesType.REPORT, date=START, report=a_report())

    answer = root.get(f"/api/tickets/{one.pk}").get_json()
    assert answer["id"] == one.pk
    assert (answer["attachedReportsCount"], answer["commentsCount"], answer["starredByMe"]) == (2, 2, True)
    assert [tag["name"] for tag in answer["tags"]] == ["report:urls_down", "fraud", "fresh"]
    assert answer["comments"] == [
        {"id": second.comment_id, "user": "root", "comment": "second", "date": EPOCH},
        {"id": first.comment_id, "user": "bob", "comment": "first", "date": EPOCH},
    ]
    assert [tag["name"] for tag in answer["defendant"]["tags"]] == ["vip"]
    assert [comment["comment"] for comment in answer["defendant"]["comments"]] == ["of the customer"]
    (shown,) = answer["jobs"]
    assert (shown["id"], shown["ip"], shown["action"]["name"]) == (job.pk, "192.0.2.8", "default_action")
    assert (shown["creationDate"], shown["executionDate"], shown["status"]) == (EPOCH, None, "pending")
    assert [(row["username"], row["actionType"], row["log"]) for row in answer["history"]] == [
        ("bob", "ChangeStatus", "changed the status from Open to Alarm"),
        (ROBOT_NAME, "CreateTicket", f"created the ticket with report {report.pk} from cert@example.org"),
    ]
    assert all(row["action"] == row["log"] and row["date"] > EPOCH for row in answer["history"])
    assert answer["decisions"] == [
        {"rule": None, "ruleVersion": None, "rulesType": "Report", "report": None, "date": EPOCH + 86_400},
        {"rule": rule.name, "ruleVersion": 1, "rulesType": "Report", "report": report.pk, "date": EPOCH},
    ]
    assert answer["justAssigned"] is False


def test_opening_a_ticket_that_is_somebodys_says_only_that_it_was_looked_at(root: Caller, one: Ticket) -> None:
    before = dict(Ticket.filter(pk=one.pk).values().get())
    assert before["looked_at"] is None
    root.get(f"/api/tickets/{one.pk}")
    after = dict(Ticket.filter(pk=one.pk).values().get())
    assert after["looked_at"] is not None
    assert after == {**before, "looked_at": after["looked_at"]}
    assert not History.all().exists()
    assert not Deadline.all().exists()


def test_a_page_of_fifty_costs_few_queries(
    make_caller: MakeCaller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    caller = make_caller(profiles={"Phishing": "Expert"})
    tag, action, resolution = a_tag("fraud"), ServiceAction.get(), Resolution.get(codename="fixed")
    for _ in range(50):
        ticket = a_ticket(
            defendant=a_defendant(), service=a_service(), treated_by=caller.user, action=action, resolution=resolution
        )
        ticket.tags.add(tag)
        a_comment(ticket, caller.user)
        a_report(ticket=ticket)
    filters = {
        "paginate": {"resultsPerPage": 50},
        "sortBy": {"attachedReportsCount": -1, "priority": -1},
        **where(ticketTag=["fraud"]),
    }
    with django_assert_max_num_queries(5):  # one is for which tag it is, and how many have it
        rows = caller.get("/api/tickets", filters).get_json()
    assert len(rows) == 50
    with django_assert_max_num_queries(4):
        assert len(caller.get("/api/tickets", {**filters, "where": {}}).get_json()) == 50
    assert all(row["defendant"] and row["service"] and row["action"] and row["tags"] for row in rows)
    with django_assert_max_num_queries(21):  # that it was looked at is written, and it is read again with its version
        caller.get(f"/api/tickets/{rows[0]['id']}")
    with django_assert_max_num_queries(13):  # one is for the version
        caller.get(f"/api/tickets/{rows[0]['id']}")
