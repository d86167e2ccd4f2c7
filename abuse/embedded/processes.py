"""Finding, starting and ending server processes.

A process is known by its command line, never by a recorded process id alone: after a crash or a reboot that id may be
another program's. Signals go through a process descriptor, so they can't reach a process that took the id in between.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .account import Account

CommandLine = tuple[str, ...]
Matcher = Callable[[CommandLine], bool]
Stages = Sequence[tuple[signal.Signals, float]]


def command_line(pid: int) -> CommandLine:
    """Return the arguments of a running process; empty for one that has ended, is not there, or can't be seen."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ()
    return tuple(os.fsdecode(raw.removesuffix(b"\0")).split("\0")) if raw else ()


def find(matches: Matcher, uid: int) -> list[int]:
    """Return the ids of the running processes of user `uid` whose command line matches, lowest first.

    Their children are left out: a fork has its parent's command line until it takes a title of its own.
    """
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid != uid:
                continue
        except FileNotFoundError:
            continue  # ended while we looked
        pid = int(entry.name)
        if matches(command_line(pid)):
            parents[pid] = _parent(pid)
    return sorted(pid for pid, parent in parents.items() if parent not in parents)


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # "pid (name) state parent ...", where the name may contain anything.
    return int(text.rpartition(")")[2].split()[1])


def environment() -> dict[str, str]:
    """Return what servers get of the environment: nothing that changes how they or libpq behave (PGDATA, LC_*, TZ)."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def spawn(
    arguments: Sequence[str], account: Account, log: Path, *, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program under `account`, in a session of its own, with its output appended to `log`.

    :raises OSError: when it can't be started.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            list(arguments),
            stdin=stdin,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            env=environment(),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account.switched else None,
            group=account.gid if account.switched else None,
            extra_groups=[] if account.switched else None,
        )
    finally:
        os.close(descriptor)


def run(arguments: Sequence[str], account: Account, log: Path, *, text: str, timeout: float) -> int:
    """Run a program under `account` to its end with `text` as its input and return its exit status.

    :param timeout: seconds after which it is killed.
    :raises subprocess.TimeoutExpired: when it was killed so.
    """
    with spawn(arguments, account, log, stdin=subprocess.PIPE) as process:
        try:
            process.communicate(text.encode(), timeout=timeout)
        except BaseException:
            process.kill()
            raise
        return process.returncode


def signal_process(pid: int, matches: Matcher, stages: Stages) -> bool:
    """End the process `pid` if its command line matches, and wait for it.

    :param stages: signals in order, each with the seconds to wait for the end before the next.
    :returns: whether there was such a process.
    :raises TimeoutError: when it outlives the last stage.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not matches(command_line(pid)):
            return False
        for number, seconds in stages:
            try:
                signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                return True
            if _ended(descriptor, seconds):
                return True
    finally:
        os.close(descriptor)
    raise TimeoutError(f"process {pid} did not end after {', '.join(number.name for number, _ in stages)}")


def kill_all(matches: Matcher, uid: int, seconds: float) -> int:
    """Kill every matching process of user `uid`, those that appear meanwhile too, and return how many there were.

    :raises TimeoutError: when there still are some after `seconds`.
    """
    count = 0
    deadline = time.monotonic() + seconds
    while pids := find(matches, uid):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"processes {pids} did not end after SIGKILL")
        for pid in pids:
            count += signal_process(pid, matches, [(signal.SIGKILL, seconds)])
    return count


def _ended(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def read_pid(path: Path) -> int | None:
    """Return the process id that the first line of `path` gives, or None."""
    try:
        with path.open("rb") as file:
            text = file.readline(32).strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and int(text) > 0 else None
