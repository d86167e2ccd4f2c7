"""Lists: the allow-list of what may be selected, sorted and filtered by, and its use on a queryset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import Combinable

from .conditions import Condition, Kind, any_of, holding, one_of_these
from .filters import Clause, FilterError, Filters, Scalar, Where
from .pages import Page, ids, page

Row = TypeVar("Row", bound=Model)
ONLY_ROWS_AND_PAGES = ("sortBy", "queryFields")
"""Parts of `filters` that change nothing for lists with an order of their own and whole rows."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """All that may be asked of one list. Names are those of the JSON; nothing else reaches the ORM."""

    fields: frozenset[str]
    """The fields of a row."""
    always: frozenset[str]
    """The fields that every row has, whatever is selected."""
    sorts: Mapping[str, str | Combinable]
    default_sort: Sequence[str]
    conditions: Mapping[str, Sequence[Condition]]
    """Several columns under one name: any of them will do."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Sorts by a column of another table, and the key to that: rows that have no key come last, or going down first."""

    def description(self, remark: str, *, passes_over: Sequence[str] = ()) -> str:
        """What may be asked, for the OpenAPI document. `passes_over`: the parts of `filters` that change nothing."""
        like = [name for name, columns in self.conditions.items() if any(one.kind != Kind.FLAG for one in columns)]
        parts = {
            "queryFields": self.fields,
            "sortBy": self.sorts,
            "where.in": self.conditions,
            "where.like": like,
        }
        lines = [f"* `{part}`: {', '.join(sorted(names))}" for part, names in parts.items() if part not in passes_over]
        text = "\n".join([remark, "", *lines])
        return describe(text, [self], passes_over)

    def selected(self, filters: Filters) -> frozenset[str] | None:
        """The fields to answer with; None for all.

        :raises FilterError: for an unknown field.
        """
        if filters.query_fields is None:
            return None
        for name in filters.query_fields:
            if name not in self.fields:
                raise FilterError("filters.queryFields", name, _one_of(self.fields))
        return self.always | frozenset(filters.query_fields)

    def chosen(self, rows: QuerySet[Row], filters: Filters, *, whole: bool = False) -> QuerySet[Row]:
        """The rows that fulfil the conditions; unless they are wanted `whole`, of frequent words and parts the newest.

        What is left out is remembered for `counts.counted`.

        :raises FilterError: for an unknown field, or a value that a field cannot have.
        """
        for name, values in _pairs(filters.where.in_):
            part = f"filters.where.in.{name}"
            columns = self._conditions("filters.where.in", name)
            rows = rows.filter(one_of_these(rows, part, columns, values, whole=whole))
        alternatives: list[Q] = []
        for name, values in _pairs(filters.where.like):
            part = f"filters.where.like.{name}"
            columns = self._conditions("filters.where.like", name)
            alternatives.append(holding(rows, part, columns, values, whole=whole))
        return rows.filter(any_of(alternatives)) if alternatives else rows

    def page(self, rows: QuerySet[Row], filters: Filters) -> Page[Row]:
        """The rows in order, of the page asked for by its number or by a cursor.

        :raises FilterError: for an unknown field, or a cursor that is not of this list and order.
        """
        order, spoken = self.order(filters)
        return page(rows, order, filters.paginate, spoken)

    def ids(self, rows: QuerySet[Row], filters: Filters) -> Page[int]:
        """The ids of the rows of that page, in order.

        :raises FilterError: for an unknown field, or a cursor that is not of this list and order.
        """
        order, spoken = self.order(filters)
        return ids(rows, order, filters.paginate, spoken, self._parts(filters))

    def _parts(self, filters: Filters) -> Sequence[Q]:
        """Rows with and rows without what they are sorted by: the database can begin with the other table for these."""
        name, direction = next(iter(filters.sort_by.items()), ("", 1))
        if name not in self.others:
            return ()
        some, none = Q(**{f"{self.sorts[name]}__isnull": False}), Q(**{f"{self.others[name]}__isnull": True})
        return (some, none) if direction > 0 else (none, some)

    def order(self, filters: Filters) -> tuple[list[Any], str]:
        """What the rows are sorted by, for `order_by`, and the same in words.

        :raises FilterError: for an unknown field.
        """
        order: list[Any] = []
        for name, direction in filters.sort_by.items():
            if name not in self.sorts:
                raise FilterError("filters.sortBy", name, _one_of(self.sorts))
            by = self.sorts[name]
            expression = F(by) if isinstance(by, str) else by
            order.append(expression.desc() if direction < 0 else expression.asc())  # type: ignore[attr-defined]
        # The id makes the order total: without it a row could be on two pages, or on none.
        return [*order, *([] if order else self.default_sort), "pk"], json.dumps(list(filters.sort_by.items()))

    def with_known_sorts(self, filters: Filters) -> Filters:
        """The same without the fields that cannot be sorted by: the older client sends some that are not there."""
        known = {name: direction for name, direction in filters.sort_by.items() if name in self.sorts}
        return filters.model_copy(update={"sort_by": known})

    def with_known_conditions(self, filters: Filters) -> Filters:
        """The same without the conditions that this list does not know."""
        where = Where.model_construct(
            in_=[{name: clause[name] for name in clause if name in self.conditions} for clause in filters.where.in_],
            like=[{name: clause[name] for name in clause if name in self.conditions} for clause in filters.where.like],
        )
        return filters.model_copy(update={"where": where})

    def _conditions(self, part: str, name: str) -> Sequence[Condition]:
        if name not in self.conditions:
            raise FilterError(part, name, _one_of(self.conditions))
        return self.conditions[name]


_described: dict[str, tuple[Sequence[Listing[Any]], frozenset[str]]] = {}


def describe(text: str, listings: Sequence[Listing[Any]], passes_over: Sequence[str] = ()) -> str:
    """Remember of which list, or lists, a description in the OpenAPI document is; the description itself."""
    _described[text] = (listings, frozenset(passes_over))
    return text


def described(text: str) -> tuple[Sequence[Listing[Any]], frozenset[str]] | None:
    """The lists that a description is of, with the parts of `filters` that change nothing there."""
    return _described.get(text)


def _one_of(names: Mapping[str, object] | frozenset[str]) -> str:
    return "one of " + ", ".join(sorted(names))


def _pairs(clauses: Sequence[Clause]) -> list[tuple[str, list[Scalar]]]:
    return [pair for clause in clauses for pair in clause.items()]
