"""Consoles on other origins (CORS): those that the settings name, exactly, and no others."""

from __future__ import annotations

from flask import Response, request

from abuse.config import current

from .browser import CSRF_HEADER
from .declared import PREFIX, TOKEN_HEADER
from .proxies import is_secure

_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        f"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, {TOKEN_HEADER}, {CSRF_HEADER}"
    ),
    "Access-Control-Max-Age": "600",
}
_READABLE = "Content-Disposition, ETag, Idempotency-Replayed, Link, Retry-After"
"""Headers of answers that pages of an allowed origin may read."""


def answer_preflight() -> Response | None:
    """Before each request: what a browser asks before it lets a page of an allowed origin call."""
    is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not (is_preflight and request.path.startswith(PREFIX) and _is_allowed()):
        return None
    return Response(status=204, headers=_ALLOWED)


def name_allowed_origin(response: Response) -> Response:
    """After each request: let pages of an allowed origin read the answer."""
    if request.path.startswith(PREFIX) and current().API.allowed_origins:
        response.vary.add("Origin")
        if _is_allowed():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = _READABLE
    return response


def own_address() -> str:
    """What a page that calls from another origin has to put before a path of ours; empty for pages of our own."""
    return f"{'https' if is_secure() else 'http'}://{request.host}" if _is_allowed() else ""


def _is_allowed() -> bool:
    return request.headers.get("Origin") in current().API.allowed_origins
