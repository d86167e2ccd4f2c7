"""Lists: the allow-list of what may be selected, sorted and filtered by, and its use on a queryset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import Combinable

from . import held
from .filters import Clause, FilterError, Filters, Scalar, Where
from .held import Finder
from .pages import Page, ids, page
from .relations import by_keys, over_many, over_many_by_keys

Row = TypeVar("Row", bound=Model)
MAX_ID = 2**63 - 1
ONLY_ROWS_AND_PAGES = ("sortBy", "queryFields")
"""Parts of `filters` that change nothing for lists with an order of their own and whole rows."""
ID_AS_TEXT = "[1-9][0-9]{0,17}"
_ID = re.compile(ID_AS_TEXT, re.ASCII)
MAX_COUNT = 10_000
"""Rows of a list that are counted; where there are more, the answer says so."""
COUNT_SAYS = (
    f"How many there are on all pages; {MAX_COUNT} where there are more: then `…IsExact` is false, as it is where a "
    "frequent word or part was looked for among the newest alone."
)


class Kind(Enum):
    """What the values of a condition are."""

    TEXT = "text"
    FLAG = "true or false"
    ID = f"a whole number from 1 to {MAX_ID}"
    ADDRESS = "an IP address"
    WORDS = "words to search for"


class Search(Protocol):
    """Finds rows by words; `whole` without a limit."""

    def __call__(self, words: str, *, whole: bool) -> Sequence[int]: ...


class Condition(NamedTuple):
    """A column that rows may be chosen by. `to_many`: one row has several of it."""

    path: str
    kind: Kind = Kind.TEXT
    to_many: bool = False
    nullable: bool = False
    search: Search | None = None
    """For WORDS: the ids of the rows in which they are."""
    finder: Finder | None = None
    """For `like`: gives the keys of the rows that hold a part, without a look at all of them."""
    found: str = "pk"
    """The path to those keys."""
    is_part: bool = False
    """Whether what it holds is held by another column of the same name too, so that `like` need not look here."""
    looked_up: bool = False
    """Whether the other table is small, so that its rows are found first. Its column is never null."""


class Counted(NamedTuple):
    """How many rows there are: all of them, or at least as many."""

    number: int
    is_exact: bool


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

        What is left out is remembered for `counted`.

        :raises FilterError: for an unknown field, or a value that a field cannot have.
        """
        for name, values in _pairs(filters.where.in_):
            part = f"filters.where.in.{name}"
            columns = self._conditions("filters.where.in", name)
            is_alone = len(columns) == 1
            matches = [(one, _one_of_these(rows, part, one, values, is_alone=is_alone, whole=whole)) for one in columns]
            rows = rows.filter(_wrapped(rows, matches))
        alternatives: list[Q] = []
        for name, values in _pairs(filters.where.like):
            part = f"filters.where.like.{name}"
            conditions = self._conditions("filters.where.like", name)
            if not values:
                raise FilterError(part, values, "a value")
            columns = [one for one in conditions if not one.is_part] or conditions
            alternatives.append(_wrapped(rows, [_holding(rows, part, one, values[0], whole=whole) for one in columns]))
            for one in conditions:
                for value in values[1:]:
                    _check_text(part, one.kind, value)
        return rows.filter(_any(alternatives)) if alternatives else rows

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


def counted(rows: QuerySet[Row], page: Page[int], filters: Filters) -> Counted:
    """How many rows there are, of which a page was read: exactly up to `MAX_COUNT`.

    Nobody turns that many pages, and counting all takes longer than showing some.
    """
    start, size = filters.paginate.start, filters.paginate.size
    if size and page.next is None and filters.paginate.cursor is None and (page or not start):
        number = start + len(page)
    else:
        number = rows.order_by().values("pk")[: MAX_COUNT + 1].count()
    return Counted(min(number, MAX_COUNT), is_exact=number <= MAX_COUNT and held.is_complete(rows.model))


def _one_of(names: Mapping[str, object] | frozenset[str]) -> str:
    return "one of " + ", ".join(sorted(names))


def _pairs(clauses: Sequence[Clause]) -> list[tuple[str, list[Scalar]]]:
    return [pair for clause in clauses for pair in clause.items()]


def _any(matches: Sequence[Q]) -> Q:
    whole = matches[0]
    for match in matches[1:]:
        whole |= match
    return whole


def _one_of_these(
    rows: QuerySet[Row], part: str, condition: Condition, values: Sequence[Scalar], *, is_alone: bool, whole: bool
) -> Q:
    if condition.kind == Kind.ID and not is_alone:
        values = [one for one in values if one is None or _as_id(one)]  # what is no id may be meant for another column
    if None in values and not condition.nullable:
        raise FilterError(part, None, condition.kind.value)
    if condition.kind == Kind.WORDS:
        return _any([_found(rows, part, condition, value, whole=whole) for value in values] or [Q(pk__in=[])])
    match = Q(**{f"{condition.path}__in": [_converted(part, condition.kind, one) for one in values if one is not None]})
    if None in values:
        match |= Q(**{f"{condition.path}__isnull": True})
    return match


def _found(rows: QuerySet[Row], part: str, condition: Condition, value: Scalar, *, whole: bool) -> Q:
    if isinstance(value, bool) or not isinstance(value, str | int) or condition.search is None:
        raise FilterError(part, value, Kind.WORDS.value)
    ids = condition.search(str(value), whole=whole)
    held.note_incomplete(rows.model, ids)
    return Q(pk__among=list(ids))


def _holding(
    rows: QuerySet[Row], part: str, condition: Condition, value: Scalar, *, whole: bool
) -> tuple[Condition, Q]:
    """The match of one column, with the column, or what was found there."""
    match condition.kind:
        case Kind.TEXT | Kind.ADDRESS:
            _check_text(part, condition.kind, value)
            finder = None if whole or rows.query.is_empty() else condition.finder
            found = finder(str(value), rows) if finder else None
            if found is not None:
                held.note_incomplete(rows.model, found)
                lookup = "among" if condition.found == "pk" else "any_of"
                return Condition(condition.found), Q(**{f"{condition.found}__{lookup}": list(found)})
            lookup = "holds" if condition.kind == Kind.TEXT else "icontains"
            return condition, Q(**{f"{condition.path}__{lookup}": str(value)})
        case Kind.ID:
            number = _as_id(value)
            return condition, Q(**{condition.path: number}) if number else Q(pk__in=[])
        case Kind.WORDS:
            return condition, _found(rows, part, condition, value, whole=whole)
        case Kind.FLAG:
            raise FilterError(part, value, "this field under filters.where.in")


def _check_text(part: str, kind: Kind, value: Scalar) -> None:
    if kind is not Kind.ID and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise FilterError(part, value, "text")


def _wrapped(rows: QuerySet[Row], alternatives: Sequence[tuple[Condition, Q]]) -> Q:
    """Any of some matches; those over one relation to many together, so that the other table is asked once."""
    over: dict[str, list[Q]] = {}
    matches = []
    for condition, match in alternatives:
        if condition.to_many and condition.looked_up:
            matches.append(over_many_by_keys(rows.model, condition.path, match))
        elif condition.to_many:
            over.setdefault(condition.path.partition("__")[0], []).append(match)
        else:
            matches.append(by_keys(rows.model, condition.path, match) if condition.looked_up else match)
    matches += [over_many(rows.model, first, _any(some)) for first, some in over.items()]
    return _any(matches)


def _converted(part: str, kind: Kind, value: Scalar) -> Scalar:
    match kind:
        case Kind.FLAG if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        case Kind.ID if number := _as_id(value):
            return number
        case Kind.TEXT if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
        case Kind.ADDRESS if isinstance(value, str):
            try:
                return str(ip_address(value))
            except ValueError:
                pass
    raise FilterError(part, value, kind.value)


def _as_id(value: Scalar) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return int(value) if _ID.fullmatch(value) else None
    return value if 1 <= value <= MAX_ID else None
