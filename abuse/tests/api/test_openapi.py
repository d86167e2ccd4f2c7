"""The OpenAPI document: complete, consistent, and true."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import BaseModel

from abuse import api
from abuse.api import examples
from abuse.api.reports_schemas import ItemsAnswer, ReportDetail, ReportRow
from abuse.api.tickets_schemas import TicketDetail, TicketRow
from abuse.policies import Right

# Each request looks after the connection of its thread, which an earlier test may have left open.
pytestmark = pytest.mark.django_db

FILES = {
    ("/api/tickets/{ticket_id}/attachments/{file_id}", "get"): "application/octet-stream",
    ("/api/reports/{report_id}/attachments/{file_id}", "get"): "application/octet-stream",
    ("/api/tickets/{ticket_id}/emails/export", "get"): "application/octet-stream",
    ("/api/screenshots/{key}", "get"): "image/png",
    ("/api/events", "get"): "text/event-stream",
    ("/api/emails/{email_id}/raw", "get"): "message/rfc822",
    ("/api/tickets/export", "get"): "text/csv",
    ("/api/reports/export", "get"): "application/jsonl",
    ("/api/items/export", "get"): "text/csv",
    ("/api/docs", "get"): "text/html",
    ("/api/docs/{group}", "get"): "text/html",
    ("/api/docs/style.css", "get"): "text/css",
}
REDIRECTS = {("/api/auth/oidc/login", "get"), ("/api/auth/oidc/callback", "get")}
ACCEPTED = {("/api/submissions", "post")}
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(app: APIFlask) -> dict[str, Any]:
    response = app.test_client().get("/api/openapi.json")
    assert response.mimetype == "application/json"
    body: dict[str, Any] = response.get_json()
    return body


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Cerberus"
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    assert document["servers"] == [{"url": "/"}]
    assert set(document) <= {"openapi", "info", "servers", "tags", "paths", "components", "security"}
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in document["components"]["schemas"])


def test_every_route_is_in_the_document_and_no_other(app: APIFlask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.endpoint != "openapi.spec"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, method, _ in operations(document)}
    assert len(routes) >= 160


def test_every_operation_says_what_it_takes_and_gives(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert method in METHODS
        assert operation["summary"]
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
        declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        for parameter in operation["parameters"]:
            assert parameter["in"] in {"path", "query", "header"}
            assert ("schema" in parameter) != ("content" in parameter)
            assert parameter["in"] != "path" or parameter["required"] is True
        success = "302" if (path, method) in REDIRECTS else "202" if (path, method) in ACCEPTED else "200"
        content = operation["responses"][success]["content"]
        if success == "302":
            assert content == {}, path
        elif (path, method) in FILES:
            assert FILES[path, method] in content, path
        else:
            assert "$ref" in content["application/json"]["schema"], path
            assert "example" in content["application/json"], path
        for status, response in operation["responses"].items():
            assert response["description"]
            if status in {"304", "431"}:  # nothing, and what the server says by itself
                assert "content" not in response
            elif status != success:
                reference = response["content"]["application/json"]["schema"]
                assert reference == {"$ref": "#/components/schemas/Error"}, (path, status)


def test_what_is_well_formed_and_cannot_be_done_is_documented_as_409_but_for_one_older_call(
    document: dict[str, Any],
) -> None:
    said = [
        (path, operation["responses"]["400"]["description"])
        for path, _, operation in operations(document)
        if "400" in operation["responses"]
    ]
    others = {path for path, text in said if "cannot be understood; the message names the field" not in text}
    proof = ("templates/{template_id}", "presets/{preset_id}")
    assert others == {f"/api/tickets/{{ticket_id}}/{text}" for text in proof}


def test_every_operation_but_the_public_ones_needs_the_token(document: dict[str, Any]) -> None:
    by_token: list[dict[str, list[str]]] = [{"ApiToken": []}, {"BearerToken": []}]
    assert document["security"] == [*by_token, {"Session": [], "CsrfToken": []}]
    schemes = {
        name: (one["type"], one.get("in"), one.get("name") or one.get("scheme"))
        for name, one in document["components"]["securitySchemes"].items()
    }
    assert schemes == {
        "ApiToken": ("apiKey", "header", "X-Api-Token"),
        "BearerToken": ("http", None, "bearer"),
        "Session": ("apiKey", "cookie", "cerberus_session"),
        "CsrfToken": ("apiKey", "header", "X-CSRF-Token"),
    }
    public = {(path, method) for path, method, one in operations(document) if one.get("security") == []}
    assert public == {
        ("/api/auth", "post"),
        ("/api/session", "post"),
        ("/api/monitor", "get"),
        ("/api/actions/callback", "post"),
        ("/api/screenshots/{key}", "get"),
        ("/api/submissions/{receipt}", "get"),
        ("/api/docs", "get"),
        ("/api/docs/{group}", "get"),
        ("/api/docs/style.css", "get"),
        *REDIRECTS,
    }
    for path, method, operation in operations(document):
        if (path, method) not in public:
            assert operation["x-right"] in {right.value for right in Right}
            # A session that only reads needs no CSRF token; all else is as the document says for all.
            assert operation.get("security") == ([*by_token, {"Session": []}] if method == "get" else None)
        assert ("401" in operation["responses"]) or path in {
            "/api/monitor", "/api/screenshots/{key}", "/api/submissions/{receipt}", "/api/auth/oidc/login",
            "/api/docs", "/api/docs/{group}", "/api/docs/style.css",
        }  # fmt: skip


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    references = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', text))
    assert references == set(document["components"]["schemas"])
    assert "$defs" not in text
    assert {"type": "object"} not in [
        {key: value for key, value in schema.items() if key != "title"}
        for schema in document["components"]["schemas"].values()
    ], "APIFlask falls back to this when it cannot read a model"


def test_models_have_names_of_their_own() -> None:
    """They are named without their module in the document."""
    models: dict[str, type[BaseModel]] = {}
    for module in pkgutil.iter_modules(api.__path__):
        for name, value in vars(importlib.import_module(f"abuse.api.{module.name}")).items():
            if isinstance(value, type) and issubclass(value, BaseModel):
                assert models.setdefault(name, value) is value, name
    assert len(models) > 20


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (TicketRow, examples.TICKET_ROW),
        (TicketDetail, examples.TICKET_DETAIL),
        (ReportRow, examples.REPORT_ROW),
        (ReportDetail, examples.REPORT_DETAIL),
        (ItemsAnswer, examples.ITEMS),
    ],
)
def test_the_examples_are_answers(model: type[BaseModel], example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json", by_alias=True) == example


def test_times_are_numbers_and_names_are_camel_case(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert re.fullmatch(r"[a-z][A-Za-z]*|sha256", field), (name, field)
    assert "date-time" not in json.dumps(document)
    ticket = document["components"]["schemas"]["TicketRow"]["properties"]
    assert ticket["creationDate"]["type"] == "integer"


def test_the_lists_say_what_may_be_asked(document: dict[str, Any]) -> None:
    for path, name in (
        ("/api/tickets", "FiltersOfGetTicketsListTickets"),
        ("/api/reports", "FiltersOfGetReportsListReports"),
        ("/api/reports/{report_id}/items", "FiltersOfGetReportItemsListItems"),
        ("/api/presets", "Filters"),
    ):
        operation = document["paths"][path]["get"]
        (parameter,) = [one for one in operation["parameters"] if one["in"] == "query"]
        assert parameter["name"] == "filters"
        assert parameter["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
        if name == "Filters":
            continue
        for part in ("queryFields", "sortBy", "where.in", "where.like"):
            assert f"* `{part}`: " in operation["description"]
    assert set(document["components"]["schemas"]["Filters"]["properties"]) == {
        "paginate", "sortBy", "queryFields", "where", "onlyUnassigned", "withMetadata", "reverse"
    }  # fmt: skip


def test_no_page_of_documentation_is_fetched_from_elsewhere(client: FlaskClient) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/docs/oauth2-redirect")] == [404] * 3
