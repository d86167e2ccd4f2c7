"""Long feeds: whose the rows of a mail are that has too many of them to be read at once.

A feed is read a chunk at a time, outside of any transaction, and between two chunks the worker looks after other mails.
Rows of nobody are only counted; the items of customers wait on disk, a few of each report in memory, so that memory
does not grow with the feed. All of it is settled like any other mail in the end, in one transaction.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from abuse.config.schema import Pipeline
from abuse.controllers.defendants import ensure_defendants, ensure_services, service_key
from abuse.parsers import ParsedItem, ParserContext
from abuse.parsers.feeds.reader import FeedReader
from abuse.services.crm import CRMService, Match, Query
from abuse.services.storage import StorageService

from .claims import Claim, extend
from .kinds import is_complaint
from .reading import Accusation, ReadMail, believable, query_of
from .spool import Spool

log = logging.getLogger(__name__)

CHUNK = 2_000
"""Items that the customer database is asked for at once."""
SAMPLE = 20
"""Items of each report that are at hand for the rules, besides the first of each kind."""
MAX_SAMPLES = 100_000
"""… of all reports of a feed together; after that only the first of each kind."""
STEP_SECONDS = 0.5
"""After so long with one feed the worker looks whether other mails wait."""


def is_long_feed(mail: ReadMail) -> bool:
    """Whether the mail has more rows than were read with it."""
    feed = mail.parsed.feed
    return feed is not None and not feed.is_whole and is_complaint(mail.parsed.kind)


def set_aside(mail: ReadMail) -> ReadMail:
    """The mail without its first items: they come again when its rows are read."""
    return dataclasses.replace(mail, parsed=dataclasses.replace(mail.parsed, items=()))


@dataclass(slots=True)
class _Group:
    """What the rows say of one customer's service in one category."""

    number: int
    match: Match
    category: str | None
    sample: list[ParsedItem] = field(default_factory=list)


class LongFeed:
    """One feed in hand, read a step at a time."""

    def __init__(self, mail: ReadMail, context: ParserContext, settings: Pipeline) -> None:
        self.mail = mail
        self._context = context
        self._settings = settings
        self._reader: FeedReader | None = None
        self._items: Iterator[ParsedItem] = iter(())
        self._groups: dict[tuple[str, str, str | None], _Group] = {}
        self._nobodys: list[ParsedItem] = []
        self._categories: Counter[str | None] = Counter()
        self._samples_left = MAX_SAMPLES
        self._asked = 0
        self._matched = 0
        self._extended_at = 0.0

    @property
    def claim(self) -> Claim:
        return self.mail.claim

    def step(self) -> bool:
        """Read for STEP_SECONDS; whether all rows are read and `mail` is ready to be settled.

        :raises ServiceError: when the storage or the customer database cannot answer.
        """
        if self._reader is None:
            self._begin()
        end = time.monotonic() + STEP_SECONDS
        while time.monotonic() < end:
            chunk = list(islice(self._items, CHUNK))
            if not chunk:
                self._finish()
                return True
            self._take(chunk)
        return False

    def keep(self) -> bool:
        """Keep the lease alive; False when the mail is no longer ours."""
        if time.monotonic() - self._extended_at < self._settings.lease_seconds / 4:
            return True
        self._extended_at = time.monotonic()
        return bool(extend([self.claim], self._settings))

    def close(self) -> None:
        """Give back what it holds."""
        self._items = iter(())
        self._reader = None
        if self.mail.spool is not None:
            self.mail.spool.close()
            self.mail.spool = None

    def _begin(self) -> None:
        feed = self.mail.parsed.feed
        assert feed is not None  # noqa: S101 - see is_long_feed
        self._reader = FeedReader(StorageService.read(self.claim.sha256), feed, self._context)
        self._items = iter(self._reader)
        self.mail.spool = Spool()

    def _take(self, chunk: list[ParsedItem]) -> None:
        asked: list[ParsedItem] = []
        queries: list[Query] = []
        for item in chunk:
            at = believable(item.seen_at or self.mail.date, self.claim.received_at)
            query = query_of(item, at=at)
            if query is not None:
                asked.append(item)
                queries.append(query)
        self._asked += len(chunk)
        spooled: dict[tuple[object, ...], tuple[int, ParsedItem]] = {}
        for item, match in zip(asked, CRMService.find(queries) if queries else (), strict=True):
            self._categories[item.category] += 1
            if match is None:
                if len(self._nobodys) < SAMPLE:
                    self._nobodys.append(item)
                continue
            self._matched += 1
            group = self._group(match, item)
            key = (group.number, item.kind, item.value, item.port, item.protocol, item.seen_at)
            spooled.setdefault(key, (group.number, item))
        if spooled and self.mail.spool is not None:
            self.mail.spool.write(list(spooled.values()))

    def _group(self, match: Match, item: ParsedItem) -> _Group:
        key = (match.defendant.customer_id, service_key(match.service), item.category)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(len(self._groups), match, item.category)
        has_room = self._samples_left > 0 and len(group.sample) < SAMPLE
        if has_room or not any(known.kind == item.kind for known in group.sample):
            group.sample.append(item)
            self._samples_left -= 1
        return group

    def _finish(self) -> None:
        """Turn the groups into accusations, and make the rows for customers and services.

        That is committed on its own: the transaction that settles the feed is a long one, and no other mail about the
        same customers shall wait for it.
        """
        groups = list(self._groups.values())
        mail = self.mail
        if groups:
            mail.accusations = tuple(
                Accusation(group.match, tuple(group.sample), group.category, group.number) for group in groups
            )
            ensure_defendants(group.match.defendant for group in groups)
            ensure_services(group.match.service for group in groups)
        else:
            common = self._categories.most_common(1)
            mail.accusations = (Accusation(None, tuple(self._nobodys), common[0][0] if common else None),)
        tally = self._reader.tally if self._reader is not None else None
        rejected = f", {tally.rejected} rows name nothing" if tally is not None and tally.rejected else ""
        mail.note = f"{self._matched} of {self._asked} items are customers'{rejected}"
        if tally is not None and tally.defects:
            said = (*mail.parsed.defects, *tally.defects)
            mail.parsed = dataclasses.replace(mail.parsed, defects=tuple(dict.fromkeys(said)))
        self._reader = None
        self._items = iter(())
