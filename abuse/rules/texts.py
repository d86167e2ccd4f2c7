"""Rule documents as text: read strictly, and changed in one place with every other byte left as it was written."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

MAX_TEXT = 1_000_000
"""Characters of one rule."""


class RuleTextError(yaml.YAMLError, ValueError):
    """A text is no rule document: no YAML, or too long. The text of the error says where and why."""


class _StrictLoader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice is an error, where YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_text(text: str) -> Any:
    """The document of a YAML or JSON text.

    :raises RuleTextError: with the line, when it is none.
    """
    if len(text) > MAX_TEXT:
        raise RuleTextError(f"{len(text)} characters; expected one rule of at most {MAX_TEXT}")
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleTextError(" ".join(str(error).split())[:500]) from None


def write_text(document: Mapping[str, Any]) -> str:
    """A document as YAML, for one that was made by a program."""
    text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
    if yaml.safe_load(text) == document:
        return text
    # Rare line separators of Unicode do not come back unless they are written as escapes.
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=False, width=110)


def with_value(text: str, key: str, value: bool | int | str) -> str:
    """The text with another value for one key of the document; every other byte is as it was.

    :raises RuleTextError: when the text is no document.
    """
    document = read_text(text)
    if not isinstance(document, Mapping):
        raise RuleTextError("expected a rule, an object with a name")
    if document.get(key) == value and type(document.get(key)) is type(value):
        return text
    edited = _replaced(text, key, json.dumps(value))
    expected = {**document, key: value}
    try:
        is_as_meant = read_text(edited) == expected
    except RuleTextError:
        is_as_meant = False
    # An exotic text (an anchor on the value, a tag) is written anew rather than wrongly.
    return edited if is_as_meant else write_text(expected)


def _replaced(text: str, key: str, value: str) -> str:
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return text
    for name, node in root.value:
        if name.value == key:
            return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    if root.flow_style:
        start = root.start_mark.index + 1
        return f"{text[:start]}{json.dumps(key)}: {value}, {text[start:]}"
    return f"{text.rstrip(chr(10))}\n{key}: {value}\n"


def wrapped(config: Mapping[str, Any], *, name: str, rules_type: str, order_id: int) -> str:
    """The text of a whole rule around bare `{conditions, actions}`, the document of venmo's business-rules."""
    document = {"name": name, "rulesType": rules_type, "orderId": order_id, "config": dict(config)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def is_bare(document: object) -> bool:
    """Whether a document is bare `{conditions, actions}`, without name, type and order."""
    return isinstance(document, Mapping) and {"conditions", "actions"} <= set(document) and "config" not in document
