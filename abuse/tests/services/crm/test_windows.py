"""Answers are kept for as long as they hold and are believed, and never more of them than fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from abuse.services.crm import DefendantInfo, Match, ServiceInfo
from abuse.services.crm.windows import MAX_WINDOWS, Holding, Question, WindowCache

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOMEBODY = Match(DefendantInfo("c1", "c1@c.example", NOW), ServiceInfo("vps"))


class Clock:
    now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def asked(at: datetime = NOW, thing: str = "192.0.2.1", port: int | None = None) -> Question:
    return Question(thing, True, at, port)


def test_an_answer_holds_for_the_moments_of_its_window_alone() -> None:
    cache = WindowCache(clock=Clock())
    holding = Holding(SOMEBODY, NOW - timedelta(days=1), NOW + timedelta(days=1))
    cache.put(asked(), holding)
    assert cache.get(asked(NOW - timedelta(days=1))) == holding
    assert cache.get(asked(NOW + timedelta(hours=23))) == holding
    assert cache.get(asked(NOW + timedelta(days=1))) is None
    assert cache.get(asked(NOW - timedelta(days=1, seconds=1))) is None
    assert cache.get(asked(port=80)) is None
    assert cache.get(asked(thing="192.0.2.2")) is None


def test_it_is_believed_until_it_ends_and_no_longer_than_so_many_seconds() -> None:
    clock = Clock()
    cache = WindowCache(seconds=600, clock=clock)
    cache.put(asked(), Holding(SOMEBODY, None, NOW + timedelta(minutes=5)))
    clock.now += 299
    assert cache.get(asked()) is not None
    clock.now += 1
    assert cache.get(asked()) is None
    cache.put(asked(), Holding(SOMEBODY, None, NOW + timedelta(days=5)))
    clock.now += 599
    assert cache.get(asked()) is not None
    clock.now += 1
    assert cache.get(asked()) is None


def test_what_is_past_stays_true_for_as_long_as_it_is_kept() -> None:
    clock = Clock()
    cache = WindowCache(seconds=600, clock=clock)
    cache.put(asked(), Holding(SOMEBODY, None, NOW - timedelta(days=5)))
    clock.now += 599
    assert cache.get(asked(NOW - timedelta(days=6))) is not None


def test_that_nobody_has_a_thing_is_believed_for_a_shorter_time() -> None:
    clock = Clock()
    cache = WindowCache(seconds=600, negative_seconds=60, clock=clock)
    cache.put(asked(), Holding(None))
    clock.now += 59
    assert cache.get(asked()) == Holding(None)
    clock.now += 1
    assert cache.get(asked()) is None


def test_it_never_holds_more_things_or_windows_than_it_may() -> None:
    cache = WindowCache(100, clock=Clock())
    for number in range(1000):
        cache.put(asked(thing=f"2001:db8::{number:x}"), Holding(SOMEBODY))
        cache.get(asked(thing="2001:db8::0"))
    assert len(cache) == 100
    assert cache.get(asked(thing="2001:db8::0")) is not None, "what is used stays"
    assert cache.get(asked(thing="2001:db8::1")) is None
    for number in range(100):
        moment = NOW - timedelta(days=number)
        cache.put(asked(moment), Holding(SOMEBODY, moment, moment + timedelta(days=1)))
    kept = [number for number in range(100) if cache.get(asked(NOW - timedelta(days=number))) is not None]
    assert kept == list(range(100 - MAX_WINDOWS, 100))


def test_nothing_is_kept_for_no_time() -> None:
    cache = WindowCache(seconds=0, negative_seconds=0, clock=Clock())
    cache.put(asked(), Holding(SOMEBODY))
    cache.put(asked(), Holding(None))
    assert len(cache) == 0
    with pytest.raises(ValueError, match="cache_entries"):
        WindowCache(0)
