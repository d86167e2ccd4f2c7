"""One desk for all stories: its servers are started once, its tables are emptied between tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abuse import embedded

from .desk import Desk


@pytest.fixture(scope="session")
def _scenario_desk() -> Iterator[Desk]:
    # Short, and open to the account that PostgreSQL runs under: pytest's own directories are neither.
    directory = Path(tempfile.mkdtemp(prefix="cerberus-story-", dir="/tmp"))
    directory.chmod(0o755)
    desk = Desk(directory)
    try:
        desk.open()
        yield desk
    finally:
        desk.close()
        embedded.remove(desk.servers)
        shutil.rmtree(directory)


@pytest.fixture
def desk(_scenario_desk: Desk) -> Iterator[Desk]:
    """The desk as after `initdb`, with customers and an operator, and no mail anywhere."""
    _scenario_desk.empty()
    yield _scenario_desk
    failed = _scenario_desk.failed_jobs()
    assert failed == [], f"jobs failed: {failed}\n{_scenario_desk.logs()}"
