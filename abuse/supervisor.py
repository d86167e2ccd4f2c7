"""Keeping the parts of the desk running side by side, and ending them together."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from abuse.config import PROJECT_ROOT

POLL_SECONDS = 0.2
STOP_SECONDS = 10
RESTARTS = 5
RESTART_WINDOW = 60.0
"""A part that dies more often than RESTARTS times within so many seconds is given up, and all stop with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the desk: its name and its command."""

    name: str
    command: tuple[str, ...]


@dataclass(slots=True)
class _Running:
    part: Part
    process: subprocess.Popen[bytes]
    deaths: list[float] = field(default_factory=list)


class Supervisor:
    """Starts the parts in this process's group, restarts what dies, stops everything at the end."""

    def __init__(self, parts: Sequence[Part], *, say: Callable[[str], object]) -> None:
        self._parts = parts
        self._say = say

    def run(self, stop: threading.Event) -> bool:
        """Run until told to stop; whether all parts could be kept running."""
        running = [_Running(part, _start(part)) for part in self._parts]
        try:
            while not stop.wait(POLL_SECONDS):
                for one in running:
                    if one.process.poll() is not None and not self._restart(one):
                        return False
            return True
        finally:
            self._stop(running)

    def _restart(self, one: _Running) -> bool:
        now = time.monotonic()
        one.deaths = [death for death in one.deaths if now - death < RESTART_WINDOW] + [now]
        if len(one.deaths) > RESTARTS:
            self._say(f"{one.part.name} ended {len(one.deaths)} times within a minute: giving up.")
            return False
        self._say(f"{one.part.name} ended (exit {one.process.returncode}) and is started again.")
        one.process = _start(one.part)
        return True

    def _stop(self, running: Sequence[_Running]) -> None:
        for one in running:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for one in running:
            try:
                one.process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{one.part.name} does not stop and is killed. What it was at is taken up at the next start.")
                one.process.kill()
                one.process.wait()


def _start(part: Part) -> subprocess.Popen[bytes]:
    return subprocess.Popen(part.command, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL)
