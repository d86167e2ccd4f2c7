"""`ETag`, `If-None-Match` and `If-Match` (RFC 9110, section 13) for what can be edited.

What one GET answers has the version of what it shows as a strong ETag. A change with an `If-Match` that names another
version is 412. It is compared under the lock of the row in the transaction of the change, after all else: a caller who
may not make the change learns that, and nothing of versions. What belongs to something, such as a ticket's status or
remarks, is changed under the version of that. Where nothing has versions, an `If-Match` is 412 and not passed over.
"""

from __future__ import annotations

import functools
import re
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
    "/api/roles/<int:role_id>": versions.ROLE,
    "/api/webhooks/<int:webhook_id>": versions.WEBHOOK,
    "/api/customers/<customer:customer_id>": versions.CUSTOMER,
}
_TICKET = "/api/tickets/<int:ticket_id>"
_RESTORED = "/api/rules/<int:rule_id>/versions/<int:version>/restore"
_SHOWN_AFTERWARDS = frozenset({_RESTORED, *(f"{_TICKET}/{part}" for part in (
    "status/<status>", "snoozeDuration", "pauseDuration", "defendant",
))})  # fmt: skip
"""Changes of a part that answer with the whole."""
_PARTS = _SHOWN_AFTERWARDS | frozenset(f"{whole}/{part}" for whole, parts in {
    _TICKET: (
        "interact", "emails", "presets/<int:preset_id>", "comments", "comments/<int:comment_id>", "tags",
        "tags/<int:tag_id>", "proof", "proof/<int:proof_id>", "items/<int:item_id>", "jobs/<int:job_id>",
    ),
    "/api/reports/<int:report_id>": ("tags", "tags/<int:tag_id>"),
    "/api/defendants/<int:defendant_id>": ("tags", "tags/<int:tag_id>", "comments", "comments/<int:comment_id>"),
    "/api/providers/<email>": ("tags", "tags/<int:tag_id>"),
}.items() for part in parts)  # fmt: skip
"""Parts of what has a version. None of their changes asks anybody outside while the whole is locked."""
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
_EDITS = frozenset({"PUT", "PATCH", "DELETE"})
_CHANGES = _EDITS | {"POST"}
_ETAG = '"0f5a1c2e9b7d4a68833c1f0e2d9b6a57"'


class _Condition(HTTPException):
    """An answer that needs no further work."""


def install(app: APIFlask) -> None:
    """Put versions around the views of what has some."""
    for method, path, endpoint, declared in calls(app):
        whole = _whole(path) if method in _CHANGES else path
        view = app.view_functions[endpoint]
        if whole in VERSIONED and method in {"GET", *_CHANGES}:
            early = method == "GET" and declared.right not in OBJECT_RIGHTS
            shown = path == whole or path in _SHOWN_AFTERWARDS
            wrap = _showing(early=early) if method == "GET" else _changing(shown=shown)
            app.view_functions[endpoint] = wrap(view, VERSIONED[whole], _argument(whole))
        elif method in _EDITS:
            app.view_functions[endpoint] = _without_version(view)


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
    for path in (*VERSIONED, *sorted(_PARTS)):
        item = document["paths"][_as_template(path)]
        for method, operation in item.items():
            if method == "get" and path in _PARTS:
                continue
            if method == "get":
                operation["parameters"].append(_header("If-None-Match", "304 is the answer if that is the version."))
                operation["responses"]["304"] = {"description": "The version named is the present one."}
                shown = {"description": "The version.", "schema": {"type": "string"}, "example": _ETAG}
                operation["responses"]["200"].setdefault("headers", {})["ETag"] = shown
            elif method.upper() in _CHANGES:
                operation["parameters"].append(_header("If-Match", "412 is the answer if the version is another."))
                operation["responses"]["412"] = error_response("It was changed since the version named was read.")
    return document


_Wrap = Callable[[Callable[..., Any], Versioned, str], Callable[..., Any]]


def _showing(*, early: bool) -> _Wrap:
    def wrap(view: Callable[..., Any], kind: Versioned, argument: str) -> Callable[..., Any]:
        @functools.wraps(view)
        def shown(**arguments: Any) -> Any:
            # Before the view reads: a version older than what is shown costs a reading, a newer one somebody's change.
            g.versioned = kind, _key(kind, arguments[argument])
            g.etag = versions.version_of(*g.versioned)
            if early:
                stop_if_known()
            return view(**arguments)

        return shown

    return wrap


def _changing(*, shown: bool) -> _Wrap:
    def wrap(view: Callable[..., Any], kind: Versioned, argument: str) -> Callable[..., Any]:
        @functools.wraps(view)
        def changed(**arguments: Any) -> Any:
            if "If-Match" not in request.headers:
                return view(**arguments)
            key = _key(kind, arguments[argument])
            with transaction.atomic():
                versions.lock(kind, key)
                found = versions.version_of(kind, key)
                answer = view(**arguments)
                if found is None or not (request.if_match.star_tag or request.if_match.contains(found)):
                    raise _stale(f"is not the version of {kind.what} {key}; it was changed since, get it again")
                if shown:
                    g.etag = versions.version_of(kind, key)
            return answer

        return changed

    return wrap


def _without_version(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def unversioned(**arguments: Any) -> Any:
        if request.method in _EDITS and "If-Match" in request.headers and not request.if_match.star_tag:
            raise _stale("is no version of this: it has none; expected no If-Match")
        return view(**arguments)

    return unversioned


def _stale(why: str) -> HTTPError:
    return HTTPError(412, f"If-Match: {request.headers['If-Match'][:100]} {why}")


def name_version(response: Response) -> Response:
    """After each request: the version of what it showed, as a header."""
    tag: str | None = g.pop("etag", None)
    if tag is not None and response.status_code in {200, 304}:
        response.set_etag(tag)
    return response


def _whole(path: str) -> str:
    """The path of what a part belongs to, else the path."""
    return next((one for one in VERSIONED if path in _PARTS and path.startswith(f"{one}/")), path)


def _argument(path: str) -> str:
    found = _ARGUMENT.search(path)
    assert found is not None  # noqa: S101 - each of VERSIONED has one
    return found[1]


def _key(kind: Versioned, value: int | str) -> int | str:
    return str(value).lower() if kind is versions.PROVIDER else value


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name, "in": "header", "required": False, "schema": {"type": "string"},
        "description": f"A version, as `ETag` named it. {description}", "example": _ETAG,
    }  # fmt: skip


def _as_template(path: str) -> str:
    return "/".join(
        f"{{{part[1:-1].rpartition(':')[2]}}}" if part.startswith("<") else part for part in path.split("/")
    )
