"""A client of the API, and people to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from flask.testing import FlaskClient
from pytest_django import Settings
from werkzeug.test import TestResponse

from abuse.controllers.tokens import digest_of
from abuse.models import AbusePermission, ApiToken, Operator, Profile, Role, User

PASSWORD = "correct horse battery staple"
ROLE = "run_level_3"
"""Of who is made without another: all but administering."""


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Hashing passwords is slow on purpose. A test that is about that asks for `slow_hashes`."""
    if "slow_hashes" not in request.fixturenames:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def slow_hashes() -> None:
    """The hashes of production."""


class Caller:
    """Somebody who calls the API with a token."""

    def __init__(self, client: FlaskClient, user: User) -> None:
        self.client = client
        self.user = user
        self.token = f"token-of-{user.username}"
        now = timezone.now()
        ApiToken.create(user=user, digest=digest_of(self.token), created_at=now, expires_at=now + timedelta(hours=1))

    def get(self, path: str, filters: object = None, **headers: str) -> TestResponse:
        query = None if filters is None else {"filters": json.dumps(filters)}
        return self.client.get(path, query_string=query, headers={"X-Api-Token": self.token, **headers})

    def ids(self, path: str, filters: object = None) -> list[int]:
        response = self.get(path, filters)
        assert response.status_code == 200, response.get_data(as_text=True)
        return [row["id"] for row in response.get_json()]

    def refusal(self, path: str, filters: object, status: int = 400) -> str:
        response = self.get(path, filters)
        assert response.status_code == status, response.get_data(as_text=True)
        message: str = response.get_json()["message"]
        errors = response.get_json().get("errors")
        assert list(response.get_json()) == (["message"] if errors is None else ["message", "errors"])
        assert errors is None or "; ".join(f"{one['field']}: {one['message']}" for one in errors) == message
        return message


MakeUser = Callable[..., User]
MakeCaller = Callable[..., Caller]


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def make_user(db: None) -> MakeUser:
    def make(
        name: str = "alice", profiles: Mapping[str, str] | None = None, *, role: str | None = ROLE, **fields: Any
    ) -> User:
        user = User.objects.create(username=name, password=make_password(PASSWORD), **fields)
        if role is not None:
            Operator.create(user=user, role=Role.get(codename=role))
        for category, profile in (profiles or {}).items():
            AbusePermission.create(user=user, category_id=category, profile=Profile.get(name=profile))
        return user

    return make


@pytest.fixture
def make_caller(client: FlaskClient, make_user: MakeUser) -> MakeCaller:
    def make(name: str = "alice", profiles: Mapping[str, str] | None = None, **fields: Any) -> Caller:
        return Caller(client, make_user(name, profiles, **fields))

    return make


@pytest.fixture
def root(make_caller: MakeCaller) -> Caller:
    """A superuser: sees everything."""
    return make_caller("root", is_superuser=True)
