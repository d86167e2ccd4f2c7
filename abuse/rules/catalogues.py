"""Which variables and actions the settings give to each type of rule."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
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
# Settings that list no class for a type get the shipped one: a type without any could do nothing at all.
_SHIPPED: Mapping[str, Mapping[str, str]] = {
    "variables": {
        "report": "abuse.rules.variables.report.default.DefaultReportVariables",
        "emailreply": "abuse.rules.variables.emailreply.default.DefaultEmailReplyVariables",
        "cdnrequest": "abuse.rules.variables.cdnrequest.default.DefaultCDNRequestVariables",
    },
    "actions": {
        "report": "abuse.rules.actions.report.default.DefaultReportActions",
        "emailreply": "abuse.rules.actions.emailreply.default.DefaultEmailReplyActions",
        "cdnrequest": "abuse.rules.actions.cdnrequest.default.DefaultCDNRequestActions",
    },
}


@cache
def catalogue(rules_type: str) -> Catalogue:
    """The catalogue of one type of rule.

    :raises SettingsError: naming the RULES key whose class cannot be used.
    """
    key = _SETTINGS_KEYS[RulesType(rules_type)]
    try:
        return Catalogue(rules_type, _classes("variables", key), _classes("actions", key))
    except RuleDefinitionError as error:
        raise SettingsError(current().SOURCE, [f"RULES.*.{key}: {error}"]) from None


def all_catalogues() -> list[Catalogue]:
    """The catalogues of all types."""
    return [catalogue(rules_type) for rules_type in RulesType]


def _classes(part: str, key: str) -> list[Any]:
    paths: Sequence[str] = getattr(getattr(current().RULES, part), key) or (_SHIPPED[part][key],)
    return [_imported(path, f"RULES.{part}.{key}") for path in paths]


def _imported(path: str, key: str) -> Any:
    module_name, _, class_name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, RuleDefinitionError) as error:
        fault = f"{key}: {path!r} cannot be imported ({error}); expected the dotted path of a class"
        raise SettingsError(current().SOURCE, [fault]) from None
