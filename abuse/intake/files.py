"""Mails from files: single ones, standard input, mbox files, Maildirs and whole trees of all these.

Everything is only read: nothing is moved, marked or removed, in a Maildir neither.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from .mbox import MARK, MailTooBig, split_mbox

log = logging.getLogger(__name__)

LARGEST_MAIL = 1024 * 1024 * 1024
"""A mail beyond this is reported, not read: it has to fit into memory to be stored."""
STANDARD_INPUT = "-"

Report = Callable[[str, Exception], None]
"""Told what could not be read, and why."""


def _log(source: str, error: Exception) -> None:
    log.warning("%s: not read: %s", source, error)


def iter_messages(
    paths: Iterable[str], *, report: Report = _log, standard_input: IO[bytes] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Every mail below the paths, in the order of the paths and sorted within each: where it lies, and its bytes.

    A path is a file (one mail, or an mbox when it begins with "From "), a directory (all files below it, links to
    directories not followed; of a Maildir what lies in `new`, `cur` and its folders), or `-` for standard input. What
    cannot be read is told to `report`, and the rest goes on.
    """
    for path in paths:
        if path == STANDARD_INPUT:
            yield from _messages_of(standard_input or sys.stdin.buffer, "standard input", report)
            continue
        for file in iter_files(path, report=report):
            try:
                with file.open("rb") as stream:
                    yield from _messages_of(stream, _shown(file), report)
            except OSError as error:
                report(_shown(file), error)


def iter_files(path: str, *, report: Report = _log) -> Iterator[Path]:
    """The files that `iter_messages` opens for a path. Pipes and devices count only where they are named themselves."""
    top = Path(path)
    try:
        is_directory = stat.S_ISDIR(top.stat().st_mode)
    except OSError as error:
        report(_shown(path), error)
        return
    if not is_directory:
        yield top
        return
    for directory, below, names in os.walk(top, onerror=lambda error: report(_shown(error.filename), error)):
        if "new" in below and "cur" in below:
            # A Maildir: beside its directories lie the mail server's indexes, and in `tmp` what is not yet a mail.
            names = []
            below[:] = [name for name in below if name != "tmp"]
        below.sort()
        for name in sorted(names):
            file = Path(directory, name)
            try:
                regular = stat.S_ISREG(file.stat().st_mode)
            except OSError as error:
                report(_shown(file), error)
                continue
            if regular:
                yield file
            else:
                report(_shown(file), OSError("neither a file nor a directory"))


def total_bytes(paths: Iterable[str]) -> int:
    """How much there is to read, standard input not counted. What cannot be read counts nothing."""
    total = 0
    for path in paths:
        if path != STANDARD_INPUT:
            for file in iter_files(path, report=lambda source, error: None):
                try:
                    total += file.stat().st_size
                except OSError:
                    # It will be reported when it is read; this is an estimate.
                    continue
    return total


def _messages_of(stream: IO[bytes], name: str, report: Report) -> Iterator[tuple[str, bytes]]:
    start = stream.read(len(MARK))
    if start != MARK:
        raw = start + stream.read(LARGEST_MAIL + 1 - len(start))
        if not raw:
            report(name, ValueError("empty; expected a mail"))
        elif len(raw) > LARGEST_MAIL:
            report(name, MailTooBig(f"more than {LARGEST_MAIL} bytes"))
        else:
            yield name, raw
        return
    for number, mail in enumerate(split_mbox(stream, largest=LARGEST_MAIL), start=1):
        source = f"{name}, mail {number}"
        if isinstance(mail, MailTooBig):
            report(source, mail)
        else:
            yield source, mail


def _shown(path: str | Path) -> str:
    """A path for people: names on Linux are bytes, and those that are no UTF-8 can be neither printed nor kept."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
