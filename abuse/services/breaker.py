"""A circuit breaker: a system that does not answer is left alone for a while instead of being waited for each time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .shared import LEFT_ALONE


class CircuitOpen(Exception):
    """The system is not asked now; `wait`: seconds until it is asked again."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class CircuitBreaker:
    """Opens after so many failures in a row; after a pause one call is let through as a probe, and decides.

    A failed probe opens it again for twice as long, up to sixteen times `open_seconds`. One for each process; of those
    that are open, workers tell each other, see `share_as`.

    :param failures: how many in a row open it; at least 1.
    :param open_seconds: for how long nothing is asked after that.
    """

    def __init__(
        self, failures: int = 5, open_seconds: float = 15.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if failures < 1 or open_seconds <= 0:
            raise ValueError(f"failures, open_seconds: {failures}, {open_seconds}; expected at least 1, and above 0")
        self._limit, self._pause, self._clock = failures, open_seconds, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probing = False
        self._last = ""
        self._name = ""

    def share_as(self, name: str) -> None:
        """The name of the system, by which other workers know it, too."""
        self._name = name

    def enter(self) -> None:
        """To be called before each call of the system; then `succeeded` or `failed`.

        :raises CircuitOpen: when it is not to be called.
        """
        shared = LEFT_ALONE.seconds(self._name) if self._name and self._open_until is None else 0.0
        if shared > 0:
            raise CircuitOpen(f"not asked for {shared:.0f} s: another worker had no answer", shared)
        with self._lock:
            if self._open_until is None:
                return
            wait = self._open_until - self._clock()
            if wait > 0 or self._probing:
                wait = max(wait, 0.0)
                raise CircuitOpen(f"not asked for {wait:.0f} s after {self._failures} failures ({self._last})", wait)
            self._probing = True

    def succeeded(self) -> None:
        """It answered: all is well again."""
        with self._lock:
            was_open = self._open_until is not None
            self._failures = self._openings = 0
            self._open_until, self._probing = None, False
        if was_open and self._name:
            LEFT_ALONE.forget(self._name)

    def failed(self, reason: str) -> None:
        """It did not answer, or only that it cannot now."""
        seconds = 0.0
        with self._lock:
            self._failures += 1
            self._last, was_probe, self._probing = reason[:200], self._probing, False
            if was_probe or self._failures >= self._limit:
                seconds = self._pause * 2 ** min(self._openings, 4)
                self._open_until = self._clock() + seconds
                self._openings += 1
        if seconds and self._name:
            LEFT_ALONE.note(self._name, seconds)
