"""After each request: a row of the record for every write, and for every reading of evidence."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response, current_app, g, request

from abuse.controllers.audit import put_on_record
from abuse.policies.rights import SAFE_METHODS

from .declared import PREFIX, declared_needs
from .proxies import caller_address

MAX_NAMED = 20
_LOGINS = frozenset({"session.log_in", "session.open_session", "oidc.callback"})
"""Calls that are on record when they are refused, too, though nobody is logged in yet."""


def name_objects(kind: str, ids: Iterable[int]) -> None:
    """Say which objects a call is about, where its path does not: those of a bulk change."""
    named = list(ids)
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    g.about = f"{kind}={','.join(str(one) for one in named[:MAX_NAMED])}{more}"


def record(response: Response) -> Response:
    """Put the call on record if it is one to be. What fails here fails the call: no evidence without a record."""
    if not request.path.startswith(PREFIX) or request.endpoint is None or response.status_code in {429, 503}:
        return response  # refused unread, or the database is away
    declared = declared_needs(current_app, request.endpoint)
    is_write = request.method not in SAFE_METHODS
    if declared is None or not (is_write or declared.recorded):
        return response
    token = g.get("token")
    if token is None and not (request.endpoint in _LOGINS and response.status_code in {302, 401, 403}):
        return response
    put_on_record(
        user_id=token.user_id if token else None,
        token_id=token.pk if token else None,
        address=caller_address(),
        method=request.method,
        endpoint=request.endpoint,
        about=g.get("about") or " ".join(f"{name}={value}" for name, value in (request.view_args or {}).items()),
        status=response.status_code,
    )
    return response
