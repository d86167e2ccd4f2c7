"""Questions to reporters."""

from __future__ import annotations

from abuse.config import current
from abuse.pipeline import waiting


def go_on(report_id: int) -> str:
    """Go on with a report whose reporter was asked for data: he answered, or did not in time."""
    return waiting.go_on(report_id, current())
