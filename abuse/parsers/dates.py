"""Times as reporters write them, to aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz

import re2

# Minutes east of UTC. Zone names that mail and logs use; the ambiguous ones (IST, BST in Asia …) are left out.
_ZONES = {
    "UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "CEST": 120, "MET": 60,
    "MEST": 120, "MEZ": 60, "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180, "JST": 540, "KST": 540, "AEST": 600,
    "AEDT": 660,
    "NZST": 720, "NZDT": 780, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480,
    "PDT": -420,
}  # fmt: skip
_EPOCH = re2.compile(r"\d{9,10}(?:\.\d{1,9})?")
_OFFSET = re2.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")
_DAY_FIRST = re2.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})[ T,:]+(\d{1,2}):(\d{2})(?::(\d{2}))?\b")
_ACCESS_LOG = re2.compile(r"(\d{1,2})/([A-Za-z]{3})/(\d{4}):(\d{2}:\d{2}:\d{2})")


def parse(text: str, default: tzinfo = UTC) -> tuple[datetime | None, bool]:
    """The moment `text` names, in UTC, and whether a zone was stated; (None, False) when it cannot be read.

    Reads RFC 5322, ISO 8601, asctime, web server and dotted day-first notations and Unix epoch seconds.
    A time without zone is taken to be in `default`.
    """
    text = text.strip().strip("\"'[]<>")[:120].strip()
    if not text:
        return None, False
    try:
        return _parse(text, default)
    except (ValueError, OverflowError, TypeError, IndexError):  # a field out of range, in any of the notations
        return None, False


def _parse(text: str, default: tzinfo) -> tuple[datetime | None, bool]:
    if text[:9].isdecimal() and _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC), True
    moment = _iso(text) if text[:4].isdecimal() else _worded(text)
    if moment is None:
        return None, False
    if moment.tzinfo is not None:
        return moment.astimezone(UTC), True
    zone = _stated_zone(text)
    return moment.replace(tzinfo=zone or default).astimezone(UTC), zone is not None


def _iso(text: str) -> datetime | None:
    text = text.replace("/", "-", 2)
    for candidate in (text, text[:19], text[:16]):
        try:
            return datetime.fromisoformat(candidate.strip())
        except ValueError:
            continue
    return None


def _worded(text: str) -> datetime | None:
    numeric = _DAY_FIRST.search(text)
    if numeric:
        day, month, year, hour, minute = (int(number) for number in numeric.groups()[:5])
        return datetime(year, month, day, hour, minute, int(numeric.group(6) or 0))  # noqa: DTZ001 - the zone follows
    access_log = _ACCESS_LOG.search(text)
    if access_log:
        text = " ".join(access_log.groups())
    fields = parsedate_tz(text)
    if fields is None:
        return None
    year, month, day, hour, minute, second = fields[:6]
    return datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - the zone follows


def _stated_zone(text: str) -> tzinfo | None:
    """The zone at the end of a time: a number wins over a name, as in "+0200 (CEST)"."""
    words = text.replace("(", " ").replace(")", " ").upper().split()[1:]
    for word in reversed(words[-3:]):
        offset = _OFFSET.fullmatch(word)
        if offset:
            size = timedelta(hours=int(offset.group(2)), minutes=int(offset.group(3) or 0))
            return timezone(-size if offset.group(1) == "-" else size)
    for word in reversed(words[-3:]):
        if word in _ZONES:
            return timezone(timedelta(minutes=_ZONES[word]))
    return None
