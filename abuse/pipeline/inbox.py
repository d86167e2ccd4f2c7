"""Working off the inbox: claim waiting mails, read them, settle them in one transaction, until nothing waits.

    claim      row: received -> processing, attempts + 1           (committed: a mail that kills workers is found out)
    read       bytes -> ParsedEmail -> whose is it                 (no transaction, no lock)
    settle     reports, tickets, answers, history, the mail's end  (one transaction for the batch)

A feed of more rows than fit into memory is set aside when its mail is read, and read further a step at a time while
other mails are worked off; then it is settled alone.

A batch that fails is taken apart and each mail is settled alone, so that only the one at fault is given back. While the
customer database cannot answer, mails wait and no attempt is counted.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from abuse.config import Settings, SettingsError
from abuse.parsers import ParserContext
from abuse.rules.beforehand import asked_beforehand
from abuse.rules.engine.errors import DocumentError
from abuse.services.crm import CRMServiceException
from abuse.services.facade import ServiceError
from abuse.utils.stopping import is_asked_to_stop

from .batch import settle
from .beforehand import answers_of, ask_beforehand
from .claims import Claim, claim_fresh, claim_retry, give_back, postpone, release
from .context import parser_context
from .feeds import LongFeed, is_long_feed, set_aside
from .reading import ReadMail, identify, read

log = logging.getLogger(__name__)

MAX_BATCH_BYTES = 32 * 1024 * 1024
"""Mails of one transaction; a larger mail is settled alone."""
WRITERS = 4
"""Attachments that go to the storage at the same time."""
MAX_FEEDS = 4
"""Long feeds that one worker has in hand."""
LOOK_FOR_RETRIES = 1.0
"""Seconds: finding the few that were tried before passes by all that wait, which is not for each batch of a backlog."""


def work(settings: Settings, *, seconds: float = 3600) -> int:
    """Work off what waits, for so long at most or until the process is asked to stop; how many mails were settled.

    :raises OperationalError, InterfaceError: when the database goes away. The mails in hand are taken up again when
        their lease is over.
    """
    context = parser_context(settings)
    end = time.monotonic() + seconds
    settled = 0
    next_look = 0.0
    feeds = Feeds(settings, context)
    try:
        while (time.monotonic() < end or feeds) and not is_asked_to_stop():
            look = time.monotonic() >= next_look
            # One after the other: while the mail that was tried before is in hand, no fresh one is claimed with it.
            retried = claim_retry(settings.PIPELINE) if look and not feeds else []
            settled += _work_off(retried, settings, context, feeds)
            fresh = claim_fresh(settings.PIPELINE) if time.monotonic() < end else []
            settled += _work_off(fresh, settings, context, feeds)
            if feeds:
                settled += feeds.work()
            elif not (retried or fresh):
                if look:
                    break
                next_look = 0.0
            elif look and not retried:
                next_look = time.monotonic() + LOOK_FOR_RETRIES
            if not connection.in_atomic_block:
                close_old_connections()
    finally:
        feeds.give_back()
    return settled


class Feeds:
    """The long feeds that this worker has claimed: the first is being read, the others wait for it."""

    def __init__(self, settings: Settings, context: ParserContext) -> None:
        self._settings = settings
        self._context = context
        self._waiting: deque[LongFeed] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, mail: ReadMail) -> None:
        """Take a mail in hand; when there are too many, it is given back for later or for another worker."""
        if len(self._waiting) >= MAX_FEEDS:
            release([mail.claim], seconds=self._settings.PIPELINE.retry_seconds)
            return
        self._waiting.append(LongFeed(set_aside(mail), self._context, self._settings.PIPELINE))

    def work(self) -> int:
        """Read the first feed a step further, and settle it when that was the last; how many came to an end."""
        for feed in [feed for feed in self._waiting if not feed.keep()]:
            log.warning("mail %s was lost to another worker", feed.claim.email_id)
            self._waiting.remove(feed)
            feed.close()
        if not self._waiting:
            return 0
        feed = self._waiting[0]
        try:
            if not feed.step():
                return 0
            ask_beforehand([feed.mail], self._settings)
        except Exception as error:
            self._waiting.popleft()
            feed.close()
            _failed(feed.claim, error, self._settings)
            return 0
        self._waiting.popleft()
        try:
            return _settle_or_take_apart([feed.mail], self._settings)
        finally:
            feed.close()

    def give_back(self) -> None:
        """Let others have what is not done, as if it had not been begun."""
        claims = [feed.claim for feed in self._waiting]
        for feed in self._waiting:
            feed.close()
        self._waiting.clear()
        if claims and connection.is_usable():
            release(claims)


def _work_off(claims: Sequence[Claim], settings: Settings, context: ParserContext, feeds: Feeds) -> int:
    return sum(work_batch(group, settings, context, feeds) for group in _groups(claims))


def _groups(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """The mails of one claim, in batches that are small enough together."""
    group: list[Claim] = []
    size = 0
    for claim in claims:
        if group and size + claim.size > MAX_BATCH_BYTES:
            yield group
            group, size = [], 0
        group.append(claim)
        size += claim.size
    if group:
        yield group


def work_batch(claims: Sequence[Claim], settings: Settings, context: ParserContext, feeds: Feeds) -> int:
    """Read and settle claimed mails; how many came to an end. Long feeds are handed to `feeds`."""
    # Threads for this batch alone: the process may fork, and a pool would not survive that.
    with ThreadPoolExecutor(WRITERS) as writers:
        mails = _read_all(claims, settings, context, writers)
    for mail in mails:
        if is_long_feed(mail):
            feeds.add(mail)
    mails = [mail for mail in mails if not is_long_feed(mail)]
    return _settle_or_take_apart(_identify_or_take_apart(mails, settings), settings)


def _read_all(claims: Sequence[Claim], settings: Settings, context: ParserContext, writers: Executor) -> list[ReadMail]:
    """The mails that could be read and whose attachments are stored; the others are given back."""
    mails = []
    for claim in claims:
        if claim.attempts > settings.PIPELINE.max_attempts:
            give_back(claim, f"the worker stopped {claim.attempts - 1} times while at this mail", settings.PIPELINE)
            continue
        try:
            mails.append(read(claim, context, writers, settings.PARSER))
        except Exception as error:
            _failed(claim, error, settings)
    stored = []
    for mail in mails:
        try:
            mail.wait()
            stored.append(mail)
        except Exception as error:
            _failed(mail.claim, error, settings)
    return stored


def _identify_or_take_apart(mails: Sequence[ReadMail], settings: Settings) -> list[ReadMail]:
    """The mails whose customers could be looked up; the others are given back."""
    try:
        _identify(mails, settings)
    except Exception as error:
        is_down = isinstance(error, ServiceError) and not error.permanent
        if len(mails) > 1 and is_outage(error):
            return _ask_by_halves(mails, settings)
        if len(mails) == 1 or is_down or _is_not_the_mails_fault(error):
            for mail in mails:
                _failed(mail.claim, error, settings)
            return []
        log.warning("the customers of %s mails are looked up one by one: %s", len(mails), error)
        return [known for mail in mails for known in _identify_or_take_apart([mail], settings)]
    return list(mails)


def _identify(mails: Sequence[ReadMail], settings: Settings) -> None:
    if mails:
        identify(mails)
        ask_beforehand(mails, settings)


def _ask_by_halves(mails: Sequence[ReadMail], settings: Settings) -> list[ReadMail]:
    """The mails of which the customer database tells after all; the others are given back.

    It could not answer for all together: when it cannot for either half, it is down; when it can for one, it stumbles
    over something in the other. The halves are others each time, so that two mails that it stumbles over cannot keep
    all others waiting.
    """
    shuffled = secrets.SystemRandom().sample(list(mails), len(mails))
    halves = (shuffled[: len(mails) // 2], shuffled[len(mails) // 2 :])
    stuck: list[tuple[list[ReadMail], Exception]] = []
    known: list[ReadMail] = []
    for half in halves:
        try:
            _identify(half, settings)
            known += half
        except Exception as error:
            stuck.append((half, error))
    if len(stuck) == len(halves):
        for half, fault in stuck:
            for mail in half:
                _failed(mail.claim, fault, settings)
    elif stuck:
        known += _identify_or_take_apart(stuck[0][0], settings)
    kept = {mail.claim.email_id for mail in known}
    return [mail for mail in mails if mail.claim.email_id in kept]


def is_outage(error: BaseException) -> bool:
    """Whether the customer database could not answer just then: no mail is to blame for that."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CRMServiceException):
            return not cause.permanent
        cause = cause.__cause__
    return False


def _settle_or_take_apart(mails: Sequence[ReadMail], settings: Settings) -> int:
    if not mails:
        return 0
    try:
        with asked_beforehand(answers_of(mails)):
            return len(settle(mails, settings))
    except Exception as error:
        if _is_not_the_mails_fault(error):
            raise
        if len(mails) == 1:
            _failed(mails[0].claim, error, settings)
            return 0
        log.warning("a batch of %s mails is settled one by one: %s", len(mails), error)
        return sum(_settle_or_take_apart([mail], settings) for mail in mails)


def _is_not_the_mails_fault(error: BaseException) -> bool:
    """Whether no mail could be settled: the connection is lost, or the settings and the stored rules do not agree.

    A dead-lock or a statement's time-out leaves the connection usable and is the business of this batch alone.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SettingsError | DocumentError):
            return True
        if isinstance(cause, InterfaceError | OperationalError) and not connection.is_usable():
            return True
        cause = cause.__cause__
    return False


def _failed(claim: Claim, error: Exception, settings: Settings) -> None:
    if _is_not_the_mails_fault(error):
        raise error
    if is_outage(error):
        log.warning("mail %s waits for the customer database: %s", claim.email_id, error)
        postpone([claim], f"{type(error).__name__}: {error}", settings.PIPELINE)
        return
    log.warning("mail %s, attempt %s: %s", claim.email_id, claim.attempts, error, exc_info=error)
    give_back(claim, f"{type(error).__name__}: {error}", settings.PIPELINE)
