"""The one error of this package, and the sentence it carries."""

from __future__ import annotations

from pathlib import Path

TAIL_LINES = 8
TAIL_BYTES = 8192


class EmbeddedServerError(RuntimeError):
    """An embedded server can't be used. The message names the server, the directory, its log and how that ends."""


def log_tail(log: Path) -> str:
    """Return the last lines of `log`, or an empty string when there is no such file. Reads a bounded part of it."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    # A log may quote what a stranger sent: control characters must not reach the terminal.
    lines = ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()]
    return "\n".join(lines[-TAIL_LINES:])


def server_error(server: str, directory: Path, log: Path, reason: str) -> EmbeddedServerError:
    """Build the error of one server: who, where, why, and what its log last said."""
    tail = log_tail(log)
    ending = f" It ends with:\n{tail}" if tail else " It is empty."
    return EmbeddedServerError(f"The embedded {server} in {directory} {reason}. Its log is {log}.{ending}")
