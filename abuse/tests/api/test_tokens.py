"""Tokens, sessions and roles at the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from django.db.models import F
from django.utils import timezone
from flask.testing import FlaskClient
from pytest_django import DjangoAssertNumQueries
from werkzeug.test import TestResponse

from abuse.api import access, origins, proxies, session
from abuse.config import current
from abuse.controllers.routes import Route, sync_routes
from abuse.models import ApiRoute, ApiToken, AuditEntry, Role
from abuse.policies import Right

from .conftest import PASSWORD, Caller, MakeCaller, MakeUser
from .rows import a_report, a_ticket

pytestmark = pytest.mark.django_db
SetApi = Callable[..., None]


@pytest.fixture
def set_api(monkeypatch: pytest.MonkeyPatch) -> SetApi:
    """Change settings under API."""

    def change(**values: Any) -> None:
        settings = current()
        document = {**settings.API.model_dump(), **values}
        changed = settings.model_copy(update={"API": type(settings.API).model_validate(document)})
        for module in (access, origins, proxies, session):
            monkeypatch.setattr(module, "current", lambda: changed)

    return change


def personal(caller: Caller, **order: Any) -> tuple[Caller, dict[str, Any]]:
    response = caller.client.post(
        "/api/users/me/tokens", json={"name": "program", **order}, headers={"X-Api-Token": caller.token}
    )
    assert response.status_code == 200, response.get_json()
    made: dict[str, Any] = response.get_json()
    other = object.__new__(Caller)
    other.client, other.user, other.token = caller.client, caller.user, made["token"]
    return other, made


def send(caller: Caller, method: str, path: str, body: object = None) -> TestResponse:
    return caller.client.open(path, method=method, json=body, headers={"X-Api-Token": caller.token})


def test_a_personal_token_does_what_its_scopes_say_and_no_more(make_caller: MakeCaller) -> None:
    alice = make_caller(profiles={"Phishing": "Expert"}, role="admin")
    ticket = a_ticket()
    comment = f"/api/tickets/{ticket.pk}/comments"
    allowed = {}
    for scope in ("read", "write", "admin", "submit"):
        program, _ = personal(alice, name=scope, scopes=[scope])
        allowed[scope] = [
            program.get("/api/tickets").status_code,
            send(program, "POST", comment, {"comment": "x"}).status_code,
            program.get(f"/api/users/{alice.user.pk}").status_code,
            program.get("/api/users/me").status_code,
        ]
    assert allowed == {
        "read": [200, 403, 403, 200],
        "write": [403, 200, 403, 200],
        "admin": [403, 403, 200, 200],
        "submit": [403, 403, 403, 200],
    }


def test_a_personal_token_of_some_categories_sees_those_alone_even_a_superusers(root: Caller) -> None:
    spam, phishing = a_ticket("Spam"), a_ticket()
    program, made = personal(root, scopes=["read"], categories=["Spam"])
    assert made["categories"] == ["Spam"]
    assert program.ids("/api/tickets") == [spam.pk]
    assert program.get(f"/api/tickets/{phishing.pk}").status_code == 403


def test_a_personal_token_never_changes_the_account(make_caller: MakeCaller) -> None:
    program, _ = personal(make_caller(), scopes=["read", "write", "admin", "submit"])
    for method, path, body in (
        ("POST", "/api/users/me/tokens", {"name": "another", "scopes": ["admin"]}),
        ("PUT", "/api/users/me/password", {"current": PASSWORD, "new": "another horse, another battery"}),
        ("POST", "/api/users/me/totp", {"password": PASSWORD}),
        ("POST", "/api/logout/everywhere", {}),
    ):
        assert send(program, method, path, body).status_code == 403, path


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"scopes": ["god"]}, "scopes: ['god']; expected some of read, write, admin, submit"),
        ({"scopes": []}, "scopes: List should have at least 1 item"),
        ({"scopes": ["read"], "categories": ["Nope"]}, "categories: ['Nope']; expected some of Copyright"),
        ({"scopes": ["read"], "categories": []}, "categories: none; expected some of"),
        ({"scopes": ["read"], "days": 366}, "days: 366; expected 365 at most"),
        ({"scopes": ["read"], "name": " "}, "name: ''; expected 1 to 100 characters"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(make_caller: MakeCaller, order: dict[str, Any], message: str) -> None:
    response = send(make_caller(), "POST", "/api/users/me/tokens", {"name": "program", **order})
    assert response.status_code == (400 if message.startswith("scopes: List") else 409)
    assert response.get_json()["message"].startswith(message)


def test_tokens_are_listed_without_secrets_and_revoked_by_their_owner_and_by_admins(make_caller: MakeCaller) -> None:
    alice, admin, bob = make_caller("alice"), make_caller("admin", role="admin"), make_caller("bob")
    program, made = personal(alice, scopes=["read"])
    second, _ = personal(alice, name="second", scopes=["read"])
    rows = alice.get("/api/users/me/tokens").get_json()
    assert [(row["kind"], row["name"], row["isCurrent"]) for row in rows] == [
        ("personal", "second", False), ("personal", "program", False), ("login", "", True)
    ]  # fmt: skip
    assert made["token"].startswith("cerberus_")
    assert not [row for row in rows if "token" in row]
    assert send(bob, "DELETE", f"/api/users/me/tokens/{made['id']}").status_code == 404
    assert send(bob, "DELETE", f"/api/users/{alice.user.pk}/tokens/{made['id']}").status_code == 403
    assert send(alice, "DELETE", f"/api/users/me/tokens/{made['id']}").status_code == 200
    assert program.get("/api/users/me").status_code == 401
    theirs = admin.get(f"/api/users/{alice.user.pk}/tokens").get_json()
    assert [row["name"] for row in theirs] == ["second", ""]
    assert send(admin, "DELETE", f"/api/users/{alice.user.pk}/tokens/{theirs[0]['id']}").status_code == 200
    assert second.get("/api/users/me").status_code == 401


def test_a_personal_token_that_was_just_made_is_not_shown_as_never_used(make_caller: MakeCaller) -> None:
    alice = make_caller("alice", {"Spam": "Expert"})
    made = send(alice, "POST", "/api/users/me/tokens", {"name": "program", "scopes": ["read"]}).get_json()
    path, shown = "/api/users/me/tokens", ("lastUsedAt", "lastAddress")
    (before,) = [row for row in alice.get(path).get_json() if row["id"] == made["id"]]
    assert [before[name] for name in shown] == [None, None]
    used = alice.client.get("/api/tags", headers={"X-Api-Token": made["token"]})
    assert used.status_code == 200
    (after,) = [row for row in alice.get(path).get_json() if row["id"] == made["id"]]
    assert after["lastUsedAt"] >= made["createdAt"]
    assert after["lastAddress"] == "127.0.0.1"


def test_the_last_use_is_written_once_a_minute_at_most(
    make_caller: MakeCaller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    caller = make_caller()
    ApiToken.all().update(created_at=F("created_at") - timedelta(minutes=2))
    with django_assert_num_queries(3):
        caller.get("/api/users/me")
    noted = ApiToken.get()
    assert noted.last_used_at is not None and timezone.now() - noted.last_used_at < timedelta(minutes=1)
    assert noted.last_address == "127.0.0.1"
    with django_assert_num_queries(2):
        caller.get("/api/users/me")
    assert ApiToken.get().last_used_at == noted.last_used_at


def test_logging_out_everywhere_ends_logins_and_sessions_but_not_programs(make_caller: MakeCaller) -> None:
    alice, bob = make_caller("alice"), make_caller("bob")
    program, _ = personal(alice, scopes=["read"])
    browser = alice.client.application.test_client()
    browser.post("/api/session", json={"name": "alice", "password": PASSWORD})
    assert send(alice, "POST", "/api/logout/everywhere", {}).get_json()["message"].endswith("2 logins ended")
    assert alice.get("/api/users/me").status_code == browser.get("/api/users/me").status_code == 401
    assert program.get("/api/users/me").status_code == bob.get("/api/users/me").status_code == 200


def test_a_changed_password_ends_other_logins_and_wrong_ones_are_counted(make_caller: MakeCaller) -> None:
    alice = make_caller()
    other = alice.client.post("/api/auth", json={"name": "alice", "password": PASSWORD}).get_json()["token"]
    new = "another horse, another battery"

    def change(current: str, to: str) -> TestResponse:
        return send(alice, "PUT", "/api/users/me/password", {"current": current, "new": to})

    assert change(PASSWORD, "short").status_code == 409
    assert change("wrong", new).status_code == 403
    assert change(PASSWORD, new).status_code == 200
    assert alice.get("/api/users/me").status_code == 200
    assert alice.client.get("/api/users/me", headers={"X-Api-Token": other}).status_code == 401
    assert [change("wrong", new).status_code for _ in range(6)] == [403] * 5 + [429]


def logged_in_browser(app: APIFlask, address: str = "http://localhost") -> tuple[FlaskClient, dict[str, str]]:
    browser = app.test_client()
    response = browser.post("/api/session", json={"name": "alice", "password": PASSWORD}, base_url=address)
    assert response.status_code == 200, response.get_json()
    return browser, {"X-CSRF-Token": response.get_json()["csrfToken"]}


def test_a_session_is_a_cookie_out_of_reach_of_scripts(app: APIFlask, make_user: MakeUser) -> None:
    make_user()
    response = app.test_client().post("/api/session", json={"name": "alice", "password": PASSWORD})
    session_cookie, csrf_cookie = response.headers.getlist("Set-Cookie")
    assert session_cookie.startswith("cerberus_session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(session_cookie.split("; "))
    assert "Secure" not in session_cookie
    assert csrf_cookie.startswith(f"cerberus_csrf={response.get_json()['csrfToken']};")
    assert "HttpOnly" not in csrf_cookie
    secure = app.test_client().post(
        "/api/session", json={"name": "alice", "password": PASSWORD}, base_url="https://localhost"
    )
    cookie = secure.headers.getlist("Set-Cookie")[0]
    assert cookie.startswith("__Host-cerberus_session=") and "Secure" in cookie.split("; ")
    assert [row.kind for row in ApiToken.all()] == ["session", "session"]


def test_a_session_changes_something_only_with_its_csrf_token_and_from_our_origin(
    app: APIFlask, make_user: MakeUser
) -> None:
    make_user(profiles={"Phishing": "Expert"})
    browser, csrf = logged_in_browser(app)
    _, others = logged_in_browser(app)
    path, body = f"/api/tickets/{a_ticket().pk}/comments", {"comment": "x"}
    assert browser.get("/api/tickets").status_code == 200
    ours = {"Origin": "http://localhost"}
    for headers in (
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "ä"},
        others,
        {**csrf, "Origin": "https://evil.example"},
        ours,
    ):
        assert browser.post(path, json=body, headers=headers).status_code == 403, headers
    assert browser.post(path, json=body, headers=csrf).status_code == 200
    assert browser.post(path, json=body, headers={**csrf, **ours}).status_code == 200


def test_a_login_from_a_page_of_another_site_is_refused(app: APIFlask, make_user: MakeUser) -> None:
    make_user()
    evil = {"Origin": "https://evil.example"}
    response = app.test_client().post("/api/session", json={"name": "alice", "password": PASSWORD}, headers=evil)
    assert response.status_code == 403
    assert not ApiToken.all().exists()


def test_each_kind_of_token_is_taken_from_its_place_only(app: APIFlask, make_caller: MakeCaller) -> None:
    alice = make_caller()
    browser, _ = logged_in_browser(app)
    cookie = browser.get_cookie("cerberus_session")
    assert cookie is not None
    assert app.test_client().get("/api/users/me", headers={"X-Api-Token": cookie.value}).status_code == 401
    program = app.test_client()
    program.set_cookie("cerberus_session", alice.token)
    program.set_cookie("token", f"%22{alice.token}%22")
    assert program.get("/api/users/me").status_code == 401


def test_a_session_ends_when_unused_and_at_its_absolute_end(app: APIFlask, make_user: MakeUser) -> None:
    make_user()
    browser, _ = logged_in_browser(app)
    idle = timedelta(seconds=current().API.session_idle_seconds)
    now = timezone.now()
    ApiToken.all().update(last_used_at=now - idle + timedelta(seconds=30))
    assert browser.get("/api/session").get_json()["kind"] == "session"
    ApiToken.all().update(last_used_at=now - idle - timedelta(seconds=1))
    assert browser.get("/api/session").status_code == 401
    ApiToken.all().update(last_used_at=now, expires_at=now)
    assert browser.get("/api/session").status_code == 401


def test_logging_out_of_a_session_takes_the_cookies_along(app: APIFlask, make_user: MakeUser) -> None:
    make_user()
    browser, csrf = logged_in_browser(app)
    assert browser.post("/api/logout", json={}, headers=csrf).status_code == 200
    assert browser.get_cookie("cerberus_session") is None
    assert not ApiToken.all().exists()


def test_a_role_may_what_its_routes_say_from_the_next_call_on(make_caller: MakeCaller) -> None:
    caller = make_caller(profiles={"Phishing": "Expert"})
    role = Role.get(codename="run_level_3")
    route = ApiRoute.get(method="GET", endpoint="tickets.list_tickets")
    assert caller.get("/api/tickets").status_code == 200
    role.allowed_routes.remove(route)
    assert caller.get("/api/tickets").get_json() == {"message": "Your role does not allow GET tickets.list_tickets"}
    role.allowed_routes.add(route)
    assert caller.get("/api/tickets").status_code == 200


def test_without_a_role_one_sees_oneself_and_logs_out(make_caller: MakeCaller) -> None:
    caller = make_caller(profiles={"Phishing": "Expert"}, role=None)
    assert caller.get("/api/tickets").status_code == caller.get("/api/roles").status_code == 403
    assert caller.get("/api/users/me").status_code == 200
    assert send(caller, "POST", "/api/logout", {}).status_code == 200


def test_readers_and_auditors_change_nothing_whatever_their_profile(make_caller: MakeCaller) -> None:
    ticket = a_ticket()
    answers = {}
    for role in ("read_only", "auditor", "run_level_1", "admin"):
        caller = make_caller(role, {"Phishing": "Expert"}, role=role)
        answers[role] = [
            caller.get(f"/api/tickets/{ticket.pk}").status_code,
            send(caller, "POST", f"/api/tickets/{ticket.pk}/comments", {"comment": "x"}).status_code,
            caller.get("/api/audit").status_code,
        ]
    assert answers == {
        "read_only": [200, 403, 403],
        "auditor": [200, 403, 200],
        "run_level_1": [200, 200, 403],
        "admin": [200, 200, 200],
    }


def test_new_calls_are_granted_once_and_dead_ones_marked(app: APIFlask) -> None:
    route = Route("GET", "new.call", Right.LOOK)
    there = {(row.method, row.endpoint) for row in ApiRoute.filter(is_dead=False)}
    assert ("GET", "tickets.list_tickets") in there
    synced = sync_routes([route])
    assert (synced.added, synced.died) == (1, len(there))
    row = ApiRoute.get(endpoint="new.call")
    granted = {role.codename for role in row.roles.all()}
    assert granted == {"admin", "run_level_1", "run_level_3", "read_only", "auditor"}
    row.roles.clear()
    assert (sync_routes([route]).added, row.roles.count()) == (0, 0)
    assert sync_routes([Route("GET", "tickets.list_tickets", Right.LOOK)]).revived == 1


@pytest.mark.parametrize(
    ("remote", "forwarded", "seen"),
    [
        ("198.51.100.9", "203.0.113.1", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", ", ".join(["10.0.0.3"] * 5000), "10.0.0.3"),
    ],
)
def test_the_address_is_the_last_one_that_no_trusted_proxy_has(
    app: APIFlask, set_api: SetApi, remote: str, forwarded: str, seen: str
) -> None:
    with app.test_request_context(headers={"X-Forwarded-For": forwarded}, environ_base={"REMOTE_ADDR": remote}):
        if remote != "::ffff:10.0.0.1":
            assert proxies.caller_address() == remote, "nobody is trusted by default"
        set_api(trusted_proxies=["10.0.0.0/8"])
        assert proxies.caller_address() == seen


def test_tls_at_a_trusted_proxy_counts_as_tls(app: APIFlask, set_api: SetApi) -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    with app.test_request_context(headers=forwarded, environ_base={"REMOTE_ADDR": "10.0.0.1"}):
        assert not proxies.is_secure()
        set_api(trusted_proxies=["10.0.0.0/8"])
        assert proxies.is_secure()


def test_other_origins_are_let_in_by_name_only(client: FlaskClient, make_caller: MakeCaller, set_api: SetApi) -> None:
    caller = make_caller()
    ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "x-api-token"}
    desk, evil = {"Origin": "https://desk.example.net"}, {"Origin": "https://desk.example.net.evil.example"}
    assert client.options("/api/tickets", headers={**ask, **desk}).status_code == 401
    set_api(allowed_origins=["https://desk.example.net"])
    preflight = client.options("/api/tickets", headers={**ask, **desk})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == desk["Origin"]
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "X-Api-Token" in preflight.headers["Access-Control-Allow-Headers"]
    answer = caller.get("/api/users/me", None, **desk)
    assert (answer.headers["Access-Control-Allow-Origin"], answer.vary.as_set()) == (desk["Origin"], {"origin"})
    assert client.options("/api/tickets", headers={**ask, **evil}).status_code == 401
    assert "Access-Control-Allow-Origin" not in caller.get("/api/users/me", None, **evil).headers


def test_writes_and_readings_of_evidence_are_on_record_and_lists_are_not(make_caller: MakeCaller) -> None:
    alice = make_caller(profiles={"Phishing": "Expert"})
    ticket, report = a_ticket(), a_report()
    alice.get("/api/tickets")
    alice.get("/api/reports")
    assert not AuditEntry.all().exists()
    alice.get(f"/api/reports/{report.pk}")
    secret = "what nobody must find here"
    send(alice, "POST", f"/api/tickets/{ticket.pk}/comments", {"comment": secret})
    send(alice, "PUT", "/api/tickets/bulk", {"tickets": [ticket.pk, 7], "properties": {"alarm": True}})
    token = ApiToken.get(user=alice.user)
    rows = [
        (row.method, row.endpoint, row.about, row.status, row.user_id, row.token, row.address)
        for row in AuditEntry.all().order_by("pk")
    ]
    who = (alice.user.pk, token.pk, "127.0.0.1")
    assert rows[:2] == [
        ("GET", "reports.show_report", f"report_id={report.pk}", 200, *who),
        ("POST", "ticket_comments.add_comment", f"ticket_id={ticket.pk}", 200, *who),
    ]
    assert rows[2] == ("PUT", "bulk_tickets.change_bulk", f"tickets={ticket.pk},7", 200, *who)
    assert secret not in str(AuditEntry.all().values())


def test_logins_are_on_record_refused_ones_without_a_user(client: FlaskClient, make_user: MakeUser) -> None:
    user = make_user()
    for password in ("wrong", PASSWORD):
        client.post("/api/auth", json={"name": "alice", "password": password})
    rows = AuditEntry.all().order_by("pk").values_list("user", "status")
    assert list(rows) == [(None, 401), (user.pk, 200)]


def test_the_record_is_asked_by_user_endpoint_and_time(make_caller: MakeCaller) -> None:
    auditor, bob = make_caller("auditor", role="auditor"), make_caller("bob", {"Phishing": "Expert"})
    report = a_report()
    for _ in range(3):
        bob.get(f"/api/reports/{report.pk}")
    AuditEntry.filter(pk=AuditEntry.all().order_by("pk")[0].pk).update(date=timezone.now() - timedelta(days=2))
    answer = auditor.get("/api/audit", {"where": {"in": [{"user": ["bob"]}, {"about": [f"report_id={report.pk}"]}]}})
    assert answer.get_json()["entriesCount"] == 3
    since = int((timezone.now() - timedelta(days=1)).timestamp())
    assert auditor.get(f"/api/audit?since={since}").get_json()["entriesCount"] == 2
    assert auditor.get(f"/api/audit?until={since}").get_json()["entries"][0]["user"] == "bob"
    assert auditor.get("/api/audit", {"where": {"in": [{"user__password": ["x"]}]}}).status_code == 400
    assert bob.get("/api/audit").status_code == 403
