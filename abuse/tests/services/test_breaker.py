"""A system that does not answer is left alone, and found again."""

from __future__ import annotations

import pytest

from abuse.services.breaker import CircuitBreaker, CircuitOpen


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(2, 10, clock=clock)
    for _ in range(2):
        breaker.enter()
        breaker.failed("no answer")
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = CircuitBreaker(2, 10, clock=Clock())
    breaker.failed("one")
    breaker.succeeded()
    breaker.failed("one again")
    breaker.enter()
    breaker.failed("two")
    with pytest.raises(CircuitOpen, match=r"not asked for 10 s after 2 failures \(two\)"):
        breaker.enter()


def test_after_the_pause_one_call_alone_is_let_through_and_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    breaker.enter()
    with pytest.raises(CircuitOpen):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()
    breaker.failed("once is not enough to open it")
    breaker.enter()


def test_a_failed_probe_opens_it_for_longer_each_time_up_to_a_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    waits = []
    for _ in range(7):
        with pytest.raises(CircuitOpen) as caught:
            breaker.enter()
        waits.append(caught.value.wait)
        clock.now += caught.value.wait
        breaker.enter()
        breaker.failed("still nothing")
    assert waits == [10, 20, 40, 80, 160, 160, 160]


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 0)])
def test_what_cannot_be_is_refused(failures: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="failures, open_seconds"):
        CircuitBreaker(failures, seconds)
