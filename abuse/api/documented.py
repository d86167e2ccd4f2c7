"""The OpenAPI document in the shape that a page shows: calls with their parameters, bodies, answers and rights."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Json = Mapping[str, Any]
MAX_DEPTH = 5
"""Objects within objects that are shown; what lies deeper is in the OpenAPI document."""
_BOUNDS = {
    "minimum": "from", "maximum": "to", "exclusiveMinimum": "above", "exclusiveMaximum": "below",
    "minLength": "characters from", "maxLength": "characters up to", "minItems": "entries from",
    "maxItems": "entries up to", "maxProperties": "keys up to", "pattern": "as",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body or an answer. `name`: the way to it, such as `tags[].name`."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Content:
    """A body: its media type, its fields, and an example."""

    media_type: str
    kind: str
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    kind: str
    required: bool
    description: str
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Response:
    status: str
    phrase: str
    description: str
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A call. `right` and `scope`: what it needs; `roles`: who may make it from the start."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    right: str
    scope: str
    roles: tuple[str, ...]
    is_public: bool
    parameters: tuple[Parameter, ...]
    bodies: tuple[Content, ...]
    responses: tuple[Response, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Group:
    """The calls of one page."""

    slug: str
    name: str
    operations: tuple[Operation, ...]


def groups_of(document: Json) -> tuple[Group, ...]:
    """All calls, by the groups in the document's order."""
    operations: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            operations[operation["tags"][0]].append(_Reader(document).operation(path, method, operation))
    return tuple(
        Group(name.lower().replace(" ", "-"), name, tuple(calls)) for name, calls in operations.items() if calls
    )


class _Reader:
    def __init__(self, document: Json) -> None:
        self._document = document

    def operation(self, path: str, method: str, operation: Json) -> Operation:
        bodies = self._contents(operation.get("requestBody", {}).get("content", {}))
        is_public = operation.get("security") == []
        return Operation(
            anchor=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            right=operation.get("x-right", ""),
            scope=operation.get("x-scope", ""),
            roles=tuple(operation.get("x-roles", ())),
            is_public=is_public,
            parameters=tuple(self._parameter(one) for one in operation["parameters"]),
            bodies=bodies,
            responses=tuple(self._response(*one) for one in sorted(operation["responses"].items())),
            command=_command(path, method, bodies, is_public=is_public),
        )

    def _parameter(self, parameter: Json) -> Parameter:
        content = parameter.get("content", {}).get("application/json", {})
        schema = parameter.get("schema") or content["schema"]
        return Parameter(
            name=parameter["name"],
            place=parameter["in"],
            kind="JSON" if content else self._kind(schema),
            required=parameter.get("required", False),
            description=parameter.get("description") or schema.get("description", ""),
            fields=tuple(self._fields(schema)) if content else (),
            example=_as_text(content["example"]) if "example" in content else "",
        )

    def _response(self, status: str, response: Json) -> Response:
        phrase = HTTPStatus(int(status)).phrase if status.isdecimal() else ""
        return Response(status, phrase, response["description"], self._contents(response.get("content", {})))

    def _contents(self, contents: Json) -> tuple[Content, ...]:
        return tuple(
            Content(
                media_type,
                self._kind(content.get("schema", {})),
                tuple(self._fields(content.get("schema", {}))),
                _as_text(content["example"]) if "example" in content else "",
            )
            for media_type, content in contents.items()
        )

    def _resolved(self, schema: Json) -> Json:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        target: Json = self._document["components"]["schemas"][reference.rpartition("/")[2]]
        return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}

    def _fields(
        self, schema: Json, prefix: str = "", depth: int = 0, seen: frozenset[str] = frozenset()
    ) -> Iterator[Field]:
        """The fields of an object, of those in it, and of those in its lists. A model within itself is shown once."""
        reference = schema.get("$ref", "")
        if depth > MAX_DEPTH or (reference and reference in seen):
            return
        seen |= {reference}
        schema = self._resolved(schema)
        for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
            yield from self._fields(one, prefix, depth, seen)
        if "items" in schema:
            yield from self._fields(schema["items"], f"{prefix}[]", depth + 1, seen)
        required = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            way = f"{prefix}.{name}" if prefix else name
            described = inner.get("description") or self._resolved(inner).get("description", "")
            yield Field(way, self._kind(inner), name in required, described)
            yield from self._fields(inner, way, depth + 1, seen)
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            yield from self._fields(additional, f"{prefix}.*" if prefix else "*", depth + 1, seen)

    def _kind(self, schema: Json) -> str:
        """The type of a value in words, such as `array of TagAnswer or null`."""
        if "$ref" in schema:
            name: str = schema["$ref"].rpartition("/")[2]
            target = self._resolved(schema)
            return name if "properties" in target else self._kind(target)
        alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
        if alternatives:
            return " or ".join(dict.fromkeys(self._kind(one) for one in alternatives))
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " or ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
        kinds = schema.get("type", "any")
        text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
        if "items" in schema:
            text += f" of {self._kind(schema['items'])}"
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            text += f" of {self._kind(additional)}"
        bounds = [f"{words} {schema[key]}" for key, words in _BOUNDS.items() if key in schema]
        return f"{text} ({', '.join(bounds)})" if bounds else text


def _as_text(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def _command(path: str, method: str, bodies: tuple[Content, ...], *, is_public: bool) -> str:
    """The call as one would type it."""
    parts = ["curl"]
    if method != "get":
        parts += ["-X", method.upper()]
    if not is_public:
        parts += ["-H", '"X-Api-Token: $TOKEN"']
    json_body = next((one for one in bodies if one.media_type == "application/json"), None)
    if json_body is not None and json_body.example:
        compact = json.dumps(json.loads(json_body.example), ensure_ascii=False)
        parts += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(compact)]
    return " ".join([*parts, f'"$DESK{path}"'])
