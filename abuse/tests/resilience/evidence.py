"""What a hostile job tries to reach: it leaves a file when it is imported, and when it is called."""

from __future__ import annotations

import os
from pathlib import Path


def leave(*args: object, **kwargs: object) -> None:
    """Leave the evidence."""
    Path(os.environ["CERBERUS_TEST_EVIDENCE"]).touch()


if "CERBERUS_TEST_EVIDENCE" in os.environ:
    leave()
