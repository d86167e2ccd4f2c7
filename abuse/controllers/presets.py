"""The buttons that do a whole decision at once: mail texts, one of the seven interactions, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from abuse.models import (
    MailTemplate,
    Role,
    TicketAction,
    TicketActionParams,
    TicketWorkflowPreset,
    TicketWorkflowPresetConfig,
    User,
)

from .editing import Refused
from .interact import CODENAMES

PARAMS = frozenset({"resolution", "snoozeDuration", "pauseDuration"})
MAX_PRESETS = 1000

_Key = TypeVar("_Key")
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class PresetContent:
    """What a preset is to be. `params`: `resolution` (its id), `snoozeDuration`, `pauseDuration` (seconds)."""

    name: str
    action: str | None = None
    params: Mapping[str, int] | None = None
    templates: Sequence[int] = ()
    roles: Sequence[str] = ()
    group_id: int | None = None


def presets_for(user: User) -> QuerySet[TicketWorkflowPreset]:
    """The presets that a user's role shows, in their order; all of them to a superuser."""
    if user.is_superuser:
        return all_presets()
    own = TicketWorkflowPreset.filter(roles__operators__user=user).values("pk")
    return all_presets().filter(pk__in=own)


def all_presets() -> QuerySet[TicketWorkflowPreset]:
    """All presets in their order, with all that belongs to them."""
    return (
        TicketWorkflowPreset.all()
        .select_related("config__action")
        .prefetch_related("templates", "config__params", "roles")
        .order_by("group_id", "order_id", "pk")
    )


def params_of(preset: TicketWorkflowPreset) -> dict[str, int]:
    """The parameters that a preset gives to `interact`."""
    return {row.codename: row.value for row in preset.config.params.all()} if preset.config else {}


@transaction.atomic
def save_preset(codename: str, content: PresetContent) -> TicketWorkflowPreset:
    """Make a preset, or make the one of that codename what `content` says. A new one stands last.

    :raises Refused: for an empty codename or name, or an unknown action, parameter, template or role.
    """
    if not 1 <= len(codename) <= 256 or not 1 <= len(content.name) <= 256:
        raise Refused("preset: expected a codename and a name of 1 to 256 characters")
    templates = _found("templates", MailTemplate.filter(pk__in=content.templates).in_bulk(), content.templates)
    roles = _found("roles", Role.filter(codename__in=content.roles).in_bulk(field_name="codename"), content.roles)
    preset = TicketWorkflowPreset.filter(codename=codename).select_for_update(of=("self",)).first()
    if preset is None:
        preset = TicketWorkflowPreset(codename=codename, order_id=min(TicketWorkflowPreset.count(), 32_767))
    old_config = preset.config
    preset.name, preset.group_id = content.name, content.group_id
    preset.config = _config(content)
    preset.save()
    preset.templates.set(templates)
    preset.roles.set(roles)
    _drop(old_config)
    return preset


@transaction.atomic
def delete_preset(codename: str) -> bool:
    """Take a preset away; False when there was none."""
    preset = TicketWorkflowPreset.filter(codename=codename).select_for_update(of=("self",)).first()
    if preset is None:
        return False
    config = preset.config
    preset.delete()
    _drop(config)
    return True


@transaction.atomic
def reorder_presets(codenames: Sequence[str]) -> None:
    """Put all presets into an order.

    :raises Refused: when it does not name each of them once.
    """
    presets = {preset.codename: preset for preset in TicketWorkflowPreset.all().select_for_update().order_by("pk")}
    if sorted(codenames) != sorted(presets) or len(codenames) > MAX_PRESETS:
        raise Refused(f"presets: expected each of {', '.join(sorted(presets))} once")
    for place, codename in enumerate(codenames):
        presets[codename].order_id = place
    TicketWorkflowPreset.objects.bulk_update(presets.values(), ["order_id"])


@transaction.atomic
def arrange_presets(groups: Sequence[Sequence[int]]) -> None:
    """Put presets, by their ids, into groups and an order within each; those that are not named stay where they are.

    :raises Refused: for one that is not there, or is named twice.
    """
    wanted = [pk for group in groups for pk in group]
    presets = TicketWorkflowPreset.filter(pk__in=wanted).select_for_update().order_by("pk").in_bulk()
    for pk in wanted:
        if pk not in presets or wanted.count(pk) > 1:
            raise Refused(f"presets: {pk}; expected the id of one that is there, once")
    for group_id, group in enumerate(groups):
        for order_id, pk in enumerate(group):
            presets[pk].group_id, presets[pk].order_id = group_id, order_id
    TicketWorkflowPreset.objects.bulk_update(presets.values(), ["group_id", "order_id"])


def _drop(config: TicketWorkflowPresetConfig | None) -> None:
    if config is not None:
        params = [row.pk for row in config.params.all()]
        config.delete()
        TicketActionParams.filter(pk__in=params).delete()


def _config(content: PresetContent) -> TicketWorkflowPresetConfig | None:
    params = dict(content.params or {})
    if content.action is None:
        if params:
            raise Refused(f"params: {', '.join(sorted(params))}; expected none without an action")
        return None
    action = TicketAction.filter(codename=content.action).first()
    if action is None or content.action not in CODENAMES:
        raise Refused(f"action: {content.action!r}; expected one of {', '.join(sorted(CODENAMES))}")
    wrong = sorted(set(params) - PARAMS)
    if wrong:
        raise Refused(f"params: {', '.join(wrong)}; expected {', '.join(sorted(PARAMS))}")
    config = TicketWorkflowPresetConfig.create(action=action)
    for name, value in sorted(params.items()):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**31 - 1:
            raise Refused(f"params.{name}: {value!r}; expected a whole number from 0 on")
        # Each preset has parameters of its own: changing one changes no other.
        config.params.add(TicketActionParams.create(codename=name, value=value))
    return config


def _found(name: str, rows: Mapping[_Key, _Row], wanted: Sequence[_Key]) -> list[_Row]:
    missing = [one for one in wanted if one not in rows]
    if missing:
        raise Refused(f"{name}: there is no {missing[0]!r}")
    return [rows[one] for one in dict.fromkeys(wanted)]
