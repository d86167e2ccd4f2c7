"""`ETag`, `If-None-Match` and `If-Match` (RFC 9110, section 13) for what can be edited.

What one GET answers has the version of what it shows as a strong ETag. A change with an `If-Match` that names another
version is 412. It is compared under the lock of the row in the transaction of the change, after all else: a caller who
may not make the change learns that, and nothing of versions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIFlask, HTTPError
from django.db import transaction
from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from abuse.controllers import versions
from abuse.controllers.versions import Versioned
from abuse.policies.rulings import OBJECT_RIGHTS

from .declared import calls
from .errors import error_response

T = TypeVar("T")
VERSIONED: dict[str, Versioned] = {
    "/api/tickets/<int:ticket_id>": versions.TICKET,
    "/api/reports/<int:report_id>": versions.REPORT,
    "/api/defendants/<int:defendant_id>": versions.DEFENDANT,
    "/api/providers/<email>": versions.PROVIDER,
    "/api/users/<int:user_id>": versions.USER,
    "/api/presets/<int:preset_id>": versions.PRESET,
    "/api/rules/<int:rule_id>": versions.RULE,
    "/api/emailTemplates/<int:template_id>": versions.TEMPLATE,
    "/api/tags/<int:tag_id>": versions.TAG,
    "/api/admin/threshold/<int:threshold_id>": versions.THRESHOLD,
    "/api/news/<int:news_id>": versions.NEWS,
    "/api/categories/<name>": versions.CATEGORY,
}
_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
_ETAG = '"0f5a1c2e9b7d4a68833c1f0e2d9b6a57"'


class _Condition(HTTPException):
    """An answer that needs no further work."""


def install(app: APIFlask) -> None:
    """Put versions around the views of what has some."""
    app.after_request(_name_version)
    for method, path, endpoint, declared in calls(app):
        if path in VERSIONED and method in {"GET", *_CHANGES}:
            early = method == "GET" and declared.right not in OBJECT_RIGHTS
            wrap = _showing(early=early) if method == "GET" else _changing
            app.view_functions[endpoint] = wrap(app.view_functions[endpoint], VERSIONED[path])


def stop_if_known() -> None:
    """Answer 304 if the caller has the present version. For views that ask themselves whether he may see it."""
    tag: str | None = g.get("etag")
    sent = request.if_none_match
    if tag is not None and (sent.star_tag or sent.contains_weak(tag)):
        raise _Condition(response=Response(status=304))


def read_again(read: Callable[[], T]) -> T:
    """What a view shows, after it has changed something itself: with the version of now."""
    kind, key = g.versioned
    g.etag = versions.version_of(kind, key)
    return read()


def described(document: Any) -> Any:
    """The OpenAPI document with the headers where they are taken."""
    for path in VERSIONED:
        item = document["paths"][_as_template(path)]
        for method, operation in item.items():
            if method == "get":
                operation["parameters"].append(_header("If-None-Match", "304 is the answer if that is the version."))
                operation["responses"]["304"] = {"description": "The version named is the present one."}
                shown = {"description": "The version.", "schema": {"type": "string"}, "example": _ETAG}
                operation["responses"]["200"].setdefault("headers", {})["ETag"] = shown
            elif method.upper() in _CHANGES:
                operation["parameters"].append(_header("If-Match", "412 is the answer if the version is another."))
                operation["responses"]["412"] = error_response("It was changed since the version named was read.")
    return document


def _showing(*, early: bool) -> Callable[[Callable[..., Any], Versioned], Callable[..., Any]]:
    def wrap(view: Callable[..., Any], kind: Versioned) -> Callable[..., Any]:
        @functools.wraps(view)
        def shown(**arguments: Any) -> Any:
            # Before the view reads: a version older than what is shown costs a reading, a newer one somebody's change.
            g.versioned = kind, _key(kind, arguments)
            g.etag = versions.version_of(*g.versioned)
            if early:
                stop_if_known()
            return view(**arguments)

        return shown

    return wrap


def _changing(view: Callable[..., Any], kind: Versioned) -> Callable[..., Any]:
    @functools.wraps(view)
    def changed(**arguments: Any) -> Any:
        if "If-Match" not in request.headers:
            return view(**arguments)
        key = _key(kind, arguments)
        with transaction.atomic():
            versions.lock(kind, key)
            found = versions.version_of(kind, key)
            answer = view(**arguments)
            if found is None or not (request.if_match.star_tag or request.if_match.contains(found)):
                sent = request.headers["If-Match"][:100]
                raise HTTPError(
                    412, f"If-Match: {sent} is not the version of {kind.what} {key}; it was changed since, get it again"
                )
            g.etag = versions.version_of(kind, key)
        return answer

    return changed


def _name_version(response: Response) -> Response:
    tag: str | None = g.pop("etag", None)
    if tag is not None and response.status_code in {200, 304}:
        response.set_etag(tag)
    return response


def _key(kind: Versioned, arguments: dict[str, Any]) -> int | str:
    (key,) = arguments.values()
    return str(key).lower() if kind is versions.PROVIDER else key


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name, "in": "header", "required": False, "schema": {"type": "string"},
        "description": f"A version, as `ETag` named it. {description}", "example": _ETAG,
    }  # fmt: skip


def _as_template(path: str) -> str:
    return "/".join(
        f"{{{part[1:-1].rpartition(':')[2]}}}" if part.startswith("<") else part for part in path.split("/")
    )
