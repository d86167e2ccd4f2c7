"""Logging in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, HTTPError
from flask import Response, g, jsonify
from pydantic import Field

from abuse.config import current
from abuse.controllers import logins, tokens
from abuse.models import ApiToken
from abuse.policies import Right

from .access import caller_address, current_token, current_user, needs
from .answers import Answer, EpochSeconds, Message
from .bodies import Order
from .browser import csrf_token, delete_cookies, origin_fault, set_cookies
from .errors import error_response
from .filters import Text
from .refusals import login_refusals

blueprint = APIBlueprint("session", __name__, url_prefix="/api", tag="Session")


REFUSALS: dict[int | str, dict[str, Any]] = {
    401: error_response(
        "The name, the password or the code is wrong, or the account may not log in. With the code `totp_required`: "
        "name and password are right, send `otp` as well."
    ),
    429: {
        **error_response("Too many failed logins for the name or from the address."),
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    },
}


class Credentials(Order):
    name: Text = Field(min_length=1, max_length=150)
    password: Text = Field(min_length=1, max_length=1024)
    otp: Text | None = Field(
        default=None, max_length=64, description="The code of the second factor, or a recovery code."
    )


class NewToken(Answer):
    token: str = Field(description="Goes into the header X-Api-Token of every further call. It is shown only here.")
    expires_at: EpochSeconds


class SessionAnswer(Answer):
    """The login with which one calls."""

    kind: str = Field(description="login, session or personal.")
    expires_at: EpochSeconds
    csrf_token: str | None = Field(
        description="Goes into the header X-CSRF-Token of calls that change something; null without a session."
    )


_CREDENTIALS = {"name": "alice", "password": "correct horse battery staple"}
_SESSION = {"kind": "session", "expiresAt": 1767312000, "csrfToken": "0f" * 32}


@blueprint.post("/auth")
@needs(Right.PUBLIC)
@blueprint.input(Credentials, example=_CREDENTIALS)
@blueprint.output(NewToken, example={"token": "6Qm0mXxJ3b4nY0xT3JrS0eWl0mFZk0nJ7W9bq3cXv1g", "expiresAt": 1767312000})
@blueprint.doc(responses=REFUSALS)
def log_in(json_data: Credentials) -> NewToken:
    """Log in

    Hands out an opaque token. After 5 refused logins for a name, or 20 from an address, within 15 minutes, further ones
    are refused unread.
    """
    issued = _logged_in(json_data, ApiToken.Kind.LOGIN, current().API.token_lifetime_seconds)
    return NewToken(token=issued.token, expires_at=issued.row.expires_at)


@blueprint.post("/logout")
@needs(Right.SELF)
@blueprint.output(Message, example={"message": "Logged out"})
def log_out() -> Response:
    """Log out

    Ends the login that the token of this call stands for, and no other.
    """
    tokens.revoke(current_user(), current_token().pk)
    response = jsonify(message="Logged out")
    if current_token().kind == ApiToken.Kind.SESSION:
        delete_cookies(response)
    return response


@blueprint.post("/logout/everywhere")
@needs(Right.ACCOUNT)
@blueprint.output(Message, example={"message": "Logged out everywhere: 3 logins ended"})
def log_out_everywhere() -> Response:
    """End all logins and sessions of the caller

    This one, too. Tokens that he made for programs go on; they are taken back one by one.
    """
    ended = tokens.revoke_logins(current_user())
    response = jsonify(message=f"Logged out everywhere: {ended} logins ended")
    if current_token().kind == ApiToken.Kind.SESSION:
        delete_cookies(response)
    return response


@blueprint.get("/ping")
@blueprint.post("/ping")
@blueprint.put("/ping")
@needs(Right.SELF)
@blueprint.output(Message, example={"message": "pong"})
def ping() -> Message:
    """Ask whether one is still logged in"""
    return Message(message="pong")


@blueprint.post("/session")
@needs(Right.PUBLIC)
@blueprint.input(Credentials, example=_CREDENTIALS)
@blueprint.output(SessionAnswer, example=_SESSION)
@blueprint.doc(responses={**REFUSALS, 403: error_response("The Origin header names another site.")})
def open_session(json_data: Credentials) -> Response:
    """Log in from a browser

    The session is a cookie that scripts cannot read. Calls that change something must carry `csrfToken`, which is also
    in the cookie `cerberus_csrf`, in the header `X-CSRF-Token`. It ends when it was not used for a while.
    """
    fault = origin_fault()
    if fault:
        raise HTTPError(403, fault)
    issued = _logged_in(json_data, ApiToken.Kind.SESSION, current().API.session_lifetime_seconds)
    response = jsonify(_answer(issued.row).model_dump(by_alias=True))
    set_cookies(response, issued)
    return response


@blueprint.get("/session")
@needs(Right.SELF)
@blueprint.output(SessionAnswer, example=_SESSION)
def show_session() -> SessionAnswer:
    """Ask with which login one calls"""
    return _answer(current_token())


def _answer(row: ApiToken) -> SessionAnswer:
    idle = timedelta(seconds=current().API.session_idle_seconds)
    is_session = row.kind == ApiToken.Kind.SESSION
    return SessionAnswer(
        kind=row.kind, expires_at=tokens.expiry_of(row, idle=idle), csrf_token=csrf_token(row) if is_session else None
    )


def _logged_in(credentials: Credentials, kind: ApiToken.Kind, seconds: int) -> tokens.Issued:
    with login_refusals():
        issued = logins.log_in(
            credentials.name,
            credentials.password,
            otp=credentials.otp,
            address=caller_address(),
            lifetime=timedelta(seconds=seconds),
            kind=kind,
        )
    g.token = issued.row
    return issued
