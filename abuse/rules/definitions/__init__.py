"""The rules that a new desk starts with: one YAML file each, in the form that `add-rule` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class ShippedRule:
    """A rule file: its text, and what stands in it."""

    name: str
    rules_type: str
    order_id: int
    config: dict[str, Any]
    text: str


@cache
def shipped_documents() -> Sequence[ShippedRule]:
    """All rule files of this folder."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*/*.yml")):
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        found.append(
            ShippedRule(document["name"], document["rulesType"], document["orderId"], document["config"], text)
        )
    return tuple(found)
