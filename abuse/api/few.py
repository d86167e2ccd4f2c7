"""A page of a list that is chosen from some ids, with its count, in one short statement.

Of few rows all are read whatever the page is; counted apart, they would be read again. And Django takes longer to write
such a statement than PostgreSQL to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from abuse.models.fields import are_few
from abuse.models.ordering import TieBreak

from .cursors import Key


class Few(NamedTuple):
    """The ids of some rows, each with its sort values; and how many there are in all, unless these are none."""

    rows: list[tuple[Any, ...]]
    total: int | None


def few(rows: QuerySet[Model], keys: Sequence[Key], start: int, end: int) -> Few | None:
    """Rows from a place in the order up to another. None for a list that is not such, or needs other tables too.

    The ids are in a condition `among`.
    """
    query = rows.query
    if not are_few(query.where) or query.annotations or query.distinct or query.combinator or query.is_sliced:
        return None
    if any(isinstance(key.expression, TieBreak) for key in keys):
        return None  # costly, and asked of all
    compiler = query.get_compiler(DEFAULT_DB_ALIAS)
    values: list[Any] = []
    try:
        columns = [_column_of(compiler, one, values) for one in (F("pk"), *(key.expression for key in keys))]
        where, of_where = compiler.compile(query.where)
    except EmptyResultSet:
        return Few([], 0)
    if any(count and alias != query.base_table for alias, count in query.alias_refcount.items()) or None in columns:
        return None
    order = [f"{place} {'DESC' if key.descending else 'ASC'}" for place, key in enumerate(keys, 2)]
    # All names are the models' own.
    statement = (
        f"SELECT {', '.join(map(str, columns))}, count(*) OVER () "  # noqa: S608
        f"FROM {connection.ops.quote_name(rows.model._meta.db_table)} WHERE {where} "
        f"ORDER BY {', '.join(order)} LIMIT %s OFFSET %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, *of_where, end - start, start])
        found = cursor.fetchall()
    return Few([one[:-1] for one in found], found[0][-1] if found else None)


def _column_of(compiler: SQLCompiler, expression: Combinable, values: list[Any]) -> str | None:
    """A column in SQL, with `values` for it; None for what Django would convert, or for a column of another table."""
    if isinstance(expression, F) and "__" in str(getattr(expression, "name", "")):
        return None
    resolved: Any = expression.resolve_expression(compiler.query)  # type: ignore[attr-defined] # all have it
    if resolved.output_field.get_db_converters(connection):
        return None
    text, of_column = compiler.compile(resolved)
    values += of_column
    return str(text)
