"""Reading JSON that others wrote, by RFC 8259 and no more."""

from __future__ import annotations

import json
from typing import Any, NoReturn

_EXACT = 2**53
"""Beyond it a float does not say which whole number it is."""


def read_json(text: str | bytes) -> Any:
    """What a JSON text says. A number without a fraction is a whole number, however it is written, as in JSON Schema.

    :raises ValueError: when it is no JSON, NaN and Infinity among it, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
