"""The gate before the API: who calls, and whether he may call this. Endpoints declare what they need with `@needs`."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from apiflask import HTTPError
from flask import current_app, g, request

from abuse import policies
from abuse.config import current
from abuse.controllers import tokens
from abuse.models import ApiToken, TokenScope, User
from abuse.models.questions import Sight
from abuse.policies import WITHOUT_ROLE, Actor, Right, Scope, scope_of
from abuse.policies.rights import SAFE_METHODS
from abuse.policies.rulings import OBJECT_RIGHTS

from .browser import csrf_fault, sent_session
from .declared import PREFIX, TOKEN_HEADER, Needs, declared_needs, needs
from .filters import Filters
from .proxies import caller_address

__all__ = [
    "PREFIX", "TOKEN_HEADER", "caller_address", "current_actor", "current_sight", "current_token", "current_user",
    "guard", "needs", "require", "sees_something",
]  # fmt: skip
_FOR_PROGRAMS = (ApiToken.Kind.LOGIN, ApiToken.Kind.PERSONAL)
_FOR_BROWSERS = (ApiToken.Kind.SESSION,)


def guard() -> None:
    """Before each request: find out who calls and whether he may. The rest of the application has doors of its own."""
    if not request.path.startswith(PREFIX):
        return
    declared = declared_needs(current_app, request.endpoint or "")
    if declared is not None and declared.right is Right.PUBLIC:
        return
    came = _presented()
    if came is None:
        raise HTTPError(401, f"Log in first: {TOKEN_HEADER} holds no valid token")
    g.token, g.user = came.row, came.row.user
    tokens.note_use(came.row, address=caller_address())
    if (
        came.row.kind == ApiToken.Kind.SESSION
        and request.method not in SAFE_METHODS
        and (fault := csrf_fault(came.row))
    ):
        raise HTTPError(403, fault)
    if declared is None:
        return  # there is no such path, or not with this method, as Flask will say
    _check_token(came.row, declared)
    if declared.right not in WITHOUT_ROLE and not came.route_allowed and not came.row.user.is_superuser:
        raise HTTPError(403, f"Your role does not allow {request.method} {request.endpoint}")
    if declared.right not in OBJECT_RIGHTS:
        require(declared.right)


def _presented() -> tokens.Presented | None:
    """What came with the call: a header, or else the session cookie. Each kind of token has its one place."""
    header = request.headers.get(TOKEN_HEADER, "") or _bearer()
    return tokens.presented(
        header or sent_session(),
        kinds=_FOR_PROGRAMS if header else _FOR_BROWSERS,
        method=request.method,
        endpoint=request.endpoint or "",
        idle=timedelta(seconds=current().API.session_idle_seconds),
    )


def _bearer() -> str:
    """The token of an Authorization header (RFC 6750); empty when it holds none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_token(row: ApiToken, declared: Needs) -> None:
    if row.kind == ApiToken.Kind.PERSONAL and declared.right is Right.ACCOUNT:
        raise HTTPError(403, "This changes your account: a personal token cannot do it, log in instead")
    scope = scope_of(declared.right, request.method)
    if scope is not None and scope.value not in row.scopes:
        raise HTTPError(403, f"The token lacks the scope {scope.value}")
    if declared.right not in WITHOUT_ROLE and lacks_second_factor(row):
        raise HTTPError(
            403,
            "Your role needs a second factor: set one up, or log in with its code",
            extra_data={"code": "totp_enrolment_required"},
        )


def lacks_second_factor(row: ApiToken) -> bool:
    """Whether a login was made with a password alone though the role of its owner needs more."""
    if row.kind == ApiToken.Kind.PERSONAL or row.proof != ApiToken.Proof.PASSWORD:
        return False
    actor = current_actor()
    return actor.role is not None and actor.role.codename in current().API.require_totp_for


def require(right: Right, about: object = None) -> None:
    """Go on only if the caller has a right, on an object where it is about one.

    :raises HTTPError: 403, or 404 when he must not learn that the object exists.
    """
    decision = policies.may(current_actor(), right, about)
    if not decision:
        raise HTTPError(decision.status, decision.reason)


def current_user() -> User:
    """The user who calls."""
    return cast("User", g.user)


def current_token() -> ApiToken:
    """The token with which he calls."""
    return cast("ApiToken", g.token)


def current_actor() -> Actor:
    """Who calls, with what he may; asked once per request."""
    if "actor" not in g:
        row = current_token()
        scopes = [Scope(name) for name in row.scopes if name in TokenScope.values]
        g.actor = policies.actor_of(row.user, scopes=scopes, categories=row.categories)
    return cast("Actor", g.actor)


def current_sight() -> Sight:
    """What the user who calls may see."""
    return current_actor().sight


def sees_something(filters: Filters) -> bool:
    """Whether the categories that filters ask for are some of the caller's.

    Else the answer is empty, and the database would look through everything to find that out.
    """
    sight = current_sight()
    return sight.sees_all or filters.where.leaves("category", sight.profiles)
