"""The roles: which calls each may make, and what it may change of tickets and reports."""

from __future__ import annotations

from typing import Any, Self

from apiflask import APIBlueprint
from flask import current_app
from pydantic import Field, RootModel

from abuse.controllers import roles
from abuse.models import Role
from abuse.policies import WITHOUT_ROLE, Right

from .access import needs
from .answers import Answer, Message
from .bodies import Body, Order
from .declared import calls, routes
from .filters import Text
from .objects import child
from .recording import name_objects

blueprint = APIBlueprint("roles", __name__, url_prefix="/api/roles", tag="Users")

MAX_ROUTES = 1000
_NO_SUCH = {404: "There is no such role."}
_Names = list[Text]


class RoleAnswer(Answer):
    id: int
    codename: str
    name: str


class RoleAnswers(RootModel[list[RoleAnswer]]):
    """Roles, by codename."""


class RoleRoute(Order):
    """One call of the API."""

    method: Text
    endpoint: Text = Field(description="The name that `GET /api/roles/routes` gives.")


class TicketAuthorizations(Order):
    """What a role may change of tickets; what is left out is refused."""

    scheduling_algorithm: Text | None = Field(default=None, description="The order of the queue of what is next.")
    fields: _Names | None = Field(default=None, max_length=100, description="What may be changed.")
    status: _Names | None = Field(default=None, max_length=100, description="Lower-case statuses, and `unpaused`.")
    interact: _Names | None = Field(default=None, max_length=100, description="Moves of the interact dialog.")
    unassigned_on_answer: bool | None = Field(default=None, description="An answer makes the ticket nobody's.")
    unassigned_on_multiple_alarm: bool | None = Field(default=None, description="A second alarm makes it nobody's.")


class ReportAuthorizations(Order):
    """What a role may change of reports; what is left out is refused."""

    fields: _Names | None = Field(default=None, max_length=100)


class RecordAuthorizations(Order):
    """Whether a role may read who did and who read what."""

    read: bool | None = None


class ModelsAuthorizations(Order):
    """What a role may within the calls that it may make."""

    ticket: TicketAuthorizations | None = None
    report: ReportAuthorizations | None = None
    audit: RecordAuthorizations | None = None


class RoleDetails(RoleAnswer):
    """A role with all that it may."""

    users: int = Field(description="How many users have it.")
    routes: list[RoleRoute]
    models_authorizations: ModelsAuthorizations

    @classmethod
    def of(cls, role: Role) -> Self:
        return cls(
            id=role.pk,
            codename=role.codename,
            name=role.name,
            users=role.operators.count(),
            routes=[RoleRoute(method=method, endpoint=endpoint) for method, endpoint in roles.routes_of(role)],
            models_authorizations=ModelsAuthorizations.model_validate(roles.understood(role.models_authorizations)),
        )


class RoleChange(Body):
    """What a role is to be; what is left out stays. Its codename is its key: it cannot be changed."""

    name: Text | None = None
    routes: list[RoleRoute] | None = Field(
        default=None, max_length=MAX_ROUTES, description="All calls that it may make; others are taken away."
    )
    models_authorizations: ModelsAuthorizations | None = Field(
        default=None, description="All that it may change; the rest is taken away."
    )

    def wanted(self) -> roles.Wanted:
        given = self.models_authorizations
        return roles.Wanted(
            name=self.name,
            routes=None if self.routes is None else {(one.method, one.endpoint) for one in self.routes},
            authorizations=None if given is None else given.model_dump(by_alias=True, exclude_none=True),
        )


class NewRole(RoleChange):
    codename: Text


class CallAnswer(RoleRoute):
    path: str
    right: str = Field(description="What it needs beside the route: of the profile, or of the role.")


class CallAnswers(RootModel[list[CallAnswer]]):
    """The calls of the API that roles are asked for."""


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
