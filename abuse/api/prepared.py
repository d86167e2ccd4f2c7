"""Statements whose text is made once: Django takes longer to write that of a list's rows than PostgreSQL to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import QuerySet

IDS: list[int] = [-(2**62)]
"""In the queryset, for `pk__any_of`: where the ids come."""
USER = -(2**62) - 1
"""In the queryset: where the id of the user comes who looks."""


class Prepared:
    """Rows of some ids, as tuples: what a queryset with `values_list` of `IDS` and `USER` gives."""

    def __init__(self, make: Callable[[], QuerySet[Any, Any]]) -> None:
        self._make = make

    def rows(self, ids: Sequence[int], *, user: int = 0) -> dict[int, tuple[Any, ...]]:
        """The rows that are there, by the first column, which has to be the id. One statement."""
        if not ids:
            return {}
        text, values, converters = self._compiled
        given = [list(ids) if one == IDS else user if one == USER else one for one in values]
        with connection.cursor() as cursor:
            cursor.execute(text, given)
            found = cursor.fetchall()
        for position, (convert, expression) in converters.items():
            for number, row in enumerate(found):
                value = row[position]
                for one in convert:
                    value = one(value, expression, connection)
                found[number] = (*row[:position], value, *row[position + 1 :])
        return {row[0]: row for row in found}

    @cached_property
    def _compiled(self) -> tuple[str, Sequence[Any], dict[int, Any]]:
        compiler = self._make().query.get_compiler(DEFAULT_DB_ALIAS)
        text, values = compiler.as_sql()
        return text, values, compiler.get_converters([one[0] for one in compiler.select])
