"""What falls due on tickets and reports."""

from __future__ import annotations

from abuse.controllers.workflow import run_due


def run_workflow() -> int:
    """Carry out every deadline that has come; how many were settled."""
    return run_due()
