"""Logging in and out."""

from __future__ import annotations

import hashlib
import statistics
import time
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from flask.testing import FlaskClient
from pytest_django import DjangoAssertNumQueries
from werkzeug.test import TestResponse

from abuse.controllers import logins
from abuse.models import ROBOT_NAME, ApiToken, LoginAttempt, User

from .conftest import PASSWORD, Caller, MakeCaller, MakeUser

pytestmark = pytest.mark.django_db
WRONG = "Wrong name or password"


def log_in(client: FlaskClient, name: str, password: str = PASSWORD, address: str = "198.51.100.1") -> TestResponse:
    return client.post(
        "/api/auth", json={"name": name, "password": password}, environ_overrides={"REMOTE_ADDR": address}
    )


def test_a_login_gives_a_token_that_opens_the_api(client: FlaskClient, make_user: MakeUser) -> None:
    user = make_user("alice", {"Spam": "Beginner", "Phishing": "Expert"}, email="alice@example.net", role="admin")
    token = log_in(client, "alice").get_json()["token"]
    assert client.get("/api/users/me", headers={"X-Api-Token": token}).get_json() == {
        "id": user.pk,
        "username": "alice",
        "email": "alice@example.net",
        "isSuperuser": True,
        "isActive": True,
        "role": "admin",
        "profiles": [
            {"category": "Phishing", "profile": "Expert", "access": True},
            {"category": "Spam", "profile": "Beginner", "access": True},
        ],
    }


def test_the_token_is_stored_as_its_digest_only_and_expires_when_the_settings_say(
    client: FlaskClient, make_user: MakeUser
) -> None:
    make_user()
    answer = log_in(client, "alice").get_json()
    row = ApiToken.get()
    assert row.digest == hashlib.sha256(answer["token"].encode()).hexdigest()
    assert row.expires_at - row.created_at == timedelta(seconds=86_400)
    assert answer["expiresAt"] == int(row.expires_at.timestamp())
    assert len(answer["token"]) >= 43


def test_two_logins_have_two_tokens_and_logging_out_ends_the_one_only(client: FlaskClient, make_user: MakeUser) -> None:
    make_user()
    first, second = (log_in(client, "alice").get_json()["token"] for _ in range(2))
    assert first != second
    assert client.post("/api/logout", json={}, headers={"X-Api-Token": first}).status_code == 200
    assert client.get("/api/users/me", headers={"X-Api-Token": first}).status_code == 401
    assert client.get("/api/users/me", headers={"X-Api-Token": second}).status_code == 200
    log_in(client, "alice")
    assert client.get("/api/users/me", headers={"X-Api-Token": first}).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 10_000, "\xff\xfe", "token-of-alice!"])
def test_what_is_no_token_opens_nothing(client: FlaskClient, make_caller: MakeCaller, token: str) -> None:
    make_caller()
    response = client.get("/api/tickets", headers={"X-Api-Token": token})
    assert response.status_code == 401
    assert "X-Api-Token" in response.headers["WWW-Authenticate"]


def test_an_expired_token_opens_nothing_and_goes_with_the_next_login(make_caller: MakeCaller) -> None:
    caller = make_caller()
    assert caller.get("/api/users/me").status_code == 200
    ApiToken.all().update(expires_at=timezone.now())
    assert caller.get("/api/users/me").status_code == 401
    log_in(caller.client, "alice")
    assert ApiToken.get().digest != hashlib.sha256(caller.token.encode()).hexdigest()


def test_a_user_made_inactive_is_out_at_once_and_cannot_come_back(make_caller: MakeCaller) -> None:
    caller = make_caller()
    User.objects.filter(pk=caller.user.pk).update(is_active=False)
    assert caller.get("/api/users/me").status_code == 401
    response = log_in(caller.client, "alice")
    assert (response.status_code, response.get_json()) == (401, {"message": WRONG})


def test_the_robot_never_logs_in_even_with_a_password_and_a_token(client: FlaskClient) -> None:
    robot = User.objects.get(username=ROBOT_NAME)
    assert log_in(client, ROBOT_NAME).status_code == 401
    User.objects.filter(pk=robot.pk).update(is_active=True, password=make_password(PASSWORD))
    assert log_in(client, ROBOT_NAME).status_code == 401
    robot.refresh_from_db()
    assert Caller(client, robot).get("/api/users/me").status_code == 401


def test_a_wrong_name_and_a_wrong_password_look_the_same(client: FlaskClient, make_user: MakeUser) -> None:
    make_user()
    answers = [log_in(client, "alice", "wrong"), log_in(client, "nobody", "wrong")]
    assert {(one.status_code, one.get_data()) for one in answers} == {(401, b'{"message":"' + WRONG.encode() + b'"}\n')}


@pytest.mark.usefixtures("slow_hashes")
def test_a_wrong_name_and_a_wrong_password_take_the_same_time(make_user: MakeUser) -> None:
    make_user()

    def seconds(name: str) -> float:
        taken = []
        for _ in range(5):
            LoginAttempt.all().delete()
            start = time.perf_counter()
            with pytest.raises(logins.LoginRefused):
                logins.log_in(name, "wrong", address=None, lifetime=timedelta(hours=1))
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)

    known, unknown = seconds("alice"), seconds("nobody")
    # Without the hash for unknown names it is a factor of ten and more.
    assert 0.4 < known / unknown < 2.5


def test_after_five_failures_a_name_has_to_wait_whatever_the_password_and_the_address(
    client: FlaskClient, make_user: MakeUser
) -> None:
    make_user()
    for number in range(5):
        assert log_in(client, "alice", "wrong", f"198.51.100.{number}").status_code == 401
    response = log_in(client, "alice", PASSWORD, "198.51.100.99")
    assert response.status_code == 429
    assert 890 <= int(response.headers["Retry-After"]) <= 900
    assert response.headers["Retry-After"] in response.get_json()["message"]
    assert LoginAttempt.count() == 5, "a refusal unread does not make the wait longer"


def test_the_wait_is_over_after_fifteen_minutes(client: FlaskClient, make_user: MakeUser) -> None:
    make_user()
    for _ in range(5):
        log_in(client, "alice", "wrong")
    LoginAttempt.all().update(date=timezone.now() - timedelta(minutes=14, seconds=50))
    response = log_in(client, "alice")
    assert (response.status_code, 1 <= int(response.headers["Retry-After"]) <= 10) == (429, True)
    LoginAttempt.all().update(date=timezone.now() - timedelta(minutes=15, seconds=1))
    assert log_in(client, "alice").status_code == 200
    assert not LoginAttempt.all().exists()


def test_a_name_that_nobody_has_waits_as_well(client: FlaskClient) -> None:
    codes = [log_in(client, "nobody", "wrong").status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_a_login_that_succeeds_forgets_the_failures_of_that_name_only(client: FlaskClient, make_user: MakeUser) -> None:
    make_user()
    log_in(client, "bob", "wrong")
    for _ in range(4):
        log_in(client, "alice", "wrong")
    assert log_in(client, "alice").status_code == 200
    assert [attempt.username for attempt in LoginAttempt.all()] == ["bob"]


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (["203.0.113.5"], "203.0.113.6"),
        (["2001:db8:1:1::1", "2001:db8:1:1:ffff::2"], "2001:db8:1:2::1"),
        (["203.0.113.5", "::ffff:203.0.113.5"], "203.0.113.6"),
    ],
    ids=["ipv4", "one ipv6 network", "ipv4 in ipv6"],
)
def test_after_twenty_failures_an_address_has_to_wait(client: FlaskClient, addresses: list[str], other: str) -> None:
    for number in range(20):
        response = log_in(client, f"guess{number}", "wrong", addresses[number % len(addresses)])
        assert response.status_code == 401
    assert [log_in(client, "one more", "wrong", address).status_code for address in addresses] == [429] * len(addresses)
    assert log_in(client, "one more", "wrong", other).status_code == 401


def test_an_attempt_is_on_record_before_the_password_is_looked_at(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else many guesses at once would all find the record clean."""
    make_user()
    seen: list[int] = []

    def check(*arguments: object) -> bool:
        seen.append(LoginAttempt.count())
        return False

    monkeypatch.setattr(logins, "check_password", check)
    with pytest.raises(logins.LoginRefused):
        logins.log_in("alice", "wrong", address=None, lifetime=timedelta(hours=1))
    assert seen == [1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name: Field required; password: Field required"),
        ({"name": "alice"}, "password: Field required"),
        ({"name": "", "password": "x"}, "name: String should have at least 1 character"),
        ({"name": "a" * 151, "password": "x"}, "name: String should have at most 150 characters"),
        ({"name": "alice", "password": ["x"]}, "password: Input should be a valid string"),
        ({"name": "a\0", "password": "x"}, "name: Value error, expected text without NUL"),
        ({"name": "alice", "password": "x", "admin": True}, "admin: Extra inputs are not permitted"),
        (["alice"], "_schema: Input should be"),
    ],
)
def test_a_body_that_is_no_login_is_refused_by_the_field(client: FlaskClient, body: object, message: str) -> None:
    response = client.post("/api/auth", json=body)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith(message)


@pytest.mark.parametrize("name", ["\ufdfa" * 150, "🦊" * 150])
def test_a_name_that_grows_when_normalised_is_merely_wrong(client: FlaskClient, name: str) -> None:
    assert log_in(client, name).status_code == 401


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 100_000, b'"\xff"', b'{"name": "\\ud800", "password": "x"}'])
def test_a_body_that_is_no_json_is_the_callers_fault(client: FlaskClient, body: bytes) -> None:
    response = client.post("/api/auth", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["message"]


def test_a_body_too_large_is_not_read(client: FlaskClient) -> None:
    assert client.post("/api/auth", data=b" " * (1024 * 1024 + 1)).status_code == 413


def test_finding_out_who_calls_is_one_query_and_writes_nothing(
    make_caller: MakeCaller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    caller = make_caller()
    with django_assert_num_queries(2) as captured:  # the token with its user and role; the profiles
        caller.get("/api/users/me")
    assert all(query["sql"].startswith("EXECUTE cerberus_") for query in captured.captured_queries)  # of SELECTs
