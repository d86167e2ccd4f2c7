"""Another system's limit on calls: who was told to come back later does not ask until then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .facade import ServiceError
from .shared import LEFT_ALONE

LONGEST = 86_400.0
"""Seconds: nobody is left alone for longer than a day, whatever it asked for."""


class Quota:
    """One kind of calls of one system. One for each process; workers tell each other, see `abuse.services.shared`.

    :param name: of what is limited, for messages.
    :param error: what is raised.
    """

    def __init__(self, name: str, error: type[ServiceError]) -> None:
        self._name, self._error = name, error
        self._lock = threading.Lock()
        self._until = 0.0

    @contextmanager
    def respected(self) -> Iterator[None]:
        """To be held around each call.

        :raises ServiceError: of the given class, at once, while the system is to be left alone.
        """
        with self._lock:
            wait = self._until - time.monotonic()
        wait = max(wait, LEFT_ALONE.seconds(self._name))
        if wait > 0:
            raise self._error(f"{self._name}: it asked to be left alone for another {wait:.0f} s")
        try:
            yield
        except ServiceError as error:
            if error.wait is not None:
                seconds = min(error.wait, LONGEST)
                with self._lock:
                    self._until = max(self._until, time.monotonic() + seconds)
                LEFT_ALONE.note(self._name, seconds)
            raise
