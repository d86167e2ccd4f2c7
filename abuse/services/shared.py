"""Which systems all workers leave alone for now. A worker's processes live for one job: what one has found out about a
system that is away, or asked not to be asked, the next one would have to find out again.

Best effort, in Redis: without it each process knows what it found out itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import islice

import redis

log = logging.getLogger(__name__)

AWAY_SECONDS = 30.0
"""For so long Redis is not asked after it did not answer."""
MAX_NAMES = 20
_PREFIX = "cerberus:left-alone:"


class LeftAlone:
    """Names of systems, each until a moment. Shares nothing until it is told how to reach Redis."""

    def __init__(self) -> None:
        self._connect: Callable[[], redis.Redis] | None = None
        self._lock = threading.Lock()
        self._away_until = 0.0

    def share_by(self, connect: Callable[[], redis.Redis] | None) -> None:
        """Share with all who reach the same Redis, from now on; None: no more. `connect` must not wait for long."""
        self._connect, self._away_until = connect, 0.0

    def seconds(self, name: str) -> float:
        """For how long a system is to be left alone; 0.0 when nobody said so."""
        left = self._ask(lambda server: server.pttl(_PREFIX + name))
        return max(float(left or 0), 0.0) / 1000

    def names(self) -> list[str]:
        """The first 20 that are left alone now, by name; none where nobody can be asked."""
        if self._connect is None or time.monotonic() < self._away_until:
            return []
        try:
            keys = islice(self._connect().scan_iter(match=f"{_PREFIX}*", count=1000), MAX_NAMES)
            return sorted((key.decode() if isinstance(key, bytes) else str(key)).removeprefix(_PREFIX) for key in keys)
        except redis.RedisError:
            return []

    def note(self, name: str, seconds: float) -> None:
        """A system is to be left alone for so long."""
        self._ask(lambda server: server.set(_PREFIX + name, 1, px=max(1, round(seconds * 1000))))

    def forget(self, name: str) -> None:
        """A system has answered again."""
        self._ask(lambda server: server.delete(_PREFIX + name))

    def _ask(self, command: Callable[[redis.Redis], object]) -> float | None:
        if self._connect is None or time.monotonic() < self._away_until:
            return None
        try:
            answer = command(self._connect())
        except redis.RedisError as error:
            with self._lock:
                self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("what other workers know of systems that are away cannot be had for now: %s", error)
            return None
        return float(answer) if isinstance(answer, int) else None


LEFT_ALONE = LeftAlone()
"""That of this process."""
