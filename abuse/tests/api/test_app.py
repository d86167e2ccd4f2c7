"""The application around the resources: errors, headers, connections, health."""

from __future__ import annotations

import logging
import re

import pytest
from apiflask import APIFlask
from django.db import OperationalError, connection, connections
from flask.testing import FlaskClient

from abuse.app import create_app
from abuse.controllers.editing import Refused
from abuse.rules.engine.errors import ActionError
from abuse.services.facade import ServiceError

from .conftest import Caller

IN_A_RULE = {
    "refused": Refused("the customer has left"),
    "refused-by-a-service": ServiceError("no such address", permanent=True),
    "service": ServiceError("try again"),
    "away": OperationalError("secret of the inside"),
    "bug": RuntimeError("secret of the inside"),
}
"""What an action of a rule stumbles over."""


@pytest.fixture
def broken() -> APIFlask:
    """An application in which something fails."""
    app = create_app()

    @app.get("/broken")
    def fail() -> str:
        raise RuntimeError("column abuse_user.password: secret of the inside")

    @app.get("/away")
    def away() -> str:
        raise OperationalError("connection to server at 192.0.2.1, user cerberus, failed")

    @app.get("/rule/<cause>")
    def in_a_rule(cause: str) -> str:
        try:
            raise IN_A_RULE[cause]
        except Exception as error:
            raise ActionError("one", 0, "act", error, ()) from error

    return app


def test_a_fault_of_ours_is_logged_once_and_says_nothing_outside(
    broken: APIFlask, caplog: pytest.LogCaptureFixture
) -> None:
    response = broken.test_client().get("/broken")
    assert (response.status_code, response.get_json()) == (500, {"message": "Internal Server Error"})
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "secret of the inside" in caplog.text


def test_a_database_that_is_away_is_503_and_logged_once(broken: APIFlask, caplog: pytest.LogCaptureFixture) -> None:
    response = broken.test_client().get("/away")
    assert response.status_code == 503
    assert response.get_json() == {"message": "The database cannot be used at the moment"}
    assert response.headers["Retry-After"] == "5"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("/rule/refused", 409), ("/rule/refused-by-a-service", 409), ("/rule/service", 503), ("/rule/away", 503),
     ("/rule/bug", 500)],
)  # fmt: skip
def test_what_is_in_the_way_of_a_rule_is_told_as_if_it_were_in_the_calls_own(
    broken: APIFlask, path: str, status: int
) -> None:
    response = broken.test_client().get(path)
    assert response.status_code == status
    assert ("rule 'one': actions[0]: action act failed" in response.get_json()["message"]) == (
        path not in {"/rule/away", "/rule/bug"}
    )
    assert "secret of the inside" not in response.get_data(as_text=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("POST", "/api/monitor", 405),
        ("DELETE", "/api/auth", 405),
    ],
)
def test_every_error_is_json(root: Caller, method: str, path: str, status: int) -> None:
    response = root.client.open(path, method=method, headers={"X-Api-Token": root.token})
    assert response.status_code == status
    assert list(response.get_json()) == ["message"]


@pytest.mark.django_db
def test_no_path_of_the_api_but_the_public_ones_answers_without_a_token(app: APIFlask, client: FlaskClient) -> None:
    open_paths = set()
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = re.sub(r"<(?:int:)?\w+>", "1", rule.rule)
            if "<" not in path and client.open(path, method=method, json={}).status_code != 401:
                open_paths.add((method, path))
    assert open_paths == {
        ("GET", "/api/monitor"), ("GET", "/api/openapi.json"), ("POST", "/api/auth"), ("POST", "/api/session"),
        ("POST", "/api/actions/callback"),
        ("GET", "/api/docs"), ("GET", "/api/docs/1"), ("GET", "/api/docs/style.css"),
        ("GET", "/metrics"),
        ("GET", "/api/screenshots/1"), ("GET", "/api/submissions/1"),
        ("GET", "/api/auth/oidc/login"), ("GET", "/api/auth/oidc/callback"),
    }  # fmt: skip
    assert client.get("/api/anything").status_code == 401
    assert client.options("/api/tickets").status_code == 401


@pytest.mark.django_db
def test_unknown_paths_and_ids_are_404(root: Caller) -> None:
    for path in ("/api/anything", "/api/tickets/0", f"/api/tickets/{2**63}", f"/api/reports/{'9' * 5000}"):
        assert root.get(path).status_code == 404, path
    assert root.get("/api/tickets/-1").status_code == 404


@pytest.mark.django_db
def test_the_monitor_asks_the_database(client: FlaskClient) -> None:
    response = client.get("/api/monitor")
    assert (response.status_code, response.get_json()) == (200, {"message": "ok"})


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_dropped_costs_no_request(client: FlaskClient) -> None:
    assert client.get("/api/monitor").status_code == 200
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()
    assert client.get("/api/monitor").status_code == 200


def test_answers_are_guarded_and_open_to_no_other_origin(client: FlaskClient) -> None:
    headers = client.get("/api/openapi.json", headers={"Origin": "https://evil.example"}).headers
    assert not [name for name in dict(headers) if name.startswith("Access-Control")]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.django_db
def test_a_parameter_given_twice_is_refused(root: Caller) -> None:
    response = root.get("/api/tags?tagType=Ticket&tagType=Report")
    assert (response.status_code, response.get_json()) == (400, {"message": "tagType: given 2 times; expected once"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"null", "body: nothing; expected JSON"),
        (b'{"name": NaN}', "body: NaN is no number in JSON; expected JSON"),
        (b"[" * 100_000, "body: nested too deeply; expected JSON"),
        (b'{"name": "\xff"}', "body: 'utf-8' codec can't decode byte 0xff"),
        (b'{"name": "a\\u0000"}', "name: Value error, expected text without NUL"),
        (b'{"name": "\\ud800"}', "name: Input should be a valid string"),
        (b'{"name": 5}', "name: Input should be a valid string"),
        (b'{"name": "x", "level": "five"}', "level: Input should be a valid integer"),
        (b'{"name": "x", "level": ' + b"9" * 5000 + b"}", "body: Exceeds the limit (4300 digits)"),
    ],
)
def test_json_that_cannot_be_is_refused_with_what_is_wrong(root: Caller, body: bytes, said: str) -> None:
    headers = {"X-Api-Token": root.token, "Content-Type": "application/json"}
    response = root.client.post("/api/tags", data=body, headers=headers)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith(said)


@pytest.mark.django_db
def test_a_whole_number_may_be_written_as_a_fraction(root: Caller) -> None:
    body = b'{"name": "x", "tagType": "Ticket", "level": 5.0}'
    headers = {"X-Api-Token": root.token, "Content-Type": "application/json"}
    assert root.client.post("/api/tags", data=body, headers=headers).get_json()["level"] == 5
