"""Rules in the database: adding, and reading the active ones ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from django.db import transaction
from django.utils import timezone

from abuse.models import BusinessRules

from .catalogues import all_catalogues, catalogue
from .engine.document import parse_rule
from .engine.tree import Rule


class StoredRule:
    """A rule ready to run, with the row it came from."""

    __slots__ = ("pk", "rule", "version")

    def __init__(self, row: BusinessRules) -> None:
        self.pk = row.pk
        self.version = row.version
        self.rule: Rule = parse_rule(
            {
                "name": row.name,
                "rulesType": row.rules_type,
                "orderId": row.order_id,
                "isActive": row.is_active,
                "config": row.config,
            },
            catalogue(row.rules_type),
        )


_compiled: dict[int, StoredRule] = {}


def active_rules(rules_type: str) -> Sequence[StoredRule]:
    """The active rules of a type in order. A rule is checked and compiled once for each version of it.

    :raises DocumentError: when a stored rule uses what the settings no longer give.
    """
    ready = []
    rows = BusinessRules.filter(rules_type=rules_type, is_active=True).order_by("order_id", "name")
    for row in rows:
        known = _compiled.get(row.pk)
        if known is None or known.version != row.version or known.rule.name != row.name:
            known = _compiled[row.pk] = StoredRule(row)
        ready.append(known)
    return ready


@transaction.atomic
def save_rule(text: str) -> tuple[BusinessRules, bool]:
    """Add the rule of a YAML text, or replace the one of the same name and type; the row, and whether it is new.

    :raises DocumentError: with every fault, each with its place in the document.
    :raises yaml.YAMLError: when the text is not YAML.
    """
    document: Any = yaml.safe_load(text)
    rule = parse_rule(document, *all_catalogues())
    content: Mapping[str, Any] = document
    existing = BusinessRules.filter(name=rule.name, rules_type=rule.rules_type).select_for_update().first()
    row = existing or BusinessRules(name=rule.name, rules_type=rule.rules_type, version=0)
    row.order_id = rule.order_id
    row.is_active = rule.is_active
    row.config = dict(content["config"])
    row.document = text
    row.version += 1
    row.updated_at = timezone.now()
    row.save()
    return row, existing is None
