"""Pages by cursor: the next page begins after the last row of this one, whatever came in or went meanwhile.

A cursor holds the sort values and the id of a row, signed, so that nothing but what we wrote reaches a query. The rows
after it are found by comparison, so a page far behind costs what the first costs, where an index has the order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.db.models.expressions import Combinable, RawSQL
from flask import Response, g, request

from abuse.models.ordering import TieBreak

from .filters import FilterError, Paginate, read_filters

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)
_SALT = "abuse.api.cursors"
_IDS = frozenset({"pk", "id"})
_PART = "filters.paginate.cursor"
_EXPECTED = "a cursor that this list gave, in the same order"


class Page(list[T]):
    """The rows of a page. `next`: the cursor of the page after it; null when there is none."""

    next: str | None = None


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


def page(rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str) -> Page[Row]:
    """The page asked for, by cursor or by number. `spoken`: the order in words, by which a cursor knows its own.

    :raises FilterError: for a cursor that is none, or of another list or order.
    """
    return _Window(rows, order, paginate, spoken).page()


def ids(rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str) -> Page[int]:
    """The ids of the rows of the page asked for: what belongs to rows need not be read for those before it.

    :raises FilterError: for a cursor that is none, or of another list or order.
    """
    return _Window(rows, order, paginate, spoken).ids()


class _Window(Generic[Row]):
    """Where a page begins and ends."""

    def __init__(self, rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str) -> None:
        self._bound = f"{request.endpoint} {rows.model.__name__} {spoken}"
        self._keys = keys_of(rows, order)
        self._names = [f"_cursor_{number}" for number in range(len(self._keys))]
        ties = [number for number, key in enumerate(self._keys) if isinstance(key.expression, TieBreak)]
        self._costly = ties[0] if ties else len(self._keys)
        self._size, self._start = paginate.size, paginate.start
        self._rows = self._with_keys(rows)
        if paginate.cursor is not None:
            values = _values(paginate.cursor, self._bound, len(self._keys))
            self._start, self._rows = 0, self._rows.filter(_after(self._keys, self._names, values))

    def page(self) -> Page[Row]:
        ordered = self._rows.order_by(*self._order(self._names))
        found: Page[Row] = Page(ordered[self._start : self._end] if self._size else [])
        if len(found) > self._size:
            found.pop()
            found.next = _cursor([getattr(found[-1], name) for name in self._names], self._bound)
        return _remembered(found)

    def ids(self) -> Page[int]:
        found: Page[int] = Page()
        if self._size:
            chosen = self._without_ties()
            if chosen is None:
                ordered = self._near().order_by(*self._order(self._names))
                chosen = list(ordered.values_list("pk", *self._names)[self._start : self._end])
            found.extend(one[0] for one in chosen[: self._size])
            if len(chosen) > self._size:
                found.next = _cursor(chosen[self._size - 1][1:], self._bound)
        return _remembered(found)

    def _without_ties(self) -> list[tuple[Any, ...]] | None:
        """The page, where all that comes before a costly tie-break tells its rows apart, also from their neighbours.

        The last row of the page, from which a cursor is made, has all its keys. None where it is not so.
        """
        cheap = self._names[: self._costly]
        if len(cheap) == len(self._names):
            return None
        lead = min(self._start, 1)
        ordered = self._rows.order_by(*self._order(cheap)).values_list("pk", *cheap)
        chosen: list[tuple[Any, ...]] = list(ordered[self._start - lead : self._end + 1])
        if any(one[1:] == other[1:] for one, other in pairwise(chosen)):
            return None
        chosen = chosen[lead : lead + self._size + 1]
        if len(chosen) > self._size:
            last = chosen[self._size - 1]
            costly = self._rows.filter(pk=last[0]).values_list(*self._names[self._costly :]).first()
            if costly is None:  # it is gone meanwhile
                return None
            chosen[self._size - 1] = (*last, *costly)
        return chosen

    @property
    def _end(self) -> int:
        return self._start + self._size + 1

    def _with_keys(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        keys = {name: key.expression for name, key in zip(self._names, self._keys, strict=True)}
        with_keys: QuerySet[Row] = rows.annotate(**keys)
        return with_keys

    def _order(self, names: Sequence[str]) -> list[OrderBy]:
        return [OrderBy(F(name), descending=key.descending) for name, key in zip(names, self._keys, strict=False)]

    def _near(self) -> QuerySet[Row]:
        """The rows, or where the order ends in a costly tie-break, those up to the page's end by what comes before it.

        All that are equal to the last of them are among them.
        """
        if self._costly == len(self._keys):
            return self._rows
        before = self._rows.order_by(*self._order(self._names[: self._costly])).values("pk")
        try:
            statement, values = before.query.sql_with_params()
        except EmptyResultSet:
            return self._rows.none()
        ties = RawSQL(f"{statement} FETCH FIRST {self._end:d} ROWS WITH TIES", values)  # noqa: S611 - Django's own text
        return self._with_keys(self._rows.model._default_manager.filter(pk__in=ties))


def _remembered(found: Page[T]) -> Page[T]:
    g.setdefault("next_cursors", []).append(found.next)
    return found


def name_next_page(response: Response) -> Response:
    """After each request: the address of the next page as a `Link` (RFC 8288), where the answer is one list."""
    cursors: list[str | None] = g.pop("next_cursors", [])
    if len(cursors) == 1 and cursors[0] is not None and response.status_code == 200:
        read = read_filters(request.args.get("filters"))
        filters = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        filters["paginate"] = {"resultsPerPage": read.paginate.size, "cursor": cursors[0]}
        query = {**request.args.to_dict(), "filters": json.dumps(filters, separators=(",", ":"))}
        response.headers.add("Link", f'<{request.path}?{urlencode(query)}>; rel="next"')
    return response


def is_of(cursor: str, model: type[Model]) -> bool:
    """Whether a cursor is of a list of such rows, where an answer has several lists.

    :raises FilterError: for a cursor that is none.
    """
    return f" {model.__name__} " in str(_opened(cursor)[0])


def _after(keys: Sequence[Key], names: Sequence[str], values: Sequence[Any]) -> Q:
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


def _cursor(values: Sequence[Any], bound: str) -> str:
    written = [{"t": one.isoformat()} if isinstance(one, datetime) else one for one in values]
    return signing.dumps([bound, written], salt=_SALT, compress=True)


def _opened(cursor: str) -> Sequence[Any]:
    try:
        opened: Sequence[Any] = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise _not_ours(cursor) from None
    return opened


def _not_ours(cursor: str) -> FilterError:
    """No schema can tell what we signed: it is well formed, and of no use here."""
    return FilterError(_PART, cursor, _EXPECTED, status=409)


def _values(cursor: str, bound: str, number: int) -> list[Any]:
    made_for, written = _opened(cursor)
    if made_for != bound or len(written) != number:
        raise _not_ours(cursor)
    return [datetime.fromisoformat(one["t"]) if isinstance(one, dict) else one for one in written]
