"""Conditions of lists: the columns that rows may be chosen by, and what a client's values mean there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from ipaddress import ip_address
from typing import NamedTuple, Protocol, TypeVar

from django.db.models import Model, Q, QuerySet

from abuse.models.fields import as_array

from . import held
from .access import current_sight
from .filters import FilterError, Scalar
from .held import Finder
from .relations import by_keys, over_many, over_many_by_keys

Row = TypeVar("Row", bound=Model)
MAX_ID = 2**63 - 1
ID_AS_TEXT = "[1-9][0-9]{0,17}"
_ID = re.compile(ID_AS_TEXT, re.ASCII)


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
    of_ticket: str = ""
    """The path to the id of a ticket, where the column tells of it: one that the caller may not see has no value."""


def one_of_these(
    rows: QuerySet[Row], part: str, columns: Sequence[Condition], values: Sequence[Scalar], *, whole: bool
) -> Q:
    """Rows of which one of some columns has one of the values. `part`: of `filters`, for what is wrong there.

    :raises FilterError: for a value that the columns cannot have.
    """
    is_alone = len(columns) == 1
    matches = [(one, _one_of_these(rows, part, one, values, is_alone=is_alone, whole=whole)) for one in columns]
    return _wrapped(rows, matches)


def holding(
    rows: QuerySet[Row], part: str, columns: Sequence[Condition], values: Sequence[Scalar], *, whole: bool
) -> Q:
    """Rows of which one of some columns holds the first of the values; what more there is has to be of its kind.

    :raises FilterError: for a value that the columns cannot hold.
    """
    if not values:
        raise FilterError(part, list(values), "a value")
    looked_at = [one for one in columns if not one.is_part] or columns
    match = _wrapped(rows, [_holding(rows, part, one, values[0], whole=whole) for one in looked_at])
    for one in columns:
        for value in values[1:]:
            _check_text(part, one.kind, value)
    return match


def any_of(matches: Sequence[Q]) -> Q:
    """Any of some matches, of which there is one at least."""
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
        return any_of([_found(rows, part, condition, value, whole=whole) for value in values] or [Q(pk__in=[])])
    match = Q(**{f"{condition.path}__in": [_converted(part, condition.kind, one) for one in values if one is not None]})
    shown = _shown(condition)
    if shown is not None:
        match &= shown
    if None in values:
        match |= Q(**{f"{condition.path}__isnull": True})
    return match


def _shown(condition: Condition) -> Q | None:
    """Which rows show the caller what the column holds; None for all."""
    return current_sight().of_shown_ticket(condition.of_ticket) if condition.of_ticket else None


def _found(rows: QuerySet[Row], part: str, condition: Condition, value: Scalar, *, whole: bool) -> Q:
    if isinstance(value, bool) or not isinstance(value, str | int) or condition.search is None:
        raise FilterError(part, value, Kind.WORDS.value)
    ids = condition.search(str(value), whole=whole)
    held.note_incomplete(rows.model, ids)
    return Q(pk__among=as_array(list(ids)))


def _holding(
    rows: QuerySet[Row], part: str, condition: Condition, value: Scalar, *, whole: bool
) -> tuple[Condition, Q]:
    """The match of one column, with the column, or what was found there."""
    of, match = _holding_anywhere(rows, part, condition, value, whole=whole)
    shown = _shown(condition)
    return of, match if shown is None else match & shown


def _holding_anywhere(
    rows: QuerySet[Row], part: str, condition: Condition, value: Scalar, *, whole: bool
) -> tuple[Condition, Q]:
    match condition.kind:
        case Kind.TEXT | Kind.ADDRESS:
            _check_text(part, condition.kind, value)
            finder = None if whole or rows.query.is_empty() else condition.finder
            found = finder(str(value), rows) if finder else None
            if found is not None:
                held.note_incomplete(rows.model, found)
                lookup = "among" if condition.found == "pk" else "any_of"
                return Condition(condition.found), Q(**{f"{condition.found}__{lookup}": as_array(list(found))})
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
    matches += [over_many(rows.model, first, any_of(some)) for first, some in over.items()]
    return any_of(matches)


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
