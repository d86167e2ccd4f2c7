"""The fetcher: one thread for each mailbox, and a supervisor that none of them can take down."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from abuse.config import Mailbox, Settings

from .imap import MailboxFetcher

log = logging.getLogger(__name__)

_LOOK = 0.25
"""Seconds between two looks at the threads."""
_GRACE = 0.75
"""Seconds a thread has after `stop` to finish its mail before its connection is broken, and again to end after that."""


class FetcherError(Exception):
    """The settings of the fetcher cannot work. The text names the key, its value and what was expected."""


@dataclass(frozen=True)
class FetchResult:
    """What a run brought: `new` mails, `known` ones delivered again, `left` in trouble, `failures` by mailbox."""

    new: int
    known: int
    left: int
    failures: dict[str, str]


def check_mailboxes(settings: Settings) -> tuple[Mailbox, ...]:
    """The configured mailboxes.

    :raises FetcherError: when there is none, or one would move mails onto itself.
    """
    mailboxes = settings.EMAIL_FETCHER.mailboxes
    if not mailboxes:
        raise FetcherError("EMAIL_FETCHER: no mailbox; expected host, user and password, or a list under mailboxes")
    for index, mailbox in enumerate(mailboxes):
        if mailbox.move_to == mailbox.folder:
            raise FetcherError(
                f"EMAIL_FETCHER.mailboxes.{index}.move_to: {mailbox.move_to!r}; expected another folder than the one "
                "that is emptied"
            )
    return mailboxes


def run_fetcher(settings: Settings, stop: threading.Event, *, once: bool = False) -> FetchResult:
    """Empty all mailboxes until `stop` is set, or with `once` until each has been gone through once.

    Returns within about two seconds of `stop`. A mailbox that fails is tried again for ever and holds up no other.

    :raises FetcherError: before anything is done, when the settings cannot work.
    """
    mailboxes = check_mailboxes(settings)
    for mailbox in mailboxes:
        if mailbox.tls == "none" and mailbox.host not in ("localhost", "127.0.0.1", "::1"):
            log.warning("EMAIL_FETCHER: tls is none: the password of %s crosses the network in clear", mailbox.user)
    fetchers = [MailboxFetcher(mailbox, stop, base=settings.SOURCE.parent) for mailbox in mailboxes]
    threads = [_start(fetcher, once=once) for fetcher in fetchers]

    while not stop.wait(_LOOK):
        for index, fetcher in enumerate(fetchers):
            if session := fetcher.session:
                session.enforce_deadline()
            if not once and not threads[index].is_alive():
                log.error("%s: its thread has ended; starting it again", fetcher.name)
                threads[index] = _start(fetcher, once=False)
        if once and not any(thread.is_alive() for thread in threads):
            break

    _end(fetchers, threads)
    return FetchResult(
        new=sum(fetcher.tally.new for fetcher in fetchers),
        known=sum(fetcher.tally.known for fetcher in fetchers),
        left=sum(fetcher.tally.left for fetcher in fetchers),
        failures={fetcher.name: "; ".join(fetcher.tally.errors) for fetcher in fetchers if fetcher.tally.errors},
    )


def _start(fetcher: MailboxFetcher, *, once: bool) -> threading.Thread:
    # A daemon: a look-up of a host name can hang for minutes and must not keep the process from ending. Nothing is
    # lost by it, since the mailbox is changed only after the commit.
    thread = threading.Thread(target=fetcher.run_once if once else fetcher.run, name=fetcher.name, daemon=True)
    thread.start()
    return thread


def _end(fetchers: list[MailboxFetcher], threads: list[threading.Thread]) -> None:
    """Let the threads finish the mail they are at; break the connections of those that do not; then wait no longer."""
    if _all_ended(threads):
        return
    for fetcher in fetchers:
        if session := fetcher.session:
            session.interrupt()
    if not _all_ended(threads):
        log.warning("not waiting any longer for %s", ", ".join(t.name for t in threads if t.is_alive()))


def _all_ended(threads: list[threading.Thread]) -> bool:
    end = time.monotonic() + _GRACE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
