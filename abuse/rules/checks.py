"""What the arguments of variables and actions must be beside their type, told when a rule is written."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import re2

from abuse.config import current
from abuse.services.email.addresses import is_address

MOMENT_FORMAT = "%Y-%m-%d %H:%M"
MAX_PATTERN = 1_000
_PATTERN_MEMORY = 1 << 20


def moment(text: object) -> datetime:
    """A moment written `YYYY-MM-DD HH:MM`, in the time zone of the settings.

    :raises ValueError: when it is none.
    """
    try:
        naive = datetime.strptime(str(text), MOMENT_FORMAT)  # noqa: DTZ007 the zone is added below
    except ValueError:
        raise ValueError(f"expected a moment such as 2026-01-31 18:00, got {text!r}") from None
    return naive.replace(tzinfo=ZoneInfo(current().DJANGO.TIME_ZONE))


def check_moment(value: object) -> None:
    moment(value)


def compiled_pattern(pattern: str, *, multiline: bool = False, ignore_case: bool = True) -> re2._Regexp:
    """A regular expression of RE2: linear in the text, whatever a sender writes. The dot takes line ends.

    `multiline`: ^ and $ match at each line.
    :raises ValueError: with the reason, when it is none.
    """
    if not 1 <= len(pattern) <= MAX_PATTERN:
        raise ValueError(f"expected a regular expression of 1 to {MAX_PATTERN} characters, got {len(pattern)}")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    flags = "s" + ("i" if ignore_case else "") + ("m" if multiline else "")
    try:
        return re2.compile(f"(?{flags}){pattern}", options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(error)
        raise ValueError(f"not a regular expression of RE2: {shown}") from None


def check_pattern(value: object) -> None:
    compiled_pattern(str(value))


def check_address(value: object) -> None:
    if not is_address(str(value)):
        raise ValueError(f"expected an e-mail address, got {value!r}")


def check_at_least_zero(value: object) -> None:
    if isinstance(value, int | float) and value < 0:
        raise ValueError(f"expected a number of 0 or more, got {value}")


def check_days(value: object) -> None:
    if isinstance(value, int | float) and not 0 <= value <= 3650:
        raise ValueError(f"expected days from 0 to 3650, got {value}")


def check_seconds(value: object) -> None:
    if isinstance(value, int | float) and not 0 <= value <= 10_000_000:
        raise ValueError(f"expected seconds from 0 to 10000000, got {value}")
