"""Rules in the database: kept as they were written, in every version, and read ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from abuse.models import BusinessRules, BusinessRulesVersion, MailTemplate, Resolution, RuleMode, RulesType, User

from .catalogues import all_catalogues, catalogue
from .engine.document import parse_rule
from .engine.errors import DocumentError, Problem
from .engine.tree import Rule
from .texts import read_text, with_value, write_text

__all__ = [
    "RuleInUse",
    "RuleNotFound",
    "StoredRule",
    "active_rules",
    "add_missing",
    "check_rule",
    "delete_rule",
    "find_rule",
    "make_room",
    "reorder",
    "roll_back",
    "save_rule",
    "set_active",
    "set_mode",
    "set_order",
    "text_of",
    "versions",
    "versions_of",
]


class RuleNotFound(LookupError):
    """There is no such rule, or no such version of it; or there are several. The text says which there are."""


class RuleInUse(Exception):
    """A rule that cannot be taken away."""


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
                "mode": row.mode,
                "limits": row.limits,
                "config": row.config,
            },
            catalogue(row.rules_type),
        )


_compiled: dict[int, tuple[tuple[object, ...], StoredRule]] = {}


def active_rules(rules_type: str) -> Sequence[StoredRule]:
    """The active rules of a type in order. A rule is checked and compiled once for each version of it.

    :raises DocumentError: when a stored rule uses what the settings no longer give.
    """
    rows = BusinessRules.filter(rules_type=rules_type, is_active=True).defer("document").order_by("order_id", "name")
    return [_ready(row) for row in rows]


def _ready(row: BusinessRules) -> StoredRule:
    key = (row.version, row.name, row.updated_at)
    known = _compiled.get(row.pk)
    if known is None or known[0] != key:
        known = _compiled[row.pk] = (key, StoredRule(row))
    return known[1]


def check_rule(text: str) -> Rule:
    """The rule of a text, checked in full: also that the mail texts and resolutions that it names exist.

    :raises RuleTextError: when the text is no YAML.
    :raises DocumentError: with every fault, each with its place in the document.
    """
    rule = parse_rule(read_text(text), *all_catalogues())
    problems = _dangling(rule)
    if problems:
        raise DocumentError(tuple(problems))
    return rule


def _dangling(rule: Rule) -> list[Problem]:
    """What the actions name and the database does not have: it would fail on the first mail that comes."""
    named: dict[str, list[tuple[str, str]]] = {"template_codename": [], "resolution": []}
    for index, call in enumerate(rule.actions):
        for name, found in named.items():
            value = call.params.get(name)
            if isinstance(value, str):
                found.append((f"config.actions[{index}].params.{name}", value))
    problems = []
    for what, known in (("template_codename", _templates), ("resolution", _resolutions)):
        wanted = named[what]
        if wanted:
            there = known()
            for path, value in wanted:
                if value not in there:
                    expected = ", ".join(sorted(there)[:30]) or "none: there is none yet"
                    problems.append(Problem(path, f"there is no {value[:60]!r}; expected one of {expected}"))
    return problems


def _templates() -> set[str]:
    rows = MailTemplate.exclude(recipient_type=MailTemplate.RecipientType.PARTIAL)
    return set(rows.values_list("codename", flat=True))


def _resolutions() -> set[str]:
    return set(Resolution.all().values_list("codename", flat=True))


@transaction.atomic
def save_rule(text: str, *, user: User | None = None) -> tuple[BusinessRules, bool]:
    """Add the rule of a text, or replace the one of the same name and type; the row, and whether it is new.

    :raises RuleTextError: when the text is no YAML.
    :raises DocumentError: with every fault, each with its place in the document.
    """
    rule = check_rule(text)
    existing = BusinessRules.filter(name=rule.name, rules_type=rule.rules_type).select_for_update().first()
    row = existing or BusinessRules(name=rule.name, rules_type=rule.rules_type, version=0)
    if existing is not None:
        _keep(existing, user=None)  # the version before, in case it was put there by other hands
    _fill(row, rule, text)
    row.version += 1
    row.updated_at = timezone.now()
    row.save()
    _keep(row, user=user)
    return row, existing is None


@transaction.atomic
def add_missing(texts: Sequence[str]) -> int:
    """Add the rules of texts of which there is none of that name and type, whatever that says; how many were added.

    :raises DocumentError: when one of them is at fault; none is added then.
    """
    rules = [(text, _parsed(text)) for text in texts]
    known = set(BusinessRules.all().values_list("name", "rules_type"))
    now = timezone.now()
    rows = []
    for text, rule in rules:
        if (rule.name, rule.rules_type) not in known:
            row = BusinessRules(name=rule.name, rules_type=rule.rules_type, version=1, updated_at=now)
            _fill(row, rule, text)
            rows.append(row)
    BusinessRules.objects.bulk_create(rows)
    BusinessRulesVersion.objects.bulk_create([_version(row, user=None) for row in rows])
    return len(rows)


@lru_cache(maxsize=128)
def _parsed(text: str) -> Rule:
    return parse_rule(read_text(text), *all_catalogues())


def _fill(row: BusinessRules, rule: Rule, text: str) -> None:
    document: Any = rule.document
    row.order_id, row.is_active = rule.order_id, rule.is_active
    row.config = dict(document["config"])
    row.mode = RuleMode.SHADOW if rule.is_shadow else RuleMode.LIVE
    row.limits = dict(document.get("limits") or {})
    row.document = text


def _keep(row: BusinessRules, *, user: User | None) -> None:
    """Keep the present version of a rule, unless it is kept already."""
    BusinessRulesVersion.objects.bulk_create([_version(row, user=user)], ignore_conflicts=True)


def _version(row: BusinessRules, *, user: User | None) -> BusinessRulesVersion:
    return BusinessRulesVersion(
        business_rules=row,
        version=row.version,
        document=text_of(row),
        order_id=row.order_id,
        is_active=row.is_active,
        user=user,
        date=row.updated_at,
    )


def text_of(row: BusinessRules) -> str:
    """The rule as it was written; one that never was a text is written now."""
    if row.document:
        return row.document
    document: dict[str, Any] = {"config": row.config, "name": row.name, "orderId": row.order_id}
    if not row.is_active:
        document["isActive"] = False
    if row.mode == RuleMode.SHADOW:
        document["mode"] = str(row.mode)
    if row.limits:
        document["limits"] = row.limits
    return write_text({**document, "rulesType": row.rules_type})


def find_rule(name: str, rules_type: str | None = None) -> BusinessRules:
    """The rule of a name; `rules_type` tells apart two of the same name.

    :raises RuleNotFound: when there is none, or more than one.
    """
    found = list(BusinessRules.filter(name=name, **({"rules_type": rules_type} if rules_type else {})))
    if len(found) == 1:
        return found[0]
    if found:
        types = " and ".join(sorted(row.rules_type for row in found))
        raise RuleNotFound(f"rule {name!r}: there is one for {types}; name the type")
    near = BusinessRules.filter(name__icontains=name[:50]).order_by("name").values_list("name", flat=True)[:10]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise RuleNotFound(f"rule {name!r}: there is none of that name{hint}")


def set_active(row: BusinessRules, is_active: bool, *, user: User | None = None) -> BusinessRules:
    """Let a rule take part, or not; as a new version."""
    return _changed(row, "isActive", is_active, user=user)


def set_order(row: BusinessRules, order_id: int, *, user: User | None = None) -> BusinessRules:
    """Give a rule another place; as a new version.

    :raises DocumentError: for a place that is none.
    """
    return _changed(row, "orderId", order_id, user=user)


def set_mode(row: BusinessRules, mode: RuleMode, *, user: User | None = None) -> BusinessRules:
    """Let a rule act, or only record what it would do; as a new version."""
    return _changed(row, "mode", str(mode), user=user)


@transaction.atomic
def _changed(row: BusinessRules, key: str, value: bool | int | str, *, user: User | None) -> BusinessRules:
    present = BusinessRules.filter(pk=row.pk).select_for_update().get()
    old = text_of(present)
    text = with_value(old, key, value)
    if text == old and present.document:
        return present
    return save_rule(text, user=user)[0]


@transaction.atomic
def delete_rule(row: BusinessRules) -> None:
    """Take a rule away that never decided anything.

    :raises RuleInUse: when it did: the trace of a decision names its rule. It can be switched off instead.
    """
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError:
        raise RuleInUse(f"rule {row.name!r} has decided on reports: switch it off, its traces stay") from None


@transaction.atomic
def make_room(rules_type: str, order_id: int, *, but: BusinessRules | None, user: User | None = None) -> None:
    """Let no other rule of a type have a place: those that have it, or are pushed away from theirs, move on by one."""
    rows = BusinessRules.filter(rules_type=rules_type, order_id__gte=order_id).order_by("order_id", "pk")
    place = order_id
    for row in rows.exclude(pk=but.pk) if but is not None else rows:
        if row.order_id > place:
            return
        place += 1
        set_order(row, place, user=user)


@transaction.atomic
def reorder(rules_type: str, names: Sequence[str], *, user: User | None = None) -> list[BusinessRules]:
    """Bring rules of a type into the given order. They share the places that they have now; the others keep theirs.

    :raises RuleNotFound: for a name that is unknown or stands twice.
    """
    if len(set(names)) != len(names):
        raise RuleNotFound(f"names: {', '.join(names)}; expected each rule once")
    rules = [find_rule(name, RulesType(rules_type)) for name in names]
    places = sorted(rule.order_id for rule in rules)
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + 1)  # equal places would be told apart by name
    return [set_order(rule, place, user=user) for rule, place in zip(rules, places, strict=True)]


def versions(row: BusinessRules) -> QuerySet[BusinessRulesVersion]:
    """All that a rule was, newest first; the present one is the first."""
    _keep(row, user=None)
    return row.versions.select_related("user").order_by("-version")


def versions_of(row: BusinessRules) -> Sequence[BusinessRulesVersion]:
    """All that a rule was, read at once."""
    return list(versions(row))


@transaction.atomic
def roll_back(row: BusinessRules, version: int, *, user: User | None = None) -> BusinessRules:
    """Make a rule what it was in a version; as a new version, so that this too can be taken back.

    :raises RuleNotFound: when there is no such version.
    :raises DocumentError: when it uses what the settings no longer give.
    """
    _keep(row, user=None)
    kept = BusinessRulesVersion.filter(business_rules=row, version=version).first()
    if kept is None:
        known = ", ".join(str(one) for one in row.versions.order_by("version").values_list("version", flat=True))
        raise RuleNotFound(f"rule {row.name!r}: there is no version {version}; expected one of {known}")
    return save_rule(kept.document, user=user)[0]
