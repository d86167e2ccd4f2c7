"""The memory of this process: how much it has used, and what of it is looked through for garbage."""

from __future__ import annotations

import gc
from pathlib import Path


def peak_bytes() -> int:
    """The most memory that was resident at once since the program was started.

    From /proc, not from getrusage: its maximum is inherited from the parent over fork and exec, so that a small program
    started by a large one seems large.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM; expected a Linux kernel")


def keep_what_is_there() -> None:
    """Leave all objects that are there out of garbage collection: what a program is made of ends with it only.

    Looking through them takes 0.1 s each time, within some call or job; and in a child made by fork it writes to all of
    their pages, which are copied then.
    """
    gc.collect()
    gc.freeze()
