"""`import-email`: take mails from files, directories, mbox files, Maildirs or standard input."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import click

from abuse.controllers import inbox
from abuse.intake.files import iter_messages, total_bytes

BATCH_MAILS = 100
BATCH_BYTES = 32 * 1024 * 1024
_TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""


@click.command("import-email")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
def import_email(paths: tuple[str, ...]) -> None:
    """Takes mails from files.

    PATH is a file with one mail, an mbox, a Maildir, a directory of any of these (gone through to the bottom), or - for
    standard input. Files are only read, never moved or changed. A mail whose bytes came in before is counted as
    delivered again and not processed twice, so an import that was interrupted can simply be run again.

    \b
    Examples:
      python main.py import-email complaint.eml archive.mbox
      python main.py import-email /var/mail/abuse/Maildir
      cat complaint.eml | python main.py import-email -

    Exit status: 0 every mail is in; 1 some could not be read or stored, each of which is named.
    """
    importer = Importer()
    try:
        with _progress(paths, importer) as advance:
            for source, raw in iter_messages(paths, report=importer.report):
                importer.add(source, raw)
                advance(len(raw))
            importer.flush()
    except inbox.InboxUnavailable as error:
        click.echo(f"Error: {error}", err=True)
        click.echo(importer.summary())
        sys.exit(1)
    click.echo(importer.summary())
    sys.exit(1 if importer.failed else 0)


@dataclass
class Importer:
    """Stores mails a batch at a time and counts."""

    read: int = 0
    new: int = 0
    known: int = 0
    failed: int = 0
    _batch: list[inbox.Delivery] = field(default_factory=list)
    _bytes: int = 0

    def add(self, source: str, raw: bytes) -> None:
        self.read += 1
        self._batch.append(inbox.Delivery(raw, source))
        self._bytes += len(raw)
        if len(self._batch) >= BATCH_MAILS or self._bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store what waits; when that fails as a whole, one by one, and name those that will not go in."""
        batch, self._batch, self._bytes = self._batch, [], 0
        try:
            self._count(inbox.receive_many(batch))
        except inbox.InboxUnavailable:
            raise
        except Exception:
            for delivery in batch:
                self._store_alone(delivery)

    def _store_alone(self, delivery: inbox.Delivery) -> None:
        try:
            self._count(inbox.receive_many([delivery]))
        except inbox.InboxUnavailable:
            raise
        except Exception as error:
            self.report(delivery.source, error)

    def report(self, source: str, error: Exception) -> None:
        """Count and name a mail that did not get in."""
        self.failed += 1
        click.echo(f"Error: {source}: {error}", err=True)

    def _count(self, receipts: list[inbox.Receipt]) -> None:
        new = sum(receipt.new for receipt in receipts)
        self.new += new
        self.known += len(receipts) - new

    def summary(self) -> str:
        return f"{self.read} read, {self.new} new, {self.known} already known, {self.failed} failed"


@contextlib.contextmanager
def _progress(paths: tuple[str, ...], importer: Importer) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told of each mail's bytes: a bar on a terminal, else a line now and then."""
    if sys.stdout.isatty():
        with click.progressbar(length=max(1, total_bytes(paths)), label="Importing") as bar:
            yield bar.update
        return
    told = time.monotonic()

    def tell(more: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            click.echo(importer.summary())

    yield tell
