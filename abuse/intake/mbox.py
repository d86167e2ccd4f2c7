"""Splitting an mbox file into mails, as a stream: one mail in memory, however big the file.

There are four formats called mbox, and a file does not say which one it is. So a mail begins where a line begins with
"From " at the start of the file or after an empty line, as all four have it, and the bytes between are left as they
are: a ">From " stays quoted, since to undo it in a file that never quoted would alter evidence. Of the separator, the
"From " line and the empty line before the next one belong to no mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

MARK = b"From "
"""What an mbox begins with, and each mail in it."""
_PIECE = 1024 * 1024
"""A line is read in pieces of at most this."""


class MailTooBig(Exception):
    """A mail is bigger than what can be held in memory."""


def split_mbox(file: IO[bytes], *, largest: int) -> Iterator[bytes | MailTooBig]:
    """The mails of an mbox, in order; in place of one over `largest` bytes comes the error that says so.

    The caller has read the first `MARK` already, to find out that it is an mbox: a pipe cannot be rewound.
    """
    _skip_line(file, b"")
    mail = bytearray()
    size = 0
    empty_line = b""  # Held back: it is the mail's only if no other mail begins after it.
    line_starts = True
    while piece := file.readline(_PIECE):
        if line_starts and empty_line and piece.startswith(MARK):
            _skip_line(file, piece)
            yield _finished(mail, size, largest)
            mail, size, empty_line = bytearray(), 0, b""
            continue
        is_empty = line_starts and piece in (b"\n", b"\r\n")
        more, empty_line = (empty_line, piece) if is_empty else (empty_line + piece, b"")
        size += len(more)
        if size <= largest:
            mail += more
        else:
            mail.clear()
        line_starts = piece.endswith(b"\n")
    yield _finished(mail, size, largest)


def _skip_line(file: IO[bytes], piece: bytes) -> None:
    """Read up to the end of a line of which `piece` has been read."""
    while not piece.endswith(b"\n") and (piece := file.readline(_PIECE)):
        pass


def _finished(mail: bytearray, size: int, largest: int) -> bytes | MailTooBig:
    return bytes(mail) if size <= largest else MailTooBig(f"{size} bytes; expected at most {largest}")
