"""The migrations of new desks and those of old ones lead to the same tables."""

from __future__ import annotations

from importlib import import_module

from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader


def test_the_migrations_in_one_make_the_tables_that_they_make_one_by_one() -> None:
    loader = MigrationLoader(None, replace_migrations=False)
    summary = import_module("abuse.migrations.0001_squashed_0030_queue_rank").Migration
    long_way = loader.project_state(summary.replaces[-1], at_end=True)
    short_way = loader.project_state(("abuse", "0001_squashed_0030_queue_rank"), at_end=True)
    assert ("abuse", "report") in short_way.models
    assert MigrationAutodetector(long_way, short_way).changes(loader.graph) == {}
    assert MigrationAutodetector(short_way, long_way).changes(loader.graph) == {}
