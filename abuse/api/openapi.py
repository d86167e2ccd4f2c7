"""The OpenAPI document: what APIFlask finds out by itself, put in order."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask

from abuse.policies import WITHOUT_ROLE, Right, granted_to, scope_of
from abuse.policies.rights import SAFE_METHODS

from . import common_errors, etags, idempotency, links, submission_bodies
from .browser import CSRF_HEADER, SESSION_COOKIE
from .declared import PREFIX, TOKEN_HEADER, Needs, calls
from .errors import ERROR_REF, ERROR_SCHEMA
from .filter_schemas import filters_of
from .filters import Filters
from .listing import described

VERSION = "1.0.0"
PATH = "/api/openapi.json"
SCHEMES: dict[str, Any] = {
    "ApiToken": {
        "type": "apiKey",
        "in": "header",
        "name": TOKEN_HEADER,
        "description": "A token from `POST /api/auth`, or one of your own for programs: `POST /api/users/me/tokens`.",
    },
    "BearerToken": {"type": "http", "scheme": "bearer", "description": "The same tokens, as RFC 6750 has them."},
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A browser's login, from `POST /api/session`. Over TLS the name begins with `__Host-`.",
    },
    "CsrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "`csrfToken` of the session, with every call of a browser that changes something.",
    },
}
_TO_READ: list[dict[str, list[str]]] = [{"ApiToken": []}, {"BearerToken": []}, {"Session": []}]
_TO_WRITE: list[dict[str, list[str]]] = [{"ApiToken": []}, {"BearerToken": []}, {"Session": [], "CsrfToken": []}]
DESCRIPTION = f"""The JSON API of Cerberus, an abuse desk.

Log in with `POST /api/auth` and send the token in the header `{TOKEN_HEADER}` of every further call, or as
`Authorization: Bearer`. Times are seconds since 1970-01-01 00:00 UTC. Every error is `{{"message": "…"}}` with the
fitting status. The same for people to read is at `/api/docs`.

Lists take the parameter `filters`, a JSON object:

* `paginate`: `resultsPerPage` and `currentPage`, from 1
* `sortBy`: `1` for ascending, `-1` for descending, by field
* `queryFields`: the fields to answer with
* `where`: `in`, a list of `{{field: [values]}}`, all of which must hold; `like`, one of which must be part of the field
"""
_FILTERS_EXAMPLE = {
    "paginate": {"currentPage": 1, "resultsPerPage": 50},
    "sortBy": {"priority": -1},
    "where": {"in": [{"category": ["Phishing", "Malware"]}, {"treatedBy": [None]}]},
}


def install(app: APIFlask) -> None:
    """Have the document generated as the client and its generators need it."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        LICENSE={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        SECURITY_SCHEMES=SCHEMES,
        # A document that says "http" behind a proxy that speaks TLS would be wrong; a relative server is always right.
        SERVERS=[{"url": "/"}],
        AUTO_OPERATION_ID=True,
        VALIDATION_ERROR_STATUS_CODE=400,
        VALIDATION_ERROR_DESCRIPTION="The request cannot be understood; the message names the field.",
        VALIDATION_ERROR_SCHEMA=ERROR_SCHEMA,
        HTTP_ERROR_SCHEMA=ERROR_SCHEMA,
    )

    @app.spec_processor
    def in_order(document: Any) -> Any:
        declared = {f"{method.lower()}_{endpoint.replace('.', '_')}": one for method, _, endpoint, one in calls(app)}
        return etags.described(_in_order(idempotency.described(document, app), declared))


def _in_order(document: Any, declared: dict[str, Needs]) -> Any:
    schemas = document["components"]["schemas"]
    general = Filters.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(general.pop("$defs"))
    schemas["Filters"] = general
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(PREFIX)}
    document["security"] = _TO_WRITE
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _say_who_may(operation, method.upper(), declared[operation["operationId"]].right)
            common_errors.name_in(path, method, operation)
            if any(parameter["name"] == "download" for parameter in operation["parameters"]):
                bytes_ = {"schema": {"type": "string", "format": "binary"}}
                operation["responses"]["200"]["content"].setdefault("application/octet-stream", bytes_)
            for parameter in operation["parameters"]:
                if parameter["name"] == "filters":
                    _describe_filters(parameter, _filters_schema(operation, schemas, general))
    # Several files share a tag; a document names it once.
    document["tags"] = list({tag["name"]: tag for tag in document["tags"]}.values())
    schemas["Error"] = schemas.pop("HTTPError", ERROR_SCHEMA)
    schemas.pop("ValidationError", None)
    submission_bodies.describe(document)
    document = _one_name_each(document)
    links.add(document)
    return document


def _say_who_may(operation: dict[str, Any], method: str, right: Right) -> None:
    """What a call needs: `x-right`, the scope of a token `x-scope`, and `x-roles`, who may make it from the start."""
    if right is Right.PUBLIC:
        operation["security"] = []
        return
    if method in SAFE_METHODS:
        operation["security"] = _TO_READ
    operation["x-right"] = right.value
    scope = scope_of(right, method)
    if scope is not None:
        operation["x-scope"] = scope.value
    if right not in WITHOUT_ROLE:
        operation["x-roles"] = sorted(granted_to(right, method))


def _filters_schema(operation: Any, schemas: Any, general: Any) -> str:
    """The name of the schema of a list's filters. Rows of lists have at least the fields that they always have."""
    found = described(operation.get("description", ""))
    if found is None:
        return "Filters"
    listings, passes_over = found
    if "queryFields" not in passes_over:
        for row in _rows(operation, schemas):
            row["required"] = sorted(listings[0].always)
    name: str = "FiltersOf" + operation["operationId"].title().replace("_", "")
    schemas[name] = filters_of(listings, passes_over, general)
    return name


def _rows(operation: Any, schemas: Any) -> list[Any]:
    """The schemas of a row, of a list that is a bare array: of the same model within this answer and within others."""
    content = operation["responses"]["200"]["content"].get("application/json")
    answer = {} if content is None else schemas[content["schema"]["$ref"].split("/")[-1]]  # none: a file
    if answer.get("type") != "array":
        return []
    row = _model(answer["items"]["$ref"].split("/")[-1])
    return [schema for name, schema in schemas.items() if _model(name) == row]


def _model(name: str) -> str:
    """APIFlask names a model within another `Outer.Inner`; all of ours have names of their own, so `Inner` will do."""
    return name.rpartition(".")[2]


def _describe_filters(parameter: dict[str, Any], schema: str) -> None:
    """A parameter that holds JSON is described by its content."""
    del parameter["schema"]
    parameter["description"] = "JSON, URL-encoded once; twice is understood, too."
    parameter["content"] = {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": _FILTERS_EXAMPLE}
    }


def _one_name_each(document: Any) -> Any:
    text = json.dumps(document)
    text = re.sub(r"#/components/schemas/(?:HTTPError|ValidationError)\b", ERROR_REF["$ref"], text)
    document = json.loads(re.sub(r"#/components/schemas/\w+\.(\w+)", r"#/components/schemas/\1", text))
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {_model(name): schema for name, schema in sorted(schemas.items())}
    return document
