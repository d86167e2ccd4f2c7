"""Logging in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, HTTPError
from pydantic import Field

from abuse.config import current
from abuse.controllers import accounts
from abuse.policies import Right

from .access import caller_address, needs, sent_token
from .answers import Answer, EpochSeconds, Message
from .errors import error_response
from .filters import Text

blueprint = APIBlueprint("session", __name__, url_prefix="/api", tag="Session")


_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: error_response("The name or the password is wrong, or the account may not log in."),
    429: {
        **error_response("Too many failed logins for the name or from the address."),
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    },
}


class Credentials(Answer):
    name: Text = Field(min_length=1, max_length=150)
    password: Text = Field(min_length=1, max_length=1024)


class NewToken(Answer):
    token: str = Field(description="Goes into the header X-Api-Token of every further call. It is shown only here.")
    expires_at: EpochSeconds


@blueprint.post("/auth")
@needs(Right.PUBLIC)
@blueprint.input(Credentials, example={"name": "alice", "password": "correct horse battery staple"})
@blueprint.output(NewToken, example={"token": "6Qm0mXxJ3b4nY0xT3JrS0eWl0mFZk0nJ7W9bq3cXv1g", "expiresAt": 1767312000})
@blueprint.doc(responses=_REFUSALS)
def log_in(json_data: Credentials) -> NewToken:
    """Log in

    Hands out an opaque token. After 5 refused logins for a name, or 20 from an address, within 15 minutes, further ones
    are refused unread.
    """
    lifetime = timedelta(seconds=current().API.token_lifetime_seconds)
    try:
        login = accounts.log_in(json_data.name, json_data.password, address=caller_address(), lifetime=lifetime)
    except accounts.LoginRefused as error:
        raise HTTPError(401, str(error)) from None
    except accounts.TooManyAttempts as error:
        raise HTTPError(429, str(error), headers={"Retry-After": str(error.retry_after)}) from None
    return NewToken(token=login.token, expires_at=login.expires_at)


@blueprint.post("/logout")
@needs(Right.SELF)
@blueprint.output(Message, example={"message": "Logged out"})
def log_out() -> Message:
    """Log out

    Ends the login that the token of this call stands for, and no other.
    """
    accounts.log_out(sent_token())
    return Message(message="Logged out")
