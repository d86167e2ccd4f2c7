"""Users, as administrators make, change and take them out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from werkzeug.test import TestResponse

from abuse.controllers import audit
from abuse.models import ROBOT_NAME, AbusePermission, AuditEntry, History, Ticket, TicketStatus, User

from .conftest import PASSWORD, Caller, MakeCaller
from .rows import a_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(make_caller: MakeCaller) -> Caller:
    return make_caller("admin", role="admin")


def send(caller: Caller, method: str, path: str, body: object = None) -> TestResponse:
    return caller.client.open(f"/api/users{path}", method=method, json=body, headers={"X-Api-Token": caller.token})


def granted(user: User) -> dict[str, str]:
    return dict(AbusePermission.filter(user=user).values_list("category", "profile__name"))


def test_a_user_is_made_and_logs_in(admin: Caller) -> None:
    order = {
        "username": "bob", "email": "bob@example.net", "role": "run_level_1", "password": PASSWORD,
        "profiles": [
            {"category": "Spam", "profile": "Beginner"}, {"category": "Malware", "profile": "Expert", "access": False}
        ],
    }  # fmt: skip
    made = send(admin, "POST", "", order)
    assert made.status_code == 200, made.get_json()
    assert made.get_json() == {
        "id": User.objects.get(username="bob").pk, "username": "bob", "email": "bob@example.net", "isSuperuser": False,
        "isActive": True, "role": "run_level_1",
        "profiles": [{"category": "Spam", "profile": "Beginner", "access": True}],
    }  # fmt: skip
    assert admin.client.post("/api/auth", json={"name": "bob", "password": PASSWORD}).status_code == 200


def test_tickets_are_freed_of_who_cannot_work_on_them_any_more(admin: Caller, make_caller: MakeCaller) -> None:
    bob = make_caller("bob", {"Spam": "Expert", "Phishing": "Expert", "Malware": "Expert"})
    hidden, plain = a_ticket("Spam", treated_by=bob.user, confidential=True), a_ticket("Spam", treated_by=bob.user)
    still = a_ticket("Malware", treated_by=bob.user, confidential=True)
    read = a_ticket("Phishing", treated_by=bob.user)
    profiles = {"Spam": "Advanced", "Phishing": "Read-only", "Malware": "Expert"}
    order = {"profiles": [{"category": name, "profile": profile} for name, profile in profiles.items()]}
    assert send(admin, "PUT", f"/{bob.user.pk}", order).status_code == 200
    owned = Ticket.filter(treated_by=bob.user).order_by("pk").values_list("pk", flat=True)
    assert list(owned) == [plain.pk, still.pk]
    told = History.filter(action_type=History.Type.CHANGE_TREATED_BY).order_by("ticket").values_list("ticket", "old")
    assert list(told) == [(hidden.pk, "bob"), (read.pk, "bob")]


def test_tickets_are_freed_of_who_is_no_superuser_any_more(root: Caller, make_caller: MakeCaller) -> None:
    bob = make_caller("bob", {"Phishing": "Beginner"}, is_superuser=True)
    tickets = a_ticket("Spam", treated_by=bob.user), a_ticket("Phishing", treated_by=bob.user)
    assert send(root, "PUT", f"/{bob.user.pk}", {"isSuperuser": False}).status_code == 200
    owned = Ticket.filter(treated_by=bob.user).values_list("pk", flat=True)
    assert list(owned) == [tickets[1].pk]


def test_what_an_older_client_sends_back_whole_replaces_the_profiles_and_frees_the_tickets(
    admin: Caller, make_caller: MakeCaller
) -> None:
    bob = make_caller("bob", {"Spam": "Expert", "Phishing": "Beginner"})
    lost, kept = a_ticket("Spam", treated_by=bob.user), a_ticket("Phishing", treated_by=bob.user)
    closed = a_ticket("Spam", treated_by=bob.user, status=TicketStatus.CLOSED)
    whole: dict[str, Any] = send(admin, "GET", f"/{bob.user.pk}").get_json()
    whole["profiles"] = [{"category": "Phishing", "profile": "Advanced", "access": True}]
    answer = send(admin, "PUT", f"/{bob.user.pk}", {**whole, "hungOnByTheClient": 1})
    assert answer.get_json() == whole
    assert granted(bob.user) == {"Phishing": "Advanced"}
    for ticket, owner in ((lost, None), (kept, bob.user.pk), (closed, bob.user.pk)):
        ticket.refresh_from_db()
        assert ticket.treated_by_id == owner
    row = History.get(ticket=lost)
    assert (row.action_type, row.old, row.new, row.user) == ("ChangeTreatedby", "bob", None, admin.user)
    assert lost.version == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profiles": [{"category": "Spam", "profile": "God"}]}, "profiles.profile: 'God' is unknown; expected"),
        ({"profiles": [{"category": "Nope", "profile": "Expert"}]}, "profiles.category: 'Nope' is unknown"),
        ({"role": "boss"}, "role: 'boss' is unknown; expected admin"),
        ({"email": "nobody"}, "email: Enter a valid email address."),
        ({"username": "admin"}, "username: "),
        ({"isSuperuser": True}, "isSuperuser: True; only a superuser"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_nothing_is_changed(
    admin: Caller, make_caller: MakeCaller, change: dict[str, Any], message: str
) -> None:
    bob = make_caller("bob", {"Spam": "Expert"})
    order = {"email": "new@example.net", "profiles": [], **change}
    response = send(admin, "PUT", f"/{bob.user.pk}", order)
    assert response.status_code == 409
    assert response.get_json()["message"].startswith(message)
    bob.user.refresh_from_db()
    assert (bob.user.email, granted(bob.user)) == ("", {"Spam": "Expert"})


def test_who_is_taken_out_is_out_at_once_and_his_name_stays(admin: Caller, make_caller: MakeCaller) -> None:
    bob = make_caller("bob", {"Spam": "Expert"})
    ticket = a_ticket("Spam", treated_by=bob.user)
    assert send(admin, "DELETE", f"/{bob.user.pk}").status_code == 200
    assert bob.get("/api/users/me").status_code == 401
    assert admin.client.post("/api/auth", json={"name": "bob", "password": PASSWORD}).status_code == 401
    ticket.refresh_from_db()
    assert (ticket.treated_by, granted(bob.user)) == (None, {})
    assert send(admin, "POST", "", {"username": "bob", "role": "admin"}).status_code == 409
    assert send(admin, "PUT", f"/{bob.user.pk}", {"isActive": True}).get_json()["isActive"] is True


def test_superusers_the_robot_and_oneself_are_out_of_an_administrators_reach(admin: Caller, root: Caller) -> None:
    robot = User.objects.get(username=ROBOT_NAME)
    assert send(admin, "DELETE", f"/{root.user.pk}").status_code == 409
    assert send(admin, "PUT", f"/{root.user.pk}", {"email": "x@example.net"}).status_code == 409
    assert send(admin, "DELETE", f"/{root.user.pk}/totp").status_code == 403
    assert send(admin, "DELETE", f"/{admin.user.pk}").status_code == 409
    assert send(admin, "GET", f"/{robot.pk}").status_code == 404
    assert send(root, "PUT", f"/{admin.user.pk}", {"isSuperuser": True}).get_json()["isSuperuser"] is True


def test_the_list_of_users_costs_as_many_queries_as_one(
    admin: Caller, make_caller: MakeCaller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        make_caller(f"user{number}", {"Spam": "Expert", "Phishing": "Beginner"})
    with django_assert_num_queries(5):
        rows = send(admin, "GET", "").get_json()
    assert len(rows) == 21
    assert ROBOT_NAME not in {row["username"] for row in rows}


def test_the_record_is_kept_as_long_as_the_settings_say(admin: Caller) -> None:
    for days in (1, 40):
        audit.put_on_record(
            user_id=admin.user.pk, token_id=1, address=None, method="PUT", endpoint="x", about="a\nb", status=200
        )
        AuditEntry.filter(pk=AuditEntry.all().latest("pk").pk).update(date=timezone.now() - timedelta(days=days))
    assert audit.forget_old_entries(30) == 1
    assert AuditEntry.get().about == "a?b"
