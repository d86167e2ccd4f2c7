"""Speaking as the older web client does."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from werkzeug.test import TestResponse

from ..conftest import Caller

ACCEPT = "application/json, text/plain, */*"


def encoded(filters: object) -> str:
    """`filters` as the client's library writes it: some marks stay, blanks become plus signs."""
    return "filters=" + quote(json.dumps(filters), safe=":,@$;").replace("%20", "+")


def send(caller: Caller, method: str, path: str, body: object = None, query: str = "") -> TestResponse:
    """One call. Reading and deleting have no body nor content type."""
    headers = {"X-Api-Token": caller.token, "Accept": ACCEPT}
    if method in {"GET", "DELETE"}:
        return caller.client.open(f"/api{path}?{query}" if query else f"/api{path}", method=method, headers=headers)
    return caller.client.open(
        f"/api{path}?{query}" if query else f"/api{path}",
        method=method,
        headers=headers,
        data=json.dumps(body),
        content_type="application/json;charset=UTF-8",
    )


def ok(caller: Caller, method: str, path: str, body: object = None, query: str = "") -> Any:
    """The answer of a call that has to succeed."""
    response = send(caller, method, path, body, query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def get(caller: Caller, path: str, filters: object = None) -> Any:
    """What a call that reads answers."""
    return ok(caller, "GET", path, query="" if filters is None else encoded(filters))


def refused(caller: Caller, method: str, path: str, body: object = None, *, status: int) -> str:
    """The text that the client shows for a call that has to fail."""
    response = send(caller, method, path, body)
    assert response.status_code == status, response.get_data(as_text=True)
    message: str = response.get_json()["message"]
    errors = response.get_json().get("errors")
    assert list(response.get_json()) == (["message"] if errors is None else ["message", "errors"])
    assert errors is None or "; ".join(f"{one['field']}: {one['message']}" for one in errors) == message
    return message
