"""The settings: one YAML file, checked in full, then frozen."""

from .loader import PROJECT_ROOT, SettingsError, current, load
from .schema import SERVICE_NAMES, Implementation, Listener, Mailbox, Settings

__all__ = [
    "PROJECT_ROOT",
    "SERVICE_NAMES",
    "Implementation",
    "Listener",
    "Mailbox",
    "Settings",
    "SettingsError",
    "current",
    "load",
]
