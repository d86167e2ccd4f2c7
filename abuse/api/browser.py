"""Sessions of browsers: cookies, and the proof that a call comes from a page of ours.

The session cookie is opaque and out of reach for scripts. A call that changes something must also send the CSRF token
in a header: other sites can make a browser send the cookie, but can neither read nor guess the token.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from flask import Response, request

from abuse.controllers.sealing import signature
from abuse.controllers.tokens import Issued
from abuse.models import ApiToken

from .proxies import is_foreign_origin, is_secure

CSRF_HEADER = "X-CSRF-Token"
CSRF_COOKIE = "cerberus_csrf"
SESSION_COOKIE = "cerberus_session"
_PURPOSE = "csrf"


def sent_session() -> str:
    """The session cookie of this request; empty when there is none."""
    return request.cookies.get(_session_cookie(), "")


def csrf_token(row: ApiToken) -> str:
    """What a page must send in X-CSRF-Token with this session."""
    return signature(row.digest, purpose=_PURPOSE)


def csrf_fault(row: ApiToken) -> str | None:
    """Why a call that changes something is not believed to come from a page of ours; None when it is."""
    fault = origin_fault()
    if fault:
        return fault
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), csrf_token(row).encode()):
        return f"{CSRF_HEADER}: expected the CSRF token of the session"
    return None


def origin_fault() -> str | None:
    """Why the Origin of a call is not believed; None when it is fine or, as by programs, not sent."""
    origin = request.headers.get("Origin")
    if origin is not None and is_foreign_origin(origin):
        return "Origin: this is no origin of the desk"
    return None


def set_cookies(response: Response, issued: Issued) -> None:
    """Give a browser its session. Two cookies: the session, and the CSRF token for scripts to read."""
    until: datetime = issued.row.expires_at
    secure = is_secure()
    response.set_cookie(
        _session_cookie(), issued.token, expires=until, path="/", secure=secure, httponly=True, samesite="Lax"
    )
    response.set_cookie(
        CSRF_COOKIE, csrf_token(issued.row), expires=until, path="/", secure=secure, httponly=False, samesite="Lax"
    )


def delete_cookies(response: Response) -> None:
    """Have the browser forget its session."""
    secure = is_secure()
    response.delete_cookie(_session_cookie(), path="/", secure=secure, httponly=True, samesite="Lax")
    response.delete_cookie(CSRF_COOKIE, path="/", secure=secure, samesite="Lax")


def _session_cookie() -> str:
    """Over TLS with the prefix that keeps other hosts of the domain from setting it (RFC 6265bis)."""
    return f"__Host-{SESSION_COOKIE}" if is_secure() else SESSION_COOKIE
