"""Not asking one host too often: reports come in by the hundred for the same server."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

MAX_HOSTS = 4096


class Politeness:
    """Spaces the looks that this process takes at each host by `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, host: str, *, until: float) -> bool:
        """Wait for this host's turn; False, at once, when it will not come before `until` (monotonic clock)."""
        if self._seconds <= 0:
            return True
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next.get(host, now))
            if turn >= until:
                return False
            self._next[host] = turn + self._seconds
            self._next.move_to_end(host)
            while len(self._next) > MAX_HOSTS:
                self._next.popitem(last=False)
        time.sleep(max(0.0, turn - time.monotonic()))
        return True
