"""The users of the desk."""

from __future__ import annotations

from apiflask import APIBlueprint

from abuse.policies import Right

from .access import current_actor, needs
from .answers import Answer

blueprint = APIBlueprint("users", __name__, url_prefix="/api/users", tag="Users")


class ProfileAnswer(Answer):
    """What the user may do in one category: Read-only, Beginner, Advanced or Expert."""

    category: str
    profile: str
    access: bool


class UserAnswer(Answer):
    id: int
    username: str
    email: str
    is_superuser: bool
    role: str | None
    profiles: list[ProfileAnswer]


@blueprint.get("/me")
@needs(Right.SELF)
@blueprint.output(
    UserAnswer,
    example={
        "id": 2,
        "username": "alice",
        "email": "alice@example.net",
        "isSuperuser": False,
        "role": "admin",
        "profiles": [{"category": "Phishing", "profile": "Expert", "access": True}],
    },
)
def me() -> UserAnswer:
    """Ask who one is, and what one may do"""
    actor = current_actor()
    user, profiles = actor.user, actor.sight.profiles
    return UserAnswer(
        id=user.pk,
        username=user.username,
        email=user.email,
        is_superuser=user.is_superuser,
        role=actor.role.codename if actor.role else None,
        profiles=[ProfileAnswer(category=name, profile=profile, access=True) for name, profile in profiles.items()],
    )
