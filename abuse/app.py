"""The web application: `create_app()` for every server that speaks WSGI."""

from __future__ import annotations

from apiflask import APIFlask
from django.db import close_old_connections, connection
from flask import Response

from abuse.bootstrap import set_up

MAX_BODY_BYTES = 1024 * 1024


def create_app() -> APIFlask:
    """Make the application. Opens no connection; the first request does.

    :raises SettingsError: with every fault of the settings.
    """
    set_up()
    from abuse import api  # needs the models, which need Django set up
    from abuse.api import openapi

    app = APIFlask("abuse", title="Cerberus", version=openapi.VERSION, spec_path=openapi.PATH, docs_path=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.before_request(close_stale_connections)
    app.teardown_appcontext(close_stale_connections)
    app.after_request(_hardened)
    api.install(app)
    return app


def sync_routes(app: APIFlask) -> int:
    """Have a row for each call of the API, so that roles can be given it; how many rows were new."""
    from abuse.api import declared
    from abuse.controllers import routes

    return routes.sync_routes(declared.routes(app)).added


def close_stale_connections(error: BaseException | None = None) -> None:
    """Let go of a database connection that broke or is too old.

    Flask sends none of the signals by which Django does so: without this, a thread whose connection was dropped would
    answer with errors for ever. Inside a transaction, as in tests, the connection has to stay.
    """
    if not connection.in_atomic_block:
        close_old_connections()


def _hardened(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response
