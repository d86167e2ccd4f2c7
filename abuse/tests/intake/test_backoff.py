from __future__ import annotations

import pytest

from abuse.intake.backoff import Backoff, Ledger


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    ledger = Ledger(clock=clock)
    ledger.begin(7, [3, 1, 2])
    return ledger


def test_waits_double_up_to_the_longest_with_jitter_taken_off() -> None:
    backoff = Backoff(first=1, longest=300)
    waits = [backoff.next() for _ in range(12)]
    for wait, full in zip(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], strict=True):
        assert full * 0.75 <= wait <= full
    assert len({round(wait / full, 6) for wait, full in zip(waits[-3:], [300] * 3, strict=True)}) > 1
    backoff.reset()
    assert backoff.next() <= 1


def test_a_wait_after_years_of_failure_is_still_a_number() -> None:
    backoff = Backoff()
    backoff._tries = 100_000
    assert backoff.next() <= 300


def test_mails_of_a_broken_batch_are_tried_alone(ledger: Ledger) -> None:
    assert ledger.fresh() == [1, 2, 3]
    ledger.suspect([1, 2])
    assert ledger.fresh() == [3]
    assert ledger.alone() == [1, 2]


def test_a_mail_that_fails_alone_rests_longer_each_time(ledger: Ledger, clock: Clock) -> None:
    pauses = []
    for _ in range(9):
        _, pause = ledger.failed(2)
        pauses.append(pause)
        assert ledger.alone() == []
        clock.now += pause - 1
        assert ledger.alone() == []
        clock.now += 1
        assert ledger.alone() == [2]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert ledger.fresh() == [1, 3]


def test_a_taken_mail_is_removed_again_but_never_fetched_again(ledger: Ledger, clock: Clock) -> None:
    ledger.suspect([1])
    ledger.taken([1, 2])
    assert (ledger.fresh(), ledger.alone(), ledger.to_remove()) == ([3], [], [1, 2])
    ledger.failed(2)
    assert (ledger.alone(), ledger.to_remove()) == ([], [1])
    clock.now += 60
    assert (ledger.alone(), ledger.to_remove()) == ([], [1, 2])
    ledger.removed([1, 2])
    assert ledger.to_remove() == []
    assert ledger.left_behind() == 0


def test_renumbering_forgets_everything_and_says_so(ledger: Ledger) -> None:
    ledger.failed(1)
    ledger.suspect([2])
    ledger.taken([3])
    assert ledger.begin(7, [1, 2, 3]) is False
    assert ledger.fresh() == []
    assert ledger.begin(8, [1, 2, 3]) is True
    assert ledger.fresh() == [1, 2, 3]


def test_what_the_server_no_longer_lists_is_forgotten(ledger: Ledger) -> None:
    ledger.failed(1)
    ledger.begin(7, [2, 3])
    assert ledger.left_behind() == 0
    ledger.begin(7, [1, 2, 3])
    assert ledger.fresh() == [1, 2, 3]


def test_only_what_was_learnt_counts_as_a_change(ledger: Ledger) -> None:
    ledger.suspect([])
    ledger.taken([])
    ledger.removed([])
    assert ledger.changes == 0
    ledger.suspect([1])
    ledger.suspect([1])
    assert ledger.changes == 1
    ledger.failed(1)
    ledger.failed(1)
    assert ledger.changes == 3
