"""Single sign-on against a provider on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from abuse.api import oidc
from abuse.config import current
from abuse.models import AbusePermission, ApiToken, AuditEntry, ExternalIdentity, User

from .conftest import MakeUser
from .oidc_provider import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Provider, new_key, provider
from .rows import a_ticket

pytestmark = pytest.mark.django_db
SetUp = Callable[..., None]


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch, there: Provider) -> SetUp:
    """The settings that name the provider, and more."""

    def change(**more: Any) -> None:
        settings = current()
        section = {
            "issuer": there.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "redirect_uri": REDIRECT_URI,
            "role_mapping": {"desk": "run_level_3", "boss": "admin"}, **more,
        }  # fmt: skip
        api = type(settings.API).model_validate({**settings.API.model_dump(), "oidc": section})
        monkeypatch.setattr(oidc, "current", lambda: settings.model_copy(update={"API": api}))

    change()
    return change


def begin(browser: FlaskClient, page: str | None = None) -> str:
    response = browser.get("/api/auth/oidc/login", query_string={"next": page} if page else None)
    assert response.status_code == 302, response.get_json()
    return response.headers["Location"]


def come_back(browser: FlaskClient, there: Provider, page: str | None = None) -> TestResponse:
    return browser.get(there.authorize(begin(browser, page)))


def refused(browser: FlaskClient, there: Provider) -> tuple[int, str]:
    response = come_back(browser, there)
    assert response.get_json() is not None, response.headers
    assert browser.get_cookie("cerberus_session") is None
    return response.status_code, response.get_json()["message"]


def test_a_new_user_gets_the_account_role_and_profiles_of_his_groups(
    app: APIFlask, there: Provider, set_up: SetUp
) -> None:
    set_up(
        allow_new_users=True,
        category_mapping={"desk": {"Phishing": "Expert", "Spam": "Read-only"}, "more": {"Spam": "Beginner"}},
    )
    there.claims.update(groups=["desk", "more", "unknown"], email="carol@example.net")
    browser = app.test_client()
    response = come_back(browser, there, "/tickets?page=2")
    assert (response.status_code, response.headers["Location"]) == (302, "/tickets?page=2")
    user = User.objects.get(username="carol")
    assert (user.email, user.has_usable_password(), user.operator.role.codename) == (
        "carol@example.net", False, "run_level_3"
    )  # fmt: skip
    granted = AbusePermission.filter(user=user).values_list("category", "profile__name")
    assert dict(granted) == {"Phishing": "Expert", "Spam": "Beginner"}
    assert browser.get(f"/api/tickets/{a_ticket().pk}").status_code == 200
    row = ApiToken.get()
    assert (row.kind, row.proof) == ("session", "sso")
    assert list(AuditEntry.filter(endpoint="oidc.callback").values_list("user", "status")) == [(user.pk, 302)]
    assert browser.get_cookie("cerberus_oidc", path="/api/auth/oidc") is None


def test_who_was_here_is_known_by_subject_whatever_he_is_called_and_groups_count_anew(
    app: APIFlask, there: Provider, set_up: SetUp
) -> None:
    set_up(allow_new_users=True)
    there.claims.update(groups=["desk"])
    come_back(app.test_client(), there)
    there.claims.update(preferred_username="caroline", groups=["boss"])
    assert come_back(app.test_client(), there).status_code == 302
    assert User.objects.get(username="carol").operator.role.codename == "admin"
    assert not User.objects.filter(username="caroline").exists()
    there.claims.update(groups=[])
    assert refused(app.test_client(), there) == (403, "Your groups give you no role at this desk")
    there.claims.update(groups=["desk"])
    User.objects.filter(username="carol").update(is_active=False)
    assert refused(app.test_client(), there) == (403, "Your account at this desk is not active")


def test_nobody_gets_an_account_or_that_of_another_unless_the_settings_say_so(
    app: APIFlask, there: Provider, set_up: SetUp, make_user: MakeUser
) -> None:
    there.claims.update(groups=["desk"])
    assert refused(app.test_client(), there) == (403, "You have no account at this desk")
    carol = make_user("carol")
    status, message = refused(app.test_client(), there)
    assert status == 403 and "not known to be yours" in message
    set_up(link_by_username=True)
    assert come_back(app.test_client(), there).status_code == 302
    assert ExternalIdentity.get().user == carol
    there.claims.update(sub="u-2")
    assert refused(app.test_client(), there)[0] == 403, "the account has an owner there already"
    there.claims.update(sub="u-3", preferred_username="abuse.robot")
    assert refused(app.test_client(), there)[0] == 403


def _none(claims: dict[str, Any]) -> str:
    signed = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("x" * 32))
    return "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."


def _shared_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(CLIENT_SECRET * 3))


def _public_key_as_secret(there: Provider, claims: dict[str, Any]) -> str:
    """By hand: libraries refuse to make it."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "first"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(there.key.as_pem(private=False), text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


FORGED: dict[str, Callable[[Provider, dict[str, Any]], str]] = {
    "another issuer": lambda there, claims: there.sign({**claims, "iss": "https://evil.example"}),
    "another audience": lambda there, claims: there.sign({**claims, "aud": "other"}),
    "for another of two": lambda there, claims: there.sign({**claims, "aud": [CLIENT_ID, "other"], "azp": "other"}),
    "another nonce": lambda there, claims: there.sign({**claims, "nonce": "old"}),
    "no nonce": lambda there, claims: there.sign({name: claims[name] for name in claims if name != "nonce"}),
    "too old": lambda there, claims: there.sign({**claims, "exp": claims["iat"] - 61}),
    "no end": lambda there, claims: there.sign({name: claims[name] for name in claims if name != "exp"}),
    "no subject": lambda there, claims: there.sign({**claims, "sub": ""}),
    "another key": lambda there, claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, new_key("first")),
    "an unknown key": lambda there, claims: jwt.encode({"alg": "RS256", "kid": "new"}, claims, new_key("new")),
    "no signature": lambda there, claims: _none(claims),
    "a shared secret": lambda there, claims: _shared_secret(claims),
    "the public key as a secret": lambda there, claims: _public_key_as_secret(there, claims),
    "no token": lambda there, claims: "nonsense",
    "a huge one": lambda there, claims: there.sign({**claims, "x": "y" * 100_000}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORGED)
def test_a_token_that_cannot_be_believed_opens_nothing(
    app: APIFlask, there: Provider, set_up: SetUp, name: str
) -> None:
    set_up(allow_new_users=True)
    there.claims.update(groups=["boss"])
    there.bend = lambda claims: FORGED[name](there, claims)
    status, message = refused(app.test_client(), there)
    assert status == 401
    assert message.startswith(
        ("the ID token cannot be believed", "the ID token is for another", "the provider gave no ID")
    )
    assert CLIENT_SECRET not in message
    assert not ApiToken.all().exists() and not ExternalIdentity.all().exists()


def test_a_login_ends_in_the_browser_in_which_it_began_and_once(app: APIFlask, there: Provider, set_up: SetUp) -> None:
    set_up(allow_new_users=True)
    there.claims.update(groups=["desk"])
    mine, other = app.test_client(), app.test_client()
    address = there.authorize(begin(mine))
    assert other.get(address).status_code == 401, "no login was begun here"
    begin(other)
    assert other.get(address).status_code == 401, "another login was begun here"
    assert mine.get(address.replace("state=", "state=x")).status_code == 401
    assert mine.get(f"{REDIRECT_URI}?error=access_denied").status_code == 401
    assert mine.get(address).status_code == 302
    assert mine.get(address).status_code == 401, "the code was used"


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "evil", "/\\"]
)
def test_after_the_login_one_is_led_nowhere_else(app: APIFlask, set_up: SetUp, page: str) -> None:
    assert app.test_client().get("/api/auth/oidc/login", query_string={"next": page}).status_code == 400


def test_keys_are_kept_and_new_ones_found(app: APIFlask, there: Provider, set_up: SetUp) -> None:
    set_up(allow_new_users=True)
    there.claims.update(groups=["desk"])
    for _ in range(3):
        assert come_back(app.test_client(), there).status_code == 302
    assert [there.asked.count(path) for path in ("/.well-known/openid-configuration", "/keys", "/token")] == [1, 1, 3]
    there.key = new_key("second")
    there.published = [there.key]
    assert refused(app.test_client(), there)[0] == 401, "asked a moment ago"
    known = oidc._clients[there.issuer]._known
    assert known is not None
    known.keys_at -= 61
    assert come_back(app.test_client(), there).status_code == 302
    assert there.asked.count("/keys") == 2


def test_a_provider_that_is_away_or_another_is_an_error_of_the_gateway(
    app: APIFlask, there: Provider, set_up: SetUp
) -> None:
    there.issuer, true_issuer = "http://127.0.0.1:1", there.issuer
    response = app.test_client().get("/api/auth/oidc/login")
    assert response.status_code == 502 and response.get_json()["message"].startswith("issuer: ")
    set_up(issuer="http://127.0.0.1:1")
    assert app.test_client().get("/api/auth/oidc/login").status_code == 502
    assert true_issuer not in oidc._clients or oidc._clients[true_issuer]._known is None


def test_without_settings_there_is_none(app: APIFlask) -> None:
    assert app.test_client().get("/api/auth/oidc/login").status_code == 404


def test_the_provider_of_the_tests_signs_with_rs256() -> None:
    assert isinstance(new_key("x"), RSAKey)
