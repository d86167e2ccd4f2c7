"""Many rows with one statement a table: columns are expressions of SQL, those not named take the model's default.

Nothing is random: what a row holds follows from its number, so that the same size gives the same desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

_INDEXES = """
SELECT index.indexrelid::regclass::text, pg_get_indexdef(index.indexrelid) FROM pg_index AS index
WHERE index.indrelid = ANY(%s::regclass[]) AND NOT index.indisprimary
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = index.indexrelid)
"""


def share(salt: int, of: str = "i") -> str:
    """An expression between 0 and 1 (not included) that looks random and follows from a number and `salt`."""
    return f"(((hashint8extended(({of})::bigint, {salt}) >> 11) & 9007199254740991) / 9007199254740992.0::float8)"


def number(salt: int, most: int | str, *, skew: float = 1, of: str = "i") -> str:
    """An expression: a whole number from 1 to `most`. With a `skew` above 1 low numbers are much more frequent."""
    return f"(1 + floor(({most}) * power({share(salt, of)}, {skew}))::bigint)"


def one_of(salt: int, weights: dict[str, float], of: str = "i") -> str:
    """An expression: one of some texts, as often as its weight says; the last one takes the rest."""
    cases, so_far = [], 0.0
    for text, weight in weights.items():
        so_far += weight
        cases.append(f"WHEN {share(salt, of)} < {so_far} THEN '{text}'")
    return f"(CASE {' '.join(cases[:-1])} ELSE '{list(weights)[-1]}' END)"


def fill(model: type[models.Model], source: str, /, **columns: str) -> int:
    """Insert a row for each row of `source`, the FROM clause; how many. `columns` by their names in the database."""
    places: dict[str, str] = {}
    values: list[Any] = []
    for field in model._meta.local_concrete_fields:
        name = str(field.column)
        if name in columns:
            places[name] = columns.pop(name).replace("%", "%%")
        elif not field.primary_key and not field.null and not field.generated:
            places[name] = f"%s::{field.db_type(connection)}"
            values.append(field.get_db_prep_save(field.get_default(), connection))
    if columns:
        raise ValueError(f"{model.__name__} has no column {', '.join(columns)}")
    names = ", ".join(f'"{name}"' for name in places)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({names}) '
            f"SELECT {', '.join(places.values())} FROM {source.replace('%', '%%')}",
            values,
        )
        return int(cursor.rowcount)


def run(statement: str, values: list[Any] | None = None) -> None:
    """Execute one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def quick_loading(tables: Sequence[type[models.Model]]) -> Iterator[None]:
    """Load some tables without indexes and checks of foreign keys, in one transaction; they are analysed afterwards.

    The keys have to be checked by the caller, as nobody does later.
    """
    names = [model._meta.db_table for model in tables]
    with connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("SET LOCAL work_mem = '256MB'")
            cursor.execute("SET LOCAL maintenance_work_mem = '768MB'")
            cursor.execute(_INDEXES, [names])
            indexes = cursor.fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            yield
            for _, definition in indexes:
                cursor.execute(definition)
            for model in tables:
                _go_on_counting(model)
        cursor.execute(f"VACUUM ANALYZE {', '.join(names)}")
        cursor.execute("CHECKPOINT")


def all_models() -> list[type[models.Model]]:
    """All tables of the desk, those between two others included."""
    return list(apps.get_app_config("abuse").get_models(include_auto_created=True))


def _go_on_counting(model: type[models.Model]) -> None:
    """Ids that were written are not given out again."""
    table, key = model._meta.db_table, model._meta.pk.column
    if isinstance(model._meta.pk, models.AutoField | models.BigAutoField):
        run(
            f"SELECT setval(pg_get_serial_sequence('\"{table}\"', '{key}'), most) "
            f'FROM (SELECT max("{key}") AS most FROM "{table}") AS highest WHERE most IS NOT NULL'
        )
