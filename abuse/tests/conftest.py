"""What every test can use: services set up, a seeded database, an empty Redis, a storage of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from abuse.bootstrap import set_up

ROOMS = ("resilience", "scenarios", "intake", "embedded")
"""Rooms whose tests share servers of their own and wait a lot: one worker runs all of a room, and others work then."""
ALONE = ("test_fresh_install.py", "test_up.py")
"""Long stories in those rooms that use none of their servers."""
LONG = ("commands", "bench")
"""Rooms whose tests run processes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long stories first, the longest before all: at the end they would leave the other workers without work."""

    def place(item: pytest.Item) -> tuple[bool, int, bool]:
        room = item.path.parent.name
        return item.path.name not in ALONE, ROOMS.index(room) if room in ROOMS else len(ROOMS), room not in LONG

    items.sort(key=place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """A file stays with one worker, and so do all the files of some rooms."""

    def unit(nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name in ROOMS and file.name not in ALONE else file)

    if config.getvalue("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = unit
    return scheduler


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
def _seed(app: APIFlask) -> Iterator[None]:
    """Every test with a database has in it what `initdb` puts there: changes are rolled back.

    Those of tests that commit are undone table by table.
    """
    from django.apps import apps
    from django.db.models.signals import post_migrate
    from django.test import TransactionTestCase

    from abuse.app import sync_routes
    from abuse.seed import load_seed

    from .emptying import keep, put_back

    def fill(**_: object) -> None:
        """Once the tables are made, and not when a test migrates."""
        post_migrate.disconnect(sender=abuse, dispatch_uid="tests")
        load_seed()
        sync_routes(app)
        keep()

    abuse = apps.get_app_config("abuse")
    post_migrate.connect(fill, sender=abuse, weak=False, dispatch_uid="tests")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: put_back())
        yield


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
