"""The mail between DATA and the lone dot (RFC 5321, 4.5.2): pure, a chunk at a time."""

from __future__ import annotations

_END = b"\r\n.\r\n"


class DotReader:
    """Collects a mail from chunks that are cut anywhere.

    Only CR LF ends a line. A lone CR or LF is a byte like any other, so that no mail can hide the end of itself and the
    beginning of another one from us and show it to the next server, or the other way round.
    """

    def __init__(self) -> None:
        self._mail = bytearray()
        # As if a line had just ended: a dot may be the very first byte.
        self._last = b"\r\n"
        self._line = 0
        self.size = 0
        """Bytes held now."""
        self.longest_line = 0
        """Bytes of the longest line so far, or more by at most a chunk."""
        self._keeps = True

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk. Returns what follows the end of the mail; None while the end has not come."""
        seen = self._last + chunk
        found = seen.find(_END)
        if found < 0:
            self._take(chunk)
            self._last = seen[1 - len(_END) :]
            return None
        end = found + len(_END) - len(self._last)
        self._take(chunk[:end])
        if self._keeps:
            del self._mail[-3:]
            self.size = len(self._mail)
        return chunk[end:]

    def discard(self) -> None:
        """Keep nothing, from now on only look for the end."""
        self._keeps = False
        self._mail = bytearray()
        self.size = 0

    def result(self) -> bytes:
        """The mail, with the dots taken away that the client put before lines that begin with one."""
        stuffed = bytes(self._mail)
        self._mail = bytearray()
        return stuffed.removeprefix(b".").replace(b"\r\n.", b"\r\n")

    def _take(self, part: bytes) -> None:
        first, last = part.find(b"\n"), part.rfind(b"\n")
        self.longest_line = max(self.longest_line, self._line + (len(part) if first < 0 else first + 1))
        self._line = self._line + len(part) if last < 0 else len(part) - last - 1
        if self._keeps:
            self._mail += part
            self.size = len(self._mail)
