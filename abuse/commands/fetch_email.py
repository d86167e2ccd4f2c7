"""`fetch-email`: take the mails of the configured mailboxes, and deliveries, until told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

import click

from abuse.config import Settings, current
from abuse.intake.fetcher import FetcherError, check_mailboxes, run_fetcher
from abuse.intake.listener import ListenerError, run_listener

EXIT_FAILED = 1
EXIT_USAGE = 2


@click.command("fetch-email")
@click.option("--once", is_flag=True, help="Go through all mailboxes once and exit.")
@click.option("--listen", is_flag=True, help="Also take deliveries over LMTP or SMTP, as EMAIL_LISTENER says.")
def fetch_email(once: bool, listen: bool) -> None:
    """Runs Cerberus email fetcher.

    Takes the mails of every mailbox under EMAIL_FETCHER: each is stored, its row committed, and only then removed from
    the mailbox (or moved to `move_to`). Runs until SIGTERM or SIGINT and survives whatever a mailbox, the database or
    the network does meanwhile.

    \b
    Examples:
      python main.py fetch-email
      python main.py fetch-email --once
      python main.py fetch-email --listen

    Exit status: 0 stopped as told, or all mailboxes gone through; 1 a mailbox could not be gone through (with --once),
    or the listener could not listen; 2 nothing is configured to fetch from.
    """
    if once and listen:
        raise click.UsageError("--once and --listen: expected one of them; a listener has no end of its own")
    settings = current()
    fetches = bool(settings.EMAIL_FETCHER.mailboxes) or not listen
    if fetches:
        try:
            check_mailboxes(settings)
        except FetcherError as error:
            hint = "" if settings.EMAIL_FETCHER.mailboxes else "; or run with --listen to take deliveries"
            click.echo(f"Error: {error}{hint}", err=True)
            sys.exit(EXIT_USAGE)

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, frame: stop.set())
    if once:
        sys.exit(_once(settings, stop))
    work: list[Callable[[Settings, threading.Event], object]] = [run_fetcher] if fetches else []
    if listen:
        work.append(run_listener)
    sys.exit(EXIT_FAILED if _together(work, settings, stop) else 0)


def _once(settings: Settings, stop: threading.Event) -> int:
    result = run_fetcher(settings, stop, once=True)
    click.echo(f"{result.new} new, {result.known} already known, {result.left} left in the mailboxes")
    for name, failure in result.failures.items():
        click.echo(f"Error: {name}: {failure}", err=True)
    return EXIT_FAILED if result.failures else 0


def _together(
    work: list[Callable[[Settings, threading.Event], object]], settings: Settings, stop: threading.Event
) -> bool:
    """Run all until `stop`; one that fails stops the others. Returns whether one failed."""
    failures: list[Exception] = []

    def run(part: Callable[[Settings, threading.Event], object]) -> None:
        try:
            part(settings, stop)
        except Exception as error:
            failures.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=(part,)) for part in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        # In slices: a signal's handler runs between two of them.
        while thread.is_alive():
            thread.join(0.5)
    for failure in failures:
        if not isinstance(failure, (FetcherError, ListenerError)):
            raise failure
        click.echo(f"Error: {failure}", err=True)
    return bool(failures)
