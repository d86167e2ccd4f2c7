"""Links in the OpenAPI document: from the answer that names a thing to the calls that are about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PARAMETER = re.compile(r"{(\w+)}")
_KEYS = ("email", "name")
"""Path parameters that are keys themselves; those that end with `_id` are the `id` of the answer."""


def add(document: Any) -> None:
    """Link what makes or lists things to what shows, changes and takes away one of them."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answer = operation["responses"].get("200", {}).get("content", {}).get("application/json")
            if answer is None or method not in {"get", "post"}:
                continue
            found = {
                target["operationId"]: link
                for target_path, target in _about_one(document, path)
                if (link := _link(document, path, target_path, target, answer["schema"])) is not None
            }
            if found:
                operation["responses"]["200"]["links"] = found


def _about_one(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The calls below a collection that are about one thing in it."""
    for target_path, item in document["paths"].items():
        rest = target_path.removeprefix(f"{path}/")
        if rest != target_path and re.fullmatch(r"{\w+}(/\w+)*", rest):
            for target in item.values():
                yield target_path, target


def _link(document: Any, path: str, target_path: str, target: Any, schema: Any) -> dict[str, Any] | None:
    shared = _PARAMETER.findall(path)
    own = _PARAMETER.findall(target_path)[len(shared)]
    field = "id" if own.endswith("_id") else own
    if field != "id" and field not in _KEYS:
        return None
    place = _place(document, schema, field)
    if place is None:
        return None
    parameters = {name: f"$request.path.{name}" for name in shared}
    return {"operationId": target["operationId"], "parameters": {**parameters, own: f"$response.body#/{place}"}}


def _place(document: Any, schema: Any, field: str) -> str | None:
    """Where the field is in an answer: of it, of the first row, or of the first row of its only list."""
    resolved = _resolved(document, schema)
    if resolved.get("type") == "array":
        return f"0/{field}" if field in _resolved(document, resolved["items"]).get("properties", {}) else None
    properties = resolved.get("properties", {})
    if field in properties:
        return field
    lists = [name for name, one in properties.items() if one.get("type") == "array"]
    if len(lists) == 1 and field in _resolved(document, properties[lists[0]]["items"]).get("properties", {}):
        return f"{lists[0]}/0/{field}"
    return None


def _resolved(document: Any, schema: Any) -> Any:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document["components"]["schemas"][name] if name else schema
