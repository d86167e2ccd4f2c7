"""Inserting many rows in one statement whose text is made once for each table.

Django's `bulk_create` writes its statement anew each time and hands each column over as an array, in which each quote
and backslash of each value is replaced in Python: for rows that hold texts and JSON that takes longer than inserting
them. Here all values travel in one JSON document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, DataError, connection, models, transaction

from .prepared import Statement

AT_ONCE = 1000
"""Rows of one statement."""
_SHOWN = 200
"""Characters of a value that an error shows."""


@dataclass(frozen=True, slots=True)
class _Insert:
    statement: Statement
    returns: bool
    """Whether it answers with the ids."""
    columns: Sequence[str]
    """The names of the attributes that hold the values."""
    keys: Mapping[str, models.ForeignKey[Any, Any]]
    """Those of them that are the keys of other rows."""


def insert_all(rows: Sequence[models.Model], *, ignore_conflicts: bool = False, at_once: int = AT_ONCE) -> None:
    """Insert new rows of one model and note the ids that they get, all or none.

    `ignore_conflicts`: a row that is there already is left as it is, and no ids are noted.

    :raises ValueError: when a row refers to one that is not stored.
    :raises IntegrityError, DataError: when the database takes one of them for wrong.
    """
    if not rows:
        return
    insert = _insert_into(type(rows[0]), "ON CONFLICT DO NOTHING" if ignore_conflicts else "RETURNING")
    if len(rows) <= at_once:
        _insert(insert, rows)
        return
    with transaction.atomic(savepoint=False):
        for start in range(0, len(rows), at_once):
            _insert(insert, rows[start : start + at_once])


def insert_unless_there(row: models.Model) -> bool:
    """Insert one row unless there is one that it must not be beside; whether it was inserted, and has its id then.

    A transaction that is just inserting such a row is waited for.
    """
    insert = _insert_into(type(row), "ON CONFLICT DO NOTHING RETURNING")
    return bool(_insert(insert, [row]))


def _insert(insert: _Insert, rows: Sequence[models.Model]) -> int:
    """Insert the rows; how many got their ids, which is all or none of them."""
    document = json.dumps([_values(insert, row) for row in rows], default=_as_json, ensure_ascii=False)
    with connection.cursor() as cursor:
        try:
            insert.statement.execute(cursor, [document])
        except DataError as error:
            wrong = _holding_nul(insert, rows)
            if wrong is None:
                raise
            raise DataError(f"{wrong}; expected text without NUL (0x00)") from error
        ids = cursor.fetchall() if insert.returns else []
    for row, (number,) in zip(rows, ids, strict=bool(ids)):
        row.pk = number
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return len(ids)


def _values(insert: _Insert, row: models.Model) -> dict[str, Any]:
    held = row.__dict__
    values = {name: held[name] for name in insert.columns}
    for name, key in insert.keys.items():
        if values[name] is None and key.is_cached(row):
            # The row that it refers to got its id after this one was made.
            values[name] = _key_of(row, key)
    return values


def _holding_nul(insert: _Insert, rows: Sequence[models.Model]) -> str | None:
    """The first column that holds a NUL, with its value: PostgreSQL speaks of a place in the document alone."""
    for row in rows:
        for name, value in _values(insert, row).items():
            # Without those that are escaped themselves, a backslash stands before what it escapes.
            if "\\u0000" in json.dumps(value, default=_as_json).replace("\\\\", ""):
                return f"{name} of a {type(row).__name__}: {repr(value)[:_SHOWN]}"
    return None


def _key_of(row: models.Model, key: models.ForeignKey[Any, Any]) -> Any:
    other = getattr(row, key.name)
    if other is None:
        return None
    if other.pk is None:
        raise ValueError(f"{key.name} of a {type(row).__name__}: expected one that is stored")
    setattr(row, key.attname, other.pk)
    return other.pk


def _as_json(value: object) -> str:
    match value:
        case date():
            return value.isoformat()
        case IPv4Network() | IPv6Network() | UUID():
            return str(value)
    raise TypeError(f"a {type(value).__name__}; expected what a column of a row is written from")


@cache
def _insert_into(model: type[models.Model], end: str) -> _Insert:
    fields = [
        one for one in model._meta.local_concrete_fields if not (one.generated or isinstance(one, models.AutoField))
    ]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(one.column)) for one in fields)
    columns = ", ".join(f"{quote(one.attname)} {one.db_type(connection)}" for one in fields)
    chosen = ", ".join(quote(one.attname) for one in fields)
    returns = end.endswith("RETURNING")
    if returns:
        end += f" {quote(str(model._meta.pk.column))}"
    # All names are the model's own; the only value is a parameter.
    text = (
        f"INSERT INTO {quote(model._meta.db_table)} ({names})"  # noqa: S608
        f" SELECT {chosen} FROM json_to_recordset(%s::json) AS one ({columns}) {end}"
    )
    return _Insert(
        statement=Statement(text),
        returns=returns,
        columns=[one.attname for one in fields],
        keys={one.attname: one for one in fields if isinstance(one, models.ForeignKey)},
    )
