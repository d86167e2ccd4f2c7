"""What another system said of who had a thing, kept for a while: an answer holds from one moment to another."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from .base import Match

MAX_WINDOWS = 16
"""Answers about one thing at different times that are kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing at a moment: an address or a host name as the directory spells it, maybe with the source port."""

    thing: str
    is_address: bool
    at: datetime
    port: int | None = None

    @property
    def key(self) -> tuple[str, bool, int | None]:
        """What questions about other moments have in common with this one."""
        return (self.thing, self.is_address, self.port)


@dataclass(frozen=True, slots=True)
class Holding:
    """Who had a thing from `valid_from` until before `valid_to`; None: from ever, for ever. No match: nobody."""

    match: Match | None
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether it says who had the thing then."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )


class WindowCache:
    """Holdings by thing, the least used given up first. For several threads.

    :param max_entries: things that are kept.
    :param seconds: for which somebody's holding is believed, at most until it ends.
    :param negative_seconds: for which it is believed that nobody has a thing.
    """

    def __init__(
        self,
        max_entries: int = 10_000,
        seconds: float = 900.0,
        negative_seconds: float = 60.0,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_entries < 1 or seconds < 0 or negative_seconds < 0:
            raise ValueError("cache_entries, cache_seconds, negative_seconds: expected at least 1, 0 and 0")
        self._limit, self._seconds, self._negative, self._clock = max_entries, seconds, negative_seconds, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, bool, int | None], list[tuple[float, Holding]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question) -> Holding | None:
        """What is known of the thing at the moment; None when nothing is."""
        with self._lock:
            windows = self._kept.get(question.key)
            if windows is None:
                return None
            now = self._clock()
            windows[:] = [(until, holding) for until, holding in windows if now < until]
            if not windows:
                del self._kept[question.key]
                return None
            self._kept.move_to_end(question.key)
            return next((holding for _, holding in windows if holding.covers(question.at)), None)

    def put(self, question: Question, holding: Holding) -> None:
        """Keep an answer, for as long as it holds and is believed."""
        now = self._clock()
        until = now + (self._negative if holding.match is None else self._seconds)
        if holding.valid_to is not None and holding.valid_to.timestamp() > now:
            until = min(until, holding.valid_to.timestamp())  # who has it afterwards is asked then
        if until <= now:
            return
        with self._lock:
            windows = self._kept.setdefault(question.key, [])
            windows.append((until, holding))
            del windows[:-MAX_WINDOWS]
            self._kept.move_to_end(question.key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)


K = TypeVar("K")
V = TypeVar("V")


class TimedCache(Generic[K, V]):
    """Values by key for so many seconds, the least used given up first. For several threads."""

    def __init__(self, max_entries: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = max_entries, seconds, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value; None when there is none any more."""
        with self._lock:
            until, value = self._kept.get(key, (0.0, None))
            if value is None or self._clock() >= until:
                self._kept.pop(key, None)
                return None
            self._kept.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._kept[key] = (self._clock() + self._seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
