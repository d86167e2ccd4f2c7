"""Children that do not outlive their parent, however it dies (Linux: prctl(2), PR_SET_PDEATHSIG)."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_parent: int | None = None


def let_forks_die_with_us() -> None:
    """Have Linux kill every process that this one forks from now on as soon as this one is dead.

    Their own children are their own affair, and so are programs that are started rather than forked.
    """
    global _parent
    if _parent is None:
        _parent = os.getpid()
        os.register_at_fork(after_in_child=_die_with_parent)


def _die_with_parent() -> None:
    global _parent
    parent, _parent = _parent, None
    if parent is None:
        return
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it was dead before we could ask
        os._exit(1)
