"""What every test can use: services set up, a seeded database, an empty Redis, a storage of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask

from abuse.bootstrap import set_up

LONG = ("scenarios", "resilience", "commands", "bench", "intake")
"""Rooms whose tests run processes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long stories first, the longest before all: at the end they would leave the other worker without work."""
    items.sort(key=lambda item: (item.path.name != "test_fresh_install.py", item.path.parent.name not in LONG))


@pytest.fixture(scope="session", autouse=True)
def _services() -> None:
    set_up()


@pytest.fixture(autouse=True)
def _storage(tmp_path: Path) -> Iterator[None]:
    """Each test stores in a directory of its own; forked and spawned workers inherit or are told it."""
    from abuse.services.facade import facade
    from abuse.services.storage.default import FilesystemStorage

    storage = facade("StorageServiceBase")
    before = storage._implementation
    storage.set_up(FilesystemStorage(str(tmp_path / "storage")))
    yield
    storage.set_up(before)


@pytest.fixture(scope="session")
def app(_services: None) -> APIFlask:
    from abuse.app import create_app

    return create_app()


@pytest.fixture(scope="session", autouse=True)
def _seed(app: APIFlask) -> None:
    """Every test with a database has in it what `initdb` puts there, once for all whose changes are rolled back.

    Those that commit leave empty tables: Django sends this signal after it emptied them, as after it made them.
    """
    from django.apps import apps
    from django.db.models.signals import post_migrate

    from abuse.app import sync_routes
    from abuse.seed import load_seed

    def fill(**_: object) -> None:
        load_seed()
        sync_routes(app)

    post_migrate.connect(fill, sender=apps.get_app_config("abuse"), weak=False, dispatch_uid="tests")


@pytest.fixture
def no_presets(db: None) -> None:
    """Without the presets of the seed."""
    from abuse.models import TicketActionParams, TicketWorkflowPreset, TicketWorkflowPresetConfig

    for model in (TicketWorkflowPreset, TicketWorkflowPresetConfig, TicketActionParams):
        model.objects.all().delete()


@pytest.fixture
def queue_server() -> Iterator[redis.Redis]:
    """The Redis of the suite, empty."""
    from abuse.queues import connection

    server = connection()
    server.flushdb()
    yield server
    server.flushdb()
