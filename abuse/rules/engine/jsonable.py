"""A bounded JSON form of any value, for traces: a fact may be a whole hostile mail, its trace must stay small."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from itertools import islice

_TYPE_NAMES = {bool: "boolean", int: "number", float: "number", Decimal: "number", str: "text", type(None): "null"}

Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]

_LARGEST_FLOAT = 10**15
"""Beyond it a number is shown as text: whole numbers of JSON readers are exact up to 2**53 only."""

MAX_TEXT = 500
"""Characters kept of a text."""
MAX_ELEMENTS = 20
"""Elements kept of a list, keys kept of an object."""
MAX_DEPTH = 5
"""Lists and objects kept within each other."""


def bounded(value: object, depth: int = 0) -> Json:
    """Return `value` as JSON, cut to MAX_TEXT, MAX_ELEMENTS and MAX_DEPTH with a mark where something was cut.

    Decimals become numbers, sets become sorted lists; an object that is no JSON is named by its class only, because
    its `repr` may cost a query or raise.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + f"… ({len(value) - MAX_TEXT} more characters)"
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else f"<integer of {value.bit_length()} bits>"
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        if depth >= MAX_DEPTH:
            return "…"
        if isinstance(value, Mapping):
            return _mapping(value, depth)
        kept: list[Json] = [bounded(element, depth + 1) for element in islice(value, MAX_ELEMENTS)]
        if isinstance(value, (set, frozenset)):
            kept.sort(key=str)
        if len(value) > MAX_ELEMENTS:
            kept.append(f"… ({len(value) - MAX_ELEMENTS} more)")
        return kept
    return f"<{type(value).__name__}>"


def _mapping(value: Mapping[object, object], depth: int) -> Json:
    kept: dict[str, Json] = {}
    for key, element in islice(value.items(), MAX_ELEMENTS):
        kept[str(bounded(key, depth + 1))] = bounded(element, depth + 1)
    if len(value) > MAX_ELEMENTS:
        kept["…"] = f"{len(value) - MAX_ELEMENTS} more"
    return kept


def _number(value: float | Decimal) -> Json:
    if not is_finite(value) or not -_LARGEST_FLOAT < value < _LARGEST_FLOAT:
        return str(value)[:MAX_TEXT]
    return int(value) if value == int(value) else float(value)


def is_finite(value: int | float | Decimal) -> bool:
    """True for any number but an infinity or a NaN; unlike math.isfinite it takes integers and decimals of any size."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or math.isfinite(value)


def show(value: object) -> str:
    """Return `value` for an error message, short and with its JSON type: `'abc' (text)`, `true (boolean)`."""
    name = _TYPE_NAMES.get(type(value))
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"{str(value).lower()} (boolean)"
    if isinstance(value, str):
        return f"{quote(value)} (text)"
    if name is not None:
        return f"{bounded(value)} ({name})"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a {type(value).__name__}"


def quote(text: object) -> str:
    """Return a name from a document quoted and cut to 60 characters."""
    if not isinstance(text, str):
        return show(text)
    return repr(text if len(text) <= 60 else text[:60] + "…")
