"""The JSON API: one file a resource, its schemas beside it."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Response, request

from . import access, action_callback, errors, monitor, openapi, reports, rules, session, tickets, users

RESOURCES = (session, users, tickets, reports, rules, action_callback, monitor)


def install(app: APIFlask) -> None:
    """Make the API part of an application."""
    errors.install(app)
    openapi.install(app)
    app.before_request(access.guard)
    app.after_request(_guarded)
    for resource in RESOURCES:
        app.register_blueprint(resource.blueprint)
    access.endpoints(app)  # refuses to start with an endpoint that declares no right


def _guarded(response: Response) -> Response:
    """Answers are for the program that asked: not to be kept, framed or taken for a page."""
    if request.path.startswith(access.PREFIX):
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
