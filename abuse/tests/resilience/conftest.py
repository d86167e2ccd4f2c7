"""One desk for all tests of the package: its servers are started once, its tables are emptied between tests."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .desk import Desk


@pytest.fixture(scope="session")
def _desk() -> Iterator[Desk]:
    # Short, and open to the account that PostgreSQL runs under: pytest's own directories are neither.
    directory = Path(tempfile.mkdtemp(prefix="cerberus-desk-", dir="/tmp"))
    directory.chmod(0o755)
    desk = Desk(directory)
    try:
        desk.initialise()
        yield desk
    finally:
        desk.close()
        record = desk.servers / "home.json"
        if record.exists():
            shutil.rmtree(json.loads(record.read_text())["home"], ignore_errors=True)
        shutil.rmtree(directory)


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """The desk as after `initdb`, with five customers; whatever the test starts on it is killed at the end."""
    _desk.empty()
    yield _desk
    _desk.end_all()
