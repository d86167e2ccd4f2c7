"""Rules as files: all of a type out, many in at once, all or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from abuse.models import BusinessRules, User

from .engine.errors import DocumentError
from .store import save_rule, text_of
from .texts import RuleTextError, is_bare, read_text, wrapped


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule's text, byte for byte, and the name of a file for it."""

    name: str
    text: str


class ImportRefused(ValueError):
    """Nothing was stored. `faults` names each file that is at fault, with all that is wrong in it."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


def export_rules(rules_type: str | None = None) -> list[RuleFile]:
    """All rules of a type, or of all types, in the order in which they are tried."""
    rows = BusinessRules.all() if rules_type is None else BusinessRules.filter(rules_type=rules_type)
    return [RuleFile(_file_name(row), text_of(row)) for row in rows.order_by("rules_type", "order_id", "name")]


def _file_name(row: BusinessRules) -> str:
    """Letters, digits and dashes only, whatever the rule is called; the row's number keeps two apart."""
    name = re.sub(r"[^a-z0-9]+", "-", row.name.lower()).strip("-")[:80] or "rule"
    return f"{row.rules_type.lower()}-{row.order_id:03d}-{name}-{row.pk}.yml"


@transaction.atomic
def import_rules(files: Sequence[RuleFile], *, user: User | None = None) -> list[tuple[BusinessRules, bool]]:
    """Add or replace the rules of many files; each row, and whether it is new.

    :raises ImportRefused: when one of them is at fault; nothing is stored then.
    """
    faults: list[str] = []
    stored: list[tuple[BusinessRules, bool]] = []
    for file in files:
        try:
            stored.append(save_rule(file.text, user=user))
        except DocumentError as error:
            faults += [f"{file.name}: {problem}" for problem in error.problems]
        except RuleTextError as error:
            faults.append(f"{file.name}: {error}")
    if faults:
        raise ImportRefused(faults)
    return stored


def whole_documents(text: str, *, name: str, rules_type: str, order_id: int) -> list[str]:
    """The texts of whole rules for a document of venmo's business-rules: one rule, or a list of them.

    Several are called `name-1`, `name-2` and so on and stand one after the other from `order_id`.

    :raises RuleTextError: when it is no such document.
    """
    document = read_text(text)
    if is_bare(document):
        return [wrapped(document, name=name, rules_type=rules_type, order_id=order_id)]
    if isinstance(document, list) and document and all(is_bare(entry) for entry in document):
        return [
            wrapped(entry, name=f"{name}-{number}", rules_type=rules_type, order_id=order_id + number - 1)
            for number, entry in enumerate(document, start=1)
        ]
    raise RuleTextError("expected {conditions, actions}, or a list of such objects")
