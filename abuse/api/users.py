"""The users of the desk."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, HTTPError
from pydantic import Field, RootModel

from abuse.controllers import accounts, people, second_factor, tokens
from abuse.models import Category, Profile, User
from abuse.models.questions import operators_with_rights
from abuse.policies import Right

from .access import current_actor, current_user, needs
from .account import TOKEN_EXAMPLE, TokenAnswer, TokenAnswers
from .answers import Answer, Message
from .bodies import Body
from .filters import Text

blueprint = APIBlueprint("users", __name__, url_prefix="/api", tag="Users")

MAX_USERS = 5000
_NO_SUCH = {404: "There is no such user."}


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
    is_active: bool
    role: str | None
    profiles: list[ProfileAnswer]

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        rows = sorted(user.abuse_permissions.all(), key=lambda row: row.category_id)
        profiles = [ProfileAnswer(category=row.category_id, profile=row.profile.name, access=True) for row in rows]
        operator = getattr(user, "operator", None)
        return cls(
            id=user.pk, username=user.username, email=user.email, is_superuser=user.is_superuser,
            is_active=user.is_active, role=operator.role.codename if operator else None, profiles=profiles,
        )  # fmt: skip


class UserAnswers(RootModel[list[UserAnswer]]):
    """Users, by name."""


class ProfileOrder(Body):
    category: Text
    profile: Text | None = None
    access: bool = True


class UserChange(Body):
    """What a user is to be; what is left out stays, and what cannot be changed is not looked at."""

    username: Text | None = Field(default=None, min_length=1, max_length=150)
    email: Text | None = Field(default=None, max_length=254)
    role: Text | None = None
    is_superuser: bool | None = None
    is_active: bool | None = None
    profiles: list[ProfileOrder] | None = Field(
        default=None, max_length=1000, description="All profiles that the user is to have; others are taken away."
    )

    def profile_names(self) -> dict[str, str] | None:
        if self.profiles is None:
            return None
        return {one.category: one.profile for one in self.profiles if one.access and one.profile}


class NewUser(UserChange):
    username: Text = Field(min_length=1, max_length=150)
    password: Text | None = Field(
        default=None, min_length=1, max_length=1024, description="Null: who logs in by single sign-on alone."
    )
    role: Text


class ProfileName(Answer):
    id: int
    name: str


class ProfileNames(RootModel[list[ProfileName]]):
    """Profiles, from the least to the most."""


_USER: dict[str, Any] = {
    "id": 2,
    "username": "alice",
    "email": "alice@example.net",
    "isSuperuser": False,
    "isActive": True,
    "role": "admin",
    "profiles": [{"category": "Phishing", "profile": "Expert", "access": True}],
}


@blueprint.get("/users/me")
@needs(Right.SELF)
@blueprint.output(UserAnswer, example=_USER)
def me() -> UserAnswer:
    """Ask who one is, and what one may do

    `isSuperuser` is true for who may administer, by his role or as a superuser: the older client shows its
    administration by it. A superuser is an Expert of every category, also where none was given to him.
    """
    actor = current_actor()
    user, profiles = actor.user, actor.sight.profiles
    if actor.sight.sees_all:
        # The older client looks here for what he may do in the category of a ticket.
        names = Category.all().order_by("name").values_list("name", flat=True)
        profiles = dict.fromkeys(names, str(Profile.Name.EXPERT))
    return UserAnswer(
        id=user.pk,
        username=user.username,
        email=user.email,
        is_superuser=actor.is_admin,
        is_active=user.is_active,
        role=actor.role.codename if actor.role else None,
        profiles=[ProfileAnswer(category=name, profile=profile, access=True) for name, profile in profiles.items()],
    )


@blueprint.get("/users")
@needs(Right.LOOK)
@blueprint.output(UserAnswers, example=[_USER])
def list_users() -> list[UserAnswer]:
    """List the users"""
    return [UserAnswer.of(user) for user in operators_with_rights().order_by("username")[:MAX_USERS]]


@blueprint.post("/users")
@needs(Right.ADMINISTER)
@blueprint.input(
    NewUser, example={"username": "bob", "email": "bob@example.net", "role": "run_level_1", "profiles": []}
)
@blueprint.output(UserAnswer, example=_USER)
def add_user(json_data: NewUser) -> UserAnswer:
    """Make a user"""
    try:
        user = people.add_user(json_data.password, _changes(json_data), actor=current_user())
    except accounts.AccountError as error:
        raise HTTPError(409, str(error)) from None
    return UserAnswer.of(_user(user.pk))


@blueprint.get("/users/<int:user_id>")
@needs(Right.ADMINISTER)
@blueprint.output(UserAnswer, example=_USER)
@blueprint.doc(responses=_NO_SUCH)
def show_user(user_id: int) -> UserAnswer:
    """Show a user"""
    return UserAnswer.of(_user(user_id))


@blueprint.put("/users/<int:user_id>")
@needs(Right.ADMINISTER)
@blueprint.input(UserChange, example=_USER)
@blueprint.output(UserAnswer, example=_USER)
@blueprint.doc(responses=_NO_SUCH)
def change_user(user_id: int, json_data: UserChange) -> UserAnswer:
    """Change a user

    All profiles are replaced at once. His open tickets in categories in which he has no profile any more become
    nobody's.
    """
    try:
        people.change_user(_user(user_id), _changes(json_data), actor=current_user())
    except accounts.AccountError as error:
        raise HTTPError(409, str(error)) from None
    return UserAnswer.of(_user(user_id))


@blueprint.delete("/users/<int:user_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example={"message": "bob is out"})
@blueprint.doc(responses=_NO_SUCH)
def remove_user(user_id: int) -> Message:
    """Take a user out

    He can log in no more, his tokens are revoked, his profiles are gone, and his open tickets are nobody's. His name
    stays, for it stands under what he did.
    """
    user = _user(user_id)
    try:
        people.deactivate(user, actor=current_user())
    except accounts.AccountError as error:
        raise HTTPError(409, str(error)) from None
    return Message(message=f"{user.username} is out")


@blueprint.get("/users/<int:user_id>/tokens")
@needs(Right.ADMINISTER)
@blueprint.output(TokenAnswers, example=[TOKEN_EXAMPLE])
@blueprint.doc(responses=_NO_SUCH)
def list_tokens_of_user(user_id: int) -> list[TokenAnswer]:
    """List the logins, sessions and tokens of a user"""
    return [TokenAnswer.of(row) for row in tokens.listed(_user(user_id))]


@blueprint.delete("/users/<int:user_id>/tokens/<int:token_id>")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example={"message": "Token revoked"})
@blueprint.doc(responses={404: "There is no such user, or no such token of his."})
def revoke_token_of_user(user_id: int, token_id: int) -> Message:
    """Take back a token of a user, or end a login of his"""
    if not tokens.revoke(_user(user_id), token_id):
        raise HTTPError(404, f"User {user_id} has no token {token_id}")
    return Message(message="Token revoked")


@blueprint.delete("/users/<int:user_id>/totp")
@needs(Right.ADMINISTER)
@blueprint.output(Message, example={"message": "bob has no second factor any more"})
@blueprint.doc(responses=_NO_SUCH)
def remove_second_factor(user_id: int) -> Message:
    """Take away the second factor of a user who lost it"""
    user = _user(user_id)
    if user.is_superuser and not current_user().is_superuser:
        raise HTTPError(403, f"{user.username} is a superuser, whom only superusers change")
    second_factor.disable(user)
    return Message(message=f"{user.username} has no second factor any more")


@blueprint.get("/profiles")
@needs(Right.LOOK)
@blueprint.output(ProfileNames, example=[{"id": 1, "name": "Read-only"}])
def list_profiles() -> list[ProfileName]:
    """List the profiles that a user can have in a category"""
    return [ProfileName(id=one.pk, name=one.name) for one in Profile.all().order_by("pk")]


def _user(user_id: int) -> User:
    user = operators_with_rights().filter(pk=user_id).first()
    if user is None:
        raise HTTPError(404, f"There is no user {user_id}")
    return user


def _changes(order: UserChange) -> people.Changes:
    return people.Changes(
        username=order.username, email=order.email, role=order.role, is_superuser=order.is_superuser,
        is_active=order.is_active, profiles=order.profile_names(),
    )  # fmt: skip
