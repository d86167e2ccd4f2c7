"""Errors in the OpenAPI document that are the same for all calls of a kind, where a call does not say more of them."""

from __future__ import annotations

from typing import Any

from .errors import error_response

_CREDENTIALS = error_response("The token is missing, ended or expired.")
_MAY_NOT = error_response("The caller's role, profiles or token do not allow it.")
_NOT_THERE = error_response("There is no such thing here, or the caller must not learn that there is.")
_NOT_NOW = error_response(
    "It cannot be done as things are: what is named is not known, exists already, is in use, or has been changed."
)
_MALFORMED = error_response("The request cannot be understood; the message names the field.")
_TOO_LARGE = error_response("The body is larger than allowed.")
_TOO_LONG = error_response("`filters` is longer than allowed.")
_HEAD_TOO_LARGE = {"description": "The line of the request and its headers together are larger than the server reads."}


def name_in(path: str, method: str, operation: Any) -> None:
    """Name in an operation what follows from its path, method, parameters, body, and whether it is public."""
    responses = operation["responses"]
    body = operation.get("requestBody")
    if operation.get("security") != []:
        responses.setdefault("401", _CREDENTIALS)
        responses.setdefault("403", _MAY_NOT)
    if body is not None:
        body["required"] = True
        responses.setdefault("413", _TOO_LARGE)
    is_asked_for = any(parameter["in"] == "query" for parameter in operation["parameters"])
    if any(parameter["name"] == "filters" for parameter in operation["parameters"]):
        responses.setdefault("414", _TOO_LONG)
        responses.setdefault("431", _HEAD_TOO_LARGE)
    if body is not None or is_asked_for:
        responses.setdefault("400", _MALFORMED)
    if "{" in path or body is not None:
        responses.setdefault("404", _NOT_THERE)
    if method != "get" or is_asked_for:
        responses.setdefault("409", _NOT_NOW)
    operation["responses"] = dict(sorted(responses.items()))
