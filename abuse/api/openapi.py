"""The OpenAPI document: what APIFlask finds out by itself, put in order."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask

from abuse.policies import Right

from .declared import PREFIX, TOKEN_HEADER, calls
from .errors import ERROR_REF, ERROR_SCHEMA, error_response
from .filters import Filters

VERSION = "1.0.0"
PATH = "/api/openapi.json"
SECURITY_NAME = "ApiToken"
DESCRIPTION = f"""The JSON API of Cerberus, an abuse desk.

Log in with `POST /api/auth` and send the token in the header `{TOKEN_HEADER}` of every further call. Times are seconds
since 1970-01-01 00:00 UTC. Every error is `{{"message": "…"}}` with the fitting status.
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
        SECURITY_SCHEMES={SECURITY_NAME: {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}},
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
        return _in_order(document, {endpoint for _, _, endpoint, needs in calls(app) if needs.right is Right.PUBLIC})


def _in_order(document: Any, public_endpoints: set[str]) -> Any:
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(PREFIX)}
    document["security"] = [{SECURITY_NAME: []}]
    public = {endpoint.replace(".", "_") for endpoint in public_endpoints}
    for item in document["paths"].values():
        for method, operation in item.items():
            if operation["operationId"] in {f"{method}_{name}" for name in public}:
                operation["security"] = []
            else:
                operation["responses"].setdefault("401", error_response("The token is missing, ended or expired."))
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
