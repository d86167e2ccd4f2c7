"""Which rows are on a page, by number or by cursor, and the address of the next one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.db.models.expressions import RawSQL
from flask import Response, g, request

from abuse.models.ordering import TieBreak

from . import cursors
from .few import few
from .filters import Paginate, read_filters

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)
_EVERY = slice(None)


class Page(list[T]):
    """The rows of a page. `next`: the cursor of the page after it; null when there is none.

    `total`: how many rows there are on all pages, where that was found out with it.
    """

    next: str | None = None
    total: int | None = None


def page(rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str) -> Page[Row]:
    """The page asked for, by cursor or by number. `spoken`: the order in words, by which a cursor knows its own.

    :raises FilterError: for a cursor that is none, or of another list or order.
    """
    return _Window(rows, order, paginate, spoken).page()


def ids(
    rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str, parts: Sequence[Q] = ()
) -> Page[int]:
    """The ids of the rows of the page asked for: what belongs to rows need not be read for those before it.

    :param parts: parts of all rows, one after the other in this order: where the database finds a page of one quicker.
    :raises FilterError: for a cursor that is none, or of another list or order.
    """
    for part in parts if paginate.size else ():
        found = _Window(rows.filter(part), order, paginate, spoken).ids()
        if found.next is not None:
            return _remembered(found)
        if found or paginate.cursor is None:  # the page ends in another part, or how far that is away is not known
            break
    return _remembered(_Window(rows, order, paginate, spoken).ids())


class _Window(Generic[Row]):
    """Where a page begins and ends."""

    def __init__(self, rows: QuerySet[Row], order: Sequence[Any], paginate: Paginate, spoken: str) -> None:
        self._bound = f"{request.endpoint} {rows.model.__name__} {spoken}"
        self._keys = cursors.keys_of(rows, order)
        self._names = [f"_cursor_{number}" for number in range(len(self._keys))]
        ties = [number for number, key in enumerate(self._keys) if isinstance(key.expression, TieBreak)]
        self._costly = ties[0] if ties else len(self._keys)
        """The number of the first key that takes long to find out."""
        self._size, self._start = paginate.size, paginate.start
        self._rows = rows
        self._behind: Sequence[Any] | None = None
        if paginate.cursor is not None:
            self._start, self._behind = 0, cursors.read(paginate.cursor, self._bound, len(self._keys))

    def page(self) -> Page[Row]:
        ordered = self._ordered()
        found: Page[Row] = Page(ordered[self._start : self._end] if self._size else [])
        if len(found) > self._size:
            found.pop()
            found.next = cursors.written([getattr(found[-1], name) for name in self._names], self._bound)
        return _remembered(found)

    def ids(self) -> Page[int]:
        found: Page[int] = Page()
        if self._size:
            chosen = self._few(found)
            if chosen is None:
                chosen = self._without_ties()
            if chosen is None:
                chosen = list(self._ordered(near=True).values_list("pk", *self._names)[self._start : self._end])
            found.extend(one[0] for one in chosen[: self._size])
            if len(chosen) > self._size:
                found.next = cursors.written(chosen[self._size - 1][1:], self._bound)
        return found

    def _few(self, found: Page[int]) -> list[tuple[Any, ...]] | None:
        some = few(self._rows, self._keys, self._start, self._end) if self._behind is None else None
        if some is None:
            return None
        found.total = some.total
        return some.rows

    def _without_ties(self) -> list[tuple[Any, ...]] | None:
        """The page, where all that comes before a costly tie-break tells its rows apart, also from their neighbours.

        The last row of the page, from which a cursor is made, has all its keys. None where it is not so.
        """
        if self._costly == len(self._keys):
            return None
        cheap = slice(0, self._costly)
        lead = min(self._start, 1)
        ordered = self._by(self._following(cheap), cheap).values_list("pk", *self._names[cheap])
        chosen: list[tuple[Any, ...]] = list(ordered[self._start - lead : self._end + 1])
        if any(one[1:] == other[1:] for one, other in pairwise(chosen)):
            return None
        chosen = chosen[lead : lead + self._size + 1]
        if len(chosen) > self._size:
            last, rest = chosen[self._size - 1], slice(self._costly, None)
            row = self._rows.model._default_manager.filter(pk=last[0])
            costly = self._with_keys(row, rest).values_list(*self._names[rest]).first()
            if costly is None:  # it is gone meanwhile
                return None
            chosen[self._size - 1] = (*last, *costly)
        return chosen

    @property
    def _end(self) -> int:
        return self._start + self._size + 1

    def _ordered(self, *, near: bool = False) -> QuerySet[Row]:
        rows = self._following(_EVERY)
        return self._by(self._near(rows) if near else rows, _EVERY)

    def _following(self, some: slice) -> QuerySet[Row]:
        """The rows behind the cursor, where there is one, with some of their keys at least."""
        if self._behind is None:
            return self._with_keys(self._rows, some)
        return self._with_keys(self._rows, _EVERY).filter(cursors.after(self._keys, self._names, self._behind))

    def _with_keys(self, rows: QuerySet[Row], some: slice) -> QuerySet[Row]:
        keys = {name: key.expression for name, key in zip(self._names[some], self._keys[some], strict=True)}
        with_keys: QuerySet[Row] = rows.annotate(**keys)
        return with_keys

    def _by(self, rows: QuerySet[Row], some: slice) -> QuerySet[Row]:
        pairs = zip(self._names[some], self._keys[some], strict=True)
        return rows.order_by(*(OrderBy(F(name), descending=key.descending) for name, key in pairs))

    def _near(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The rows, or where the order ends in a costly tie-break, those up to the page's end by what comes before it.

        All that are equal to the last of them are among them.
        """
        if self._costly == len(self._keys):
            return rows
        before = self._by(rows, slice(0, self._costly)).values("pk")
        try:
            statement, values = before.query.sql_with_params()
        except EmptyResultSet:
            return rows.none()
        ties = RawSQL(f"{statement} FETCH FIRST {self._end:d} ROWS WITH TIES", values)  # noqa: S611 - Django's own text
        return self._with_keys(self._rows.model._default_manager.filter(pk__in=ties), _EVERY)


def _remembered(found: Page[T]) -> Page[T]:
    g.setdefault("next_cursors", []).append(found.next)
    return found


def name_next_page(response: Response) -> Response:
    """After each request: the address of the next page as a `Link` (RFC 8288), where the answer is one list."""
    following: list[str | None] = g.pop("next_cursors", [])
    if len(following) == 1 and following[0] is not None and response.status_code == 200:
        read = read_filters(request.args.get("filters"))
        filters = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        filters["paginate"] = {"resultsPerPage": read.paginate.size, "cursor": following[0]}
        query = {**request.args.to_dict(), "filters": json.dumps(filters, separators=(",", ":"))}
        response.headers.add("Link", f'<{request.path}?{urlencode(query)}>; rel="next"')
    return response
