"""What each endpoint declares: the right that it needs, and whether reading it is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from flask import Flask

from abuse.controllers.routes import Route
from abuse.policies import Right

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
    handler asks `require(right, object)` itself. `recorded`: also put reading on record, as rights to read evidence do.
    """

    def declare(view: View) -> View:
        declared = Needs(right, right in _RECORDED_READS if recorded is None else recorded)
        view.needs = declared  # type: ignore[attr-defined]
        return view

    return declare


def declared_needs(app: Flask, endpoint: str) -> Needs | None:
    """What an endpoint declares; None when it declares nothing."""
    found = getattr(app.view_functions.get(endpoint), "needs", None)
    return cast("Needs | None", found) or _OTHERS_ENDPOINTS.get(endpoint)


def calls(app: Flask) -> Iterator[tuple[str, str, str, Needs]]:
    """All calls that the API has: method, path, endpoint, and what it needs.

    :raises LookupError: for an endpoint that declares nothing.
    """
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(PREFIX):
            declared = declared_needs(app, rule.endpoint)
            if declared is None:
                raise LookupError(f"{rule.endpoint}: the endpoint declares no right; expected @needs(Right.…)")
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule, rule.endpoint, declared


def routes(app: Flask) -> list[Route]:
    """All calls that the API has, for the roles.

    :raises LookupError: for an endpoint that declares nothing.
    """
    return [Route(method, endpoint, declared.right) for method, _, endpoint, declared in calls(app)]
