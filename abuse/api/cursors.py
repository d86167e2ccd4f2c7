"""Cursors: where in a list the next page begins, whatever came in or went meanwhile.

A cursor holds the sort values and the id of a row, signed, so that nothing but what we wrote reaches a query. The rows
after it are found by comparison, so a page far behind costs what the first costs, where an index has the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.db.models.expressions import Combinable

from .filters import FilterError

Row = TypeVar("Row", bound=Model)
_SALT = "abuse.api.cursors"
_IDS = frozenset({"pk", "id"})
_PART = "filters.paginate.cursor"
_EXPECTED = "a cursor that this list gave, in the same order"


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that rows are sorted by. Rows without it come last, going down first, as PostgreSQL has it."""

    expression: Combinable
    descending: bool
    nullable: bool


def keys_of(rows: QuerySet[Row], order: Sequence[Any]) -> list[Key]:
    """What an `order_by` sorts by, up to the id, which makes it total."""
    keys: list[Key] = []
    for one in [*order, "pk"]:
        expression, descending = one, False
        if isinstance(one, str):
            expression, descending = F(one.removeprefix("-")), one.startswith("-")
        elif isinstance(one, OrderBy):
            expression, descending = one.expression, one.descending
        keys.append(Key(expression, descending, nullable=not _is_always_there(rows, expression)))
        if _column(expression) in _IDS:
            break
    return keys


def is_of(cursor: str, model: type[Model]) -> bool:
    """Whether a cursor is of a list of such rows, where an answer has several lists.

    :raises FilterError: for a cursor that is none.
    """
    return f" {model.__name__} " in str(_opened(cursor)[0])


def after(keys: Sequence[Key], names: Sequence[str], values: Sequence[Any]) -> Q:
    """Behind a row: behind it by one thing, and equal by those before."""
    alternatives, equal = Q(pk__in=[]), Q()
    for key, name, value in zip(keys, names, values, strict=True):
        alternatives |= equal & _behind(key, name, value)
        equal &= Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})
    return _bound(keys[0], names[0], values[0]) & alternatives


def _behind(key: Key, name: str, value: Any) -> Q:
    if value is None:
        return Q(**{f"{name}__isnull": False}) if key.descending else Q(pk__in=[])
    if key.descending:
        return Q(**{f"{name}__lt": value})
    behind = Q(**{f"{name}__gt": value})
    return behind | Q(**{f"{name}__isnull": True}) if key.nullable else behind


def _bound(key: Key, name: str, value: Any) -> Q:
    """What follows for the first thing alone: with it an index can start where the page does."""
    if value is None:
        return Q() if key.descending else Q(**{f"{name}__isnull": True})
    if key.descending:
        return Q(**{f"{name}__lte": value})
    return Q() if key.nullable else Q(**{f"{name}__gte": value})


def _column(expression: object) -> str | None:
    return str(getattr(expression, "name", "")) if isinstance(expression, F) else None


def _is_always_there(rows: QuerySet[Row], expression: object) -> bool:
    column = _column(expression)
    if column is None or column in _IDS:
        return column is not None
    try:
        return not getattr(rows.model._meta.get_field(column), "null", True)
    except FieldDoesNotExist:
        return False


def written(values: Sequence[Any], bound: str) -> str:
    """The cursor of the row with these sort values. `bound`: the list and order that it is good for."""
    told = [{"t": one.isoformat()} if isinstance(one, datetime) else one for one in values]
    return signing.dumps([bound, told], salt=_SALT, compress=True)


def _opened(cursor: str) -> Sequence[Any]:
    try:
        opened: Sequence[Any] = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise _not_ours(cursor) from None
    return opened


def _not_ours(cursor: str) -> FilterError:
    """No schema can tell what we signed: it is well formed, and of no use here."""
    return FilterError(_PART, cursor, _EXPECTED, status=409)


def read(cursor: str, bound: str, number: int) -> list[Any]:
    """The sort values in a cursor, of which there are `number`.

    :raises FilterError: for a cursor that is none, or of another list or order.
    """
    made_for, told = _opened(cursor)
    if made_for != bound or len(told) != number:
        raise _not_ours(cursor)
    return [datetime.fromisoformat(one["t"]) if isinstance(one, dict) else one for one in told]
