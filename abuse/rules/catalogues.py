"""Which variables and actions the settings give to each type of rule."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from abuse.config import SettingsError, current
from abuse.models import RulesType

from .engine.catalogue import Catalogue
from .engine.errors import RuleDefinitionError

_SETTINGS_KEYS = {
    RulesType.REPORT: "report",
    RulesType.EMAIL_REPLY: "emailreply",
    RulesType.CDN_REQUEST: "cdnrequest",
}


@cache
def catalogue(rules_type: str) -> Catalogue:
    """The catalogue of one type of rule.

    :raises SettingsError: naming the RULES key whose class cannot be used.
    """
    key = _SETTINGS_KEYS[RulesType(rules_type)]
    settings = current()
    variables = [_imported(path, f"RULES.variables.{key}") for path in getattr(settings.RULES.variables, key)]
    actions = [_imported(path, f"RULES.actions.{key}") for path in getattr(settings.RULES.actions, key)]
    try:
        return Catalogue(rules_type, variables, actions)
    except RuleDefinitionError as error:
        raise SettingsError(settings.SOURCE, [f"RULES.*.{key}: {error}"]) from None


def all_catalogues() -> list[Catalogue]:
    """The catalogues of all types."""
    return [catalogue(rules_type) for rules_type in RulesType]


def _imported(path: str, key: str) -> Any:
    module_name, _, class_name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, RuleDefinitionError) as error:
        fault = f"{key}: {path!r} cannot be imported ({error}); expected the dotted path of a class"
        raise SettingsError(current().SOURCE, [fault]) from None
