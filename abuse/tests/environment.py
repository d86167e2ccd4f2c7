"""Loaded by pytest before anything else (see `addopts`): the suite always runs on its own settings and servers.

Each process takes a free slot, with a data directory and servers of its own, so that several runs, or workers of one,
do not share a database. The lock is the kernel's: it goes with the process.
"""

from __future__ import annotations

import fcntl
import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest

SLOTS = 64
_SUITE = Path(__file__).resolve().parents[2] / "var" / "test"


def _take_slot() -> tuple[Path, int]:
    for number in range(SLOTS):
        slot = _SUITE / f"slot-{number}"
        slot.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(slot / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return slot, descriptor
    raise RuntimeError(f"{_SUITE}: all {SLOTS} slots are taken by running tests")


_slot, _held = _take_slot()
os.environ["APP_ENV"] = "test"
os.environ["APP_SETTINGS"] = str(Path(__file__).with_name("settings-test.yml"))
os.environ["CERBERUS_TEST_DATA"] = str(_slot)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are made, and all stay: looking for garbage among them takes a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
