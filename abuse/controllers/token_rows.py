"""A token with its owner and his role, read in one prepared statement: every call of the API begins with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, Model, OuterRef, QuerySet

from abuse.models import ApiRoute, ApiToken, Operator, Role, User
from abuse.models.prepared import Prepared


def of_digest(digest: str, *, method: str, endpoint: str) -> tuple[ApiToken, bool] | None:
    """The token of a digest, and whether the role of its owner lists a call; None when there is none.

    Its owner, his operator and role come with it, as `select_related` would read them.
    """
    found = _READ.rows(digest=digest, method=method, endpoint=endpoint)
    return (_token_of(found[0]), found[0][-1]) if found else None


def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


_PARTS: Sequence[tuple[type[Model], str, Sequence[str]]] = (
    (ApiToken, "", _columns(ApiToken)),
    (User, "user__", _columns(User)),
    (Operator, "user__operator__", _columns(Operator)),
    (Role, "user__operator__role__", _columns(Role)),
)


def _rows(digest: str, method: str, endpoint: str) -> QuerySet[ApiToken, tuple[Any, ...]]:
    route = ApiRoute.filter(roles=OuterRef("user__operator__role"), method=method, endpoint=endpoint, is_dead=False)
    columns = [f"{prefix}{name}" for _, prefix, names in _PARTS for name in names]
    return ApiToken.filter(digest=digest).annotate(route_allowed=Exists(route)).values_list(*columns, "route_allowed")


_READ = Prepared(_rows, digest=str, method=str, endpoint=str)


def _token_of(values: Sequence[Any]) -> ApiToken:
    rows: list[Any] = []
    start = 0
    for model, _, names in _PARTS:
        end = start + len(names)
        rows.append(model.from_db(DEFAULT_DB_ALIAS, names, values[start:end]))
        start = end
    token, user, operator, role = rows
    token.user = user
    if operator.pk is None:
        User._meta.get_field("operator").set_cached_value(user, None)  # known not to be there
    else:
        operator.user, operator.role = user, role
    return cast("ApiToken", token)
