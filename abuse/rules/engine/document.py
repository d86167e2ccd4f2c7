"""From a rule document to a rule: parsed and checked in full, every fault at once, each with its place.

    name: phishing_phishtocheck
    rulesType: Report
    orderId: 22                  # lower comes first
    isActive: true               # may be left out
    description: …               # may be left out: why the rule is there
    mode: live                   # may be left out; shadow: the rule only records what it would do
    limits:                      # may be left out: how often an action may run before a person has to decide
      close_service: {hour: 5, day: 20, customer_day: 1}
    config:
      conditions: {all: […]}     # see `conditions`; required: a rule without would match everything
      actions:                   # at least one, run in this order
        - name: set_ticket_phishtocheck
          params: {…}            # may be left out

The document itself is never changed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType

from .catalogue import Catalogue
from .conditions import ConditionReader, Problems, check_keys, read_params, suggest
from .errors import DocumentError
from .jsonable import quote, show
from .tree import ActionCall, Limit, Node, Rule

MAX_ACTIONS = 50
"""Actions of one rule."""
MAX_NAME = 255
"""Characters of a rule's name."""
MAX_ORDER = 2**31 - 1
MAX_DESCRIPTION = 2_000
"""Characters of a rule's description."""
MODES = ("live", "shadow")
LIMIT_PERIODS = ("hour", "day", "customer_day")
MAX_LIMIT = 1_000_000
"""Runs of an action within a period."""

_RULE_KEYS = ("id", "name", "rulesType", "orderId", "isActive", "description", "mode", "limits", "config")
_REQUIRED_KEYS = ("name", "rulesType", "orderId", "config")


def parse_rule(document: object, *catalogues: Catalogue) -> Rule:
    """Return the rule of a document whose `rulesType` is that of one of the `catalogues`.

    Raises DocumentError with every fault. When the type itself is unknown, names of variables and actions are not
    checked, all else is.
    """
    problems = Problems()
    if not isinstance(document, Mapping):
        problems.add("", f"expected a rule, an object with {', '.join(_REQUIRED_KEYS)}, got {show(document)}")
        raise DocumentError(problems.found())
    check_keys(document, "", _RULE_KEYS, _REQUIRED_KEYS, problems)
    name = _read_name(document, problems)
    order_id = _read_order(document, problems)
    is_active = document.get("isActive", True)
    if not isinstance(is_active, bool):
        problems.add("isActive", f"expected true or false, got {show(is_active)}")
    catalogue = _find_catalogue(document, catalogues, problems)
    conditions: Node | None = None
    actions: tuple[ActionCall, ...] = ()
    if "config" in document:
        conditions, actions = _read_config(document["config"], "config", catalogue, problems)
    is_shadow = _read_mode(document, problems)
    limits = _read_limits(document.get("limits"), actions, problems)
    description = _read_description(document, problems)
    if problems.found() or catalogue is None or conditions is None:
        raise DocumentError(problems.found())
    return Rule(
        name=name,
        rules_type=catalogue.rules_type,
        order_id=order_id,
        is_active=bool(is_active),
        conditions=conditions,
        actions=actions,
        document=copy.deepcopy(document),
        is_shadow=is_shadow,
        limits=limits,
        description=description,
    )


def parse_config(config: object, catalogue: Catalogue, name: str = "unnamed", order_id: int = 0) -> Rule:
    """Return the rule of a bare `{conditions, actions}`, the whole document of venmo's business-rules.

    Raises DocumentError with every fault, the paths starting at `conditions` and `actions`.
    """
    problems = Problems()
    conditions, actions = _read_config(config, "", catalogue, problems)
    if problems.found() or conditions is None or not isinstance(config, Mapping):
        raise DocumentError(problems.found())
    return Rule(name, catalogue.rules_type, order_id, True, conditions, actions, copy.deepcopy(config))


def _read_name(document: Mapping[str, object], problems: Problems) -> str:
    name = document.get("name")
    if isinstance(name, str) and name.strip() and len(name) <= MAX_NAME and name.isprintable():
        return name
    if "name" in document:
        problems.add("name", f"expected 1 to {MAX_NAME} printable characters, got {show(name)}")
    return ""


def _read_order(document: Mapping[str, object], problems: Problems) -> int:
    order_id = document.get("orderId")
    if isinstance(order_id, int) and not isinstance(order_id, bool) and 0 <= order_id <= MAX_ORDER:
        return order_id
    if "orderId" in document:
        problems.add("orderId", f"expected a whole number from 0 to {MAX_ORDER}, got {show(order_id)}")
    return 0


def _read_mode(document: Mapping[str, object], problems: Problems) -> bool:
    mode = document.get("mode", "live")
    if mode not in MODES:
        problems.add("mode", f"expected {' or '.join(MODES)}, got {show(mode)}")
    return mode == "shadow"


def _read_description(document: Mapping[str, object], problems: Problems) -> str:
    text = document.get("description", "")
    if isinstance(text, str) and len(text) <= MAX_DESCRIPTION:
        return text
    got = f"{len(text)} of them" if isinstance(text, str) else show(text)
    problems.add("description", f"expected text of at most {MAX_DESCRIPTION} characters, got {got}")
    return ""


def _read_limits(value: object, actions: tuple[ActionCall, ...], problems: Problems) -> Mapping[str, Limit]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, Mapping):
        problems.add("limits", f"expected {{action: {{{', '.join(LIMIT_PERIODS)}}}}}, got {show(value)}")
        return MappingProxyType({})
    names = list(dict.fromkeys(call.action.name for call in actions))
    limits: dict[str, Limit] = {}
    for action, periods in value.items():
        path = f"limits.{str(action)[:60]}"
        if names and action not in names:
            problems.add(path, f"{quote(action)} is not an action of this rule; {suggest(action, names)}")
        limit = _read_limit(periods, path, problems)
        if limit is not None:
            limits[str(action)] = limit
    return MappingProxyType(limits)


def _read_limit(value: object, path: str, problems: Problems) -> Limit | None:
    if not isinstance(value, Mapping) or not value:
        problems.add(path, f"expected at least one of {', '.join(LIMIT_PERIODS)}, got {show(value)}")
        return None
    check_keys(value, path, LIMIT_PERIODS, (), problems)
    counts: dict[str, int] = {}
    for period in LIMIT_PERIODS:
        count = value.get(period)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_LIMIT:
            counts[period] = count
        elif period in value:
            problems.add(f"{path}.{period}", f"expected a whole number from 0 to {MAX_LIMIT}, got {show(count)}")
    return Limit(**counts)


def _find_catalogue(
    document: Mapping[str, object], catalogues: tuple[Catalogue, ...], problems: Problems
) -> Catalogue | None:
    rules_type = document.get("rulesType")
    for catalogue in catalogues:
        if catalogue.rules_type == rules_type:
            return catalogue
    if "rulesType" in document:
        expected = ", ".join(sorted(catalogue.rules_type for catalogue in catalogues))
        problems.add("rulesType", f"{quote(rules_type)} is not a type of rules; expected one of {expected}")
    return None


def _read_config(
    config: object, path: str, catalogue: Catalogue | None, problems: Problems
) -> tuple[Node | None, tuple[ActionCall, ...]]:
    if not isinstance(config, Mapping):
        problems.add(path, f"expected an object with conditions and actions, got {show(config)}")
        return None, ()
    check_keys(config, path, ("conditions", "actions"), ("conditions", "actions"), problems)
    prefix = f"{path}." if path else ""
    rules_type = catalogue.rules_type if catalogue else ""
    conditions = None
    if "conditions" in config:
        reader = ConditionReader(rules_type, catalogue.variables if catalogue else None, problems)
        conditions = reader.read(config["conditions"], f"{prefix}conditions")
    actions: tuple[ActionCall, ...] = ()
    if "actions" in config:
        actions = _read_actions(config["actions"], f"{prefix}actions", catalogue, problems)
    return conditions, actions


def _read_actions(value: object, path: str, catalogue: Catalogue | None, problems: Problems) -> tuple[ActionCall, ...]:
    if not isinstance(value, (list, tuple)):
        problems.add(path, f"expected a list of actions, got {show(value)}")
        return ()
    if not 1 <= len(value) <= MAX_ACTIONS:
        problems.add(path, f"expected 1 to {MAX_ACTIONS} actions, got {len(value)}")
        return ()
    calls = [_read_action(entry, f"{path}[{index}]", catalogue, problems) for index, entry in enumerate(value)]
    return tuple(call for call in calls if call is not None)


def _read_action(entry: object, path: str, catalogue: Catalogue | None, problems: Problems) -> ActionCall | None:
    if not isinstance(entry, Mapping):
        problems.add(path, f"expected an action, {{name, params}}, got {show(entry)}")
        return None
    check_keys(entry, path, ("name", "params"), ("name",), problems)
    if "name" not in entry or catalogue is None:
        return None
    name = entry["name"]
    action = catalogue.actions.get(name) if isinstance(name, str) else None
    if action is None:
        problems.add(
            f"{path}.name",
            f"{quote(name)} is not an action of {catalogue.rules_type} rules; {suggest(name, catalogue.actions)}",
        )
        return None
    return ActionCall(
        action, read_params(entry.get("params"), f"{path}.params", f"action {name}", action.parameters, problems)
    )
