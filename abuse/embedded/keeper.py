"""The keeper: a small detached process that starts the servers, watches them, and stops them when nobody uses them.

    python -m abuse.embedded.keeper DIRECTORY --linger SECONDS --lock-fd N

It is started by `abuse.embedded.start` only, which hands over the exclusive lock of `keeper.lock` as an open
descriptor: so there is never a second one, nor a moment between two. The command returns when both servers answer
(status 0), when they can't be started (status 1, the reason on standard error) or when the keeper was killed before it
knew (status 3); the keeper itself goes on in the background.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from . import locks, logs, processes
from .binaries import reachable
from .errors import EmbeddedServerError, server_error
from .paths import KEEPER_LOG, Layout, prepare
from .postgres import Postgres
from .server import KEEPER_FAILED, KEEPER_KILLED, Server, stop_server
from .valkey import Valkey

logger = logging.getLogger("abuse.embedded.keeper")

TICK_SECONDS = 0.25
STARTING_TICK_SECONDS = 0.05
START_ATTEMPTS = 3
DEAF_SECONDS = 10.0
STEADY_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
TROUBLE_PAUSE_SECONDS = 3.0
READY = b"ready"


class Watch:
    """One server under the keeper's eyes. `deaths` counts how often in a row it ended soon after its start."""

    def __init__(self, server: Server, directory: Path, uid: int) -> None:
        self.server = server
        self.directory = directory
        self.uid = uid
        self.child: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self.answered = False
        self.deaths = 0
        self.pause_until = 0.0
        self.started = 0.0
        self.deaf_since = 0.0

    def is_running(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return self.pid is not None and self.server.matches(processes.command_line(self.pid))

    def tick(self) -> None:
        """See that the server runs, and find out whether it answers if it never has.

        :raises EmbeddedServerError: when it can't be started, or ends again and again before it answers.
        """
        if self.pid is not None and not self.is_running():
            self._has_died()
        if self.pid is None:
            if time.monotonic() >= self.pause_until:
                self._start()
            return
        if not self.answered:
            self._question()
        elif not self.server.socket.exists():
            logger.error("%s lost its socket %s: restarting it", self.server.name, self.server.socket)
            self.stop()

    def stop(self) -> None:
        """Stop the server cleanly if it runs, with force if need be.

        :raises EmbeddedServerError: when it survives that.
        """
        if self.child is not None:
            # Its process id is its own until it is reaped, and at its very start it has no command line to match yet.
            stop_server(self.server, self.child.pid, self.directory, lambda arguments: True)
            self.child.wait()
        elif self.pid is not None:
            stop_server(self.server, self.pid, self.directory, self.server.matches)
        if self.pid is not None:
            logger.info("%s, process %d, stopped", self.server.name, self.pid)
        self.pid, self.child, self.answered = None, None, False

    def _start(self) -> None:
        running = processes.find(self.server.matches, self.uid)
        if running:
            self.pid = running[0]
            logger.info("%s runs as process %d already: adopted", self.server.name, self.pid)
        else:
            self.server.prepare()
            self.child = self.server.spawn()
            self.pid = self.child.pid
            logger.info("%s started as process %d", self.server.name, self.pid)
        self.started = self.deaf_since = time.monotonic()

    def _question(self) -> None:
        complaint = self.server.complaint()
        if complaint is None:
            self.answered = True
            logger.info("%s answers", self.server.name)
        elif self.server.is_busy(complaint):
            self.deaf_since = time.monotonic()
        elif time.monotonic() - self.deaf_since > DEAF_SECONDS:
            # One left by an earlier keeper whose socket or password is gone: nobody can use it as it is.
            logger.error("%s does not answer: %s; restarting it", self.server.name, complaint)
            self.stop()

    def _has_died(self) -> None:
        logger.error("%s, process %s, ended unexpectedly", self.server.name, self.pid)
        self.pid, self.child, self.answered = None, None, False
        self.deaths = self.deaths + 1 if time.monotonic() - self.started < STEADY_SECONDS else 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self.deaths - 1, 10), LONGEST_PAUSE_SECONDS)
        self.pause_until = time.monotonic() + pause
        if self.deaths >= START_ATTEMPTS:
            raise server_error(
                self.server.name, self.directory, self.server.log, f"ended {self.deaths} times soon after its start"
            )


class Keeper:
    """The life of one keeper process, from its start to when it has stopped the servers."""

    def __init__(self, layout: Layout, linger: float, keeper_lock: int, report: Callable[[bytes], None]) -> None:
        self.layout = layout
        self.linger = linger
        self.keeper_lock = keeper_lock
        self.users = locks.open_lock(layout.users_lock)
        self.report = report
        self.reported = False
        self.stop_requested = False
        self.idle_since: float | None = None
        programs = reachable(layout.account)
        servers: tuple[Server, ...] = (Postgres(layout, programs), Valkey(layout, programs))
        self.watches = [Watch(server, layout.directory, layout.account.uid) for server in servers]

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGTERM and SIGINT: leave the loop at its next turn."""
        self.stop_requested = True

    def run(self) -> None:
        """Keep the servers until nobody uses them, a stop is requested, or they can't be started at all."""
        try:
            while not self._is_over():
                self._turn()
                time.sleep(TICK_SECONDS if self.reported else STARTING_TICK_SECONDS)
        finally:
            for watch in reversed(self.watches):
                watch.stop()

    def _turn(self) -> None:
        for watch in self.watches:
            try:
                watch.tick()
                logs.trim(watch.server.log)
            except (EmbeddedServerError, OSError):
                # The one who waits for the first answer is told. Later there is nobody to tell, and giving up helps
                # none of the users: a full disk may be emptied.
                if not self.reported:
                    raise
                logger.exception("%s is not available or its log can't be bounded; trying again", watch.server.name)
                watch.pause_until = max(watch.pause_until, time.monotonic() + TROUBLE_PAUSE_SECONDS)
        if not self.reported and all(watch.answered for watch in self.watches):
            self.report(READY)
            self.reported = True

    def _is_over(self) -> bool:
        if self.stop_requested:
            logger.info("asked to stop")
            return True
        if not locks.is_current(self.keeper_lock, self.layout.keeper_lock):
            # Whoever starts next makes a new directory, and can't see this keeper's lock.
            logger.error("the data directory %s was removed", self.layout.directory)
            return True
        return self._unused_for_long()

    def _unused_for_long(self) -> bool:
        """Tell whether nobody has used the servers for `linger` seconds; then the lock keeps new users waiting."""
        if not locks.try_exclusive(self.users):
            self.idle_since = None
            return False
        now = time.monotonic()
        if self.idle_since is None:
            self.idle_since = now
        if now - self.idle_since >= self.linger:
            logger.info("nobody has used the servers for %g s", self.linger)
            return True
        locks.release(self.users)
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line described above."""
    parser = argparse.ArgumentParser(prog="python -m abuse.embedded.keeper")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--linger", type=float, required=True)
    parser.add_argument("--lock-fd", type=int, required=True)
    options = parser.parse_args(arguments)

    reader, writer = os.pipe()
    if os.fork() != 0:
        os.close(writer)
        os.close(options.lock_fd)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        if said == READY:
            return 0
        sys.stderr.write(said.decode("utf-8", "replace"))
        return KEEPER_FAILED if said else KEEPER_KILLED
    os.close(reader)
    return _keep(options.directory, options.linger, options.lock_fd, writer)


def _keep(directory: Path, linger: float, keeper_lock: int, writer: int) -> int:
    os.set_inheritable(keeper_lock, False)
    os.ftruncate(keeper_lock, 0)
    os.pwrite(keeper_lock, f"{os.getpid()}\n".encode(), 0)

    def report(message: bytes) -> None:
        try:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(message)
        except BrokenPipeError:
            logger.info("whoever started this keeper has gone")

    keeper = None
    try:
        _detach(directory / KEEPER_LOG)
        layout = prepare(directory)
        keeper = Keeper(layout, linger, keeper_lock, report)
        signal.signal(signal.SIGTERM, keeper.request_stop)
        signal.signal(signal.SIGINT, keeper.request_stop)
        logger.info("keeper %d of %s, data in %s", os.getpid(), layout.directory, layout.home)
        logs.trim(layout.keeper_log)
        keeper.run()
        if not keeper.reported:
            report(f"The keeper of the embedded servers in {directory} was told to stop before they answered.".encode())
    except Exception as error:
        logger.exception("the keeper ends")
        if keeper is None or not keeper.reported:
            failed = f"The keeper of the embedded servers in {directory} failed: {type(error).__name__}: {error}. "
            message = str(error) if isinstance(error, EmbeddedServerError) else f"{failed}See {directory / KEEPER_LOG}."
            report(message.encode("utf-8", "replace"))
        return 1
    finally:
        # In this order: a user who was kept waiting for users.lock finds the keeper's place free.
        os.close(keeper_lock)
        if keeper is not None:
            os.close(keeper.users)
    return 0


def _detach(log: Path) -> None:
    """Leave the terminal and working directory of whoever ran the command, and write to `log`."""
    os.umask(0o077)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s")


if __name__ == "__main__":
    sys.exit(main())
