"""Schemathesis calls every operation of the OpenAPI document as everybody; all its checks hold.

This is the short run. `bin/fuzz --target api` makes it a long one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from abuse.services.facade import facade

from ..controllers.test_tasks_due import ListeningPhishingService
from .conformance import Plan, run
from .conftest import Caller, MakeUser
from .test_matrix import World

EXAMPLES = int(os.environ.get("CERBERUS_API_EXAMPLES", "0"))
"""For each operation; 0 makes the short run."""
SEED = int(os.environ.get("CERBERUS_API_SEED", "1"))
EVERYBODY = ("superuser", "admin", "Expert", "Advanced", "Beginner", "Read-only")
CALLERS = EVERYBODY if EXAMPLES else ("admin", "Beginner")
_EVERY_PHASE = frozenset({"examples", "coverage", "fuzzing", "stateful"})
_CHECKS = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance",
    "missing_required_header", "unsupported_method", "allow_header_conformance", "use_after_free",
    "ensure_resource_availability", "ignored_auth", "object_level_authorization",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _looks_at_pages() -> Iterator[None]:
    """What asks for pages elsewhere finds one."""
    here = facade("PhishingServiceBase")
    before = here._implementation
    here.set_up(ListeningPhishingService())
    yield
    here.set_up(before)


@pytest.mark.django_db
@pytest.mark.timeout(60 * 60 * 12 if EXAMPLES else 600)
@pytest.mark.parametrize("who", CALLERS)
def test_the_document_is_true_for(app: APIFlask, client: FlaskClient, make_user: MakeUser, who: str) -> None:
    caller = _world_of(client, make_user, who)
    outcome = run(app, caller.token, _plan(who))
    if EXAMPLES:
        checks = sum(outcome.checks.values())
        print(f"{who}: {len(outcome.operations)} operations, {outcome.calls} calls, {checks} checks")  # noqa: T201
    assert not outcome.faults and not outcome.errors, outcome.text()
    assert outcome.operations == _operations(app)
    assert set(outcome.checks) == _CHECKS


def _plan(who: str) -> Plan:
    if EXAMPLES:
        return Plan(_EVERY_PHASE, EXAMPLES, EXAMPLES, seed=SEED)
    if who == "admin":
        return Plan(_EVERY_PHASE, 1, 2, every=80, seed=SEED)
    # Most of what is wrong with the document is wrong for everybody.
    return Plan(frozenset({"fuzzing"}), 1, 0, seed=SEED)


def _operations(app: APIFlask) -> set[str]:
    with app.app_context():
        document: Any = app.spec
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def _world_of(client: FlaskClient, make_user: MakeUser, who: str) -> Caller:
    """Somebody, on a desk that has one of everything for each category that matters to him."""
    profiles = {"superuser": {}, "admin": {"Phishing": "Expert"}}.get(who, {"Phishing": who})
    user = make_user(
        "alice",
        profiles,
        role="admin" if who == "admin" else "run_level_3",
        is_superuser=who == "superuser",
        email="alice@example.net",
    )
    caller, bystander = Caller(client, user), Caller(client, make_user("bystander"))
    for category, confidential in (("Phishing", False), ("Malware", False), ("Phishing", True)):
        World(caller, bystander, category, confidential=confidential)
    return caller
