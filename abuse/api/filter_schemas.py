"""The `filters` of each list as JSON Schema: its own fields, and for each the values that it can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .conditions import ID_AS_TEXT, MAX_ID, Condition, Kind
from .filters import MAX_CLAUSES, MAX_TEXT, MAX_VALUES, SCALAR, STORABLE
from .listing import Listing

_Schema = dict[str, Any]
_TEXT: _Schema = {
    "anyOf": [{"type": "string", "maxLength": MAX_TEXT, "pattern": STORABLE}, {"type": "integer"}],
}
_IN: Mapping[Kind, _Schema] = {
    Kind.TEXT: _TEXT,
    Kind.WORDS: _TEXT,
    Kind.FLAG: {"enum": [True, False, 0, 1]},
    Kind.ID: {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_ID},
            {"type": "string", "pattern": f"^{ID_AS_TEXT}$"},
        ]
    },
    Kind.ADDRESS: {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]},
}
_LIKE: Mapping[Kind, _Schema] = {Kind.TEXT: _TEXT, Kind.WORDS: _TEXT, Kind.ADDRESS: _TEXT, Kind.ID: SCALAR}


def filters_of(listings: Sequence[Listing[Any]], passes_over: frozenset[str], general: _Schema) -> _Schema:
    """What may be asked of a list, or of several at once.

    :param passes_over: the parts that change nothing: anything may be in them.
    :param general: the schema for any list.
    """
    properties = dict(general["properties"])
    if "sortBy" not in passes_over:
        names = {name for one in listings for name in one.sorts}
        direction = {"enum": [1, -1]}
        properties["sortBy"] = {
            "type": "object",
            "maxProperties": 10,
            "additionalProperties": False,
            "properties": dict.fromkeys(sorted(names), direction),
        }
    if "queryFields" not in passes_over:
        fields = sorted({name for one in listings for name in one.fields})
        array = {"type": "array", "maxItems": 100, "items": {"enum": fields}}
        properties["queryFields"] = {"anyOf": [array, {"type": "null"}]}
    conditions: dict[str, list[Condition]] = {}
    for one in listings:
        for name, columns in one.conditions.items():
            conditions.setdefault(name, []).extend(columns)
    properties["where"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "in": _clauses({name: _values(columns) for name, columns in conditions.items()}),
            "like": _clauses(
                {
                    name: {**_array(_all(_LIKE[column.kind] for column in columns)), "minItems": 1}
                    for name, columns in conditions.items()
                    if not any(column.kind is Kind.FLAG for column in columns)
                }
            ),
        },
    }
    return {**general, "properties": properties}


def _values(columns: Iterable[Condition]) -> _Schema:
    return _array(
        _all({"anyOf": [_IN[one.kind], {"type": "null"}]} if one.nullable else _IN[one.kind] for one in columns)
    )


def _array(items: _Schema) -> _Schema:
    return {"type": "array", "maxItems": MAX_VALUES, "items": items}


def _all(schemas: Iterable[_Schema]) -> _Schema:
    """Several columns under one name: a value has to make sense for each."""
    different: list[_Schema] = []
    for schema in schemas:
        if schema not in different:
            different.append(schema)
    return different[0] if len(different) == 1 else {"allOf": different}


def _clauses(properties: Mapping[str, _Schema]) -> _Schema:
    clause = {"type": "object", "additionalProperties": False, "properties": dict(sorted(properties.items()))}
    return {"type": "array", "maxItems": MAX_CLAUSES, "items": clause}
