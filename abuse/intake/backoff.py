"""How long to wait before trying again, and which mails of a mailbox to leave alone meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field


class Backoff:
    """Waiting times that double from `first` to `longest` seconds, each with up to a quarter of jitter taken off."""

    def __init__(self, first: float = 1.0, longest: float = 300.0) -> None:
        self.first = first
        self.longest = longest
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now; the next call gives twice that."""
        seconds = doubled(self.first, self._tries, self.longest)
        self._tries += 1
        # Without jitter all mailboxes of a server that came back would knock in the same second.
        return seconds * random.uniform(0.75, 1.0)  # noqa: S311

    def reset(self) -> None:
        self._tries = 0


def doubled(first: float, times: int, longest: float) -> float:
    """`first` doubled that many times, at most `longest`."""
    # The exponent is bounded: a mailbox that has been down for a year must not overflow a float.
    return float(min(first * 2.0 ** min(times, 32), longest))


@dataclass
class _Trouble:
    failures: int
    not_before: float


@dataclass
class Ledger:
    """What a mailbox's mails have done to us so far. UIDs hold under one UIDVALIDITY only (RFC 9051, 2.3.1.1).

    A mail is fresh, a suspect (it was in a batch that failed: tried alone from now on), in trouble (failed alone: left
    in peace for one minute, then two, four … an hour) or taken (its row is committed, the server has yet to remove it).
    """

    clock: Callable[[], float] = time.monotonic
    first_pause: float = 60.0
    longest_pause: float = 3600.0
    changes: int = 0
    """Grows with everything learnt: a connection that broke after a change was not in vain."""
    _uidvalidity: int | None = None
    _present: list[int] = field(default_factory=list)
    _suspects: set[int] = field(default_factory=set)
    _trouble: dict[int, _Trouble] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)

    def begin(self, uidvalidity: int, present: Iterable[int]) -> bool:
        """Start a pass over what the server lists. True when the server renumbered its mails and all was forgotten."""
        renumbered = self._uidvalidity is not None and self._uidvalidity != uidvalidity
        if self._uidvalidity != uidvalidity:
            self._uidvalidity = uidvalidity
            self._suspects.clear()
            self._trouble.clear()
            self._taken.clear()
        self._present = sorted(present)
        here = set(self._present)
        self._suspects &= here
        self._taken &= here
        self._trouble = {uid: trouble for uid, trouble in self._trouble.items() if uid in here}
        return renumbered

    def fresh(self) -> list[int]:
        """The mails never tried, oldest first."""
        known = self._suspects | self._taken | self._trouble.keys()
        return [uid for uid in self._present if uid not in known]

    def alone(self) -> list[int]:
        """The mails to fetch one at a time now: suspects, and those whose pause is over."""
        return [
            uid for uid in sorted(self._suspects | self._trouble.keys()) if uid not in self._taken and self._due(uid)
        ]

    def to_remove(self) -> list[int]:
        """The mails that are ours already and that the server should be asked again to remove."""
        return [uid for uid in sorted(self._taken) if self._due(uid)]

    def left_behind(self) -> int:
        """How many listed mails are in trouble."""
        return len(self._trouble)

    def _due(self, uid: int) -> bool:
        trouble = self._trouble.get(uid)
        return trouble is None or trouble.not_before <= self.clock()

    def suspect(self, uids: Collection[int]) -> None:
        """One of these broke a batch."""
        news = set(uids) - self._suspects
        self._suspects |= news
        self.changes += bool(news)

    def failed(self, uid: int) -> tuple[int, float]:
        """This one failed on its own. Returns how often by now, and for how many seconds it is left in peace."""
        failures = self._trouble[uid].failures + 1 if uid in self._trouble else 1
        pause = doubled(self.first_pause, failures - 1, self.longest_pause)
        self._trouble[uid] = _Trouble(failures, self.clock() + pause)
        self._suspects.discard(uid)
        self.changes += 1
        return failures, pause

    def taken(self, uids: Collection[int]) -> None:
        """The rows of these are committed: never fetch them again, only remove them."""
        self._taken.update(uids)
        self._suspects.difference_update(uids)
        for uid in uids:
            self._trouble.pop(uid, None)
        self.changes += bool(uids)

    def removed(self, uids: Collection[int]) -> None:
        """The server has removed these."""
        self._taken.difference_update(uids)
        gone = set(uids)
        self._present = [uid for uid in self._present if uid not in gone]
        for uid in gone:
            self._trouble.pop(uid, None)
        self.changes += bool(gone)
