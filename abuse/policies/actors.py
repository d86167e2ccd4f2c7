"""Who asks: a user with his role, his profiles, and the limits of the token he came with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from abuse.models import Operator, Profile, Role, User
from abuse.models.questions import Sight, sight_of

from .rights import Scope

RANK: Mapping[str, int] = {
    Profile.Name.READ_ONLY: 0,
    Profile.Name.BEGINNER: 1,
    Profile.Name.ADVANCED: 2,
    Profile.Name.EXPERT: 3,
}
"""A profile that is none of these can see, and nothing more."""
ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class RoleRights:
    """What a role says. `authorizations`: its `models_authorizations`; what is missing there is denied."""

    pk: int
    codename: str
    authorizations: Mapping[str, Any]

    @classmethod
    def of(cls, role: Role) -> RoleRights:
        return cls(role.pk, role.codename, role.models_authorizations)

    @property
    def is_admin(self) -> bool:
        return self.codename == Role.ADMIN

    def listed(self, model: str, name: str) -> frozenset[str]:
        """The names that the role lists under a model, such as ("ticket", "fields")."""
        section = self.authorizations.get(model)
        names = section.get(name) if isinstance(section, dict) else None
        return frozenset(one for one in names if isinstance(one, str)) if isinstance(names, list) else frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a right. Made once for a request."""

    user: User
    role: RoleRights | None
    sight: Sight
    scopes: frozenset[Scope] = ALL_SCOPES

    @property
    def is_superuser(self) -> bool:
        return self.user.is_superuser

    @property
    def is_robot(self) -> bool:
        return self.user.is_robot

    @property
    def is_admin(self) -> bool:
        """Whether he runs the desk: a superuser, or somebody of the role `admin`."""
        return self.is_superuser or (self.role is not None and self.role.is_admin)

    def rank_in(self, category: str) -> int:
        """How much he may in a category, from 0 for Read-only to 3 for Expert; -1 without a profile."""
        if self.sight.sees_all:
            return RANK[Profile.Name.EXPERT]
        profile = self.sight.profiles.get(category)
        return -1 if profile is None else RANK.get(profile, 0)

    @property
    def highest_rank(self) -> int:
        """His best rank in any category."""
        if self.sight.sees_all:
            return RANK[Profile.Name.EXPERT]
        return max((self.rank_in(category) for category in self.sight.profiles), default=-1)


def actor_of(
    user: User,
    *,
    scopes: Collection[Scope] = ALL_SCOPES,
    categories: Collection[str] | None = None,
) -> Actor:
    """Who a user is here, in one query, or two when his role was not read with him (`user.operator.role`).

    `scopes` and `categories` are the limits of a token; None: all of the user's categories.
    """
    try:
        role: Role | None = user.operator.role
    except Operator.DoesNotExist:
        role = None
    sight = sight_of(user)
    return Actor(
        user=user,
        role=RoleRights.of(role) if role else None,
        sight=sight if categories is None else sight.within(categories),
        scopes=frozenset(scopes),
    )
