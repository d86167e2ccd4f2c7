"""Roles: what each may is seen and changed over the API, and nobody can lock the administrators out."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from apiflask import APIFlask
from django.db import connection
from werkzeug.test import TestResponse

from abuse.api import declared
from abuse.config import current
from abuse.config.web import Oidc
from abuse.controllers import people, roles
from abuse.controllers.accounts import AccountError
from abuse.models import ApiRoute, AuditEntry, Operator, Role, User
from abuse.policies import Right

from .conftest import Caller, MakeCaller, MakeUser
from .rows import a_ticket

pytestmark = pytest.mark.django_db
LIST = {"method": "GET", "endpoint": "tickets.list_tickets"}
SHOW = {"method": "GET", "endpoint": "tickets.show_ticket"}
CHANGE = {"method": "PUT", "endpoint": "ticket_edits.update_ticket"}


@pytest.fixture
def admin(make_caller: MakeCaller) -> Caller:
    return make_caller("admin", role="admin")


def send(caller: Caller, method: str, path: str = "", body: object = None) -> TestResponse:
    return caller.client.open(f"/api/roles{path}", method=method, json=body, headers={"X-Api-Token": caller.token})


def allowing(what: dict[str, Any]) -> dict[str, Any]:
    return {"modelsAuthorizations": what}


def make(admin: Caller, codename: str = "night_shift", **fields: Any) -> dict[str, Any]:
    response = send(admin, "POST", "", {"codename": codename, **fields})
    assert response.status_code == 200, response.get_json()
    made: dict[str, Any] = response.get_json()
    return made


def refused(response: TestResponse, status: int = 409) -> str:
    assert response.status_code == status, response.get_json()
    message: str = response.get_json()["message"]
    return message


def test_a_role_that_lists_nothing_may_nothing(admin: Caller, make_caller: MakeCaller) -> None:
    made = make(admin)
    assert made == {
        "id": Role.get(codename="night_shift").pk, "codename": "night_shift", "name": "night_shift", "users": 0,
        "routes": [], "modelsAuthorizations": {"ticket": None, "report": None, "audit": None},
    }  # fmt: skip
    bob = make_caller("bob", {"Spam": "Expert"}, role="night_shift")
    assert bob.get("/api/tickets").status_code == 403


def test_what_a_role_is_given_and_loses_counts_from_the_next_call_on(admin: Caller, make_caller: MakeCaller) -> None:
    made = make(admin, name="Night shift", routes=[LIST, SHOW, CHANGE])
    bob, ticket = make_caller("bob", {"Spam": "Expert"}, role="run_level_1"), a_ticket("Spam")
    given = admin.client.put(
        f"/api/users/{bob.user.pk}", json={"role": "night_shift"}, headers={"X-Api-Token": admin.token}
    )
    assert given.get_json()["role"] == "night_shift"

    def change(value: bool) -> int:
        answer = bob.client.put(f"/api/tickets/{ticket.pk}", json={"alarm": value}, headers={"X-Api-Token": bob.token})
        return answer.status_code

    assert (bob.get("/api/tickets").status_code, bob.get("/api/reports").status_code) == (200, 403)
    assert change(True) == 403
    allowed = {"ticket": {"fields": ["alarm"], "schedulingAlgorithm": "GlobalSchedulingAlgorithm"}}
    changed = send(admin, "PUT", f"/{made['id']}", {"modelsAuthorizations": allowed}).get_json()
    assert changed["routes"] == sorted([LIST, SHOW, CHANGE], key=lambda one: one["endpoint"])
    assert (changed["name"], changed["users"]) == ("Night shift", 1)
    assert {k: v for k, v in changed["modelsAuthorizations"]["ticket"].items() if v} == allowed["ticket"]
    assert change(True) == 200
    send(admin, "PUT", f"/{made['id']}", {"routes": [LIST]})
    assert change(False) == 403
    ticket.refresh_from_db()
    assert ticket.alarm is True


def test_what_is_read_can_be_sent_back_as_it_is(admin: Caller) -> None:
    for role in Role.all():
        shown = send(admin, "GET", f"/{role.pk}").get_json()
        assert send(admin, "PUT", f"/{role.pk}", shown).get_json() == shown
        before = role.models_authorizations
        role.refresh_from_db()
        assert role.models_authorizations == before


def test_the_calls_that_can_be_given_are_all_but_those_that_need_no_role(admin: Caller, app: APIFlask) -> None:
    listed = send(admin, "GET", "/routes").get_json()
    show = {"method": "GET", "endpoint": "roles.show_role", "path": "/api/roles/<int:role_id>", "right": "administer"}
    assert show in listed
    every = {(one["method"], one["endpoint"]) for one in listed}
    assert every == set(ApiRoute.filter(is_dead=False).values_list("method", "endpoint"))
    assert make(admin, routes=[{"method": m, "endpoint": e} for m, e in every])["routes"] == [
        {"method": m, "endpoint": e} for m, e in sorted(every, key=lambda one: (one[1], one[0]))
    ]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"routes": [{"method": "GET", "endpoint": "nope.nothing"}]}, 409, "routes: 'GET' 'nope.nothing' is"),
        ({"routes": [{"method": "PATCH", "endpoint": LIST["endpoint"]}]}, 409, "routes: 'PATCH' 'tickets"),
        (
            allowing({"ticket": {"fields": ["owner"]}}),
            409,
            "modelsAuthorizations.ticket.fields: 'owner'; expected some",
        ),
        (allowing({"ticket": {"status": ["Paused"]}}), 409, "modelsAuthorizations.ticket.status: 'Paused'"),
        (allowing({"ticket": {"interact": ["dance"]}}), 409, "modelsAuthorizations.ticket.interact: 'dance'"),
        (
            allowing({"ticket": {"schedulingAlgorithm": "Best"}}),
            409,
            "modelsAuthorizations.ticket.schedulingAlgorithm: 'Best'",
        ),
        (allowing({"report": {"fields": ["alarm"]}}), 409, "modelsAuthorizations.report.fields: 'alarm'"),
        (allowing({"audit": {"write": True}}), 400, "modelsAuthorizations.audit.write"),
        (allowing({"users": {}}), 400, "modelsAuthorizations.users"),
        (allowing({"audit": {"read": "yes"}}), 400, "modelsAuthorizations.audit.read"),
        ({"name": " "}, 409, "name: 0 characters; expected 1 to 256"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_named_and_nothing_is_changed(
    admin: Caller, change: dict[str, Any], status: int, message: str
) -> None:
    made = make(admin, routes=[LIST])
    response = send(admin, "PUT", f"/{made['id']}", {"name": "Other", "routes": [SHOW], **change})
    assert message in refused(response, status)
    assert send(admin, "GET", f"/{made['id']}").get_json() == made
    assert message in refused(send(admin, "POST", "", {"codename": "other", "name": "Other", **change}), status)
    assert not Role.filter(codename="other").exists()


@pytest.mark.parametrize("codename", ["", "Night", "night shift", "x" * 65, "night_shift"])
def test_a_codename_is_a_key_that_is_there_once(admin: Caller, codename: str) -> None:
    make(admin)
    assert refused(send(admin, "POST", "", {"codename": codename})).startswith(f"codename: {codename!r}"[:70])


def test_a_role_that_somebody_has_or_the_settings_give_stays(
    admin: Caller, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(admin)
    user = make_user("bob", role="night_shift")
    assert refused(send(admin, "DELETE", f"/{made['id']}")) == (
        "role: 'night_shift' is the role of bob; expected one that nobody has"
    )
    Operator.filter(user=user).update(role=Role.get(codename="read_only"))
    oidc = Oidc(
        issuer="https://id.example.net", client_id="desk", client_secret="s" * 32,
        redirect_uri="https://desk.example.net/api/auth/oidc/callback", role_mapping={"nights": "night_shift"},
    )  # fmt: skip
    with monkeypatch.context() as patched:
        settings = current()
        api = settings.API.model_copy(update={"oidc": oidc})
        patched.setattr(roles, "current", lambda: settings.model_copy(update={"API": api}))
        assert refused(send(admin, "DELETE", f"/{made['id']}")) == (
            "role: API.oidc.role_mapping gives 'night_shift'; expected one that is given to nobody"
        )
    assert send(admin, "DELETE", f"/{made['id']}").status_code == 200
    assert send(admin, "GET", f"/{made['id']}").status_code == 404


def test_the_role_admin_stays_and_keeps_what_mends_roles_and_users(admin: Caller, app: APIFlask) -> None:
    role = Role.get(codename=Role.ADMIN)
    path = f"/{role.pk}"
    assert "runs the desk and stays" in refused(send(admin, "DELETE", path))
    whole = send(admin, "GET", path).get_json()["routes"]
    needed = [
        call for call in declared.routes(app)
        if call.right is Right.ADMINISTER and call.endpoint.partition(".")[0] in {"roles", "users"}
    ]  # fmt: skip
    assert len(needed) > 8
    for call in needed:
        left = [one for one in whole if one != {"method": call.method, "endpoint": call.endpoint}]
        assert len(left) == len(whole) - 1
        assert refused(send(admin, "PUT", path, {"routes": left})) == (
            f"routes: {call.method} {call.endpoint} is missing; the role 'admin' keeps it"
        )
    assert refused(send(admin, "PUT", path, {"routes": []})).endswith("the role 'admin' keeps it")
    assert send(admin, "GET", path).get_json()["routes"] == whole
    # What it can do without can be taken away and given back.
    kept = [one for one in whole if one["endpoint"].partition(".")[0] in {"roles", "users"}]
    assert send(admin, "PUT", path, {"routes": kept, "modelsAuthorizations": {}}).status_code == 200
    assert admin.get("/api/tickets").status_code == 403
    assert send(admin, "PUT", path, {"routes": whole}).status_code == 200
    assert admin.get("/api/tickets").status_code == 200


def test_the_last_administrator_cannot_give_up_and_cannot_be_taken_out(admin: Caller, make_user: MakeUser) -> None:
    path, headers = f"/api/users/{admin.user.pk}", {"X-Api-Token": admin.token}
    response = admin.client.put(path, json={"role": "run_level_1"}, headers=headers)
    assert refused(response) == "role: 'admin' is the last administrator; expected that another is there first"
    assert Operator.get(user=admin.user).role.codename == "admin"
    other = make_user("other", role="admin")
    assert admin.client.put(path, json={"role": "run_level_1"}, headers=headers).status_code == 200
    with pytest.raises(AccountError, match="'other' is the last administrator"):
        people.deactivate(other, actor=admin.user)
    other.refresh_from_db()
    assert other.is_active


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_take_each_other_out_at_once(make_user: MakeUser) -> None:
    pair = [make_user("ann", role="admin"), make_user("ben", role="admin")]
    ready, ends = threading.Barrier(2), []

    def demote(victim: User, actor: User) -> None:
        try:
            ready.wait(10)
            people.change_user(victim, people.Changes(role="run_level_1"), actor=actor)
            ends.append("done")
        except AccountError:
            ends.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=(pair[n], pair[1 - n])) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["done", "refused"]
    assert Operator.filter(role__codename="admin").count() == 1


def test_each_change_is_on_record_with_the_role(admin: Caller) -> None:
    made = make(admin)
    send(admin, "PUT", f"/{made['id']}", {"name": "Other"})
    send(admin, "DELETE", f"/{made['id']}")
    rows = AuditEntry.filter(user=admin.user).order_by("pk").values_list("endpoint", "about", "status")
    about = f"role_id={made['id']}"
    assert list(rows) == [
        ("roles.add_role", about, 200), ("roles.change_role", about, 200), ("roles.delete_role", about, 200),
    ]  # fmt: skip


def test_what_was_written_by_hand_and_means_nothing_is_left_out(admin: Caller) -> None:
    odd = {"ticket": {"fields": ["alarm", "owner", 3], "status": "paused", "unassignedOnAnswer": 1}, "x": {"y": True}}
    role = Role.create(codename="odd", name="Odd", models_authorizations=odd)
    shown = send(admin, "GET", f"/{role.pk}").get_json()["modelsAuthorizations"]
    assert {k: v for k, v in shown["ticket"].items() if v is not None} == {"fields": ["alarm"]}
    assert shown["report"] is None
