"""What another system said, kept for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MAX_KEPT = 50_000


class Kept(Generic[K, V]):
    """Values that are known until a moment, the oldest forgotten first. Many threads may use it."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._limit = limit
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            until, value = self._values.get(key, (0.0, None))
            return value if time.monotonic() < until else None

    def put(self, key: K, value: V, seconds: float) -> None:
        with self._lock:
            self._values[key] = (time.monotonic() + seconds, value)
            self._values.move_to_end(key)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)
