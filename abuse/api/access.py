"""The gate before the API: nothing under /api answers without a valid token but what is listed here."""

from __future__ import annotations

from ipaddress import ip_address
from typing import cast

from apiflask import HTTPError
from flask import g, request

from abuse.controllers import accounts
from abuse.models import User
from abuse.models.questions import Sight, sight_of

PREFIX = "/api/"
TOKEN_HEADER = "X-Api-Token"  # noqa: S105 - the name of a header
PUBLIC_ENDPOINTS = frozenset({"session.log_in", "monitor.ping", "openapi.spec"})


def require_login() -> None:
    """Before each request: find out who calls. The rest of the application has doors of its own."""
    if not request.path.startswith(PREFIX) or request.endpoint in PUBLIC_ENDPOINTS:
        return
    user = accounts.user_of_token(sent_token())
    if user is None:
        raise HTTPError(401, f"Log in first: {TOKEN_HEADER} holds no valid token")
    g.user = user


def sent_token() -> str:
    """The token of this request; empty when there is none."""
    return request.headers.get(TOKEN_HEADER, "")


def current_user() -> User:
    """The user who calls."""
    return cast("User", g.user)


def current_sight() -> Sight:
    """What the user who calls may see; asked once per request."""
    if "sight" not in g:
        g.sight = sight_of(current_user())
    return cast("Sight", g.sight)


def caller_address() -> str | None:
    """The address of who calls; None where there is none, as on a Unix socket."""
    try:
        return str(ip_address(request.remote_addr or ""))
    except ValueError:
        return None
