"""How much memory this process has used."""

from __future__ import annotations

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
