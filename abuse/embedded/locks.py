"""The kernel's file locks that tell who uses the servers and who keeps them.

The kernel drops a lock when the last process that holds it dies, however hard. So a lock can't be left behind.

`users.lock` is held shared by every process that uses the servers, and exclusively by the keeper while it stops them.
`keeper.lock` is held exclusively by the keeper, and contains its process id.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

RETRY_SECONDS = 0.02

_registered: dict[Path, int] = {}


def open_lock(path: Path) -> int:
    """Open the lock file `path`, made if needed. The descriptor is closed in programs that the process starts."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_exclusive(descriptor: int) -> bool:
    """Take the exclusive lock if it is free now."""
    return _try(descriptor, fcntl.LOCK_EX)


def try_shared(descriptor: int) -> bool:
    """Take the shared lock if nobody holds the exclusive one now."""
    return _try(descriptor, fcntl.LOCK_SH)


def release(descriptor: int) -> None:
    """Give the lock back and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def open_exclusive(path: Path) -> int | None:
    """Open `path` and take its exclusive lock if it is free now: the descriptor, or None."""
    descriptor = open_lock(path)
    try:
        if try_exclusive(descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of `path`; waits for it. For work of a moment."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def register_user(path: Path, deadline: float) -> bool:
    """Hold the shared lock of `path` until this process ends or `unregister_user` is called.

    Children made by fork share it; programs started by exec do not. Waits for a keeper that is just stopping the
    servers, until `deadline` of the monotonic clock.

    :returns: whether the process was not registered before.
    :raises TimeoutError: when the lock is not to be had by then.
    """
    if path in _registered:
        # The directory may have been removed and made anew since: then the lock held is of a file nobody looks at.
        if is_current(_registered[path], path):
            return False
        os.close(_registered.pop(path))
    descriptor = open_lock(path)
    try:
        while not try_shared(descriptor):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{path} stayed locked")
            time.sleep(RETRY_SECONDS)
    except BaseException:
        os.close(descriptor)
        raise
    _registered[path] = descriptor
    return True


def unregister_user(path: Path) -> None:
    """Stop being a user, if this process is one."""
    descriptor = _registered.pop(path, None)
    if descriptor is not None:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Tell whether `path` still names the file that `descriptor` has open."""
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
