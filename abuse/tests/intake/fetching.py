"""Running the fetcher in a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from abuse.config import Settings
from abuse.intake.fetcher import FetchResult, run_fetcher
from abuse.models import Email
from abuse.services.storage import StorageService

from .dovecot import PASSWORD

MARKER = b"Subject: mail 666"
"""In the one mail that a test makes trouble with."""


def box(user: str, port: int, **options: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "user": user,
        "password": PASSWORD,
        "tls": "none",
        "timeout_seconds": 5,
        **options,
    }


def settings_for(*boxes: dict[str, Any]) -> Settings:
    return Settings.model_validate({"SOURCE": Path("/settings.yml"), "EMAIL_FETCHER": {"mailboxes": list(boxes)}})


def once(*boxes: dict[str, Any]) -> FetchResult:
    return run_fetcher(settings_for(*boxes), threading.Event(), once=True)


@contextmanager
def running(*boxes: dict[str, Any]) -> Iterator[threading.Event]:
    """The endless fetcher; that it stops within three seconds is part of every test that uses it."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            run_fetcher(settings_for(*boxes), stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        began = time.monotonic()
        thread.join(20)
        assert not thread.is_alive()
        assert time.monotonic() - began < 3
        assert failures == []


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.03)
    return time.monotonic() - began


def mail(number: int, size: int = 0) -> bytes:
    return b"From: a@b.example\nSubject: mail %d\n\n" % number + b"x" * 70 * (size // 71) + b"body\n"


def as_served(raw: bytes) -> bytes:
    """IMAP has CR LF at the end of each line (RFC 9051, 2.2)."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def stored() -> set[bytes]:
    return {StorageService.read(row.sha256) for row in Email.all()}
