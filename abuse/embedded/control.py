"""Starting, stopping and looking at the servers of a data directory."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import locks, processes
from .addresses import EmbeddedStatus, ServerAddresses, ServerStatus
from .binaries import installed
from .errors import EmbeddedServerError, log_tail, server_error
from .paths import Layout, locate, prepare
from .postgres import Postgres
from .processes import CommandLine
from .server import KEEPER_FAILED, Server, stop_server
from .valkey import Valkey

POLL_SECONDS = 0.05
KEEPER_MODULE = "abuse.embedded.keeper"

_one_at_a_time = threading.Lock()


def start(directory: Path, *, timeout: float = 60, linger: float = 20) -> ServerAddresses:
    """Make sure that both servers of `directory` run and answer, and register this process as their user until it ends.

    Safe to call again, from any thread and from any number of processes at once; cheap when the servers run.

    :param directory: the data directory, made if needed. It belongs to the caller and is closed to others.
    :param timeout: seconds until the servers must answer. A recovery after a crash that takes longer goes on.
    :param linger: seconds for which the servers stay when nobody uses them any more; the first starter's counts.
    :returns: where the servers are reached.
    :raises EmbeddedServerError: when they can't be had.
    """
    deadline = time.monotonic() + timeout
    with _one_at_a_time:
        layout = prepare(directory)
        try:
            is_new = locks.register_user(layout.users_lock, deadline)
        except TimeoutError as error:
            raise _keeper_error(layout, f"did not finish stopping the servers within {timeout:g} s") from error
        try:
            return _answering(layout, timeout, deadline, linger)
        except BaseException:
            if is_new:
                locks.unregister_user(layout.users_lock)
            raise


def stop(directory: Path, *, timeout: float = 120) -> bool:
    """Stop both servers of `directory` cleanly now, whoever uses them, and end this process's registration.

    :param timeout: seconds to wait for it.
    :returns: whether something ran.
    :raises EmbeddedServerError: when they do not stop.
    """
    deadline = time.monotonic() + timeout
    layout = locate(directory)
    if layout is None:
        return False
    locks.unregister_user(layout.users_lock)
    stopped_keeper: int | None = None
    while True:
        lock = locks.open_exclusive(layout.keeper_lock)
        if lock is not None:
            try:
                left = _stop_left_over(layout)
            finally:
                os.close(lock)
            return left or stopped_keeper is not None
        pid = _keeper_pid(layout)
        if pid is not None:
            if stopped_keeper not in (None, pid):
                return True  # another process has started the servers again since
            _stop_keeper(layout, pid, max(0.0, deadline - time.monotonic()))
            stopped_keeper = pid
        if time.monotonic() >= deadline:
            raise _keeper_error(layout, f"did not end within {timeout:g} s")
        time.sleep(POLL_SECONDS)


def remove(directory: Path, *, timeout: float = 120) -> bool:
    """Stop both servers of `directory` and delete it with all their data, wherever that is. There is no way back.

    :returns: whether there was such a directory.
    :raises EmbeddedServerError: when the servers do not stop; then nothing is deleted.
    """
    layout = locate(directory)
    if layout is None:
        return False
    stop(directory, timeout=timeout)
    if layout.sockets.exists():
        shutil.rmtree(layout.sockets)
    if layout.home != layout.directory:
        shutil.rmtree(layout.home)
    shutil.rmtree(layout.directory)
    return True


def status(directory: Path) -> EmbeddedStatus | None:
    """Look at the servers of `directory` and change nothing. None when there is no data of theirs.

    :raises EmbeddedServerError: when what is there can't be trusted.
    """
    layout = locate(directory)
    if layout is None:
        return None
    postgres, valkey = _servers(layout)
    users = locks.open_lock(layout.users_lock)
    try:
        in_use = not locks.try_exclusive(users)
    finally:
        os.close(users)
    return EmbeddedStatus(
        directory=layout.directory,
        home=layout.home,
        keeper_pid=_keeper_pid(layout),
        in_use=in_use,
        postgres=_server_status(postgres, layout),
        valkey=_server_status(valkey, layout),
    )


def _servers(layout: Layout) -> tuple[Postgres, Valkey]:
    programs = installed()
    return Postgres(layout, programs), Valkey(layout, programs)


def _answering(layout: Layout, timeout: float, deadline: float, linger: float) -> ServerAddresses:
    postgres, valkey = _servers(layout)
    while True:
        # Also when the servers answer: they may have lost their keeper.
        lock = locks.open_exclusive(layout.keeper_lock)
        if lock is not None:
            _launch_keeper(layout, lock, linger, timeout, deadline)
        server: Server = postgres
        complaint = postgres.complaint()
        if complaint is None:
            server, complaint = valkey, valkey.complaint()
        if complaint is None:
            return ServerAddresses(postgres=postgres.address, valkey=valkey.address)
        if time.monotonic() >= deadline:
            raise server_error(
                server.name, layout.directory, server.log, f"does not answer within {timeout:g} s: {complaint}"
            )
        time.sleep(POLL_SECONDS)


def _launch_keeper(layout: Layout, lock: int, linger: float, timeout: float, deadline: float) -> None:
    """Start a keeper, to which the locked descriptor `lock` goes over, and wait until its servers answer."""
    package_root = str(Path(__file__).resolve().parents[2])
    python_path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    arguments = [sys.executable, "-m", KEEPER_MODULE, str(layout.directory), "--linger", str(linger)]
    arguments += ["--lock-fd", str(lock)]
    try:
        launched = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(lock,),
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": python_path},
        )
    except OSError as error:
        raise _keeper_error(layout, f"can't be started: {error}") from error
    finally:
        # From here on the lock is the keeper's alone: it is free as soon as the keeper is dead.
        os.close(lock)
    with launched:
        try:
            message = launched.communicate(timeout=max(0.0, deadline - time.monotonic()))[1]
        except subprocess.TimeoutExpired as error:
            launched.kill()  # only the command that waits: the keeper goes on
            raise _keeper_error(layout, f"did not get the servers to answer within {timeout:g} s") from error
        except BaseException:
            launched.kill()
            raise
    if launched.returncode == KEEPER_FAILED:
        raise EmbeddedServerError(message.decode("utf-8", "replace").strip())
    # With any other status it was killed meanwhile, or it did its work: the caller sees.


def _keeper_error(layout: Layout, reason: str) -> EmbeddedServerError:
    sentence = f"The keeper of the embedded servers in {layout.directory} {reason}."
    tails = (
        f"{log} ends with:\n{log_tail(log)}"
        for log in (layout.keeper_log, layout.postgres_log, layout.valkey_log)
        if log_tail(log)
    )
    return EmbeddedServerError("\n".join((sentence, *tails)))


def _is_keeper(layout: Layout, arguments: CommandLine) -> bool:
    return KEEPER_MODULE in arguments and str(layout.directory) in arguments


def _keeper_pid(layout: Layout) -> int | None:
    pid = processes.read_pid(layout.keeper_lock)
    return pid if pid is not None and _is_keeper(layout, processes.command_line(pid)) else None


def _stop_keeper(layout: Layout, pid: int, seconds: float) -> None:
    try:
        processes.signal_process(
            pid, lambda arguments: _is_keeper(layout, arguments), [(signal.SIGTERM, math.ceil(seconds))]
        )
    except TimeoutError as error:
        raise _keeper_error(layout, f"did not stop the servers: {error}") from error


def _stop_left_over(layout: Layout) -> bool:
    """Stop servers that run without a keeper. The caller holds the keeper's lock."""
    stopped = False
    for server in _servers(layout):
        for pid in processes.find(server.matches, layout.account.uid):
            stopped |= stop_server(server, pid, layout.directory, server.matches)
    return stopped


def _server_status(server: Server, layout: Layout) -> ServerStatus:
    found = processes.find(server.matches, layout.account.uid)
    complaint = server.complaint() if found else "it does not run"
    return ServerStatus(name=server.name, pid=found[0] if found else None, complaint=complaint, log=server.log)
