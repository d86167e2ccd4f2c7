"""Bounding the servers' log files, so that they never fill the disk."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT_BYTES = 10_000_000
KEPT_BYTES = 1_000_000


def trim(log: Path, *, limit: int = LIMIT_BYTES, kept: int = KEPT_BYTES) -> bool:
    """Empty `log` when it has grown beyond `limit` bytes; its last `kept` bytes stay in the file with `.1` added.

    The writers append (O_APPEND) and go on at the new end. Lines written in the same moment may be lost.

    :returns: whether it was emptied.
    """
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    with log.open("r+b") as file:
        file.seek(-kept, os.SEEK_END)
        end = file.read(kept)
        log.with_name(log.name + ".1").write_bytes(end)
        file.truncate(0)
    return True
