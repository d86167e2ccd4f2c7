"""What every test can use: services set up, a seeded database, an empty Redis, a storage of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

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


@pytest.fixture(autouse=True)
def _seed(request: pytest.FixtureRequest, _django_db_marker: None) -> None:
    """A test with a database has the seed in it. Autouse: before any fixture that the test asks for by name."""
    if request.node.get_closest_marker("django_db") is None:
        return
    from abuse.models import Category
    from abuse.seed import load_seed

    if not Category.all().exists():
        load_seed()


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
