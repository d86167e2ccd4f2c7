"""Presets: the buttons that do a whole decision at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint
from django.db.models import QuerySet
from pydantic import Field, RootModel

from abuse.controllers import presets
from abuse.controllers.presets import PresetContent
from abuse.models import Role, TicketWorkflowPreset
from abuse.policies import Right

from .access import current_actor, current_user, needs
from .answers import Answer
from .bodies import Body, Id, typed
from .filters import FiltersParameter, Text, read_filters
from .objects import child

blueprint = APIBlueprint("presets", __name__, url_prefix="/api/presets", tag="Presets")

_TEMPLATE = {"id": 4, "codename": "customer_notification", "name": "Notification", "recipientType": "Defendant"}
_ACTION = {"codename": "waiting_answer", "params": {"snoozeDuration": 172800}}
_PRESET = {
    "id": 1,
    "codename": "first_notice",
    "name": "First notice",
    "groupId": 0,
    "orderId": 0,
    "roles": ["run_level_3"],
    "templates": [_TEMPLATE],
    "action": _ACTION,
}
_GROUPS = [{"groupId": 0, "presets": [_PRESET]}]


class PresetTemplate(Answer):
    id: int
    codename: str
    name: str
    recipient_type: str


class PresetMove(Answer):
    codename: str
    params: dict[str, int] = Field(description="`snoozeDuration` and `pauseDuration` in seconds, `resolution` by id.")


class PresetAnswer(Answer):
    id: int
    codename: str
    name: str
    group_id: int
    order_id: int
    roles: list[str]
    templates: list[PresetTemplate]
    action: PresetMove | None

    @classmethod
    def of(cls, row: TicketWorkflowPreset) -> PresetAnswer:
        return cls(
            id=row.pk,
            codename=row.codename,
            name=row.name,
            group_id=row.group_id or 0,
            order_id=row.order_id or 0,
            roles=sorted(role.codename for role in row.roles.all()),
            templates=[
                PresetTemplate(id=one.pk, codename=one.codename, name=one.name, recipient_type=one.recipient_type)
                for one in row.templates.all()
            ],
            action=PresetMove(codename=row.config.action.codename, params=presets.params_of(row))
            if row.config
            else None,
        )


class PresetGroup(Answer):
    group_id: int
    presets: list[PresetAnswer]


class PresetGroups(RootModel[list[PresetGroup]]):
    """Presets in groups. There is always one group at least: the older client needs it."""


class MoveText(Body):
    codename: Text
    params: dict[Text, Any] = Field(default={})


class PresetText(Body):
    name: Text = Field(min_length=1, max_length=255)
    templates: list[Id | None] | None = Field(default=None, max_length=50)
    roles: list[Text] | None = Field(default=None, description="Who sees it; without: as before, of a new one all.")
    action: MoveText | None = None


class PresetReference(Body):
    id: Id


class GroupOrder(Body):
    presets: list[PresetReference] = Field(max_length=presets.MAX_PRESETS)


class GroupOrders(RootModel[list[GroupOrder]]):
    """The groups as they are to stand."""


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(PresetGroups, example=_GROUPS)
@blueprint.doc(description="Those of the caller's role; all to administrators. `filters` changes nothing.")
def list_presets(query_data: FiltersParameter) -> PresetGroups:
    """List the presets"""
    read_filters(query_data.filters)
    return _groups()


@blueprint.get("/<int:preset_id>")
@needs(Right.LOOK)
@blueprint.output(PresetAnswer, example=_PRESET)
def show_preset(preset_id: int) -> PresetAnswer:
    """Show a preset"""
    return PresetAnswer.of(child(_visible(), "preset", preset_id))


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(PresetText, example={"name": "First notice", "templates": [4], "action": _ACTION})
@blueprint.output(PresetAnswer, example=_PRESET)
def create_preset(json_data: PresetText) -> PresetAnswer:
    """Make a preset"""
    return _save(_new_codename(json_data.name), json_data, None)


@blueprint.put("/order")
@needs(Right.ADMINISTER)
@blueprint.input(GroupOrders, example=[{"groupId": 0, "presets": [{"id": 1}]}])
@blueprint.output(PresetGroups, example=_GROUPS)
def order_presets(json_data: GroupOrders) -> PresetGroups:
    """Put the presets into groups and an order"""
    presets.arrange_presets([[one.id for one in group.presets] for group in json_data.root])
    return _groups()


@blueprint.put("/<int:preset_id>")
@needs(Right.ADMINISTER)
@blueprint.input(PresetText, example={"name": "First notice", "templates": [4], "action": _ACTION})
@blueprint.output(PresetAnswer, example=_PRESET)
def update_preset(preset_id: int, json_data: PresetText) -> PresetAnswer:
    """Change a preset"""
    row = child(_visible(), "preset", preset_id)
    return _save(row.codename, json_data, row)


@blueprint.delete("/<int:preset_id>")
@needs(Right.ADMINISTER)
@blueprint.output(PresetGroups, example=_GROUPS)
def delete_preset(preset_id: int) -> PresetGroups:
    """Take a preset away; the answer is what is left"""
    presets.delete_preset(child(_visible(), "preset", preset_id).codename)
    return _groups()


def _visible() -> QuerySet[TicketWorkflowPreset]:
    return presets.all_presets() if current_actor().is_admin else presets.presets_for(current_user())


def _groups() -> PresetGroups:
    groups: dict[int, list[PresetAnswer]] = {}
    for row in _visible():
        groups.setdefault(row.group_id or 0, []).append(PresetAnswer.of(row))
    if not groups:
        groups[0] = []
    return PresetGroups([PresetGroup(group_id=key, presets=rows) for key, rows in sorted(groups.items())])


def _save(codename: str, wanted: PresetText, row: TicketWorkflowPreset | None) -> PresetAnswer:
    roles = wanted.roles
    if roles is None:
        roles = [role.codename for role in (row.roles.all() if row else Role.all())]
    params = {} if wanted.action is None else _as_typed(wanted.action.params)
    content = PresetContent(
        name=wanted.name,
        action=wanted.action.codename if wanted.action else None,
        params=params,
        templates=[pk for pk in wanted.templates or [] if pk is not None],
        roles=roles,
        group_id=row.group_id if row else None,
    )
    saved = presets.save_preset(codename, content)
    return PresetAnswer.of(presets.all_presets().get(pk=saved.pk))


def _as_typed(params: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in of a form; the older client sends numbers as they were typed."""
    return {name: typed(value) for name, value in params.items() if value is not None and value != ""}


def _new_codename(name: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:200] or "preset"
    taken = set(TicketWorkflowPreset.filter(codename__startswith=base).values_list("codename", flat=True))
    return next(one for one in (base, *(f"{base}_{n}" for n in range(2, len(taken) + 3))) if one not in taken)
