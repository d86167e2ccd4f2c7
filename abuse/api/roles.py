"""The roles: which calls each may make, and what it may change of tickets and reports."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import current_app

from abuse.controllers import roles
from abuse.models import Role
from abuse.policies import WITHOUT_ROLE, Right

from .access import needs
from .answers import Message
from .declared import calls, routes
from .objects import child
from .recording import name_objects
from .roles_schemas import CallAnswer, CallAnswers, NewRole, RoleAnswer, RoleAnswers, RoleChange, RoleDetails

blueprint = APIBlueprint("roles", __name__, url_prefix="/api/roles", tag="Users")

_NO_SUCH = {404: "There is no such role."}
_ROLE: dict[str, Any] = {
    "id": 6,
    "codename": "night_shift",
    "name": "Night shift",
    "users": 0,
    "routes": [{"method": "GET", "endpoint": "tickets.list_tickets"}],
    "modelsAuthorizations": {
        "ticket": {
            "schedulingAlgorithm": "GlobalSchedulingAlgorithm",
            "fields": ["treatedBy"],
            "status": ["paused", "unpaused"],
            "interact": ["pause_ticket"],
            "unassignedOnAnswer": True,
            "unassignedOnMultipleAlarm": False,
        },
        "report": {"fields": ["status"]},
        "audit": {"read": False},
    },
}
_NEW = {name: value for name, value in _ROLE.items() if name not in {"id", "users"}}


@blueprint.get("")
@needs(Right.LOOK)
@blueprint.output(RoleAnswers, example=[{"id": 1, "codename": "admin", "name": "Administrator"}])
def list_roles() -> list[RoleAnswer]:
    """List the roles"""
    return [RoleAnswer(id=one.pk, codename=one.codename, name=one.name) for one in Role.all().order_by("codename")]


@blueprint.get("/routes")
@needs(Right.ADMINISTER)
@blueprint.output(
    CallAnswers,
    example=[{"method": "GET", "endpoint": "tickets.list_tickets", "path": "/api/tickets", "right": "look"}],
)
def list_routes() -> list[CallAnswer]:
    """List the calls that a role can be given

    Seeing, guarding and ending one's own login needs no role and is not among them.
    """
    return sorted(
        (
            CallAnswer(method=method, endpoint=endpoint, path=path, right=declared.right)
            for method, path, endpoint, declared in calls(current_app)
            if declared.right not in WITHOUT_ROLE
        ),
        key=lambda one: (one.path, one.method),
    )


@blueprint.post("")
@needs(Right.ADMINISTER)
@blueprint.input(NewRole, example=_NEW)
@blueprint.output(RoleDetails, example=_ROLE)
def add_role(json_data: NewRole) -> RoleDetails:
    """Make a role

    It may what is listed; without lists it may nothing. Users are given it with `PUT /api/users/<id>`.
    """
    role = roles.add_role(json_data.codename, json_data.wanted(), routes(current_app))
    name_objects("role_id", [role.pk])
    return RoleDetails.of(role)


@blueprint.get("/<int:role_id>")
@needs(Right.ADMINISTER)
@blueprint.output(RoleDetails, example=_ROLE)
@blueprint.doc(responses=_NO_SUCH)
def show_role(role_id: int) -> RoleDetails:
    """Show a role with all that it may"""
    return RoleDetails.of(_role(role_id))


@blueprint.put("/<int:role_id>")
@needs(Right.ADMINISTER)
@blueprint.input(RoleChange, example=_NEW)
@blueprint.output(RoleDetails, example=_ROLE)
@blueprint.doc(responses=_NO_SUCH)
def change_role(role_id: int, json_data: RoleChange) -> RoleDetails:
    """Change a role

    It counts from the next call of everybody who has it. The role `admin` keeps the calls with which roles and users
    are changed.
    """
    return RoleDetails.of(roles.change_role(_role(role_id), json_data.wanted(), routes(current_app)))


@blueprint.delete("/<int:role_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example={"message": "The role night_shift is gone"})
@blueprint.doc(responses=_NO_SUCH)
def delete_role(role_id: int) -> Message:
    """Take a role away that nobody has

    `admin` stays.
    """
    role = _role(role_id)
    roles.delete_role(role)
    return Message(message=f"The role {role.codename} is gone")


def _role(role_id: int) -> Role:
    return child(Role.all(), "role", role_id)
