"""Asking the work in hand to come to an end soon: long work looks here between two units of it."""

from __future__ import annotations

_asked = False


def ask_to_stop() -> None:
    """End the work of this process at its next opportunity. Safe in a signal handler."""
    global _asked
    _asked = True


def is_asked_to_stop() -> bool:
    """Whether this process was asked to end its work."""
    return _asked
