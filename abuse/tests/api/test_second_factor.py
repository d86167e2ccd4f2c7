"""The second factor: RFC 6238, and what we make of it."""

from __future__ import annotations

import time
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from abuse.api import access
from abuse.config import current
from abuse.controllers import second_factor
from abuse.models import ApiToken, RecoveryCode, SecondFactor

from .conftest import PASSWORD, Caller, MakeCaller

pytestmark = pytest.mark.django_db


def send(caller: Caller, path: str, body: object, method: str = "POST") -> TestResponse:
    return caller.client.open(f"/api/users/{path}", method=method, json=body, headers={"X-Api-Token": caller.token})


def log_in(client: FlaskClient, **more: str) -> TestResponse:
    return client.post("/api/auth", json={"name": "alice", "password": PASSWORD, **more})


def enrolled(caller: Caller) -> tuple[pyotp.TOTP, list[str]]:
    """Set up, confirmed with the code of the step before this: that of now is still good."""
    secret = send(caller, "me/totp", {"password": PASSWORD}).get_json()["secret"]
    totp = pyotp.TOTP(secret)
    response = send(caller, "me/totp/confirm", {"otp": totp.at(int(time.time()) - 30)})
    assert response.status_code == 200, response.get_json()
    return totp, response.get_json()["recoveryCodes"]


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    """RFC 6238, appendix B, the last six digits of SHA-1."""
    assert pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").at(moment) == code


def test_a_login_asks_for_the_code_and_takes_it_once(make_caller: MakeCaller) -> None:
    alice = make_caller()
    assert log_in(alice.client).status_code == 200
    totp, _ = enrolled(alice)
    asked = log_in(alice.client)
    assert (asked.status_code, asked.get_json()["code"]) == (401, "totp_required")
    code = totp.now()
    assert log_in(alice.client, otp="000000" if code != "000000" else "111111").get_json() == {"message": "Wrong code"}
    assert log_in(alice.client, otp=f"{code[:3]} {code[3:]}").status_code == 200
    assert ApiToken.all().order_by("-pk")[0].proof == "totp"
    assert log_in(alice.client, otp=code).status_code == 401, "seen over the shoulder"
    assert log_in(alice.client, otp=totp.at(int(time.time()) - 30)).status_code == 401, "older than the last"


def test_a_wrong_password_is_not_told_that_a_code_is_needed(make_caller: MakeCaller) -> None:
    alice = make_caller()
    enrolled(alice)
    response = alice.client.post("/api/auth", json={"name": "alice", "password": "wrong"})
    assert (response.status_code, response.get_json()) == (401, {"message": "Wrong name or password"})


def test_guessing_codes_is_slowed_down(make_caller: MakeCaller) -> None:
    alice = make_caller()
    totp, _ = enrolled(alice)
    codes = [log_in(alice.client, otp="12345x").status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert log_in(alice.client, otp=totp.now()).status_code == 429


def test_a_recovery_code_is_good_once_and_new_ones_replace_it(make_caller: MakeCaller) -> None:
    alice = make_caller()
    totp, codes = enrolled(alice)
    assert len(set(codes)) == 10
    assert log_in(alice.client, otp=codes[0].upper()).status_code == 200
    assert log_in(alice.client, otp=codes[0]).status_code == 401
    assert alice.get("/api/users/me/totp").get_json()["recoveryCodesLeft"] == 9
    fresh = send(alice, "me/totp/recovery-codes", {"otp": totp.now()}).get_json()["recoveryCodes"]
    assert log_in(alice.client, otp=codes[1]).status_code == 401
    assert log_in(alice.client, otp=fresh[0]).status_code == 200


def test_neither_secret_nor_recovery_codes_are_stored_as_they_are(make_caller: MakeCaller) -> None:
    totp, codes = enrolled(make_caller())
    stored = str(list(SecondFactor.all().values())) + str(list(RecoveryCode.all().values()))
    assert totp.secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]


def test_setting_up_takes_the_password_and_counts_only_once_confirmed(make_caller: MakeCaller) -> None:
    alice = make_caller()
    assert send(alice, "me/totp", {"password": "wrong"}).status_code == 403
    answer: dict[str, Any] = send(alice, "me/totp", {"password": PASSWORD}).get_json()
    assert answer["otpauthUri"].startswith("otpauth://totp/Cerberus:alice?secret=" + answer["secret"])
    assert log_in(alice.client).status_code == 200
    assert send(alice, "me/totp/confirm", {"otp": "12345x"}).status_code == 409
    assert log_in(alice.client).status_code == 200
    assert alice.get("/api/users/me/totp").get_json()["enabled"] is False


def test_it_is_disabled_with_a_code_and_by_an_administrator(make_caller: MakeCaller) -> None:
    alice, admin = make_caller(), make_caller("admin", role="admin")
    totp, _ = enrolled(alice)
    assert send(alice, "me/totp", {"password": PASSWORD}).status_code == 409
    assert send(alice, "me/totp/disable", {"otp": "12345x"}).status_code == 403
    assert send(alice, "me/totp/disable", {"otp": totp.now()}).status_code == 200
    assert log_in(alice.client).status_code == 200
    SecondFactor.all().delete()
    enrolled(alice)
    assert send(alice, f"{alice.user.pk}/totp", None, "DELETE").status_code == 403
    assert send(admin, f"{alice.user.pk}/totp", None, "DELETE").status_code == 200
    assert not second_factor.is_active(alice.user)


def test_a_role_that_needs_one_does_nothing_else_before_it_is_set_up(
    make_caller: MakeCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = make_caller(role="admin"), make_caller("bob")
    api = current().API.model_copy(update={"require_totp_for": ("admin",)})
    monkeypatch.setattr(access, "current", lambda: current().model_copy(update={"API": api}))
    refused = alice.get("/api/tickets")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "totp_enrolment_required")
    assert send(alice, "me/tokens", {"name": "program", "scopes": ["read"]}).status_code == 403
    assert bob.get("/api/tickets").status_code == 200
    assert alice.get("/api/users/me/totp").get_json()["required"] is True
    other = log_in(alice.client).get_json()["token"]
    enrolled(alice)
    assert alice.get("/api/tickets").status_code == 200
    assert alice.client.get("/api/tickets", headers={"X-Api-Token": other}).status_code == 403, "by password alone"
