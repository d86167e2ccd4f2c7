"""What is said and wanted of roles, as JSON."""

from __future__ import annotations

from typing import Self

from pydantic import Field, RootModel

from abuse.controllers import roles
from abuse.models import Role

from .answers import Answer
from .bodies import Body, Order
from .filters import Text

MAX_ROUTES = 1000
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
