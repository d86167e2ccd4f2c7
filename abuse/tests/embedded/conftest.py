"""A data directory for each test, copied from one whose cluster was made once by a real first start."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abuse import embedded


def remove(place: Path) -> None:
    """Remove `place` with every data directory in it, and what those have elsewhere."""
    for lock in list(place.rglob("keeper.lock")):
        # One that a test left refused is like any other directory.
        with contextlib.suppress(embedded.EmbeddedServerError):
            embedded.remove(lock.parent)
    shutil.rmtree(place)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name that everybody can pass, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="cerberus-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    remove(path)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data directory made by a real first start: that takes seconds on a busy disk."""
    path = Path(tempfile.mkdtemp(prefix="cerberus-template-", dir="/tmp"))
    path.chmod(0o755)
    try:
        embedded.start(path / "data", linger=0.3)
        embedded.stop(path / "data")
        yield path / "data"
    finally:
        remove(path)


@pytest.fixture
def directory(template: Path) -> Iterator[Path]:
    """The data directory that tests share; its servers are down at the begin of each."""
    yield template
    embedded.stop(template)


@pytest.fixture
def private_directory(template: Path, place: Path) -> Path:
    """A copy of it, for a test to damage."""
    subprocess.run(["cp", "-a", str(template), str(place / "data")], check=True)
    return place / "data"
