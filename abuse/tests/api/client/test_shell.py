"""What stands around the screens: counters, notifications, words, news."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from abuse.controllers import moves, notifications, ownership
from abuse.controllers.history import robot
from abuse.models import Category, News, Notification, StarredTicket, Ticket, TicketStatus

from ..conftest import Caller, MakeCaller
from ..rows import START, a_defendant, a_report, a_ticket
from .wire import get, ok, refused

pytestmark = pytest.mark.django_db
S = TicketStatus


def test_get_toolbar(ann: Caller, root: Caller) -> None:
    for status in (S.OPEN, S.REOPENED, S.ALARM, S.ACTION_ERROR, S.ANSWERED, S.WAITING_ANSWER, S.CLOSED):
        a_ticket(treated_by=ann.user, status=status)
    starred = a_ticket(treated_by=root.user, escalated=True)
    a_ticket("Copyright", treated_by=ann.user)
    StarredTicket.create(ticket=starred, user=ann.user)
    for category in ("Phishing", "Copyright"):
        a_report(category, status="ToValidate")
    assert get(ann, "/toolbar") == {
        "myTicketsCount": 6,
        "myTicketsAnsweredCount": 1,
        "myTicketsTodoCount": 4,
        "myTicketsSleepingCount": 1,
        "myTicketsStarredCount": 1,
        "escalatedCount": 1,
        "toValidateCount": 1,
        "todoCount": 6,
    }


def test_the_toolbar_and_the_dashboard_cost_few_queries(
    ann: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        a_report(ticket=a_ticket(treated_by=ann.user))
    with django_assert_max_num_queries(7):
        get(ann, "/toolbar")
    with django_assert_max_num_queries(4):
        get(ann, "/dashboard")


def test_get_dashboard(ann: Caller, make_caller: MakeCaller) -> None:
    for status in (S.OPEN, S.REOPENED, S.WAITING_ANSWER, S.ANSWERED, S.ALARM, S.CLOSED):
        a_ticket("Phishing", status=status)
    a_ticket("Spam", confidential=True)
    a_report("Malware")
    a_report("Phishing", status="Archived")
    a_report("Copyright")
    answer = get(ann, "/dashboard")
    assert answer == {
        "categories": ["Malware", "Phishing", "Spam"],
        "ticketsByCategory": {"idle": [0, 2, 0], "waiting": [0, 1, 0], "pending": [0, 2, 0]},
        "ticketsByStatus": {"Alarm": 1, "Answered": 1, "Open": 1, "Reopened": 1, "WaitingAnswer": 1},
        "reportsByCategory": {"Malware": 1},
        "reportsByStatus": {"New": 1},
    }
    refused(make_caller("nobody"), "GET", "/dashboard", status=403)


def test_get_status(ann: Caller) -> None:
    assert {"label": "Open"} in get(ann, "/status")
    tickets = [row["label"] for row in get(ann, "/status/Ticket")]
    assert tickets == TicketStatus.values
    assert {"label": "PhishToCheck"} in get(ann, "/status/Report")
    refused(ann, "GET", "/status/Nonsense", status=404)


def test_get_priorities(ann: Caller) -> None:
    words = [{"label": word} for word in ("Low", "Normal", "High", "Critical")]
    assert get(ann, "/priorities/ticket") == get(ann, "/priorities/provider") == words


def test_get_users_me(ann: Caller, root: Caller, make_caller: MakeCaller) -> None:
    me = get(ann, "/users/me")
    assert (me["username"], me["isSuperuser"]) == ("ann", False)
    profiles = [(row["category"], row["profile"]) for row in me["profiles"]]
    assert profiles == [("Malware", "Read-only"), ("Phishing", "Expert"), ("Spam", "Beginner")]
    boss = make_caller("boss", {"Phishing": "Expert"}, role="admin")
    me = get(boss, "/users/me")
    assert (me["isSuperuser"], [row["category"] for row in me["profiles"]]) == (True, ["Phishing"])
    assert get(boss, f"/users/{boss.user.pk}")["isSuperuser"] is False
    me = get(root, "/users/me")
    assert (me["isSuperuser"], {row["profile"] for row in me["profiles"]}) == (True, {"Expert"})
    assert [row["category"] for row in me["profiles"]] == sorted(Category.all().values_list("name", flat=True))


def test_get_notifications(ann: Caller, root: Caller) -> None:
    ticket = a_ticket()
    ownership.assign(ticket, ann.user, actor=root.user)
    moves.set_status(ticket, S.ANSWERED, actor=robot())
    moves.set_status(ticket, S.ALARM, actor=robot())
    told = get(ann, "/notifications")
    assert [one["kind"] for one in told] == ["assigned", "answered", "alarm"]
    assert told[0]["message"] == f"Ticket {ticket.public_id} (Phishing) was assigned to you by root"
    assert get(ann, "/notifications") == []
    assert get(root, "/notifications") == []


def test_who_does_something_himself_is_not_told_of_it(ann: Caller) -> None:
    ticket = a_ticket()
    ownership.assign(ticket, ann.user, actor=ann.user)
    moves.set_status(ticket, S.ALARM, actor=ann.user)
    assert Notification.count() == 0


def test_what_was_told_can_be_read_again_and_put_away(ann: Caller, root: Caller) -> None:
    ownership.assign(a_ticket(), ann.user, actor=root.user)
    get(ann, "/notifications")
    (row,) = get(ann, "/notifications", {"paginate": {"resultsPerPage": 10, "currentPage": 1}})
    assert row["read"] is False
    refused(root, "PUT", f"/notifications/{row['id']}", {"read": True}, status=404)
    assert ok(ann, "PUT", f"/notifications/{row['id']}", {"read": True})["read"] is True
    assert get(ann, "/notifications", {})[0]["read"] is True


def test_old_notifications_go_away(ann: Caller, root: Caller) -> None:
    ticket = a_ticket()
    notifications.notify(ann.user, Notification.Kind.ALARM, ticket, actor=root.user)
    get(ann, "/notifications")
    Notification.all().update(date=timezone.now() - notifications.KEPT - timedelta(days=1))
    notifications.notify(ann.user, Notification.Kind.ALARM, ticket, actor=root.user)
    assert len(get(ann, "/notifications")) == 1
    assert Notification.count() == 1


def test_an_answer_that_a_rule_has_the_owner_dropped_on_tells_him_still(ann: Caller) -> None:
    ticket = a_ticket(treated_by=ann.user)
    moves.set_status(ticket, S.ANSWERED, actor=robot())
    assert Notification.get().user == ann.user
    assert Ticket.get().status == "Answered"


def test_get_and_post_news(ann: Caller) -> None:
    body = {"author": "somebody else", "date": "2026-01-01T12:00:00.000Z", "title": "Hello", "content": "World"}
    made = ok(ann, "POST", "/news", body)
    assert (made["author"], made["title"], made["content"]) == ("ann", "Hello", "World")
    assert isinstance(made["date"], int)
    for number in range(6):
        ok(ann, "POST", "/news", {"title": f"{number}", "content": "x"})
    answer = get(ann, "/news", {"paginate": {"currentPage": 1, "resultsPerPage": 5}})
    assert ([row["title"] for row in answer["news"]], answer["newsCount"]) == (["5", "4", "3", "2", "1"], 7)
    assert get(ann, f"/news/{made['id']}") == made
    refused(ann, "GET", "/news/0", status=404)
    refused(ann, "POST", "/news", {"title": " ", "content": "x"}, status=409)


def test_put_news_id(ann: Caller, make_caller: MakeCaller) -> None:
    made = ok(ann, "POST", "/news", {"title": "a", "content": "b"})
    whole = {**made, "content": "c", "date": "2026-01-01T12:00:00.000Z", "$$hashKey": "x"}
    assert ok(ann, "PUT", f"/news/{made['id']}", whole)["content"] == "c"
    other = make_caller("bob", {"Phishing": "Expert"})
    refused(other, "PUT", f"/news/{made['id']}", whole, status=403)


def test_delete_news_id_with_its_fields_in_the_query(ann: Caller, root: Caller) -> None:
    made = ok(ann, "POST", "/news", {"title": "a", "content": "b"})
    query = "author=ann&content=b&date=2026-01-01T12:00:00.000Z&title=a"
    refused(ann, "DELETE", f"/news/{made['id']}?{query}", status=403)
    assert isinstance(ok(root, "DELETE", f"/news/{made['id']}", query=query), dict)
    assert not News.all().exists()


def test_a_reader_tells_nobody_anything(make_caller: MakeCaller) -> None:
    reader = make_caller("reader", {"Phishing": "Read-only"})
    refused(reader, "POST", "/news", {"title": "a", "content": "b"}, status=403)


def test_get_stats_of_a_customer(ann: Caller) -> None:
    customer = a_defendant(customer_id="C/1")
    now = timezone.now()
    for category, days in (("Phishing", 1), ("Phishing", 1), ("Spam", 2), ("Copyright", 1)):
        moment = now - timedelta(days=days)
        a_ticket(category, defendant=customer, creation_date=moment)
        a_report(category, defendant=customer, received_date=moment)
    a_ticket(defendant=customer, creation_date=START - timedelta(days=9999))
    assert refused(ann, "GET", "/stats/tickets/a/b", status=404)
    customer.customer_id = "C-1"
    customer.save()
    for what in ("tickets", "reports"):
        phishing, spam = get(ann, f"/stats/{what}/C-1")
        midnight = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        assert (phishing["name"], spam["name"]) == ("Phishing", "Spam")
        assert phishing["data"] == [[int(midnight.timestamp()) * 1000, 2]]
    assert get(ann, "/stats/tickets/C-404") == []
