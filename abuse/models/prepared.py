"""Statements whose text is made once: Django takes longer to write some than PostgreSQL to answer.

Each is also prepared once in a connection (PREPARE), as planning a join of ten tables takes longer than running it. Not
so where `DISABLE_SERVER_SIDE_CURSORS` says that a pooler hands out another connection for each transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Any
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from .fields import as_array

Place = type[int] | type[str] | type[datetime] | type[list[int]]
"""What comes in a place of a statement. For a list of ids there is the look-up `any_of`."""
_PLACEHOLDER = re.compile(r"%[%s]")
_PLACE = re.compile(r"%(?:%|s|\((?P<name>\w+)\)s)")
_numbers = count(1)


class Statement:
    """A statement in our own words, with places as `cursor.execute` knows them: %s, or %(name)s, and %% for %."""

    def __init__(self, text: str) -> None:
        self._plain = text
        self._name = f"cerberus_{next(_numbers)}"
        self._known: WeakSet[Any] = WeakSet()
        self._order: list[str | int] = []
        self._text = _PLACE.sub(self._mark, text)
        self._execute = f"EXECUTE {self._name}"
        if self._order:
            self._execute += f" ({', '.join(['%s'] * len(self._order))})"

    def _mark(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found["name"]
        if name is None or name not in self._order:
            self._order.append(len(self._order) if name is None else name)
            return f"${len(self._order)}"
        return f"${self._order.index(name) + 1}"

    def execute(self, cursor: CursorWrapper, values: Any = ()) -> None:
        """Run it in a cursor of the default connection, with a value for each place: a list, or a dict by names."""
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            cursor.execute(self._plain, values)
            return
        _prepare(self._known, self._name, self._text, None)
        cursor.execute(self._execute, [values[place] for place in self._order])


def _prepare(known: WeakSet[Any], name: str, text: str, fixed: Sequence[Any] | None) -> None:
    """Once in a connection, and like all that sets a connection up without anybody counting it as a question."""
    opened = connection.connection
    if opened not in known:
        with connection.wrap_database_errors, opened.cursor() as cursor:
            cursor.execute(f"PREPARE {name} AS {text}", fixed)
        known.add(opened)


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    """As `PREPARE` takes it: with $1, $2 … for what is given, %s for what is always the same."""
    order: Sequence[str]
    """The names of what is given: that of $1, of $2 …"""
    fixed: Sequence[Any]
    converters: dict[int, Any]
    plain: str
    """The same text with %s everywhere, and in `values` either a name or what is always the same."""
    values: Sequence[tuple[str | None, Any]]


class Prepared:
    """A statement made of a queryset with `values_list`; `rows` runs it.

    `make` is called once, with something in each of the `places` that stands for what will be given there.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]], **places: Place) -> None:
        self._make = make
        self._places = places
        self._name = f"cerberus_{next(_numbers)}"
        self._known: WeakSet[Any] = WeakSet()

    def rows(self, **given: Any) -> list[tuple[Any, ...]]:
        """The rows, for a value in each place, in one statement."""
        compiled = self._compiled
        with connection.cursor() as cursor:
            if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
                values = [fixed if name is None else as_array(given[name]) for name, fixed in compiled.values]
                cursor.execute(compiled.plain, values)
            else:
                _prepare(self._known, self._name, compiled.text, compiled.fixed)
                marks = ", ".join(["%s"] * len(compiled.order))
                cursor.execute(f"EXECUTE {self._name} ({marks})", [as_array(given[name]) for name in compiled.order])
            found = cursor.fetchall()
        return _converted(found, compiled.converters) if compiled.converters else found

    @cached_property
    def _compiled(self) -> _Compiled:
        stand_ins = {name: _stand_in(place, number) for number, (name, place) in enumerate(self._places.items(), 1)}
        compiler = self._make(**stand_ins).query.get_compiler(DEFAULT_DB_ALIAS)
        plain, parameters = compiler.as_sql()
        values = [(_name_of(one, stand_ins), one) for one in parameters]
        missing = set(stand_ins) - {name for name, _ in values}
        if missing:
            raise ValueError(f"places: {', '.join(sorted(missing))} are in no condition; expected each in one")
        order = list(stand_ins)
        marks = iter([None if name is None else f"${order.index(name) + 1}" for name, _ in values])
        return _Compiled(
            text=_PLACEHOLDER.sub(lambda found: found[0] if found[0] == "%%" else next(marks) or "%s", plain),
            order=order,
            fixed=[value for name, value in values if name is None],
            converters=compiler.get_converters([one[0] for one in compiler.select]),
            plain=plain,
            values=values,
        )


def _stand_in(place: Place, number: int) -> Any:
    """A value that no statement has by itself."""
    if place is str:
        return f"\x01{number}"
    if place is datetime:
        return datetime(1, 1, 1, microsecond=number, tzinfo=UTC)
    return -(2**62) - number if place is int else [-(2**62) - number]


def _name_of(value: Any, stand_ins: dict[str, Any]) -> str | None:
    places = ((name, as_array(one)) for name, one in stand_ins.items())
    return next((name for name, one in places if isinstance(value, type(one)) and value == one), None)


def _converted(rows: list[tuple[Any, ...]], converters: dict[int, Any]) -> list[tuple[Any, ...]]:
    wanted = [(position, convert, expression) for position, (convert, expression) in converters.items()]
    converted: list[Any] = []
    for row in rows:
        values = list(row)
        for position, convert, expression in wanted:
            for one in convert:
                values[position] = one(values[position], expression, connection)
        converted.append(tuple(values))
    return converted
