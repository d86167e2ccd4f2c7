"""Single sign-on by OpenID Connect: two addresses that a browser is led through."""

from __future__ import annotations

import hmac
import json
import re
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, HTTPError
from flask import Response, g, redirect, request
from pydantic import BaseModel

from abuse.config import current
from abuse.config.web import Oidc
from abuse.controllers import sso
from abuse.controllers.sealing import BrokenSeal, seal, unseal
from abuse.policies import Right
from abuse.services.oidc import OidcClient, OidcError

from .access import caller_address, needs
from .browser import set_cookies
from .errors import error_response
from .proxies import is_secure

blueprint = APIBlueprint("oidc", __name__, url_prefix="/api/auth/oidc", tag="Session")

COOKIE = "cerberus_oidc"
SECONDS = 600
"""How long a login at the provider may take."""
_PURPOSE = "oidc login"
_OWN_PAGE = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1000}")
_PATH = "/api/auth/oidc"
_REDIRECT: dict[int | str, dict[str, Any]] = {302: {"description": "Where the browser has to go.", "content": {}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    404: error_response("The desk has no single sign-on."),
    502: error_response("The provider cannot be asked."),
}


class LoginStart(BaseModel):
    """Where to go after the login: a path of this server."""

    next: str | None = None


class LoginEnd(BaseModel):
    """What the provider adds to the address."""

    code: str | None = None
    state: str | None = None
    error: str | None = None


@blueprint.get("/login")
@needs(Right.PUBLIC)
@blueprint.input(LoginStart, location="query")
@blueprint.doc(responses={**_REDIRECT, **_REFUSALS})
def login(query_data: LoginStart) -> Response:
    """Log in by single sign-on"""
    settings = _settings()
    page = query_data.next or settings.after_login
    if not _OWN_PAGE.fullmatch(page):
        raise HTTPError(400, "next: expected a path of this server, such as /")
    try:
        started = _client(settings).start()
    except OidcError as error:
        raise HTTPError(502, str(error)) from None
    kept = {"state": started.state, "nonce": started.nonce, "verifier": started.verifier, "next": page}
    response: Response = redirect(started.url)  # type: ignore[assignment]
    sealed = seal(json.dumps(kept), purpose=_PURPOSE)
    response.set_cookie(COOKIE, sealed, max_age=SECONDS, path=_PATH, secure=is_secure(), httponly=True, samesite="Lax")
    return response


@blueprint.get("/callback")
@needs(Right.PUBLIC, recorded=True)
@blueprint.input(LoginEnd, location="query")
@blueprint.doc(
    responses={
        **_REDIRECT,
        **_REFUSALS,
        401: error_response("The login was not begun in this browser, took too long, or cannot be believed."),
        403: error_response("The user has no account here."),
    }
)
def callback(query_data: LoginEnd) -> Response:
    """Come back from the provider

    Opens a session as `POST /api/session` does.
    """
    settings = _settings()
    kept = _kept()
    if not hmac.compare_digest((query_data.state or "").encode(), str(kept["state"]).encode()):
        raise HTTPError(401, "state: this is not the login that was begun in this browser")
    if query_data.error or not query_data.code:
        raise HTTPError(401, "The provider did not log you in")
    try:
        claims = _client(settings).finish(query_data.code, nonce=kept["nonce"], verifier=kept["verifier"])
        lifetime = timedelta(seconds=current().API.session_lifetime_seconds)
        issued = sso.log_in(claims, settings, lifetime=lifetime, address=caller_address())
    except OidcError as error:
        raise HTTPError(401, str(error)) from None
    except sso.NotWelcome as error:
        raise HTTPError(403, str(error)) from None
    g.token = issued.row
    response: Response = redirect(kept["next"])  # type: ignore[assignment]
    response.delete_cookie(COOKIE, path=_PATH, secure=is_secure(), httponly=True, samesite="Lax")
    set_cookies(response, issued)
    return response


def _kept() -> dict[str, Any]:
    """What the browser was given when the login began."""
    try:
        kept: dict[str, Any] = json.loads(unseal(request.cookies.get(COOKIE, ""), purpose=_PURPOSE, max_age=SECONDS))
    except BrokenSeal:
        raise HTTPError(401, "This login was not begun in this browser, or took too long; begin again") from None
    return kept


def _settings() -> Oidc:
    settings = current().API.oidc
    if settings is None:
        raise HTTPError(404, "The desk has no single sign-on")
    return settings


def _client(settings: Oidc) -> OidcClient:
    """The client of the settings; what it knows of the provider is kept with it."""
    client = _clients.get(settings.issuer)
    if client is None or client.settings != settings:
        client = _clients[settings.issuer] = OidcClient(settings)
    return client


_clients: dict[str, OidcClient] = {}
