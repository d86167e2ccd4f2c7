"""Asking DNS lists: several at once, within a time, politely, and not what is known already."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from ipaddress import IPv4Address

import dns.exception
import dns.rdatatype
import dns.resolver

from ..kept import Kept
from ..phishing.politeness import Politeness
from ..phishing.resolving import make_resolver
from .lists import DnsList, ListRefused, NoAnswer

log = logging.getLogger(__name__)

MAX_THREADS = 16
FAULT_SECONDS = 30.0
"""A question that nobody answered is not asked again for so long."""
REFUSED_SECONDS = 3600.0
"""A list that does not serve us is left alone for so long."""
_MIN_TTL = 60.0
_MAX_TEXT = 500


class Asker:
    """Asks name servers about names below lists' zones.

    :param nameservers: `address` or `address:port`; none: the machine's own.
    :param seconds: for all questions of one call.
    :param rate: questions a second to each list.
    :param longest: seconds that an answer is kept at most; a listing is kept as long as the list says, if shorter.
    :param negative: seconds that "not listed" is kept.
    """

    def __init__(
        self, nameservers: Sequence[str], *, seconds: float, rate: float, longest: float, negative: float
    ) -> None:
        self._resolver = make_resolver(nameservers)
        self._seconds, self._longest, self._negative = seconds, longest, negative
        self._politeness = Politeness(1 / rate)
        self._answers: Kept[str, frozenset[IPv4Address] | NoAnswer] = Kept()
        self._refused: Kept[str, bool] = Kept()

    def ask(self, questions: Mapping[str, tuple[DnsList, str]]) -> dict[str, tuple[str, ...]]:
        """What lists say, in words, by the key of the question; nothing in it: not listed.

        A list that did not answer in time, or does not serve us, is missing.
        """
        end = time.monotonic() + self._seconds
        found: dict[str, tuple[str, ...]] = {}
        faults: list[NoAnswer] = []

        def one(key: str, asked: DnsList, name: str) -> None:
            try:
                found[key] = self._listings(asked, name, end)
            except NoAnswer as fault:
                faults.append(fault)

        late = _all_at_once([partial(one, key, *asked) for key, asked in questions.items()], until=end)
        for fault in faults[:5]:
            log.warning("%s", fault)
        if late:
            log.warning("%s of %s questions to DNS lists were not answered in time", late, len(questions))
        return dict(found)

    def texts(self, asked: DnsList, name: str) -> list[str]:
        """What a list says about a listing (TXT), fit to be shown; nothing where it says nothing."""
        end = time.monotonic() + self._seconds
        if self._refused.get(asked.zone) or not self._politeness.wait(asked.zone, until=end):
            return []
        try:
            answer = self._resolver.resolve(name, "TXT", lifetime=max(end - time.monotonic(), 0.1), search=False)
        except dns.exception.DNSException:
            return []
        texts = (b"".join(record.strings).decode("utf-8", "replace") for record in answer)
        return ["".join(one for one in text if one.isprintable())[:_MAX_TEXT] for text in texts]

    def _listings(self, asked: DnsList, name: str, end: float) -> tuple[str, ...]:
        if self._refused.get(asked.zone):
            raise ListRefused(f"{asked.zone} does not serve us, and is left alone for a while")
        known = self._answers.get(name)
        if isinstance(known, NoAnswer):
            raise known
        answers = known if known is not None else self._addresses(asked, name, end)
        try:
            return asked.listings(answers)
        except ListRefused:
            self._refused.put(asked.zone, True, REFUSED_SECONDS)
            raise

    def _addresses(self, asked: DnsList, name: str, end: float) -> frozenset[IPv4Address]:
        if not self._politeness.wait(asked.zone, until=end):
            raise NoAnswer(f"{asked.zone}: is asked too much at once")
        try:
            answer = self._resolver.resolve(name, "A", lifetime=max(end - time.monotonic(), 0.1), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            found, seconds = frozenset[IPv4Address](), self._negative
        except dns.exception.DNSException as error:
            fault = NoAnswer(f"{asked.zone}: {error}")
            self._answers.put(name, fault, FAULT_SECONDS)
            raise fault from None
        else:
            found = frozenset(IPv4Address(record.address) for record in answer)
            seconds = min(max(float(answer.rrset.ttl if answer.rrset else 0), _MIN_TTL), self._longest)
        self._answers.put(name, found, seconds)
        return found


def _all_at_once(calls: Sequence[Callable[[], None]], *, until: float) -> int:
    """Make all calls, several at a time; how many were not over by the moment."""
    if not calls:
        return 0
    pool = ThreadPoolExecutor(min(MAX_THREADS, len(calls)), thread_name_prefix="dnsbl")
    futures = [pool.submit(call) for call in calls]
    _, late = wait(futures, timeout=max(until - time.monotonic(), 0))
    pool.shutdown(wait=False, cancel_futures=True)
    return len(late)
