"""The zone that a template gives to times without one."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import re2

_OFFSET = re2.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")


def parse(text: str) -> tzinfo:
    """ "Europe/Paris", "UTC", "+02:00" or "UTC-5" as a zone.

    :raises ValueError: when it is none of these.
    """
    offset = _OFFSET.fullmatch(text.strip())
    if offset:
        size = timedelta(hours=int(offset.group(2)), minutes=int(offset.group(3) or 0))
        if size <= timedelta(hours=14):
            return timezone(-size if offset.group(1) == "-" else size)
    elif text.strip() == "UTC":
        return UTC
    else:
        try:
            return ZoneInfo(text.strip())
        except (KeyError, ValueError, OSError):
            pass  # the one error below names all that is allowed
    raise ValueError("expected a zone name such as Europe/Paris, or an offset such as +02:00")
