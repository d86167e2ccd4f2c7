"""Schemathesis calls every operation of the OpenAPI document as everybody; all its checks hold.

This is the short run. `bin/fuzz --target api` makes it a long one.
"""

from __future__ import annotations

import os

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from .conformance import Outcome, Plan, run
from .conftest import Caller, MakeUser
from .test_matrix import World

EXAMPLES = int(os.environ.get("CERBERUS_API_EXAMPLES", "0"))
"""For each operation; 0 makes the short run."""
SEED = int(os.environ.get("CERBERUS_API_SEED", "1"))
CALLERS = ("superuser", "admin", "Expert", "Advanced", "Beginner", "Read-only")
_EVERY_PHASE = frozenset({"examples", "coverage", "fuzzing", "stateful"})


@pytest.mark.django_db
@pytest.mark.timeout(60 * 60 * 12 if EXAMPLES else 1800)
@pytest.mark.parametrize("who", CALLERS)
def test_the_document_is_true_for(app: APIFlask, client: FlaskClient, make_user: MakeUser, who: str) -> None:
    outcome = _run_as(app, client, make_user, who)
    assert not outcome.faults and not outcome.errors, outcome.text()
    assert outcome.calls > 150
    assert len(outcome.operations) > 150
    assert set(outcome.checks) >= {
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance",
        "missing_required_header", "unsupported_method", "allow_header_conformance", "use_after_free",
        "ensure_resource_availability", "ignored_auth",
    }  # fmt: skip


def _run_as(app: APIFlask, client: FlaskClient, make_user: MakeUser, who: str) -> Outcome:
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
    if EXAMPLES:
        outcome = run(app, caller.token, Plan(_EVERY_PHASE, EXAMPLES, EXAMPLES, seed=SEED))
        print(f"{who}: {outcome.calls} calls, {sum(outcome.checks.values())} checks")  # noqa: T201 - the long run tells
        return outcome
    # What is wrong with the document is wrong for everybody: a part of it is looked at closely, by who may do all.
    phases = _EVERY_PHASE if who == "superuser" else _EVERY_PHASE - {"coverage"}
    return run(app, caller.token, Plan(phases, 2, 5, every=4, seed=SEED))
