"""One program run without a shell: what it may take of time and what is kept of its output are limited."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_GRACE = 2.0
"""Seconds between being asked to end and being killed."""


class TookTooLong(Exception):
    """The program was ended before it had finished."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended by itself. `output`: the beginning of what it wrote to standard output and error."""

    code: int
    output: bytes


def check_program(place: str, path: object) -> None:
    """Whether something can be run, and is not everybody's to change.

    :raises ValueError: when not; named by `place`, as it stands in the settings.
    """
    program = Path(path) if isinstance(path, str) and "\0" not in path else None
    if program is None or not program.is_absolute() or not program.is_file() or not os.access(program, os.X_OK):
        raise ValueError(f"{place}: {path!r}; expected the absolute path of a program")
    if program.stat().st_mode & 0o002:
        raise ValueError(f"{place}: {path!r} can be changed by everybody; expected a mode without o+w")


def run(command: Sequence[str], *, seconds: float, max_output: int) -> Finished:
    """Run a program with no input and an empty environment; output beyond `max_output` bytes is thrown away.

    :raises TookTooLong: when it, and what it started, had to be ended.
    :raises OSError: when it cannot be started.
    """
    return finish(start(command), seconds=seconds, max_output=max_output)


def start(command: Sequence[str], *, stdin: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start a program with an empty environment, and with a file as its input or none. `finish` must follow.

    :raises OSError: when it cannot be started.
    """
    return subprocess.Popen(
        command,
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes], *, seconds: float, max_output: int) -> Finished:
    """Wait for the end of a program that was started.

    :raises TookTooLong: when it, and what it started, had to be ended.
    """
    with process:
        try:
            output = _listen(process, time.monotonic() + seconds, max_output)
        except BaseException:
            _end(process)
            raise
        return Finished(process.wait(), output)


def _listen(process: subprocess.Popen[bytes], until: float, most: int) -> bytes:
    """What a program writes until it ends: a child that it leaves behind may hold its output open for long."""
    assert process.stdout is not None  # noqa: S101  (for the type checker)
    os.set_blocking(process.stdout.fileno(), False)
    kept = bytearray()
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(max(until - time.monotonic(), 0))]
                if not ready:
                    raise TookTooLong
                is_closed = process.stdout in ready and _read(process.stdout.fileno(), kept, most)
                if ended in ready:
                    _read(process.stdout.fileno(), kept, most)
                    return bytes(kept)
                if is_closed:
                    selector.unregister(process.stdout)
                if time.monotonic() > until:
                    raise TookTooLong
    finally:
        os.close(ended)


def _read(descriptor: int, kept: bytearray, most: int) -> bool:
    """Take what there is, at most a megabyte at once; whether the other side has closed."""
    for _ in range(16):
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        if not data:
            return True
        kept += data[: most - len(kept)]
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: asked first, then killed."""
    _signal_all(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _signal_all(process, signal.SIGKILL)


def _signal_all(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
