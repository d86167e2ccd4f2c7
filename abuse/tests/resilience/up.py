"""The whole desk as one command, for tests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from abuse.config import PROJECT_ROOT

from .desk import eventually

START_SECONDS = 60
STOP_SECONDS = 15


class Up:
    """`main.py up` in a session of its own, as a terminal gives it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "main.py", "up"],
                cwd=PROJECT_ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something while the desk runs."""

        def met() -> bool:
            assert self.process.poll() is None, f"it ended before {what}: {self.log.read_text()}"
            return condition()

        eventually(met, START_SECONDS, what, self.log.read_text)

    def stop(self) -> int:
        """As Ctrl-C does; its exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """All of it, at once."""
        for process in self.all():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(20)

    def all(self) -> list[psutil.Process]:
        """Every process of the session, whoever its parent is now."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def part(self, name: str) -> psutil.Process | None:
        """The running process of a part; None while there is none."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if name in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                        return child
        return None
