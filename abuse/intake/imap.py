"""Emptying one IMAP mailbox: fetch in bounded batches, store, and only after the commit ask the server to remove.

Nothing that happens to one mail stops the others. What breaks a batch makes its mails suspects, which are then tried
one at a time, after all others; one that fails alone is left in peace for a growing time (see `Ledger`). Being killed
at any point loses nothing: at worst a mail is fetched again, and the inbox counts it as delivered twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import close_old_connections, connections

from abuse.config import Mailbox
from abuse.controllers import inbox

from .backoff import Backoff, Ledger
from .imap_session import ConnectionLost, ImapSession, LoginRefused, Refused, mailbox_url

log = logging.getLogger(__name__)

BATCH_BYTES = 64 * 1024 * 1024
"""Mails in memory at once, unless a single one is bigger."""
LARGEST_MAIL = 1024 * 1024 * 1024
"""A mail beyond this stays in the mailbox: it has to fit into memory to be stored."""
_FAILURES_IN_A_ROW = 5
"""So many mails that cannot be stored are no longer the mails' fault."""
_LOGIN_PAUSE = 60.0
"""Seconds at least between two logins that are refused: faster looks like an attack and gets the desk locked out."""
_ONCE_TRIES = 3


class StorageDown(Exception):
    """Mail after mail could not be stored."""


@dataclass
class Tally:
    """What came of a mailbox so far."""

    new: int = 0
    known: int = 0
    left: int = 0
    errors: list[str] = field(default_factory=list)


class MailboxFetcher:
    """Empties one mailbox, in the thread that calls `run` or `run_once`."""

    def __init__(self, mailbox: Mailbox, stop: threading.Event, *, base: Path, ledger: Ledger | None = None) -> None:
        self.mailbox = mailbox
        self.name = mailbox_url(mailbox)
        self.stop = stop
        self.ledger = ledger or Ledger()
        self.tally = Tally()
        self.session: ImapSession | None = None
        """For the supervisor, to enforce time limits and to interrupt."""
        self._base = base
        self._backoff = Backoff()
        self._uidvalidity = 0

    def run(self) -> None:
        """Empty the mailbox and wait for more until `stop`; whatever fails, wait a little and go on."""
        try:
            while not self.stop.is_set():
                changes = self.ledger.changes
                try:
                    self._connected(self._stay)
                except Exception as error:
                    self._note(error, changes)
        finally:
            connections.close_all()

    def run_once(self) -> None:
        """Take what is there now and return; after three failures in a row that brought nothing, give up."""
        failures = 0
        try:
            while not self.stop.is_set():
                changes = self.ledger.changes
                try:
                    self._connected(self._empty)
                    break
                except Exception as error:
                    failures = failures + 1 if changes == self.ledger.changes else 0
                    if failures == _ONCE_TRIES or isinstance(error, LoginRefused):
                        log.error("%s: given up: %s", self.name, error)
                        self.tally.errors.append(str(error))
                        break
                    self._note(error, changes)
            self.tally.left = self.ledger.left_behind()
        finally:
            connections.close_all()

    def _note(self, error: Exception, changes_before: int) -> None:
        if self.stop.is_set():
            return
        if self.ledger.changes != changes_before:
            self._backoff.reset()
        pause = self._backoff.next()
        if isinstance(error, LoginRefused):
            pause = max(pause, _LOGIN_PAUSE)
        if isinstance(error, (ConnectionLost, Refused, StorageDown, inbox.InboxUnavailable)):
            log.warning("%s: %s; next try in %.0f s", self.name, error, pause)
        else:
            log.error("%s: unexpected error; next try in %.0f s", self.name, pause, exc_info=error)
        self.stop.wait(pause)

    def _connected(self, work: Callable[[ImapSession], object]) -> None:
        self.session = session = ImapSession(self.mailbox, base=self._base)
        try:
            session.connect()
            session.make_target()
            work(session)
        finally:
            self.session = None
            session.close()

    def _stay(self, session: ImapSession) -> None:
        idle = session.can_idle
        longest = self.mailbox.poll_seconds
        wait = min(1.0, longest)
        while not self.stop.is_set():
            if self._empty(session):
                wait = min(1.0, longest)
            self._backoff.reset()
            if not idle:
                self.stop.wait(longest)
                continue
            try:
                # The first rounds after a mail are short: news that came in the same packet as the server's "go idle"
                # sits in imaplib's buffer, where no poll sees it before the round ends.
                session.idle(wait, self.stop)
            except Refused as error:
                log.warning("%s: IDLE refused (%s): asking every %.0f s instead", self.name, error, longest)
                idle = False
            wait = min(wait * 2, longest)

    def _empty(self, session: ImapSession) -> int:
        """One pass: all mails that may be tried now. Returns how many were taken."""
        close_old_connections()
        before = self.tally.new + self.tally.known
        listing = session.open_folder()
        self._uidvalidity = listing.uidvalidity
        if self.ledger.begin(listing.uidvalidity, listing.uids):
            log.warning("%s: the server has renumbered its mails (UIDVALIDITY changed)", self.name)
        if stored := self.ledger.to_remove():
            self._remove(session, stored)
        fresh = self.ledger.fresh()
        for start in range(0, len(fresh), self.mailbox.batch_size):
            if self.stop.is_set():
                return self.tally.new + self.tally.known - before
            self._take(session, fresh[start : start + self.mailbox.batch_size])
        for uid in self.ledger.alone():
            if self.stop.is_set():
                break
            self._take_alone(session, uid)
        return self.tally.new + self.tally.known - before

    def _take(self, session: ImapSession, uids: Sequence[int]) -> None:
        try:
            sizes = session.sizes(uids)
        except (Refused, ConnectionLost) as error:
            self._doubt(uids, error)
            return
        # Those without a size, and those that no batch may hold.
        self.ledger.suspect([uid for uid in uids if sizes.get(uid, LARGEST_MAIL + 1) > LARGEST_MAIL])
        for batch in _by_size(uids, sizes):
            if self.stop.is_set():
                return
            try:
                bodies = session.bodies(batch, sum(sizes[uid] for uid in batch))
            except (Refused, ConnectionLost) as error:
                self._doubt(batch, error)
                continue
            self.ledger.suspect([uid for uid in batch if uid not in bodies])
            self._keep(session, bodies)

    def _doubt(self, uids: Sequence[int], error: Refused | ConnectionLost) -> None:
        """A batch failed: its mails are tried alone from now on."""
        self.ledger.suspect(uids)
        if isinstance(error, ConnectionLost):
            raise error
        log.info("%s: %d mails not fetched together (%s): fetching them one by one", self.name, len(uids), error)

    def _take_alone(self, session: ImapSession, uid: int) -> None:
        try:
            size = session.sizes([uid]).get(uid)
            if size is None:
                self._fail(uid, "the server lists it and tells no size")
                return
            if size > LARGEST_MAIL:
                self._fail(uid, f"{size} bytes; expected at most {LARGEST_MAIL}")
                return
            body = session.bodies([uid], size).get(uid)
        except Refused as error:
            self._fail(uid, str(error))
            return
        except ConnectionLost as error:
            if not self.stop.is_set():
                self._fail(uid, str(error))
            raise
        if body is None:
            self._fail(uid, "the server lists it and gives no content")
            return
        self._keep(session, {uid: body})

    def _fail(self, uid: int, why: str) -> None:
        failures, pause = self.ledger.failed(uid)
        log.warning(
            "%s;UIDVALIDITY=%d/;UID=%d: left in the mailbox after %d failure(s), next try in %.0f s: %s",
            self.name, self._uidvalidity, uid, failures, pause, why,
        )  # fmt: skip

    def _keep(self, session: ImapSession, bodies: dict[int, bytes]) -> None:
        """Store mails, then have the server remove those whose rows are committed."""
        deliveries = {
            uid: inbox.Delivery(raw, source=f"{self.name};UIDVALIDITY={self._uidvalidity}/;UID={uid}")
            for uid, raw in bodies.items()
        }
        try:
            receipts = _store(deliveries)
        except inbox.InboxUnavailable:
            raise
        except Exception as error:
            log.info("%s: %d mails not stored together (%s): storing them one by one", self.name, len(bodies), error)
            receipts = self._keep_each(deliveries)
        for receipt in receipts.values():
            self.tally.new += receipt.new
            self.tally.known += not receipt.new
        if receipts:
            self.ledger.taken(receipts)
            self._remove(session, list(receipts))

    def _keep_each(self, deliveries: dict[int, inbox.Delivery]) -> dict[int, inbox.Receipt]:
        receipts: dict[int, inbox.Receipt] = {}
        failed: dict[int, Exception] = {}
        in_a_row = 0
        for uid, delivery in deliveries.items():
            try:
                receipts |= _store({uid: delivery})
                in_a_row = 0
            except inbox.InboxUnavailable:
                raise
            except Exception as error:
                failed[uid] = error
                in_a_row += 1
                if in_a_row == _FAILURES_IN_A_ROW:
                    raise StorageDown(f"{in_a_row} mails in a row could not be stored: {error}") from error
        for uid, reason in failed.items():
            self._fail(uid, f"not stored: {reason}")
        return receipts

    def _remove(self, session: ImapSession, uids: Sequence[int]) -> None:
        """Ask the server to remove mails that are ours. Where it will not, they are asked for again, not fetched."""
        try:
            session.remove(uids)
        except Refused as error:
            if len(uids) == 1:
                self._fail(uids[0], f"stored, but the server will not remove it: {error}")
                return
            for uid in uids:
                self._remove(session, [uid])
            return
        self.ledger.removed(uids)


def _store(deliveries: dict[int, inbox.Delivery]) -> dict[int, inbox.Receipt]:
    """All or none."""
    return dict(zip(deliveries, inbox.receive_many(deliveries.values()), strict=True))


def _by_size(uids: Sequence[int], sizes: dict[int, int]) -> Iterator[list[int]]:
    """Cut a list into batches that fit into memory together; mails of unknown or enormous size are left out."""
    batch: list[int] = []
    total = 0
    for uid in uids:
        size = sizes.get(uid)
        if size is None or size > LARGEST_MAIL:
            continue
        if batch and total + size > BATCH_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield batch
