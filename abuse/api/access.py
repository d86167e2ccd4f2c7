"""The gate before the API: who calls, and whether he may call this. Every endpoint declares the right it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar, cast

from apiflask import APIFlask, HTTPError
from flask import current_app, g, request

from abuse import policies
from abuse.controllers import accounts
from abuse.models import User
from abuse.models.questions import Sight
from abuse.policies import Actor, Right
from abuse.policies.rulings import OBJECT_RIGHTS

PREFIX = "/api/"
TOKEN_HEADER = "X-Api-Token"  # noqa: S105 - the name of a header
View = TypeVar("View", bound=Callable[..., Any])
_RECORDED_READS = frozenset({Right.SEE_EVIDENCE, Right.SEE_CUSTOMER})


@dataclass(frozen=True, slots=True)
class Needs:
    """What an endpoint declares. `recorded`: whether reading it is on record; every write is."""

    right: Right
    recorded: bool


_OTHERS_ENDPOINTS = {"openapi.spec": Needs(Right.PUBLIC, recorded=False)}
"""Endpoints that are not ours to decorate."""


def needs(right: Right, *, recorded: bool | None = None) -> Callable[[View], View]:
    """Declare the right that an endpoint needs: `@needs(Right.LOOK)`, anywhere below the route.

    The gate refuses who lacks it. Where the right is about an object, such as a ticket, the gate cannot know it: the
    handler asks `require(right, object)` itself.
    """

    def declare(view: View) -> View:
        declared = Needs(right, right in _RECORDED_READS if recorded is None else recorded)
        view.needs = declared  # type: ignore[attr-defined]
        return view

    return declare


def declared_needs(app: APIFlask, endpoint: str) -> Needs | None:
    """What an endpoint declares; None when it declares nothing."""
    found = getattr(app.view_functions.get(endpoint), "needs", None)
    return cast("Needs | None", found) or _OTHERS_ENDPOINTS.get(endpoint)


def endpoints(app: APIFlask) -> dict[str, Needs]:
    """All endpoints of the API and what they need.

    :raises LookupError: for one that declares nothing.
    """
    found: dict[str, Needs] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(PREFIX):
            declared = declared_needs(app, rule.endpoint)
            if declared is None:
                raise LookupError(f"{rule.endpoint}: the endpoint declares no right; expected @needs(Right.…)")
            found[rule.endpoint] = declared
    return found


def guard() -> None:
    """Before each request: find out who calls and whether he may. The rest of the application has doors of its own."""
    if not request.path.startswith(PREFIX):
        return
    declared = declared_needs(cast("APIFlask", current_app), request.endpoint or "")
    if declared is not None and declared.right is Right.PUBLIC:
        return
    user = accounts.user_of_token(sent_token())
    if user is None:
        raise HTTPError(401, f"Log in first: {TOKEN_HEADER} holds no valid token")
    g.user = user
    if declared is not None and declared.right not in OBJECT_RIGHTS:
        require(declared.right)


def require(right: Right, about: object = None) -> None:
    """Go on only if the caller has a right, on an object where it is about one.

    :raises HTTPError: 403, or 404 when he must not learn that the object exists.
    """
    decision = policies.may(current_actor(), right, about)
    if not decision:
        raise HTTPError(decision.status, decision.reason)


def sent_token() -> str:
    """The token of this request; empty when there is none."""
    return request.headers.get(TOKEN_HEADER, "")


def current_user() -> User:
    """The user who calls."""
    return cast("User", g.user)


def current_actor() -> Actor:
    """Who calls, with what he may; asked once per request."""
    if "actor" not in g:
        g.actor = policies.actor_of(current_user())
    return cast("Actor", g.actor)


def current_sight() -> Sight:
    """What the user who calls may see."""
    return current_actor().sight


def caller_address() -> str | None:
    """The address of who calls; None where there is none, as on a Unix socket."""
    try:
        return str(ip_address(request.remote_addr or ""))
    except ValueError:
        return None
