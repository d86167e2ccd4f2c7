"""The OpenAPI document: what APIFlask finds out by itself, put in order."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask

from abuse.policies import WITHOUT_ROLE, Right, granted_to, scope_of
from abuse.policies.rights import SAFE_METHODS

from . import etags, idempotency
from .browser import CSRF_HEADER, SESSION_COOKIE
from .declared import PREFIX, TOKEN_HEADER, Needs, calls
from .errors import ERROR_REF, ERROR_SCHEMA, error_response
from .filters import Filters

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
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(PREFIX)}
    document["security"] = _TO_WRITE
    for item in document["paths"].values():
        for method, operation in item.items():
            _say_who_may(operation, method.upper(), declared[operation["operationId"]].right)
            for parameter in operation["parameters"]:
                if parameter["name"] == "filters":
                    _describe_filters(parameter)
    # Several files share a tag; a document names it once.
    document["tags"] = list({tag["name"]: tag for tag in document["tags"]}.values())
    schemas = document["components"]["schemas"]
    schemas.update(Filters.model_json_schema(ref_template="#/components/schemas/{model}")["$defs"])
    schemas["Filters"] = Filters.model_json_schema(ref_template="#/components/schemas/{model}")
    del schemas["Filters"]["$defs"]
    schemas["Error"] = schemas.pop("HTTPError", ERROR_SCHEMA)
    schemas.pop("ValidationError", None)
    return _one_name_each(document)


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
    operation["responses"].setdefault("401", error_response("The token is missing, ended or expired."))


def _describe_filters(parameter: dict[str, Any]) -> None:
    """A parameter that holds JSON is described by its content."""
    del parameter["schema"]
    parameter["description"] = "JSON, URL-encoded once; twice is understood, too."
    parameter["content"] = {
        "application/json": {"schema": {"$ref": "#/components/schemas/Filters"}, "example": _FILTERS_EXAMPLE}
    }


def _one_name_each(document: Any) -> Any:
    """APIFlask names a model within another `Outer.Inner`; all of ours have names of their own, so `Inner` will do."""
    text = json.dumps(document)
    text = re.sub(r"#/components/schemas/(?:HTTPError|ValidationError)\b", ERROR_REF["$ref"], text)
    document = json.loads(re.sub(r"#/components/schemas/\w+\.(\w+)", r"#/components/schemas/\1", text))
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in sorted(schemas.items())}
    return document
