"""Makes the tables after a test that commits what they were before all tests.

Django would truncate all of them, which gives each table and each index a new file, and then have everything put in
again that `initdb` puts there: most of a second a test. Here the rows of the begin are kept in tables of another
schema, and only what is not empty is emptied.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

_KEPT = "at_the_begin"
"""The schema of the rows of the begin."""


def keep() -> None:
    """Keep all rows that there are now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {_KEPT}")
        for table in _tables_with_rows(cursor):
            cursor.execute(f'CREATE TABLE {_KEPT}."{table}" AS TABLE public."{table}"')


def put_back() -> None:
    """Make all tables what they were; sequences go on."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Neither triggers nor foreign keys are asked: what is put back was whole.
        cursor.execute("SET LOCAL session_replication_role = replica")
        kept = _tables(cursor, _KEPT)
        for table in _tables_with_rows(cursor):
            cursor.execute(f'DELETE FROM public."{table}"')
        for table in kept:
            cursor.execute(f'INSERT INTO public."{table}" TABLE {_KEPT}."{table}"')


def _tables_with_rows(cursor: CursorWrapper) -> list[str]:
    names = [name for name in _tables(cursor, "public") if name != "django_migrations"]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (TABLE public.\"{name}\")" for name in names)
    cursor.execute(asked)
    return [name for (name,) in cursor.fetchall()]


def _tables(cursor: CursorWrapper, schema: str) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema])
    return [name for (name,) in cursor.fetchall()]
